//! Serves one downstream connection over HTTP/1.1 or HTTP/2 until it ends or is told to.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use wayside_exchange::cause::chain;
use wayside_exchange::{Connection, HttpVersion};

use crate::answer::AnswerBody;
use crate::clock;
use crate::course::Course;
use crate::forward::{Forward, version_of};
use crate::refusal::Refusal;
use crate::rendering;
use crate::settings::Settings;
use crate::strictness;
use crate::wiretap::{HeadLimits, MISFRAMED, Reads, Wire, Wiretap};
use crate::worker::{Carriage, LocalExecutor};

/// How long a refused client is still listened to: closing with unread bytes resets the connection,
/// which could take the answer with it.
const LINGER: Duration = Duration::from_millis(500);

/// A downstream connection, as its exchanges, the sweep and the drain see it.
#[derive(Debug)]
pub(crate) struct Downstream {
    pub(crate) connection: Arc<Connection>,
    /// Where its heads are kept; none over HTTP/2.
    pub(crate) wire: Option<Arc<Wire>>,
    exchanges: Cell<usize>,
    /// An exchange began since the sweep last looked.
    pub(crate) used: Cell<bool>,
    closing: Cell<Option<Closing>>,
    waker: RefCell<Option<Waker>>,
}

/// Why a connection is asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// After what runs: we drain, or it has idled too long.
    Gracefully,
    /// Now: a request head has been under way for too long.
    HeaderTimeout,
    /// Now: it carries nothing, was asked to end, and did not.
    AtOnce,
}

/// Marks a connection as carrying something.
#[derive(Debug)]
pub(crate) struct Busy(Rc<Downstream>);

/// How the serving of HTTP/1 ended other than well.
enum Broken {
    Error(hyper::Error),
    HeaderTimeout,
    Unfit,
}

impl Downstream {
    fn new(connection: Connection, wire: Option<Arc<Wire>>) -> Rc<Self> {
        Rc::new(Self {
            connection: Arc::new(connection),
            wire,
            exchanges: Cell::new(0),
            used: Cell::new(false),
            closing: Cell::new(None),
            waker: RefCell::new(None),
        })
    }

    /// Asks the connection to end.
    pub(crate) fn close(&self, closing: Closing) {
        self.closing.set(Some(closing));
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Whether it carries nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.exchanges.get() == 0
    }

    /// Keeps the connection from counting as idle.
    pub(crate) fn busy(self: &Rc<Self>) -> Busy {
        self.exchanges.set(self.exchanges.get() + 1);
        self.used.set(true);
        Busy(Rc::clone(self))
    }

    /// Wakes for the next word even when there is one: the connection may not end at the first.
    fn poll_closing(&self, context: &mut std::task::Context<'_>) -> Poll<Closing> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        self.closing.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.exchanges.set(self.0.exchanges.get().saturating_sub(1));
    }
}

