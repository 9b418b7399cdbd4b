//! Maps every failure on our way to what the client sees and what the record says: one page, so
//! that the two never tell different stories.

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use wayside_exchange::{ExchangeId, Failure, Outcome, Side};

use crate::answer::AnswerBody;

/// Why an exchange gets an answer of ours instead of the backend's.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) side: Side,
    pub(crate) reason: String,
    /// Nothing more is read from this connection of HTTP/1: what follows may be no request.
    pub(crate) last: bool,
}

impl Refusal {
    /// The backend could not be reached, or broke off: 502.
    pub(crate) fn bad_gateway(reason: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_GATEWAY, Side::Upstream, reason.into())
    }

    /// The backend was silent: 504.
    pub(crate) fn gateway_timeout(reason: impl Into<String>) -> Self {
        Self::of(StatusCode::GATEWAY_TIMEOUT, Side::Upstream, reason.into())
    }

    /// The client asked for what cannot be had.
    pub(crate) fn bad_request(status: StatusCode, reason: impl Into<String>) -> Self {
        Self::of(status, Side::Downstream, reason.into())
    }

    /// The same, and nothing that follows on this connection can be trusted to be what it seems.
    pub(crate) fn last(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { last: true, ..Self::bad_request(status, reason) }
    }

    /// It would come back to us.
    pub(crate) fn ourselves(reason: impl Into<String>) -> Self {
        Self::of(StatusCode::LOOP_DETECTED, Side::Ours, reason.into())
    }

    fn of(status: StatusCode, side: Side, reason: String) -> Self {
        Self { status, side, reason, last: false }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self.side {
            Side::Upstream => Outcome::UpstreamFailed,
            Side::Downstream | Side::Ours => Outcome::Refused,
        }
    }

    pub(crate) fn failure(&self) -> Failure {
        Failure { side: self.side, reason: self.reason.clone() }
    }

    /// What the client reads: short, and with the id under which the rest can be found.
    pub(crate) fn text(&self, id: ExchangeId) -> String {
        format!("wayside: {} (exchange {id})\n", self.reason)
    }

    /// The whole answer.
    pub(crate) fn answer(&self, id: ExchangeId) -> Response<AnswerBody> {
        let text = self.text(id);
        let mut response = Response::new(AnswerBody::empty());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
        if self.last {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        *response.body_mut() = AnswerBody::text(text);
        response
    }
}
