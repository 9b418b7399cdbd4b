//! Which exchanges are not sent, and why.

use std::fmt;

use serde::{Deserialize, Serialize};
use wayside_exchange::stored::Exchange;
use wayside_exchange::{BodyEnd, ExchangeId, Mark, Outcome};

use crate::report::{Compared, RecordedEnd};

/// An exchange that is not sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// The recorded exchange.
    pub id: ExchangeId,
    /// The request method; empty when no request was read.
    pub method: String,
    /// The URL that it would have been sent to; empty when no request was read.
    pub url: String,
    /// Why not.
    pub reason: SkipReason,
    /// How it ended in the recording.
    pub recorded: RecordedEnd,
}

/// Why an exchange is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SkipReason {
    /// It may change something, and writes were not allowed.
    Write,
    /// Its request body was not recorded whole.
    RequestBodyNotWhole,
    /// Its connection became something else, such as a WebSocket.
    Upgraded,
    /// It asked for a tunnel (CONNECT).
    Tunnel,
    /// Its connection failed before a request, in the TLS handshake.
    NoRequest,
    /// Wayside refused it: no backend ever saw it.
    Refused,
    /// It was still running when it was stored.
    Open,
    /// It is not in the store.
    NotStored,
}

impl SkipReason {
    /// Why `exchange` cannot or must not be sent; none when it is.
    pub(super) fn of(exchange: &Exchange, allow_writes: bool) -> Option<Self> {
        let summary = &exchange.summary;
        let body = &exchange.request.body;
        let method = summary.method.as_str();
        if method.is_empty() || exchange.request.head.is_empty() {
            Some(Self::NoRequest)
        } else if method == "CONNECT" {
            // Before the upgrade: a WebSocket over HTTP/2 is a CONNECT too (RFC 8441).
            Some(if summary.outcome == Outcome::Upgraded { Self::Upgraded } else { Self::Tunnel })
        } else if summary.outcome == Outcome::Upgraded
            || exchange.request.head.field("sec-websocket-key").is_some()
        {
            Some(Self::Upgraded)
        } else if summary.marks.contains(Mark::Open) {
            Some(Self::Open)
        } else if summary.outcome == Outcome::Refused {
            Some(Self::Refused)
        } else if summary.marks.contains(Mark::RequestBodyCut)
            || body.kept < body.bytes
            || body.bytes > 0 && body.end != BodyEnd::Complete
        {
            Some(Self::RequestBodyNotWhole)
        } else if !allow_writes && !is_safe(method) {
            Some(Self::Write)
        } else {
            None
        }
    }

    /// In plain words: `writes are not allowed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Write => "writes are not allowed",
            Self::RequestBodyNotWhole => "the request body was not recorded whole",
            Self::Upgraded => "the connection was upgraded",
            Self::Tunnel => "a tunnel cannot be sent again",
            Self::NoRequest => "there was no request",
            Self::Refused => "it was refused and never reached a backend",
            Self::Open => "it was still running",
            Self::NotStored => "it is not in the store",
        }
    }
}

/// Whether a method is registered as safe (RFC 9110 section 9.2.1 and the IANA registry). What is
/// not known may write.
pub(crate) fn is_safe(method: &str) -> bool {
    ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"].contains(&method)
}

impl Skipped {
    /// As one line of a replay's report.
    pub fn compared(&self) -> Compared {
        Compared {
            id: self.id,
            method: self.method.clone(),
            url: self.url.clone(),
            sent: false,
            skipped: Some(self.reason),
            recorded: self.recorded.clone(),
            replayed: None,
            same: false,
            latency_factor: None,
            differences: Vec::new(),
            more: 0,
            notes: Vec::new(),
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
