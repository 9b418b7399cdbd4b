//! Answering over sockets: the console over TCP, where a token is asked, and the control socket.
//!
//! Connections are bounded in number and in the time that a head may take. When told to stop, live
//! tails end, running answers get a moment to finish, and the rest is broken off.

pub(crate) mod control;
pub(crate) mod guard;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::api::{Api, router};
use crate::token::Token;

/// Connections at a time.
const CONNECTIONS: usize = 256;
/// How long a request head may take, and an idle connection stay.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long running answers get to finish after the stop.
const GRACE: Duration = Duration::from_secs(2);

/// Turns true when the server stops; what would go on for ever ends then.
#[derive(Clone)]
pub(crate) struct Stopping(pub(crate) watch::Receiver<bool>);

/// Serves the console on `listener` until `stop`. Everything but `/health` and `/ready` asks for
/// `token`, as `Authorization: Bearer`, or as the cookie that `/?token=` sets.
pub async fn serve(
    listener: TcpListener,
    api: Api,
    token: Token,
    stop: impl Future<Output = ()> + Send,
) {
    let address = listener.local_addr().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
    let router = guard::around(router(api), token, address);
    run(listener, router, stop).await;
}

/// Failed accepts (no descriptors left) are waited out by the listener.
async fn run<L>(mut listener: L, router: Router, stop: impl Future<Output = ()> + Send)
where
    L: Listener,
{
    let (stopped, stopping) = watch::channel(false);
    let router = router.layer(Extension(Stopping(stopping.clone())));
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            (place, (stream, _)) = next => {
                let serving = answer(stream, router.clone(), stopping.clone());
                connections.spawn(async move {
                    let _place = place;
                    serving.await;
                });
            }
        }
    }
    stopped.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    // Dropping the set breaks off what is left.
    let _ = timeout(GRACE, all).await;
}

async fn answer<S>(stream: S, router: Router, mut stopping: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let stop = async {
        let _ = stopping.wait_for(|&stop| stop).await;
    };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the console broke off");
    }
}
