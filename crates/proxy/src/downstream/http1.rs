//! Serves HTTP/1.0 and 1.1 on one downstream connection.
//!
//! hyper holds some twenty kilobytes for each connection, whether it carries something or not. So one that
//! has carried nothing for a while rests: between two messages hyper is taken apart, and it is made
//! anew when the socket has something to say.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use wayside_exchange::cause::chain;
use wayside_exchange::{Connection, HttpVersion};
use wayside_transport::server_tls::ServerStream;

use super::{Ask, Downstream, serve};
use crate::forward::Forward;
use crate::refusal::Refusal;
use crate::rendering;
use crate::wiretap::{HeadLimits, MISFRAMED, Reads, Wire, Wiretap};
use crate::worker::Carriage;

/// How long a refused client is still listened to: closing with unread bytes resets the connection,
/// which could take the answer with it.
const LINGER: Duration = Duration::from_millis(500);

/// What hyper may hold for a client beyond the longest head.
const BEYOND_HEAD: usize = 16 << 10;

/// A stream that can tell when its socket has something to read.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The socket underneath.
    fn tcp(&self) -> &TcpStream;
}

/// How the serving of HTTP/1 stopped other than at its end.
enum Broken {
    Error(hyper::Error),
    HeaderTimeout,
    Unfit,
    /// Not broken at all: it rests.
    Rests,
}

/// Serves `stream` as HTTP/1.0 and 1.1. Not an async function: its future would keep the room that
/// `stream` takes for as long as it lives, beside the box that `stream` has moved to.
pub(crate) fn serve_http1<S: Socket>(
    carriage: Rc<Carriage>,
    stream: S,
    connection: Connection,
) -> impl Future<Output = ()> {
    let limits = &carriage.settings().limits;
    let head_limits = HeadLimits { bytes: limits.header_bytes, fields: limits.headers };
    let wire = Wire::new(Reads::Requests, head_limits);
    let downstream = Downstream::new(connection, Some(Arc::clone(&wire)));
    carriage.sweep.watch(&downstream);
    let mut io = Box::new(Wiretap::new(stream, Arc::clone(&wire)));
    async move {
        while let Some(resting) = Box::pin(carry(&carriage, &downstream, &wire, io)).await {
            io = resting;
            if !wakes(&downstream, io.stream().tcp()).await {
                // The client may be gone already, and loses nothing then.
                let _ = io.shutdown().await;
                return;
            }
        }
    }
}

/// Carries exchanges until the connection ends, or rests: then its stream comes back.
async fn carry<S: Socket>(
    carriage: &Rc<Carriage>,
    downstream: &Rc<Downstream>,
    wire: &Wire,
    io: Box<Wiretap<S>>,
) -> Option<Box<Wiretap<S>>> {
    let service = service_fn(|request| serve(Rc::clone(carriage), Rc::clone(downstream), request));
    let limits = &carriage.settings().limits;
    let mut builder = http1::Builder::new();
    builder.preserve_header_case(true).auto_date_header(false);
    // What waits for a slow client, as well as the longest head: the wire refuses longer ones first.
    builder.max_buf_size(limits.header_bytes.saturating_add(BEYOND_HEAD));
    if limits.headers >= 100 {
        // hyper keeps up to 100 on the stack; the wire refuses what is over our own limit.
        builder.max_headers(limits.headers + 1);
    }
    let mut serving = builder.serve_connection(TokioIo::new(io), service).with_upgrades();
    let ended = poll_fn(|context| {
        let asked = downstream.poll_asked(context);
        match asked {
            Poll::Ready(Ask::Close) => Pin::new(&mut serving).graceful_shutdown(),
            Poll::Ready(Ask::AtOnce) => return Poll::Ready(Ok(())),
            Poll::Ready(Ask::HeaderTimeout) => return Poll::Ready(Err(Broken::HeaderTimeout)),
            Poll::Ready(Ask::Rest) | Poll::Pending => {}
        }
        let polled = Pin::new(&mut serving).poll(context).map_err(Broken::Error);
        if polled.is_pending() && downstream.is_idle() {
            if wire.is_unfit() {
                return Poll::Ready(Err(Broken::Unfit));
            }
            if asked == Poll::Ready(Ask::Rest) && wire.is_quiet() {
                return Poll::Ready(Err(Broken::Rests));
            }
        }
        polled
    })
    .await;
    let Err(broken) = ended else { return None };
    if matches!(broken, Broken::Rests) {
        let parts = serving.into_parts()?;
        // Bytes that hyper has read and done nothing with would be lost, so the connection ends then; but
        // not for empty lines after a message (RFC 9112 section 2.2).
        let nothing = parts.read_buf.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        return nothing.then(|| parts.io.into_inner());
    }
    let (refusal, by_us) = refusal_of(&broken, wire, carriage)?;
    let io = serving.into_parts().map(|parts| parts.io.into_inner());
    Box::pin(refuse(carriage, downstream, wire, &refusal, io.filter(|_| by_us))).await;
    None
}

