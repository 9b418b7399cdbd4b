//! Copies body frames as they pass, delaying none.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use wayside_exchange::cause::chain;
use wayside_exchange::{BodyEnd, Half};

use crate::course::Course;
use crate::pool::Lease;
use crate::rendering;

/// A body that streams through, watched.
pub(crate) struct Tap {
    inner: Incoming,
    course: Rc<Course>,
    half: Half,
    ended: bool,
    gate: Option<Gate>,
    lease: Option<Lease>,
    /// The last of a response, until the record of what came before it is kept.
    last: Option<Last>,
}

/// How a body ends: with its last bytes, its trailers, or nothing more.
type Last = Option<Result<Frame<Bytes>, hyper::Error>>;

/// What must happen before the first frame may be asked for.
pub(crate) type Gate = Pin<Box<dyn Future<Output = ()>>>;

impl Tap {
    /// Watches a request body; nothing of it is asked for before `gate` opens.
    pub(crate) fn request(inner: Incoming, course: Rc<Course>, gate: Option<Gate>) -> Self {
        Self { inner, course, half: Half::Request, ended: false, gate, lease: None, last: None }
    }

    /// Watches a response body; `lease` goes back to the pool at its good end.
    pub(crate) fn response(inner: Incoming, course: Rc<Course>, lease: Option<Lease>) -> Self {
        Self { inner, course, half: Half::Response, ended: false, gate: None, lease, last: None }
    }

    /// Lets the last of a response go once what came before it is kept.
    fn poll_last(&mut self, context: &mut Context<'_>) -> Poll<Last> {
        std::task::ready!(self.course.poll_kept(context));
        Poll::Ready(self.last.take().flatten())
    }

    fn end(&mut self, end: BodyEnd, trailers: &[u8]) {
        if self.ended {
            return;
        }
        self.ended = true;
        self.course.body_ended(self.half, end, trailers);
        if let Some(lease) = self.lease.take()
            && end == BodyEnd::Complete
        {
            lease.give_back();
        }
    }

    fn broke(&mut self, error: &hyper::Error) {
        match self.half {
            Half::Response => {
                let cause = chain(error);
                tracing::info!(exchange = %self.course.id, %cause, "the backend broke off");
                self.course.upstream_failed("it broke off the response body".to_owned());
            }
            Half::Request if is_malformed(error) => self.course.request_malformed(&chain(error)),
            // The client has gone; the exchange's end says so.
            Half::Request => {}
        }
        self.end(BodyEnd::Cut, &[]);
    }
}

/// Whether a body breaks the rules of its framing, rather than off.
fn is_malformed(error: &hyper::Error) -> bool {
    let cause =
        std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| {
        matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
    })
}

impl Body for Tap {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        if let Some(gate) = &mut this.gate {
            std::task::ready!(gate.as_mut().poll(context));
            this.gate = None;
        }
        if this.last.is_some() {
            return this.poll_last(context);
        }
        std::task::ready!(this.course.record().poll_room(context));
        let polled = Pin::new(&mut this.inner).poll_frame(context);
        if this.half == Half::Request {
            this.course.awaits_client(polled.is_pending());
        }
        let polled = std::task::ready!(polled);
        match &polled {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    if !data.is_empty() {
                        this.course.passed(this.half, data);
                    }
                    // A body of known length is not polled again after its last byte.
                    if this.inner.is_end_stream() {
                        this.end(BodyEnd::Complete, &[]);
                    }
                } else if let Some(trailers) = frame.trailers_ref() {
                    this.end(BodyEnd::Complete, &rendering::trailers(trailers));
                }
            }
            Some(Err(error)) => this.broke(error),
            None => this.end(BodyEnd::Complete, &[]),
        }
        let is_last = this.half == Half::Response && this.ended && !matches!(polled, Some(Err(_)));
        if is_last && this.course.poll_kept(context).is_pending() {
            this.last = Some(polled);
            return Poll::Pending;
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.last.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.last {
            Some(Some(Ok(frame))) => {
                SizeHint::with_exact(frame.data_ref().map_or(0, |data| data.len() as u64))
            }
            _ => self.inner.size_hint(),
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.end(BodyEnd::Cut, &[]);
    }
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap").field("half", &self.half).finish_non_exhaustive()
    }
}
