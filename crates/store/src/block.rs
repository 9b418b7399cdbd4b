//! A block: a header that says what follows, then records, compressed where that helps.
//!
//! The header has a checksum of its own, so that the next block is found without reading this one,
//! and names its own position, so that bytes left over from elsewhere are never taken for a block.

use wayside_exchange::{ExchangeId, Half};

use crate::cipher::{NONCE, Opener, Sealer, TAG};
use crate::codec::Take;

pub(crate) mod pack;

/// Bytes of a block's header.
pub(crate) const HEADER: usize = 80;
/// What stands before the header of an encrypted block, which is encrypted itself, and behind it: its
/// magic number and nonce, and its tag.
const BEFORE: usize = MAGIC.len() + NONCE;
/// Bytes of such a header with all that.
pub(crate) const SEALED_HEADER: usize = BEFORE + HEADER + TAG;
/// The bit of the packing that says that a payload is encrypted.
const SEALED: u8 = 2;
/// What every block begins with.
pub(crate) const MAGIC: [u8; 4] = *b"WBk\x9d";
/// The most that a block may hold uncompressed; guards against absurd lengths when reading.
pub(crate) const MOST: usize = 32 << 20;

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Heads and small bodies of exchanges.
    Data = 1,
    /// A run of bytes of one long body.
    Piece = 2,
    /// The rows of the exchanges of a DATA block.
    Summary = 3,
}

/// How the payload is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As it is.
    Raw = 0,
    /// A zstd frame (RFC 8878).
    Zstd = 1,
}

/// Bits of `flags`.
pub(crate) mod flag {
    /// Some row is of an exchange that still runs.
    pub(crate) const OPEN: u8 = 1;
    /// Some row takes the place of an earlier one.
    pub(crate) const SUPERSEDES: u8 = 2;
    /// A piece of a response body (of a request body without it).
    pub(crate) const RESPONSE: u8 = 4;
}

/// A block's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) kind: Kind,
    pub(crate) packing: Packing,
    /// The nonce under which it is encrypted; none where it is in clear.
    pub(crate) nonce: Option<[u8; NONCE]>,
    pub(crate) flags: u8,
    /// Status classes of the rows: bit 0 for none, bits 1 to 5 for 1xx to 5xx.
    pub(crate) statuses: u8,
    /// Bytes of the payload as stored.
    pub(crate) stored: u32,
    /// Bytes of the payload uncompressed.
    pub(crate) raw: u32,
    /// Records or rows.
    pub(crate) count: u32,
    /// In a SUMMARY block: how many bytes before it its DATA block begins.
    pub(crate) back: u32,
    /// Its own position in the log.
    pub(crate) position: u64,
    /// The least exchange id.
    pub(crate) first: u64,
    /// The greatest exchange id.
    pub(crate) last: u64,
    /// When the earliest exchange started.
    pub(crate) earliest: i64,
    /// When the latest exchange started.
    pub(crate) latest: i64,
    /// The longest latency in microseconds; the greatest value means that or more.
    pub(crate) longest: u32,
    /// CRC32C of the payload as stored.
    pub(crate) payload_crc: u32,
}

impl BlockHeader {
    /// Of a piece of the body of `half` of an exchange, whose bytes are not known yet.
    pub(crate) fn piece(id: ExchangeId, half: Half, position: u64) -> Self {
        Self {
            kind: Kind::Piece,
            packing: Packing::Raw,
            nonce: None,
            flags: if half == Half::Response { flag::RESPONSE } else { 0 },
            statuses: 0,
            stored: 0,
            raw: 0,
            count: 1,
            back: 0,
            position,
            first: id.0,
            last: id.0,
            earliest: 0,
            latest: 0,
            longest: 0,
            payload_crc: 0,
        }
    }

    /// Bytes of header and payload.
    pub(crate) fn len(&self) -> u64 {
        header_len(self.nonce.is_some()) as u64 + u64::from(self.stored)
    }

    /// From the bytes of a file, which `opener` opens if it is encrypted; none when they are not a whole
    /// header, or one that makes no sense.
    pub(crate) fn read(bytes: &[u8], opener: Option<&Opener>) -> Option<Self> {
        let Some(opener) = opener else {
            return Self::decode(bytes).filter(|header| header.nonce.is_none());
        };
        let (magic, rest) = bytes.get(..SEALED_HEADER)?.split_first_chunk()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
        let plain = (*magic == MAGIC).then(|| opener.header::<HEADER>(*nonce, sealed))??;
        let header = Self::decode(&plain).filter(|header| header.nonce.is_some())?;
        Some(Self { nonce: Some(*nonce), ..header })
    }

    /// As the bytes of a file: encrypted by `sealer` under this nonce.
    fn sealed_by(&self, sealer: &Sealer, nonce: [u8; NONCE]) -> Vec<u8> {
        let mut plain = self.encode();
        let tag = sealer.header(nonce, &mut plain);
        [&MAGIC, nonce.as_slice(), &plain, &tag].concat()
    }

    /// What ties an encrypted payload to its place.
    fn about(&self) -> [u8; 9] {
        let mut about = [self.kind as u8; 9];
        about.iter_mut().zip(self.position.to_le_bytes()).for_each(|(to, from)| *to = from);
        about
    }

    /// As bytes.
    pub(crate) fn encode(&self) -> [u8; HEADER] {
        let mut out = Vec::with_capacity(HEADER);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[
            self.kind as u8,
            self.packing as u8 | if self.nonce.is_some() { SEALED } else { 0 },
            self.flags,
            self.statuses,
        ]);
        for number in [self.stored, self.raw, self.count, self.back] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.position, self.first, self.last] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.earliest.to_le_bytes());
        out.extend_from_slice(&self.latest.to_le_bytes());
        out.extend_from_slice(&self.longest.to_le_bytes());
        out.extend_from_slice(&0_u32.to_le_bytes());
        out.extend_from_slice(&self.payload_crc.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.try_into().unwrap_or([0; HEADER])
    }

    /// From bytes; none when they are not a whole header, or one that makes no sense.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        let mut take = Take::new(bytes);
        if take.array()? != MAGIC {
            return None;
        }
        let kind = match take.byte()? {
            1 => Kind::Data,
            2 => Kind::Piece,
            3 => Kind::Summary,
            _ => return None,
        };
        let packing = take.byte()?;
        let sealed = packing & SEALED != 0;
        let packing = match packing & !SEALED {
            0 => Packing::Raw,
            1 => Packing::Zstd,
            _ => return None,
        };
        let header = Self {
            kind,
            packing,
            nonce: sealed.then_some([0; NONCE]),
            flags: take.byte()?,
            statuses: take.byte()?,
            stored: take.u32()?,
            raw: take.u32()?,
            count: take.u32()?,
            back: take.u32()?,
            position: take.u64()?,
            first: take.u64()?,
            last: take.u64()?,
            earliest: take.u64()? as i64,
            latest: take.u64()? as i64,
            longest: take.u32()?,
            payload_crc: {
                take.u32()?;
                take.u32()?
            },
        };
        let crc = crc32c::crc32c(bytes.get(..HEADER - 4)?);
        let most = u64::from(header.raw) + if sealed { TAG as u64 } else { 0 };
        let sane = header.raw as usize <= MOST && u64::from(header.stored) <= most;
        (take.u32()? == crc && sane).then_some(header)
    }
}

/// Bytes of a header in its file.
pub(crate) fn header_len(sealed: bool) -> usize {
    if sealed { SEALED_HEADER } else { HEADER }
}
