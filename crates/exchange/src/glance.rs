//! A row at a glance: what filters and statistics need of it, borrowed from wherever it lies.
//!
//! A scan of the store looks at every row in this form, and makes a [`Summary`] of those alone that
//! it gives on. What is seldom asked for stays packed until then: see [`Details`].

use std::borrow::Cow;
use std::net::SocketAddr;

use crate::connection::{HttpVersion, Scheme, Tls};
use crate::id::{ExchangeId, SessionId};
use crate::outcome::{Failure, Marks, Outcome};
use crate::summary::{Evidence, Summary};
use crate::time::{Micros, Timestamp, Timing};

/// The fields of a [`Summary`], borrowed, without its details.
#[allow(missing_docs, reason = "each says what the field of this name in `Summary` says")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance<'a> {
    pub id: ExchangeId,
    pub started_at: Timestamp,
    pub client: &'a str,
    pub session: SessionId,
    pub connection: u64,
    pub http_version: HttpVersion,
    pub scheme: Scheme,
    pub method: &'a str,
    pub host: &'a str,
    pub target: &'a str,
    pub route: &'a str,
    pub status: Option<u16>,
    pub outcome: Outcome,
    pub timing: Timing,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub marks: Marks,
}

/// The rest of a [`Summary`], read when it is asked for.
pub trait Details {
    /// The client's address.
    fn client_addr(&self) -> SocketAddr;
    /// What TLS agreed on.
    fn tls(&self) -> Option<Cow<'_, Tls>>;
    /// Why it has no complete response.
    fn failure(&self) -> Option<Cow<'_, Failure>>;
    /// Why it is believed to be that client's, strongest first.
    fn evidence(&self) -> Cow<'_, [Evidence]>;
}

impl<'a> Glance<'a> {
    /// The path without the query.
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The whole URL; empty when no request was read. An absolute target is the URL itself.
    pub fn url(&self) -> Cow<'a, str> {
        if self.target.starts_with("http://") || self.target.starts_with("https://") {
            Cow::Borrowed(self.target)
        } else if self.has_request() {
            Cow::Owned([self.scheme.as_str(), "://", self.host, self.target].concat())
        } else {
            Cow::Borrowed("")
        }
    }

    /// How long the client waited for the end: what `latency` means in filters and statistics.
    pub fn latency(&self) -> Micros {
        self.timing.total
    }

    /// Whether it counts as an error: no complete response, or a status of 400 and above.
    pub fn is_error(&self) -> bool {
        self.status.is_some_and(|status| status >= 400)
            || matches!(self.outcome, Outcome::UpstreamFailed | Outcome::Refused)
    }

    /// Whether a request was read at all; a failed TLS handshake has none, and is no client's doing
    /// that could be counted.
    pub fn has_request(&self) -> bool {
        !self.method.is_empty()
    }

    /// When it ended.
    pub fn ended_at(&self) -> Timestamp {
        self.started_at.plus(self.timing.total)
    }

    /// The row as one that is kept.
    pub fn summary(&self, details: &dyn Details) -> Summary {
        Summary {
            id: self.id,
            started_at: self.started_at,
            client: self.client.to_owned(),
            session: self.session,
            connection: self.connection,
            client_addr: details.client_addr(),
            tls: details.tls().map(Cow::into_owned),
            http_version: self.http_version,
            scheme: self.scheme,
            method: self.method.to_owned(),
            host: self.host.to_owned(),
            target: self.target.to_owned(),
            route: self.route.to_owned(),
            status: self.status,
            outcome: self.outcome,
            failure: details.failure().map(Cow::into_owned),
            timing: self.timing,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            marks: self.marks,
            evidence: details.evidence().into_owned(),
        }
    }
}

impl Summary {
    /// The row at a glance; its details are the summary itself.
    pub fn glance(&self) -> Glance<'_> {
        Glance {
            id: self.id,
            started_at: self.started_at,
            client: &self.client,
            session: self.session,
            connection: self.connection,
            http_version: self.http_version,
            scheme: self.scheme,
            method: &self.method,
            host: &self.host,
            target: &self.target,
            route: &self.route,
            status: self.status,
            outcome: self.outcome,
            timing: self.timing,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            marks: self.marks,
        }
    }
}

impl Details for Summary {
    fn client_addr(&self) -> SocketAddr {
        self.client_addr
    }

    fn tls(&self) -> Option<Cow<'_, Tls>> {
        self.tls.as_ref().map(Cow::Borrowed)
    }

    fn failure(&self) -> Option<Cow<'_, Failure>> {
        self.failure.as_ref().map(Cow::Borrowed)
    }

    fn evidence(&self) -> Cow<'_, [Evidence]> {
        Cow::Borrowed(&self.evidence)
    }
}