/// Serves `stream` as HTTP/1.0 and 1.1.
pub(crate) async fn serve_http1<S>(carriage: &Rc<Carriage>, stream: S, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = carriage.settings().limits.clone();
    let head_limits = HeadLimits { bytes: limits.header_bytes, fields: limits.headers };
    let wire = Wire::new(Reads::Requests, head_limits);
    let downstream = Downstream::new(connection, Some(Arc::clone(&wire)));
    carriage.sweep.watch(&downstream);
    let io = TokioIo::new(Wiretap::new(stream, Arc::clone(&wire)));
    let service = {
        let (carriage, downstream) = (Rc::clone(carriage), Rc::clone(&downstream));
        service_fn(move |request| serve(Rc::clone(&carriage), Rc::clone(&downstream), request))
    };
    let mut builder = http1::Builder::new();
    builder.preserve_header_case(true).auto_date_header(false);
    if limits.headers >= 100 {
        // hyper keeps up to 100 on the stack; the wire refuses what is over our own limit.
        builder.max_headers(limits.headers + 1);
    }
    let mut serving = builder.serve_connection(io, service).with_upgrades();
    let ended = std::future::poll_fn(|context| {
        match downstream.poll_closing(context) {
            Poll::Ready(Closing::Gracefully) => Pin::new(&mut serving).graceful_shutdown(),
            Poll::Ready(Closing::AtOnce) => return Poll::Ready(Ok(())),
            Poll::Ready(Closing::HeaderTimeout) => {
                return Poll::Ready(Err(Broken::HeaderTimeout));
            }
            Poll::Pending => {}
        }
        let polled = Pin::new(&mut serving).poll(context).map_err(Broken::Error);
        if polled.is_pending() && downstream.is_idle() && wire.is_unfit() {
            return Poll::Ready(Err(Broken::Unfit));
        }
        polled
    })
    .await;
    let Err(broken) = ended else { return };
    let Some((refusal, by_us)) = refusal_of(&broken, &wire, carriage) else { return };
    let head = wire.take_head(|_| true).unwrap_or_else(|| wire.partial_head());
    let course = carriage.begin(&downstream.connection, HttpVersion::Http11, &head);
    let response = Forward::refuse(&course, &refusal);
    if by_us && let Some(parts) = serving.into_parts() {
        let mut bytes = rendering::http1_response(refusal.status, response.headers());
        bytes.extend_from_slice(refusal.text(course.id).as_bytes());
        let mut io = parts.io.into_inner();
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
        Broken::Unfit => None,
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

/// Serves `stream` as HTTP/2.
pub(crate) async fn serve_http2<S>(carriage: &Rc<Carriage>, stream: S, connection: Connection)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let limits = carriage.settings().limits.clone();
    let downstream = Downstream::new(connection, None);
    carriage.sweep.watch(&downstream);
    let service = {
        let (carriage, downstream) = (Rc::clone(carriage), Rc::clone(&downstream));
        service_fn(move |request| serve(Rc::clone(&carriage), Rc::clone(&downstream), request))
    };
    let mut serving = std::pin::pin!(
        http2::Builder::new(LocalExecutor)
            .auto_date_header(false)
            .max_concurrent_streams(limits.streams)
            .max_pending_accept_reset_streams(limits.resets)
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = std::future::poll_fn(|context| {
        match downstream.poll_closing(context) {
            Poll::Ready(Closing::AtOnce) => return Poll::Ready(Ok(())),
            Poll::Ready(_) => serving.as_mut().graceful_shutdown(),
            Poll::Pending => {}
        }
        serving.as_mut().poll(context)
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "downstream connection ended");
    }
}

/// One exchange.
async fn serve(
    carriage: Rc<Carriage>,
    downstream: Rc<Downstream>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let _busy = downstream.busy();
    let version = version_of(request.version());
    let (parts, body) = request.into_parts();
    let head = match &downstream.wire {
        Some(wire) => wire
            .take_head(|head| head.starts_with(parts.method.as_str().as_bytes()))
            .unwrap_or_else(|| Bytes::from(rendering::http1_request(&parts))),
        None => Bytes::from(rendering::http2_request(&parts)),
    };
    let course = carriage.begin(&downstream.connection, version, &head);
    std::future::poll_fn(|context| course.record().poll_room(context)).await;
    let settings = carriage.settings();
    if let Some(refusal) = refused_at_once(&settings, &parts, &head) {
        return Ok(Forward::refuse(&course, &refusal));
    }
    let forward = Forward {
        carriage: &carriage,
        downstream: &downstream,
        course: &course,
        version,
        settings: &settings,
    };
    match forward.run(Request::from_parts(parts, body)).await {
        Ok(response) => Ok(response),
        Err(refusal) => Ok(Forward::refuse(&course, &refusal)),
    }
}

fn refused_at_once(
    settings: &Settings,
    parts: &http::request::Parts,
    head: &[u8],
) -> Option<Refusal> {
    if parts.method == Method::CONNECT {
        let reason = "this is a reverse proxy: it does not tunnel with CONNECT";
        // Its client may take what it sends next for a tunnel's.
        return Some(Refusal {
            last: parts.version != Version::HTTP_2,
            ..Refusal::bad_request(StatusCode::METHOD_NOT_ALLOWED, reason)
        });
    }
    if parts.version != Version::HTTP_2
        && let Some(refusal) = strictness::of_head(head)
    {
        return Some(refusal);
    }
    if let Some(refusal) = strictness::of_target(parts) {
        return Some(refusal);
    }
    let most = settings.limits.headers;
    (parts.headers.len() > most).then(|| {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let reason = format!("the request has more than {most} header fields (`--max-headers`)");
        Refusal::bad_request(status, reason)
    })
}

impl Carriage {
    /// Begins an exchange whose request head has arrived just now.
    fn begin(&self, connection: &Arc<Connection>, version: HttpVersion, head: &[u8]) -> Rc<Course> {
        let at = clock::now();
        let id = self.ids.borrow_mut().next(at);
        Course::begin(id, at, &self.record, connection, version, head)
    }
}