/// Waits until there is something to carry: `true`; or until the connection is asked to close.
async fn wakes(downstream: &Downstream, tcp: &TcpStream) -> bool {
    downstream.resting.set(true);
    let wakes = poll_fn(|context| {
        while let Poll::Ready(ask) = downstream.poll_asked(context) {
            if matches!(ask, Ask::Close | Ask::AtOnce) {
                return Poll::Ready(false);
            }
        }
        tcp.poll_read_ready(context).map(|_| true)
    });
    let wakes = wakes.await;
    downstream.resting.set(false);
    wakes
}

/// Records what was not a request, and tells the client by way of `io` where hyper has not.
async fn refuse<S: Socket>(
    carriage: &Carriage,
    downstream: &Rc<Downstream>,
    wire: &Wire,
    refusal: &Refusal,
    io: Option<Box<Wiretap<S>>>,
) {
    let head = wire.take_head(|_| true).unwrap_or_else(|| wire.partial_head());
    let course = carriage.begin(downstream, HttpVersion::Http11, &head);
    let response = Forward::refuse(&course, refusal);
    if let Some(mut io) = io {
        let mut bytes = rendering::http1_response(refusal.status, response.headers());
        bytes.extend_from_slice(refusal.text(course.id).as_bytes());
        // The client may be gone already, and has lost nothing then.
        let _ = io.write_all(&bytes).await;
        let _ = io.shutdown().await;
        wire.stop();
        let _ =
            tokio::time::timeout(LINGER, tokio::io::copy(&mut io, &mut tokio::io::sink())).await;
    }
}

/// What a connection that broke before it came to an exchange is recorded as, and whether it is we
/// who must still tell the client; none when the client just went away.
fn refusal_of(broken: &Broken, wire: &Wire, carriage: &Carriage) -> Option<(Refusal, bool)> {
    if let Some(too_large) = wire.too_large() {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some((Refusal::bad_request(status, too_large.to_string()), true));
    }
    if wire.misframed() {
        let reason = format!("the request body was malformed: {MISFRAMED}");
        return Some((Refusal::last(StatusCode::BAD_REQUEST, reason), true));
    }
    match broken {
        Broken::Unfit | Broken::Rests => None,
        Broken::HeaderTimeout => {
            let limit = carriage.settings().timeouts.header;
            let reason =
                format!("the request head did not arrive within {limit:?} (`--header-timeout`)");
            Some((Refusal::bad_request(StatusCode::REQUEST_TIMEOUT, reason), true))
        }
        Broken::Error(error) if error.is_parse_too_large() => {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            Some((Refusal::bad_request(status, chain(error)), false))
        }
        Broken::Error(error) if error.is_parse() => {
            let reason = format!("the request was malformed: {}", chain(error));
            Some((Refusal::bad_request(StatusCode::BAD_REQUEST, reason), false))
        }
        Broken::Error(error) => {
            tracing::debug!(%error, "downstream connection ended");
            None
        }
    }
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for ServerStream {
    fn tcp(&self) -> &TcpStream {
        self.tcp()
    }
}
