//! The shop: an HTTP API over products, carts, orders and customers kept in memory.
//! The caller hands in the bound listener and the stop signal. HTTP/1.1 and h2c by prior knowledge.

mod answer;
mod events;
mod form;
mod ledger;
mod people;
mod products;
mod routes;
mod token;

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use people::{CUSTOMERS, Customer};
pub(crate) use routes::BROKEN_COUPON;

use ledger::Ledger;

/// How long running answers may take once the shop is told to stop; a stream of events never ends by itself.
const GRACE: Duration = Duration::from_secs(2);

/// Everything the shop knows. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Shop {
    ledger: Arc<Mutex<Ledger>>,
}

/// Serves a new shop on `listener` until `shutdown` ends; running answers then have two seconds.
pub async fn serve(listener: TcpListener, shutdown: impl Future<Output = ()>) {
    Shop::default().serve(listener, shutdown).await;
}

impl Shop {
    /// Serves this shop on `listener` until `shutdown` ends; running answers then have two seconds.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((socket, _)) => {
                        connections.spawn(self.clone().connection(socket, stopping.clone()));
                    }
                    // Out of file descriptors: accept fails at once again, so wait for one to close.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
            }
        }
        drop(listener);
        stop.send_replace(true);
        let finished = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GRACE, finished).await;
    }

    async fn connection(self, socket: TcpStream, mut stopping: watch::Receiver<bool>) {
        let _ = socket.set_nodelay(true);
        let service = service_fn(|request| {
            let shop = self.clone();
            async move { Ok::<_, Infallible>(routes::answer(&shop, request).await) }
        });
        let builder = auto::Builder::new(TokioExecutor::new());
        let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), service));
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = stopping.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}
