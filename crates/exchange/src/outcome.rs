//! How an exchange ended, whose fault a failure is, and what is missing from a record.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The one way in which an exchange ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The client got the whole response. A status of 500 is a response.
    #[default]
    Complete,
    /// The client went away before it had the whole response.
    ClientCancelled,
    /// The backend could not be reached, was silent, broke off or sent something malformed.
    UpstreamFailed,
    /// Wayside answered itself: a limit, a bad request, a failed TLS handshake.
    Refused,
    /// The connection became something else (RFC 9110 section 7.8) and has ended.
    Upgraded,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The client's, or of the connection towards it.
    #[default]
    Downstream,
    /// The backend's, or of the connection towards it.
    Upstream,
    /// Wayside's.
    Ours,
}

/// Why an exchange has no complete response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Whose fault it is.
    pub side: Side,
    /// What happened, in plain words: `connection refused`, `no response within 60s`.
    pub reason: String,
}

/// The two halves of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// From the client to the backend.
    Request,
    /// From the backend to the client.
    Response,
}

/// How a body ended on its way through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyEnd {
    /// It is still on its way, or was when the recorder stopped.
    #[default]
    Open,
    /// Its sender ended it as the protocol asks.
    Complete,
    /// Its sender or receiver broke it off.
    Cut,
}

/// What is missing from a record, each with byte counts in the bodies' own fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mark {
    /// The request body was broken off on its way.
    RequestBodyCut = 1,
    /// The response body was broken off on its way.
    ResponseBodyCut = 2,
    /// Under overload a body was forwarded but not kept.
    CaptureShed = 4,
    /// A body went over the recording limit; its beginning was kept.
    OverLimit = 8,
    /// The exchange was still running when this was written.
    Open = 16,
}

/// A set of [`Mark`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Marks(pub u8);

impl Outcome {
    /// All outcomes, in the order of their numbers on disk.
    pub const ALL: [Outcome; 5] = [
        Outcome::Complete,
        Outcome::ClientCancelled,
        Outcome::UpstreamFailed,
        Outcome::Refused,
        Outcome::Upgraded,
    ];

    /// The word used in JSON and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::ClientCancelled => "client_cancelled",
            Outcome::UpstreamFailed => "upstream_failed",
            Outcome::Refused => "refused",
            Outcome::Upgraded => "upgraded",
        }
    }
}

impl Side {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Downstream => "downstream",
            Side::Upstream => "upstream",
            Side::Ours => "ours",
        }
    }
}

impl Half {
    /// `request` or `response`.
    pub fn as_str(self) -> &'static str {
        match self {
            Half::Request => "request",
            Half::Response => "response",
        }
    }
}

impl Mark {
    /// All marks, lowest bit first.
    pub const ALL: [Mark; 5] = [
        Mark::RequestBodyCut,
        Mark::ResponseBodyCut,
        Mark::CaptureShed,
        Mark::OverLimit,
        Mark::Open,
    ];

    /// The word used in JSON and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Mark::RequestBodyCut => "request_body_cut",
            Mark::ResponseBodyCut => "response_body_cut",
            Mark::CaptureShed => "capture_shed",
            Mark::OverLimit => "over_limit",
            Mark::Open => "open",
        }
    }
}

impl Marks {
    /// Whether nothing is missing.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `mark` is among them.
    pub fn contains(self, mark: Mark) -> bool {
        self.0 & mark as u8 != 0
    }

    /// Adds `mark`.
    pub fn insert(&mut self, mark: Mark) {
        self.0 |= mark as u8;
    }

    /// Takes `mark` away.
    pub fn remove(&mut self, mark: Mark) {
        self.0 &= !(mark as u8);
    }

    /// The marks, lowest bit first.
    pub fn iter(self) -> impl Iterator<Item = Mark> {
        Mark::ALL.into_iter().filter(move |&mark| self.contains(mark))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Marks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Mark::as_str))
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut marks = Marks::default();
        for word in Vec::<String>::deserialize(deserializer)? {
            let known = Mark::ALL.into_iter().find(|mark| mark.as_str() == word);
            marks.insert(known.ok_or_else(|| de::Error::custom(format!("unknown mark `{word}`")))?);
        }
        Ok(marks)
    }
}
