//! One exchange on its way: its clock, and the one place where its outcome is decided.
//!
//! Everything that works on an exchange holds a share of its course. When the last share is
//! dropped, for whatever reason, the exchange is over; what had happened by then says how it ended.
//! So no path can forget to say it, a cancelled future least of all.

mod patience;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use wayside_exchange::{
    BodyEnd, Event, ExchangeId, Failure, Half, HttpVersion, Micros, Outcome, Record, Side,
    Timestamp, Timing,
};

use crate::downstream::{Busy, Downstream};
pub(crate) use patience::Patience;
use patience::Upload;

/// An exchange that runs.
pub(crate) struct Course {
    pub(crate) id: ExchangeId,
    record: Rc<dyn Record>,
    began: Instant,
    began_at: Timestamp,
    times: Times,
    outcome: Cell<Option<Outcome>>,
    failure: RefCell<Option<Failure>>,
    request: Cell<BodyEnd>,
    response: Cell<BodyEnd>,
    by_message: Cell<bool>,
    upload: Upload,
    /// For as long as it runs, its connection does not idle.
    _busy: Busy,
}

/// Moments since the beginning; none until they have come.
#[derive(Default)]
struct Times {
    uploaded: Cell<Option<Micros>>,
    connecting: Cell<Micros>,
    departed: Cell<Option<Micros>>,
    answered: Cell<Option<Micros>>,
    ended: Cell<Option<Micros>>,
}

impl Course {
    /// The exchange that `head` begins.
    pub(crate) fn begin(
        id: ExchangeId,
        at: Timestamp,
        record: &Rc<dyn Record>,
        downstream: &Rc<Downstream>,
        version: HttpVersion,
        head: &[u8],
    ) -> Rc<Self> {
        let connection = &downstream.connection;
        record.record(Event::Started { id, at, connection, version, head });
        Rc::new(Self {
            id,
            record: Rc::clone(record),
            began: Instant::now(),
            began_at: at,
            times: Times::default(),
            outcome: Cell::new(None),
            failure: RefCell::new(None),
            request: Cell::new(BodyEnd::Open),
            response: Cell::new(BodyEnd::Open),
            by_message: Cell::new(false),
            upload: Upload::default(),
            _busy: downstream.busy(),
        })
    }

    /// An upstream connection took `connecting` to get.
    pub(crate) fn connected(&self, connecting: Micros) {
        self.times.connecting.set(connecting);
    }

    /// The request head goes upstream.
    pub(crate) fn departs(&self) {
        self.times.departed.set(Some(self.elapsed()));
    }

    /// An interim response has come.
    pub(crate) fn informed(&self, head: &[u8]) {
        self.record.record(Event::Informed { id: self.id, head });
    }

    /// The response head has come, or we have made one.
    pub(crate) fn answered(&self, head: &[u8]) {
        self.times.answered.set(Some(self.elapsed()));
        self.record.record(Event::Answered { id: self.id, head });
    }

    /// From here on, body bytes are recorded with the time of their arrival.
    pub(crate) fn record_by_message(&self) {
        self.by_message.set(true);
    }

    /// Bytes of a body pass.
    pub(crate) fn passed(&self, half: Half, data: &Bytes) {
        let at = self.by_message.get().then(|| self.began_at.plus(self.elapsed()));
        if half == Half::Request {
            self.upload.moves();
        }
        self.record.record(Event::Passed { id: self.id, half, at, data });
    }

    /// A body has ended.
    pub(crate) fn body_ended(&self, half: Half, end: BodyEnd, trailers: &[u8]) {
        match half {
            Half::Request => {
                self.request.set(end);
                self.times.uploaded.set(Some(self.elapsed()));
            }
            Half::Response => {
                self.response.set(end);
                self.times.ended.set(Some(self.elapsed()));
            }
        }
        self.record.record(Event::BodyEnded { id: self.id, half, end, trailers });
    }

    /// Whether the request body broke off before anything else went wrong: nobody reads an answer then.
    pub(crate) fn client_is_gone(&self) -> bool {
        self.request.get() == BodyEnd::Cut && self.outcome.get().is_none()
    }

    /// The response has no body, or it is one that is ours and needs no tap.
    pub(crate) fn response_is_whole(&self) {
        self.response.set(BodyEnd::Complete);
    }

    /// Settles how it will end. The first word counts: what follows from a failure is no other one.
    pub(crate) fn settle(&self, outcome: Outcome, failure: Option<Failure>) {
        if self.outcome.get().is_none() {
            self.outcome.set(Some(outcome));
            *self.failure.borrow_mut() = failure;
        }
    }

    /// Settles that the request body was malformed.
    pub(crate) fn request_malformed(&self, reason: &str) {
        let reason = format!("the request body was malformed: {reason}");
        self.settle(Outcome::Refused, Some(Failure { side: Side::Downstream, reason }));
    }

    /// Why the request was refused while it went upstream, if it was.
    pub(crate) fn refused(&self) -> Option<String> {
        let failure = self.failure.borrow();
        let reason = failure.as_ref().map(|failure| failure.reason.clone());
        reason.filter(|_| self.outcome.get() == Some(Outcome::Refused))
    }

    /// Settles that the backend failed.
    pub(crate) fn upstream_failed(&self, reason: String) {
        let failure = Failure { side: Side::Upstream, reason };
        self.settle(Outcome::UpstreamFailed, Some(failure));
    }

    /// Whether the recorder wants more, when it may hold the traffic.
    pub(crate) fn record(&self) -> &dyn Record {
        &*self.record
    }

    /// Ready when the last byte of the response may leave.
    pub(crate) fn poll_kept(&self, context: &mut Context<'_>) -> Poll<()> {
        self.record.poll_kept(self.id, context)
    }

    fn elapsed(&self) -> Micros {
        self.began.elapsed().into()
    }

    fn timing(&self) -> Timing {
        let total = self.times.ended.get().unwrap_or_else(|| self.elapsed());
        let times = &self.times;
        let connect = times.connecting.get();
        let departed = times.departed.get();
        let answered = times.answered.get();
        let span = |from: Option<Micros>, to: Option<Micros>| match (from, to) {
            (Some(from), Some(to)) => Micros(to.0.saturating_sub(from.0)),
            _ => Micros(0),
        };
        Timing {
            upload: times.uploaded.get().unwrap_or_default(),
            connect,
            wait: span(departed, answered.or(Some(total))),
            download: span(answered, Some(total)),
            total,
            overhead: Micros(departed.map_or(0, |departed| departed.0.saturating_sub(connect.0))),
        }
    }

    fn verdict(&self) -> (Outcome, Option<Failure>) {
        if let Some(outcome) = self.outcome.get() {
            return (outcome, self.failure.borrow_mut().take());
        }
        let reason = match (self.times.answered.get(), self.response.get()) {
            (Some(_), BodyEnd::Complete) => return (Outcome::Complete, None),
            (Some(_), _) => "the client went away while receiving the response",
            (None, _)
                if self.times.departed.get().is_some() && self.request.get() != BodyEnd::Cut =>
            {
                "the client went away while waiting for the response"
            }
            (None, _) => "the client went away while sending the request",
        };
        let failure = Failure { side: Side::Downstream, reason: reason.to_owned() };
        (Outcome::ClientCancelled, Some(failure))
    }
}

impl std::fmt::Debug for Course {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Course").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        let (outcome, failure) = self.verdict();
        let timing = self.timing();
        let failure = failure.as_ref();
        self.record.record(Event::Ended { id: self.id, outcome, failure, timing });
    }
}
