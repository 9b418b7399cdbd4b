//! A downstream connection, and one exchange on it: [`http1`] and [`http2`] serve it until it ends or is
//! told to.

mod http1;
mod http2;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use wayside_exchange::{Connection, HttpVersion};

use crate::answer::AnswerBody;
use crate::clock;
use crate::course::Course;
use crate::forward::{Forward, version_of};
use crate::refusal::Refusal;
use crate::rendering;
use crate::settings::Settings;
use crate::strictness;
use crate::wiretap::Wire;
use crate::worker::Carriage;
pub(crate) use http1::{Socket, serve_http1};
pub(crate) use http2::serve_http2;

/// A downstream connection, as its exchanges, the sweep and the drain see it.
#[derive(Debug)]
pub(crate) struct Downstream {
    pub(crate) connection: Arc<Connection>,
    /// Where its heads are kept; none over HTTP/2.
    pub(crate) wire: Option<Arc<Wire>>,
    exchanges: Cell<usize>,
    /// An exchange began since the sweep last looked.
    pub(crate) used: Cell<bool>,
    /// It is served by nobody until its socket has something to read.
    pub(crate) resting: Cell<bool>,
    asked: Cell<Option<Ask>>,
    waker: RefCell<Option<Waker>>,
}

/// What a connection is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// To end after what runs: we drain, or it has idled too long.
    Close,
    /// To end now: a request head has been under way for too long.
    HeaderTimeout,
    /// Now: it carries nothing, was asked to end, and did not.
    AtOnce,
    /// To give back what it does not need while it idles.
    Rest,
}

/// Marks a connection as carrying an exchange.
#[derive(Debug)]
pub(crate) struct Busy(Rc<Downstream>);

impl Downstream {
    fn new(connection: Connection, wire: Option<Arc<Wire>>) -> Rc<Self> {
        Rc::new(Self {
            connection: Arc::new(connection),
            wire,
            exchanges: Cell::new(0),
            used: Cell::new(false),
            resting: Cell::new(false),
            asked: Cell::new(None),
            waker: RefCell::new(None),
        })
    }

    /// Asks the connection for something.
    pub(crate) fn ask(&self, ask: Ask) {
        self.asked.set(Some(ask));
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
    fn poll_asked(&self, context: &mut std::task::Context<'_>) -> Poll<Ask> {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        self.asked.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.exchanges.set(self.0.exchanges.get().saturating_sub(1));
    }
}

/// One exchange.
async fn serve(
    carriage: Rc<Carriage>,
    downstream: Rc<Downstream>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let version = version_of(request.version());
    let (parts, body) = request.into_parts();
    let head = match &downstream.wire {
        Some(wire) => wire
            .take_head(|head| head.starts_with(parts.method.as_str().as_bytes()))
            .unwrap_or_else(|| Bytes::from(rendering::http1_request(&parts))),
        None => Bytes::from(rendering::http2_request(&parts)),
    };
    let course = carriage.begin(&downstream, version, &head);
    std::future::poll_fn(|context| course.record().poll_room(context)).await;
    let settings = carriage.settings();
    if let Some(refusal) = refused_at_once(&settings, &parts, &head) {
        return Ok(kept(&course, Forward::refuse(&course, &refusal)).await);
    }
    let forward = Forward {
        carriage: &carriage,
        downstream: &downstream,
        course: &course,
        head: &head,
        version,
        settings: &settings,
    };
    let response = match forward.run(Request::from_parts(parts, body)).await {
        Ok(response) => response,
        Err(refusal) => Forward::refuse(&course, &refusal),
    };
    Ok(kept(&course, response).await)
}

/// A response whose last byte may leave: one without a body of the backend's waits as a whole.
async fn kept(course: &Rc<Course>, response: Response<AnswerBody>) -> Response<AnswerBody> {
    if matches!(response.body(), AnswerBody::Text(_)) {
        std::future::poll_fn(|context| course.poll_kept(context)).await;
    }
    response
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
    fn begin(&self, downstream: &Rc<Downstream>, version: HttpVersion, head: &[u8]) -> Rc<Course> {
        let at = clock::now();
        let id = self.ids.borrow_mut().next(at);
        Course::begin(id, at, &self.record, downstream, version, head)
    }
}
