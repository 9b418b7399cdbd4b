//! What the recorder hands over, and the form in which heads and bodies rest in a DATA block.

use bytes::Bytes;
use wayside_exchange::stored::Arrival;
use wayside_exchange::{BodyEnd, Summary};

pub(crate) mod decode;
pub(crate) mod encode;

/// Where a piece of a body, written ahead of its record, lies in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Position of its block in the log, over all segments.
    pub(crate) position: u64,
    /// How many bytes of the body it holds.
    pub(crate) bytes: u64,
}

impl Extent {
    /// How many bytes of the body it holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// One exchange to append. An exchange that still runs carries `Mark::Open`; a later record of the
/// same id takes its place.
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    /// Its row.
    pub summary: &'a Summary,
    /// The request.
    pub request: NewMessage<'a>,
    /// The heads of interim responses (1xx), in order.
    pub informed: &'a [Bytes],
    /// The final response; none when there was none.
    pub response: Option<NewMessage<'a>>,
    /// The secrets taken out of the heads, sealed; empty when there were none.
    pub sealed: &'a [u8],
}

/// One half of an exchange to append.
#[derive(Clone, Copy, Debug)]
pub struct NewMessage<'a> {
    /// Start line and header fields in the form of `Head`, secrets redacted.
    pub head: &'a [u8],
    /// Trailer lines; empty when there were none.
    pub trailers: &'a [u8],
    /// Its body.
    pub body: NewBody<'a>,
}

/// A body to append: pieces first, then the slices of `rest`.
#[derive(Clone, Copy, Debug)]
pub struct NewBody<'a> {
    /// True length as transferred, which may be more than is kept.
    pub bytes: u64,
    /// How it ended.
    pub end: BodyEnd,
    /// For a body recorded message by message: where each arrival begins and when it came.
    pub arrivals: &'a [Arrival],
    /// What was written ahead by `append_piece`, in order.
    pub pieces: &'a [Extent],
    /// What follows the pieces.
    pub rest: &'a [&'a [u8]],
    /// What was taken out of it; none when pieces and `rest` are the body as it was.
    pub veil: Option<NewVeil<'a>>,
}

/// What was taken out of a body: see [`crate::veil`].
#[derive(Clone, Copy, Debug)]
pub struct NewVeil<'a> {
    /// How many bytes were kept as transferred; the pieces and the rest are what is stored of them.
    pub kept: u64,
    /// Sealed chunks that were written ahead by `append_piece`, in order.
    pub pieces: &'a [Extent],
    /// The last sealed chunk; empty when there is none.
    pub rest: &'a [u8],
}

impl NewBody<'_> {
    /// No body at all.
    pub fn none() -> Self {
        Self { bytes: 0, end: BodyEnd::Complete, arrivals: &[], pieces: &[], rest: &[], veil: None }
    }

    /// How many bytes of `rest` there are.
    pub(crate) fn rest_len(&self) -> usize {
        self.rest.iter().map(|slice| slice.len()).sum()
    }
}
