//! Serves HTTP/2 on one downstream connection.

use std::rc::Rc;
use std::task::Poll;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use wayside_exchange::Connection;
use wayside_exchange::cause::chain;

use super::{Ask, Downstream, serve};
use crate::cork::Cork;
use crate::worker::{Carriage, LocalExecutor};

/// Serves `stream` as HTTP/2.
pub(crate) async fn serve_http2<S>(carriage: Rc<Carriage>, stream: S, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let limits = &carriage.settings().limits;
    let downstream = Downstream::new(connection, None);
    carriage.sweep.watch(&downstream);
    let service = {
        let (carriage, downstream) = (Rc::clone(&carriage), Rc::clone(&downstream));
        service_fn(move |request| serve(Rc::clone(&carriage), Rc::clone(&downstream), request))
    };
    let cork = Cork::new(stream);
    let mut serving = std::pin::pin!(
        http2::Builder::new(LocalExecutor)
            .auto_date_header(false)
            .max_concurrent_streams(limits.streams)
            .max_pending_accept_reset_streams(limits.resets)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .serve_connection(TokioIo::new(cork.clone()), service)
    );
    let ended = std::future::poll_fn(|context| {
        match downstream.poll_asked(context) {
            Poll::Ready(Ask::AtOnce) => return Poll::Ready(Ok(())),
            Poll::Ready(Ask::Close) => serving.as_mut().graceful_shutdown(),
            Poll::Ready(Ask::HeaderTimeout | Ask::Rest) | Poll::Pending => {}
        }
        let polled = serving.as_mut().poll(context);
        match cork.poll_drain(context) {
            Poll::Ready(Ok(())) if downstream.is_idle() => cork.rest(),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(chain(&error))),
            _ => {}
        }
        polled.map_err(|error| chain(&error))
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(error, "downstream connection ended");
    }
}
