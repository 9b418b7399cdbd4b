//! Reading the record of an exchange back from a DATA block.

use std::ops::Range;

use bytes::Bytes;
use wayside_exchange::stored::{Arrival, Body};
use wayside_exchange::{
    BodyEnd, Exchange, ExchangeId, Half, Head, Mark, Message, Summary, Timestamp,
};

use super::Extent;
use super::encode::{HAS_RESPONSE, PLAIN, VEILED};
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
    /// Sealed chunks of what was taken out.
    pub(crate) veil: Veil,
}

/// Where the sealed chunks of what was taken out of a body are; none where nothing was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Veil {
    /// Those in the log, in order.
    pub(crate) pieces: Vec<Extent>,
    /// The last; empty when there is none.
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

impl Stored {
    /// Lets go of a body of which a piece is gone: what is left would pass for its beginning. The exchange
    /// is marked.
    pub(crate) fn cut_where(&mut self, is_gone: impl Fn(&Extent) -> bool) {
        let Self { exchange, request, response } = self;
        let parts = [
            (Some(&mut exchange.request), request, Mark::RequestBodyCut),
            (exchange.response.as_mut(), response, Mark::ResponseBodyCut),
        ];
        for (message, kept, mark) in parts {
            if let Some(message) = message.filter(|_| kept.pieces.iter().any(&is_gone)) {
                *kept = Kept::default();
                (message.body.kept, message.body.end) = (0, BodyEnd::Cut);
                message.body.arrivals.clear();
                exchange.summary.marks.insert(mark);
            }
        }
    }
}

/// A record where it lies in the uncompressed block.
#[derive(Debug)]
pub(crate) struct RecordView<'a> {
    pub(crate) request: MessageView<'a>,
    pub(crate) informed: Vec<&'a [u8]>,
    pub(crate) response: Option<MessageView<'a>>,
    pub(crate) sealed: &'a [u8],
}

/// A message where it lies.
#[derive(Debug)]
pub(crate) struct MessageView<'a> {
    pub(crate) head: &'a [u8],
    pub(crate) trailers: &'a [u8],
    /// True length of the body.
    pub(crate) bytes: u64,
    end: BodyEnd,
    arrivals: Vec<Arrival>,
    pub(crate) pieces: Vec<Extent>,
    pub(crate) rest: &'a [u8],
    /// What was taken out of the body; none where nothing was.
    pub(crate) veil: Option<VeilView<'a>>,
}

/// What was taken out of a body, where it lies.
#[derive(Debug)]
pub(crate) struct VeilView<'a> {
    kept: u64,
    pub(crate) pieces: Vec<Extent>,
    rest: &'a [u8],
}

/// Reads the record at `range` of the uncompressed `block`; none when it is not one of `summary`'s
/// exchange. Heads are copied, since a reader may keep them far longer than the block.
pub(crate) fn record(block: &Bytes, range: Range<usize>, summary: Summary) -> Option<Stored> {
    let view = RecordView::read(block.get(range)?, summary.id)?;
    let (request, request_kept) = view.request.kept()?;
    let (response, response_kept) = match &view.response {
        Some(response) => response.kept().map(|(message, kept)| (Some(message), kept))?,
        None => (None, Kept::default()),
    };
    let exchange = Exchange {
        summary,
        request,
        informed: view.informed.iter().map(|head| Head(Bytes::copy_from_slice(head))).collect(),
        response,
        sealed: view.sealed.to_vec(),
    };
    Some(Stored { exchange, request: request_kept, response: response_kept })
}

impl<'a> RecordView<'a> {
    /// Reads the bytes of a record; none when it is not one of this exchange.
    pub(crate) fn read(bytes: &'a [u8], id: ExchangeId) -> Option<Self> {
        let mut take = Take::new(bytes);
        let is_veiled = match take.byte()? {
            PLAIN => false,
            VEILED => true,
            _ => return None,
        };
        let flags = take.byte()?;
        if ExchangeId(take.u64()?) != id {
            return None;
        }
        let request = MessageView::read(&mut take, is_veiled)?;
        let mut informed = Vec::new();
        for _ in 0..take.number()? {
            informed.push(take.bytes()?);
        }
        let response = match flags & HAS_RESPONSE {
            0 => None,
            _ => Some(MessageView::read(&mut take, is_veiled)?),
        };
        let sealed = take.bytes()?;
        take.is_empty().then_some(Self { request, informed, response, sealed })
    }

    /// One half; none where there was no response.
    pub(crate) fn message(&self, half: Half) -> Option<&MessageView<'a>> {
        match half {
            Half::Request => Some(&self.request),
            Half::Response => self.response.as_ref(),
        }
    }
}

impl<'a> MessageView<'a> {
    fn read(take: &mut Take<'a>, is_veiled: bool) -> Option<Self> {
        let head = take.bytes()?;
        let trailers = take.bytes()?;
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
        let pieces = extents(take)?;
        let rest = take.bytes()?;
        let kept = if is_veiled { take.number()?.checked_sub(1) } else { None };
        let veil = match kept {
            Some(kept) => Some(VeilView { kept, pieces: extents(take)?, rest: take.bytes()? }),
            None => None,
        };
        Some(Self { head, trailers, bytes, end, arrivals, pieces, rest, veil })
    }

    /// The message and where its body is, to be kept; none when the lengths make no sense.
    fn kept(&self) -> Option<(Message, Kept)> {
        let in_pieces =
            self.pieces.iter().try_fold(0_u64, |sum, piece| sum.checked_add(piece.bytes));
        let stored = in_pieces?.checked_add(self.rest.len() as u64)?;
        let body = Body {
            bytes: self.bytes,
            kept: self.veil.as_ref().map_or(stored, |veil| veil.kept),
            stored,
            redacted: self.veil.is_some(),
            end: self.end,
            arrivals: self.arrivals.clone(),
        };
        let head = Head(Bytes::copy_from_slice(self.head));
        let message = Message { head, trailers: self.trailers.to_vec(), body };
        let rest = Bytes::copy_from_slice(self.rest);
        let veil = self.veil.as_ref().map(VeilView::kept).unwrap_or_default();
        Some((message, Kept { pieces: self.pieces.clone(), rest, veil }))
    }
}

impl VeilView<'_> {
    fn kept(&self) -> Veil {
        Veil { pieces: self.pieces.clone(), rest: Bytes::copy_from_slice(self.rest) }
    }
}

fn extents(take: &mut Take<'_>) -> Option<Vec<Extent>> {
    let mut pieces = Vec::new();
    let mut position = 0;
    for _ in 0..take.number()? {
        position = take.delta(position)?;
        pieces.push(Extent { position, bytes: take.number()? });
    }
    Some(pieces)
}
