//! Reading the record of an exchange back from a DATA block.

use std::ops::Range;

use bytes::Bytes;
use wayside_exchange::stored::{Arrival, Body};
use wayside_exchange::{BodyEnd, Exchange, ExchangeId, Half, Head, Message, Summary, Timestamp};

use super::Extent;
use super::encode::{FORM, HAS_RESPONSE};
use crate::codec::Take;

/// A record read back: the exchange, and where its bodies are.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) exchange: Exchange,
    request: Kept,
    response: Kept,
}

/// Where the kept bytes of a body are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    /// Pieces in the log, in order.
    pub(crate) pieces: Vec<Extent>,
    /// What follows them.
    pub(crate) rest: Bytes,
}

impl Stored {
    /// Where the body of a half is; none where there was no such half.
    pub(crate) fn kept(&self, half: Half) -> Option<&Kept> {
        match half {
            Half::Request => Some(&self.request),
            Half::Response => self.exchange.response.is_some().then_some(&self.response),
        }
    }
}

/// Reads the record at `range` of the uncompressed `block`; none when it is not one of `summary`'s
/// exchange. Heads are copied, since a reader may keep them far longer than the block.
pub(crate) fn record(block: &Bytes, range: Range<usize>, summary: Summary) -> Option<Stored> {
    let bytes = block.get(range)?;
    let mut take = Take::new(bytes);
    if take.byte()? != FORM {
        return None;
    }
    let flags = take.byte()?;
    if ExchangeId(take.u64()?) != summary.id {
        return None;
    }
    let (request, request_kept) = message(&mut take)?;
    let mut informed = Vec::new();
    for _ in 0..take.number()? {
        informed.push(Head(Bytes::copy_from_slice(take.bytes()?)));
    }
    let (response, response_kept) = if flags & HAS_RESPONSE == 0 {
        (None, Kept::default())
    } else {
        let (response, kept) = message(&mut take)?;
        (Some(response), kept)
    };
    let sealed = take.bytes()?.to_vec();
    let exchange = Exchange { summary, request, informed, response, sealed };
    take.is_empty().then_some(Stored { exchange, request: request_kept, response: response_kept })
}

fn message(take: &mut Take<'_>) -> Option<(Message, Kept)> {
    let head = Head(Bytes::copy_from_slice(take.bytes()?));
    let trailers = take.bytes()?.to_vec();
    let bytes = take.number()?;
    let end = match take.byte()? {
        0 => BodyEnd::Open,
        1 => BodyEnd::Complete,
        2 => BodyEnd::Cut,
        _ => return None,
    };
    let mut arrivals = Vec::new();
    let (mut offset, mut at) = (0, 0);
    for _ in 0..take.number()? {
        offset = take.delta(offset)?;
        at = take.delta(at)?;
        arrivals.push(Arrival { offset, at: Timestamp(at as i64) });
    }
    let mut pieces = Vec::new();
    let (mut position, mut in_pieces) = (0, 0_u64);
    for _ in 0..take.number()? {
        position = take.delta(position)?;
        let bytes = take.number()?;
        in_pieces = in_pieces.checked_add(bytes)?;
        pieces.push(Extent { position, bytes });
    }
    let rest = Bytes::copy_from_slice(take.bytes()?);
    let kept = in_pieces.checked_add(rest.len() as u64)?;
    let body = Body { bytes, kept, end, arrivals };
    Some((Message { head, trailers, body }, Kept { pieces, rest }))
}
