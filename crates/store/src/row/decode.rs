//! Reading rows back: each at a glance, borrowed from the block, and whole where it is kept.

use wayside_exchange::{
    ExchangeId, Glance, HttpVersion, Marks, Micros, Outcome, Scheme, SessionId, Side, Timestamp,
    Timing,
};

use super::details::{self, Packed};
use super::{MOST_STRINGS, Row, has};
use crate::codec::Take;

/// All rows of a block; none when the bytes are not `count` whole rows.
pub(crate) fn rows(bytes: &[u8], count: u32) -> Option<Vec<Row>> {
    let mut decoder = RowDecoder::new(bytes);
    // A row takes at least a dozen bytes, so the count cannot make this too large.
    let mut rows = Vec::with_capacity((count as usize).min(bytes.len() / 12 + 1));
    for _ in 0..count {
        let RowView { glance, details, offset, len } = decoder.row()?;
        rows.push(Row { summary: glance.summary(&details), offset, len });
    }
    decoder.take.is_empty().then_some(rows)
}

/// A row where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowView<'a> {
    pub(crate) glance: Glance<'a>,
    pub(crate) details: Packed<'a>,
    /// Where its record begins in the DATA block, uncompressed.
    pub(crate) offset: u32,
    /// How long its record is.
    pub(crate) len: u32,
}

impl<'a> RowView<'a> {
    /// The row of a client that is called so.
    pub(crate) fn called<'b>(self, client: &'b str) -> RowView<'b>
    where
        'a: 'b,
    {
        RowView { glance: Glance { client, ..self.glance }, ..self }
    }
}

/// Reads the rows of one block, one after the other.
pub(crate) struct RowDecoder<'a> {
    take: Take<'a>,
    strings: Vec<Met<'a>>,
    last_id: u64,
    last_start: u64,
    last_connection: u64,
    offset: u32,
}

/// A string of the dictionary.
#[derive(Clone, Copy)]
struct Met<'a> {
    bytes: &'a [u8],
    /// The same as text, where it was introduced as one: that is looked at once, not for each row.
    text: Option<&'a str>,
}

/// Strings for which there is room at once.
const ROOM: usize = 128;

impl<'a> RowDecoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            take: Take::new(bytes),
            strings: Vec::with_capacity(ROOM),
            last_id: 0,
            last_start: 0,
            last_connection: 0,
            offset: 0,
        }
    }

    /// The next row; none when what follows is not one.
    pub(crate) fn row(&mut self) -> Option<RowView<'a>> {
        let first = self.take.byte()?;
        let outcome = *Outcome::ALL.get(usize::from(self.take.byte()?))?;
        let marks = Marks(self.take.byte()?);
        let len: u32 = self.take.narrow()?;
        let offset = self.offset;
        self.offset = offset.checked_add(len)?;
        let id = self.take.delta(self.last_id)?;
        let start = self.take.delta(self.last_start)?;
        let session = id.wrapping_sub(self.take.signed()? as u64);
        let connection = self.take.delta(self.last_connection)?;
        (self.last_id, self.last_start, self.last_connection) = (id, start, connection);
        let address = self.packed(|bytes| details::address(bytes, 0).is_some())?;
        let port = self.take.narrow()?;
        let tls = match first & has::TLS {
            0 => None,
            _ => Some(self.packed(|bytes| details::tls(bytes).is_some())?),
        };
        let client = self.text()?;
        let method = self.text()?;
        let host = self.text()?;
        let route = self.text()?;
        let target = std::str::from_utf8(self.take.bytes()?).ok()?;
        let status = if first & has::STATUS == 0 { None } else { Some(self.take.narrow()?) };
        let failure = if first & has::FAILURE == 0 { None } else { Some(self.failure()?) };
        let timing = Timing {
            upload: Micros(self.take.number()?),
            connect: Micros(self.take.number()?),
            wait: Micros(self.take.number()?),
            download: Micros(self.take.number()?),
            total: Micros(self.take.number()?),
            overhead: Micros(self.take.number()?),
        };
        let request_bytes = self.take.number()?;
        let response_bytes = self.take.number()?;
        let evidence = self.packed(|bytes| details::evidence(bytes).all(|one| one.is_some()))?;
        let glance = Glance {
            id: ExchangeId(id),
            started_at: Timestamp(start as i64),
            client,
            session: SessionId(ExchangeId(session)),
            connection,
            http_version: match first >> has::VERSION_SHIFT {
                0 => HttpVersion::Http10,
                1 => HttpVersion::Http11,
                2 => HttpVersion::Http2,
                _ => return None,
            },
            scheme: if first & has::PLAIN_HTTP == 0 { Scheme::Https } else { Scheme::Http },
            method,
            host,
            target,
            route,
            status,
            outcome,
            timing,
            request_bytes,
            response_bytes,
            marks,
        };
        let details = Packed { address, port, tls, failure, evidence };
        Some(RowView { glance, details, offset, len })
    }

    fn failure(&mut self) -> Option<(Side, &'a str)> {
        let side = match self.take.byte()? {
            0 => Side::Downstream,
            1 => Side::Upstream,
            2 => Side::Ours,
            _ => return None,
        };
        Some((side, self.text()?))
    }

    fn text(&mut self) -> Option<&'a str> {
        let reference = self.take.number()?;
        match self.known(reference) {
            Some(Met { text: Some(text), .. }) => Some(text),
            Some(Met { bytes, .. }) => std::str::from_utf8(bytes).ok(),
            None => self.introduce(reference, |bytes| Some(std::str::from_utf8(bytes).ok()))?.text,
        }
    }

    /// A string that is looked into later; one that is new must be `whole`.
    fn packed(&mut self, whole: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
        let reference = self.take.number()?;
        match self.known(reference) {
            Some(met) => Some(met.bytes),
            None => Some(self.introduce(reference, |bytes| whole(bytes).then_some(None))?.bytes),
        }
    }

    fn known(&self, reference: u64) -> Option<Met<'a>> {
        self.strings.get(usize::try_from(reference).ok()?.checked_sub(1)?).copied()
    }

    /// A string that is met for the first time; `read` says what text it is, if it is one.
    fn introduce(
        &mut self,
        reference: u64,
        read: impl Fn(&'a [u8]) -> Option<Option<&'a str>>,
    ) -> Option<Met<'a>> {
        let next = self.strings.len() as u64 + 1;
        let is_kept = reference == next && next <= MOST_STRINGS;
        if reference != 0 && !is_kept {
            return None;
        }
        let bytes = self.take.bytes()?;
        let met = Met { bytes, text: read(bytes)? };
        if is_kept {
            self.strings.push(met);
        }
        Some(met)
    }
}
