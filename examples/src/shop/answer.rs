//! An answer of the shop before it meets the wire: JSON with its validator and, when asked, gzip.

use std::convert::Infallible;
use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use serde_json::{Value, json};

use super::events::PriceTicks;
use super::ledger::Conflict;
use super::people::{digest, hexadecimal};

/// Below this many bytes gzip is not worth its header.
const WORTH_COMPRESSING: usize = 1024;

pub(super) type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
    validated: bool,
}

#[derive(Debug)]
enum Content {
    Nothing,
    Json(Value),
    Events(PriceTicks),
}

/// A request that the shop does not serve, as its JSON answer will say.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    error: &'static str,
    message: String,
    header: Option<(HeaderName, &'static str)>,
}

impl Answer {
    pub(super) fn json(value: Value) -> Self {
        Self::with(StatusCode::OK, Content::Json(value))
    }

    pub(super) fn created(value: Value, location: &str) -> Self {
        Self::with(StatusCode::CREATED, Content::Json(value)).header(header::LOCATION, location)
    }

    pub(super) fn nothing() -> Self {
        Self::with(StatusCode::NO_CONTENT, Content::Nothing)
    }

    pub(super) fn events(ticks: PriceTicks) -> Self {
        Self::with(StatusCode::OK, Content::Events(ticks)).header(header::CACHE_CONTROL, "no-cache")
    }

    fn with(status: StatusCode, content: Content) -> Self {
        Self { status, headers: HeaderMap::new(), content, validated: false }
    }

    /// With `name: value`; a value that no header may hold is left out.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// With an `ETag`, and 304 for the client that has this state already.
    pub(super) fn validated(mut self) -> Self {
        self.validated = true;
        self
    }

    /// The response to the request with `head`.
    pub(super) fn finish(mut self, head: &Parts) -> Response<AnswerBody> {
        let (bytes, content_type) = match std::mem::replace(&mut self.content, Content::Nothing) {
            Content::Nothing => (Bytes::new(), None),
            Content::Json(value) => (Bytes::from(format!("{value}\n")), Some("application/json")),
            Content::Events(ticks) => {
                self = self.header(header::CONTENT_TYPE, "text/event-stream");
                return self.response(ticks.boxed_unsync());
            }
        };
        if self.validated {
            let validator = format!("W/\"{}\"", hexadecimal(digest(&bytes)));
            let known = holds(head, &header::IF_NONE_MATCH, &validator);
            self = self.header(header::ETAG, &validator);
            if known {
                self.status = StatusCode::NOT_MODIFIED;
                return self.response(Empty::new().boxed_unsync());
            }
        }
        let Some(content_type) = content_type else {
            return self.response(Empty::new().boxed_unsync());
        };
        self = self.header(header::CONTENT_TYPE, content_type);
        let bytes = self.encoded(bytes, head);
        self = self.header(header::CONTENT_LENGTH, &bytes.len().to_string());
        let sent = if head.method == Method::HEAD { Bytes::new() } else { bytes };
        self.response(Full::new(sent).boxed_unsync())
    }

    fn encoded(&mut self, bytes: Bytes, head: &Parts) -> Bytes {
        if bytes.len() < WORTH_COMPRESSING {
            return bytes;
        }
        self.headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if !holds(head, &header::ACCEPT_ENCODING, "gzip") {
            return bytes;
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        match encoder.write_all(&bytes).and_then(|()| encoder.finish()) {
            Ok(compressed) => {
                self.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Bytes::from(compressed)
            }
            Err(_) => bytes,
        }
    }

    fn response(self, body: AnswerBody) -> Response<AnswerBody> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self { status, error, message: message.into(), header: None }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"))
    }

    pub(super) fn unprocessable(error: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, error, message)
    }

    pub(super) fn unauthorized(error: &'static str, message: &str) -> Self {
        let mut refusal = Self::new(StatusCode::UNAUTHORIZED, error, message);
        refusal.header = Some((header::WWW_AUTHENTICATE, "Bearer realm=\"shop\""));
        refusal
    }

    pub(super) fn method(allowed: &'static str) -> Self {
        let message = format!("this resource takes {allowed}");
        let mut refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
        refusal.header = Some((header::ALLOW, allowed));
        refusal
    }
}

impl From<Conflict> for Refusal {
    fn from(conflict: Conflict) -> Self {
        let conflicts = |error, message: &str| Self::new(StatusCode::CONFLICT, error, message);
        match conflict {
            Conflict::NoSuchCart => Self::not_found("cart"),
            Conflict::NoSuchOrder => Self::not_found("order"),
            Conflict::EmptyCart => Self::unprocessable("empty_cart", "the cart holds nothing"),
            Conflict::CartAlreadyOrdered => {
                conflicts("cart_ordered", "the cart was ordered already")
            }
            Conflict::OutOfStock => conflicts("out_of_stock", "fewer are in stock than asked for"),
            Conflict::TooLateToCancel => {
                conflicts("too_late", "the order is on its way or cancelled")
            }
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let value = json!({ "error": refusal.error, "message": refusal.message });
        let answer = Self::with(refusal.status, Content::Json(value));
        match refusal.header {
            Some((name, value)) => answer.header(name, value),
            None => answer,
        }
    }
}

/// Whether the comma-separated header `name` of the request lists `wanted` (RFC 9110 §5.6.1).
fn holds(head: &Parts, name: &HeaderName, wanted: &str) -> bool {
    head.headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| item.split(';').next().is_some_and(|item| item.trim() == wanted))
}
