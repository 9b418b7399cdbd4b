//! What listings, statistics and most filters need of an exchange: a row, without heads or bodies.

use std::cmp::Ordering;
use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::connection::{HttpVersion, Scheme, Tls};
use crate::id::{ExchangeId, SessionId};
use crate::outcome::{Failure, Marks, Outcome};
use crate::time::{Micros, Timestamp, Timing};

/// One exchange in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: ExchangeId,
    /// When its request head had arrived.
    pub started_at: Timestamp,
    /// The client: as it is stored the one that its strongest evidence names, such as `key:3f9a1c22` or
    /// `basic:alice`; as the store gives it back the one that it belongs to ([`Links`](crate::Links)).
    pub client: String,
    /// The session that it belongs to.
    pub session: SessionId,
    /// The downstream connection.
    pub connection: u64,
    /// The client's address.
    pub client_addr: SocketAddr,
    /// What TLS agreed on.
    pub tls: Option<Tls>,
    /// The version in which the client spoke.
    pub http_version: HttpVersion,
    /// The scheme that the client used.
    pub scheme: Scheme,
    /// The request method; empty when no request was read.
    pub method: String,
    /// The authority that the client asked for: `Host` or `:authority`.
    pub host: String,
    /// Path and query, as the client sent them, secrets redacted.
    pub target: String,
    /// Method and path template.
    pub route: String,
    /// The status of the final response; none when there was none.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it has no complete response.
    pub failure: Option<Failure>,
    /// Where the time went.
    pub timing: Timing,
    /// True length in bytes of the request body, as transferred, without chunk framing.
    pub request_bytes: u64,
    /// True length in bytes of the response body, as transferred, without chunk framing.
    pub response_bytes: u64,
    /// What is missing.
    pub marks: Marks,
    /// Why it is believed to be that client's, strongest first, and what may join it to others.
    pub evidence: Vec<Evidence>,
}

/// A reason to believe that an exchange is a client's. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Evidence {
    /// What kind of reason.
    pub kind: EvidenceKind,
    /// The name it gives: a keyed fingerprint of a secret, or a plain name.
    pub token: String,
}

/// The kinds of evidence, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EvidenceKind {
    /// The subject of a client certificate.
    Certificate = 1,
    /// Keyed fingerprint of an API key in a header or query.
    Key = 2,
    /// A claim of a bearer token (RFC 7519), or the keyed fingerprint of an opaque one.
    Bearer = 3,
    /// The user of basic authentication (RFC 7617).
    Basic = 4,
    /// Keyed fingerprint of a session cookie.
    Cookie = 5,
    /// Address and user agent.
    Address = 6,
    /// Keyed fingerprint of what a device header says; names no client, and joins those it comes with.
    Device = 7,
    /// Keyed fingerprint of a secret that the request carried and that names no client.
    Carried = 8,
    /// Keyed fingerprint of a secret that the response gave.
    Given = 9,
    /// Keyed fingerprint of what a pointer leads to in the request's body.
    Body = 10,
}

impl EvidenceKind {
    /// All kinds, strongest first.
    pub const ALL: [EvidenceKind; 10] = [
        EvidenceKind::Certificate,
        EvidenceKind::Key,
        EvidenceKind::Bearer,
        EvidenceKind::Basic,
        EvidenceKind::Body,
        EvidenceKind::Cookie,
        EvidenceKind::Address,
        EvidenceKind::Device,
        EvidenceKind::Carried,
        EvidenceKind::Given,
    ];

    /// The kind of this number, by which it is stored.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Where it stands among all kinds, the strongest being 1. Their numbers tell in which order they came to
    /// be.
    pub fn rank(self) -> u8 {
        match self {
            EvidenceKind::Certificate => 1,
            EvidenceKind::Key => 2,
            EvidenceKind::Bearer => 3,
            EvidenceKind::Basic => 4,
            EvidenceKind::Body => 5,
            EvidenceKind::Cookie => 6,
            EvidenceKind::Address => 7,
            EvidenceKind::Device => 8,
            EvidenceKind::Carried => 9,
            EvidenceKind::Given => 10,
        }
    }

    /// Whether it names a client by itself.
    pub fn names_a_client(self) -> bool {
        self < EvidenceKind::Address
    }

    /// The word before the colon in a client's name.
    pub fn as_str(self) -> &'static str {
        match self {
            EvidenceKind::Certificate => "cert",
            EvidenceKind::Key => "key",
            EvidenceKind::Bearer => "bearer",
            EvidenceKind::Basic => "basic",
            EvidenceKind::Body => "body",
            EvidenceKind::Cookie => "cookie",
            EvidenceKind::Address => "addr",
            EvidenceKind::Device => "device",
            EvidenceKind::Carried => "carried",
            EvidenceKind::Given => "given",
        }
    }
}

/// The stronger kind is the smaller one.
impl PartialOrd for EvidenceKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EvidenceKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// `kind:token`, which is how an unlabelled client is called.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.token)
    }
}

impl Summary {
    /// See [`Glance::path`](crate::Glance::path).
    pub fn path(&self) -> &str {
        self.glance().path()
    }

    /// See [`Glance::url`](crate::Glance::url).
    pub fn url(&self) -> String {
        self.glance().url().into_owned()
    }

    /// See [`Glance::latency`](crate::Glance::latency).
    pub fn latency(&self) -> Micros {
        self.glance().latency()
    }

    /// See [`Glance::is_error`](crate::Glance::is_error).
    pub fn is_error(&self) -> bool {
        self.glance().is_error()
    }

    /// See [`Glance::has_request`](crate::Glance::has_request).
    pub fn has_request(&self) -> bool {
        self.glance().has_request()
    }

    /// See [`Glance::ended_at`](crate::Glance::ended_at).
    pub fn ended_at(&self) -> Timestamp {
        self.glance().ended_at()
    }
}
