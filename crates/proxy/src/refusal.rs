//! Maps every failure on our way to what the client sees and what the record says: one page, so
//! that the two never tell different stories.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use wayside_exchange::{ExchangeId, Failure, Outcome, Side};

use crate::answer::AnswerBody;

/// Why an exchange gets an answer of ours instead of the backend's.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) side: Side,
    pub(crate) reason: String,
}

impl Refusal {
    /// The backend could not be reached, or broke off: 502.
    pub(crate) fn bad_gateway(reason: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, side: Side::Upstream, reason: reason.into() }
    }

    /// The backend was silent: 504.
    pub(crate) fn gateway_timeout(reason: impl Into<String>) -> Self {
        Self { status: StatusCode::GATEWAY_TIMEOUT, side: Side::Upstream, reason: reason.into() }
    }

    /// The client asked for what cannot be had.
    pub(crate) fn bad_request(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, side: Side::Downstream, reason: reason.into() }
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
        *response.body_mut() = AnswerBody::text(text);
        response
    }
}
