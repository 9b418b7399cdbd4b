//! Carries one request to the backend and its answer back: the request made fit for the next hop,
//! one retry where that is safe, interim responses on their way, an upgrade handed on.

mod again;
mod gate;
mod outgoing;
mod waiting;

use std::pin::pin;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, request};
use hyper::body::{Body, Incoming};
use hyper::upgrade::OnUpgrade;
use wayside_exchange::cause::chain;
use wayside_exchange::{BodyEnd, Half, HeadView, HttpVersion};

use crate::answer::AnswerBody;
use crate::course::{Course, Patience};
use crate::downstream::Downstream;
use crate::fields::{self, Onward};
use crate::pool::{Lease, Need};
use crate::refusal::Refusal;
use crate::rendering;
use crate::settings::Settings;
use crate::tap::Tap;
use crate::tunnel;
use crate::worker::Carriage;
use gate::Gatekeeper;
pub(crate) use outgoing::{RequestBody, version_of};
use waiting::{Awaited, Waiting};

/// One request on its way.
pub(crate) struct Forward<'a> {
    pub(crate) carriage: &'a Carriage,
    pub(crate) downstream: &'a Rc<Downstream>,
    pub(crate) course: &'a Rc<Course>,
    /// The request's, as recorded.
    pub(crate) head: &'a [u8],
    pub(crate) version: HttpVersion,
    pub(crate) settings: &'a Settings,
}

/// What one attempt came to.
enum Attempt {
    Answered(Response<Incoming>, Lease),
    /// Not a byte was sent, or nothing can have come of it: once more, on a fresh connection.
    Again(Outgoing),
}

/// A request that has not left yet.
struct Outgoing {
    parts: request::Parts,
    body: RequestBody,
}

