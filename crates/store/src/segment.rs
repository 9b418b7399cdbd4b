//! A segment's name and header, and what the log needs to know of it.
//!
//! A position names a byte of the log over all segments: a segment holds the positions from its
//! `base` on. When bytes have to be written a second time, after a failed sync, they keep their
//! position in the new segment, so nothing that refers to them changes; the old segment then ends
//! where the new one begins.

use std::fmt::Write as _;

use wayside_exchange::Timestamp;

use crate::codec::Take;

/// Bytes of a segment's header.
pub(crate) const HEADER: usize = 40;
/// The format of segments and blocks that this program writes, and the latest that it reads.
pub(crate) const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"WAYSEG\r\n";

/// What a segment's first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// The format of everything in it.
    pub(crate) version: u32,
    /// Its number, which is its name.
    pub(crate) number: u64,
    /// The position of the byte after the header.
    pub(crate) base: u64,
    /// When it was begun.
    pub(crate) created: Timestamp,
}

/// A segment of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its number, which is its name.
    pub(crate) number: u64,
    /// The position of the byte after its header.
    pub(crate) base: u64,
    /// The position after its last good block.
    pub(crate) end: u64,
}

impl Segment {
    /// Where `position` is in the file.
    pub(crate) fn offset(&self, position: u64) -> u64 {
        HEADER as u64 + position.saturating_sub(self.base)
    }

    /// Which position is at `offset` of the file.
    pub(crate) fn position(&self, offset: u64) -> u64 {
        self.base + offset.saturating_sub(HEADER as u64)
    }
}

impl SegmentHeader {
    /// As bytes.
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.base.to_le_bytes());
        out.extend_from_slice(&self.created.0.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.try_into().unwrap_or([0; HEADER])
    }

    /// From bytes; none when they are not a whole header.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut take = Take::new(bytes.get(..HEADER)?);
        if take.array()? != MAGIC {
            return None;
        }
        let header = Self {
            version: take.u32()?,
            number: take.u64()?,
            base: take.u64()?,
            created: Timestamp(take.u64()? as i64),
        };
        let crc = crc32c::crc32c(bytes.get(..HEADER - 4)?);
        (take.u32()? == crc).then_some(header)
    }
}

/// `0000000001.seg`.
pub(crate) fn name_of(number: u64) -> String {
    let mut name = String::new();
    let _ = write!(name, "{number:010}.seg");
    name
}

/// The number in a segment's file name; none for other files.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() >= 10)?;
    digits.parse().ok()
}
