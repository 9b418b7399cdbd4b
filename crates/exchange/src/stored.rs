//! A whole exchange as the store gives it back: its row, its heads, and what is known of its bodies.
//! The bodies themselves are read apart, as streams.

use crate::head::Head;
use crate::outcome::{BodyEnd, Half};
use crate::summary::Summary;
use crate::time::Timestamp;

/// One exchange without the bytes of its bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its row.
    pub summary: Summary,
    /// The request.
    pub request: Message,
    /// Interim responses (1xx), in order.
    pub informed: Vec<Head>,
    /// The final response; none when there was none.
    pub response: Option<Message>,
    /// The secrets that redaction took out of the heads, sealed; empty when there were none. Those
    /// of bodies are read with them (`Store::revealed`).
    pub sealed: Vec<u8>,
}

/// One half of an exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Start line and header fields, secrets redacted.
    pub head: Head,
    /// Trailer lines as in [`Head`], without a start line; empty when there were none.
    pub trailers: Vec<u8>,
    /// What is known of its body.
    pub body: Body,
}

/// What is known of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    /// True length in bytes as transferred.
    pub bytes: u64,
    /// How many of them, from the beginning, were kept.
    pub kept: u64,
    /// How many bytes the store gives back for those: as many, unless it is redacted.
    pub stored: u64,
    /// Whether secrets were taken out of it, and kept sealed.
    pub redacted: bool,
    /// How it ended.
    pub end: BodyEnd,
    /// For a body recorded message by message: where each arrival begins, in what is stored, and
    /// when it came.
    pub arrivals: Vec<Arrival>,
}

/// A run of bytes that arrived together, up to the next arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Offset in the body of its first byte.
    pub offset: u64,
    /// When it came.
    pub at: Timestamp,
}

impl Exchange {
    /// One half; none where there was no response.
    pub fn message(&self, half: Half) -> Option<&Message> {
        match half {
            Half::Request => Some(&self.request),
            Half::Response => self.response.as_ref(),
        }
    }
}