impl Forward<'_> {
    /// The answer to `request`: the backend's, or the reason why there is none.
    pub(crate) async fn run(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Refusal> {
        let upgrade = self.upgrade_of(&mut request);
        let (parts, body) = request.into_parts();
        let need = match &upgrade {
            Some(_) => Need::Http1,
            None if is_grpc(&parts.headers) && self.version == HttpVersion::Http2 => Need::Http2,
            None => Need::Any,
        };
        let gate = self.gatekeeper(&parts.headers, &body);
        let body = if body.is_end_stream() {
            RequestBody::Empty
        } else {
            let wait = gate.as_ref().map(Gatekeeper::opened);
            if is_grpc(&parts.headers) {
                self.course.record_by_message();
            }
            RequestBody::Passing(Box::new(Tap::request(body, Rc::clone(self.course), wait)))
        };
        let mut outgoing = Outgoing { parts, body };
        let mut lease = self.carriage.pool.reuse(need);
        loop {
            let this = match lease.take() {
                Some(lease) => lease,
                None => self.dial(need).await?,
            };
            match self.attempt(outgoing, this, upgrade.is_some(), gate.as_ref()).await? {
                Attempt::Answered(response, lease) => {
                    return Ok(self.answer(response, lease, upgrade));
                }
                Attempt::Again(back) => outgoing = back,
            }
        }
    }

    async fn dial(&self, need: Need) -> Result<Lease, Refusal> {
        let (lease, took) = Box::pin(self.carriage.pool.dial(need)).await?;
        self.course.connected(took);
        Ok(lease)
    }

    async fn attempt(
        &self,
        outgoing: Outgoing,
        mut lease: Lease,
        upgrade: bool,
        gate: Option<&Gatekeeper>,
    ) -> Result<Attempt, Refusal> {
        // A used connection may be closed under us before any byte of the answer: what is safe to
        // send twice (RFC 9110 section 9.2.2) and has nothing in flight is sent again in that case.
        let repeatable = lease.reused
            && matches!(outgoing.body, RequestBody::Empty)
            && outgoing.parts.method.is_idempotent();
        let to_head = outgoing.parts.method == Method::HEAD;
        let has_body = !matches!(outgoing.body, RequestBody::Empty);
        let reused = lease.reused;
        let wire = lease.wire().cloned();
        if let Some(wire) = &wire {
            wire.expect_answer(to_head);
        }
        let request = self.outgoing(outgoing, lease.is_http2(), upgrade)?;
        self.course.departs();
        let timeouts = &self.settings.timeouts;
        let sent = {
            let sending = pin!(lease.send(request));
            let Patience::Lasts(first) = self.course.patience(timeouts, has_body) else {
                return Err(self.silent_backend());
            };
            let limit = pin!(tokio::time::sleep(first.unwrap_or_default()));
            let limit = first.is_some().then_some(limit);
            let mut waiting = Waiting::new(sending, wire.as_deref(), limit);
            loop {
                match waiting.next().await {
                    Awaited::Interim(head) => self.inform(&head, gate).await,
                    Awaited::Done(done) => break done,
                    Awaited::TimedOut => match self.course.patience(timeouts, has_body) {
                        Patience::Lasts(more) => waiting.extend(more),
                        Patience::OverWithBackend => return Err(self.silent_backend()),
                        Patience::OverWithClient => return Err(self.silent_client()),
                    },
                }
            }
        };
        let mut failed = match sent {
            Ok(response) => return Ok(Attempt::Answered(response, lease)),
            Err(failed) => failed,
        };
        if let Some(reason) = self.course.refused() {
            return Err(Refusal::bad_request(StatusCode::BAD_REQUEST, reason));
        }
        if reused {
            if let Some(request) = failed.take_message() {
                let (parts, body) = request.into_parts();
                return Ok(Attempt::Again(Outgoing { parts, body }));
            }
            let silent = wire.is_none_or(|wire| !wire.answer_began());
            if repeatable
                && silent
                && let Some(parts) = Box::pin(again::parts_of(HeadView(self.head))).await
            {
                return Ok(Attempt::Again(Outgoing { parts, body: RequestBody::Empty }));
            }
        }
        Err(self.unanswered(failed.error()))
    }

    fn silent_backend(&self) -> Refusal {
        let limit = self.settings.timeouts.response;
        Refusal::gateway_timeout(format!("the backend did not respond within {limit:?}"))
    }

    fn silent_client(&self) -> Refusal {
        let limit = self.settings.timeouts.body;
        let reason = format!("nothing of the request body came for {limit:?} (`--body-timeout`)");
        Refusal {
            last: self.downstream.wire.is_some(),
            ..Refusal::bad_request(StatusCode::REQUEST_TIMEOUT, reason)
        }
    }

    fn unanswered(&self, error: &hyper::Error) -> Refusal {
        let address = self.carriage.pool.dialer().upstream().address();
        let what = if error.is_parse() {
            "sent a malformed response"
        } else {
            "closed the connection before it responded"
        };
        Refusal::bad_gateway(format!("the backend {address} {what}: {}", chain(error)))
    }

    /// An interim response: 100 lets the request body go, others pass on to the client.
    async fn inform(&self, head: &Bytes, gate: Option<&Gatekeeper>) {
        self.course.informed(head);
        if wayside_exchange::Head(head.clone()).status() == Some(100) {
            if let Some(gate) = gate {
                gate.open();
            }
        } else if let (HttpVersion::Http11, Some(wire)) = (self.version, &self.downstream.wire) {
            wire.inject(head.clone()).await;
        }
    }

    fn gatekeeper(&self, headers: &HeaderMap, body: &Incoming) -> Option<Gatekeeper> {
        let expects = headers
            .get(http::header::EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        let wire = self.downstream.wire.as_ref()?;
        let waits = expects && !body.is_end_stream() && !wire.body_came_unasked();
        waits.then(Gatekeeper::new)
    }

    fn upgrade_of(&self, request: &mut Request<Incoming>) -> Option<OnUpgrade> {
        let asked = self.version == HttpVersion::Http11 && fields::asks_upgrade(request.headers());
        let upgrade = hyper::upgrade::on(request);
        asked.then_some(upgrade)
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        lease: Lease,
        upgrade: Option<OnUpgrade>,
    ) -> Response<AnswerBody> {
        let (mut parts, body) = response.into_parts();
        let kept = lease.wire().and_then(|wire| wire.take_head(|head| head.starts_with(b"HTTP/")));
        match kept {
            Some(head) => {
                self.course.answered(&head);
                if let Some(reason) = rendering::reason_beyond_ascii(&head) {
                    parts.extensions.insert(reason);
                }
            }
            None if lease.is_http2() => self.course.answered(&rendering::http2_response(&parts)),
            None => {
                self.course.answered(&rendering::http1_response(parts.status, &parts.headers));
            }
        }
        let switching = parts.status == StatusCode::SWITCHING_PROTOCOLS && upgrade.is_some();
        let closing = fields::asks_close(&parts.headers) || parts.version == Version::HTTP_10;
        let http2 = self.version == HttpVersion::Http2;
        parts.headers = fields::onward(
            std::mem::take(&mut parts.headers),
            Onward { http2: false, upgrade: switching },
        );
        self.settings.additions.to_response(&mut parts.headers, self.version, self.course.id);
        parts.version = if http2 { Version::HTTP_2 } else { Version::HTTP_11 };
        if let (true, Some(downstream)) = (switching, upgrade) {
            let response = Response::from_parts(parts, body);
            return tunnel::begin(response, downstream, self.course, self.downstream);
        }
        if is_by_message(&parts.headers) {
            self.course.record_by_message();
        }
        if body.is_end_stream() {
            self.course.response_is_whole();
            if !closing {
                lease.give_back();
            }
            return Response::from_parts(parts, AnswerBody::empty());
        }
        // A stream of HTTP/2 is held for as long as its body runs; a closing connection is not kept.
        let lease = (!closing).then_some(lease);
        let tap = Tap::response(body, Rc::clone(self.course), lease);
        Response::from_parts(parts, AnswerBody::Passing(Box::new(tap)))
    }

    /// Says what the client gets instead of the backend's answer, to the client and to the record.
    pub(crate) fn refuse(course: &Rc<Course>, refusal: &Refusal) -> Response<AnswerBody> {
        let response = refusal.answer(course.id);
        if course.client_is_gone() {
            return response;
        }
        course.settle(refusal.outcome(), Some(refusal.failure()));
        course.answered(&rendering::http1_response(refusal.status, response.headers()));
        course.passed(Half::Response, &Bytes::from(refusal.text(course.id)));
        course.body_ended(Half::Response, BodyEnd::Complete, &[]);
        tracing::info!(exchange = %course.id, status = refusal.status.as_u16(), reason = %refusal.reason, "answered in the backend's place");
        response
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// Whether a body is a sequence of messages whose times matter.
fn is_by_message(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|kind| {
        kind.starts_with(b"text/event-stream")
            || kind.starts_with(b"application/grpc")
            || kind.starts_with(b"application/x-ndjson")
            || kind.starts_with(b"multipart/x-mixed-replace")
    })
}

fn content_type(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(http::header::CONTENT_TYPE).map(http::HeaderValue::as_bytes)
}
