//! A segment's name and header, and what the log needs to know of it.
//!
//! A position names a byte of the log over all segments: a segment holds the positions from its
//! `base` on. When bytes have to be written a second time, after a failed sync, they keep their
//! position in the new segment, so nothing that refers to them changes; the old segment then ends
//! where the new one begins. When a segment is settled its blocks shrink and move within the file,
//! and keep their positions too: its directory says where they are.

use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wayside_exchange::Timestamp;

use crate::block::BlockHeader;
use crate::cipher::{Envelope, Opener, SALT};
use crate::codec::Take;
use crate::directory::Directory;
use crate::storage::StoredFile;
use crate::storage::pages::PAGE;

/// Bytes of the header of a segment in clear, and of what stands behind it in one that is encrypted.
const HEADER: usize = 40;
const ENVELOPE: usize = 2 * SALT + 4;
/// The most that a segment's header takes.
pub(crate) const LONGEST_HEADER: usize = HEADER + ENVELOPE;
/// The latest format of segments and blocks that this program reads. Even ones are encrypted, those in clear
/// have the number before. 1 and 2 had no client certificates, and no names in bodies.
pub(crate) const VERSION: u32 = 4;
const DRAFT: &str = ".tmp";
const RAW: [u8; 8] = *b"WAYSEG\r\n";
const SETTLED: [u8; 8] = *b"WAYSET\r\n";

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
    /// Whether it is settled.
    pub(crate) settled: bool,
    /// What an encrypted one says of its keys.
    pub(crate) envelope: Option<Envelope>,
}

/// A segment of the catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Its number, which is its name.
    pub(crate) number: u64,
    /// The format of everything in it.
    pub(crate) version: u32,
    /// The position of its first block.
    pub(crate) base: u64,
    /// The position after its last good block.
    pub(crate) end: u64,
    /// Where its blocks lie.
    pub(crate) form: Form,
    /// What opens its blocks; none where they are in clear.
    pub(crate) opener: Option<Arc<Opener>>,
}

/// How the blocks of a segment lie in its file.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// As they were recorded, each where its position says.
    Raw(Arc<Token>),
    /// Where the directory says.
    Settled(Arc<Directory>),
}

/// Tells the file of a segment from those that had, or will have, its name: that of a segment which is
/// written anew gets another. As long as anyone holds it, the file can be read.
#[derive(Debug)]
pub(crate) struct Token {
    serial: u64,
}

impl Token {
    /// One that this process did not have before.
    pub(crate) fn new() -> Arc<Self> {
        static SERIALS: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self { serial: SERIALS.fetch_add(1, Ordering::Relaxed) })
    }
}

impl Segment {
    /// Where the block at `position` is in the file: while raw, as far from a page border as in the
    /// log. None where a settled segment has no block.
    pub(crate) fn offset(&self, position: u64) -> Option<u64> {
        match &self.form {
            Form::Raw(_) => Some(self.start() + position.saturating_sub(self.base)),
            Form::Settled(directory) => directory.offset(position),
        }
    }

    /// Which position is at `offset` of a file that is raw.
    pub(crate) fn position(&self, offset: u64) -> u64 {
        self.base + offset.saturating_sub(self.start())
    }

    /// Where its blocks begin and end in the file.
    pub(crate) fn span(&self) -> Range<u64> {
        match &self.form {
            Form::Raw(_) => self.start()..self.start() + (self.end - self.base),
            Form::Settled(directory) => self.start()..directory.blocks_end,
        }
    }

    /// Whether `header`, found at `offset` of the file, is in its place.
    pub(crate) fn has(&self, header: &BlockHeader, offset: u64) -> bool {
        self.offset(header.position) == Some(offset)
    }

    /// Whether it is settled.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.form, Form::Settled(_))
    }

    /// What tells its file from others.
    pub(crate) fn token(&self) -> &Arc<Token> {
        match &self.form {
            Form::Raw(token) => token,
            Form::Settled(directory) => &directory.token,
        }
    }

    /// The serial number of its file.
    pub(crate) fn serial(&self) -> u64 {
        self.token().serial
    }

    /// Whether `file`, which has its name, is its own.
    pub(crate) fn owns(&self, file: &dyn StoredFile) -> io::Result<bool> {
        let mut bytes = [0; LONGEST_HEADER];
        match &self.form {
            Form::Settled(directory) => Ok(file.len()? == directory.file_bytes),
            Form::Raw(_) => {
                let read = file.read_at(&mut bytes, 0)?;
                let header = SegmentHeader::decode(bytes.get(..read).unwrap_or_default());
                // One whose header is damaged is read block by block as before.
                Ok(header.is_none_or(|header| !header.settled && header.base == self.base))
            }
        }
    }

    /// What opens its blocks; none where they are in clear.
    pub(crate) fn opener(&self) -> Option<&Opener> {
        self.opener.as_deref()
    }

    /// Bytes of its header.
    pub(crate) fn header_bytes(&self) -> usize {
        if self.opener.is_some() { LONGEST_HEADER } else { HEADER }
    }

    /// Bytes that its file takes.
    pub(crate) fn file_bytes(&self) -> u64 {
        match &self.form {
            Form::Raw(_) => self.span().end,
            Form::Settled(directory) => directory.file_bytes,
        }
    }

    /// Where the first block is in the file: on its second page.
    fn start(&self) -> u64 {
        start_of(self.base)
    }
}

/// Where the first block of a segment is in its file.
pub(crate) fn start_of(base: u64) -> u64 {
    PAGE as u64 + base % PAGE as u64
}

impl SegmentHeader {
    /// For a segment that begins now, in this program's format.
    pub(crate) fn new(number: u64, base: u64, created: Timestamp, opener: Option<&Opener>) -> Self {
        let envelope = opener.map(Opener::envelope);
        let version = written(envelope.is_some());
        Self { version, number, base, created, settled: false, envelope }
    }

    /// As bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(LONGEST_HEADER);
        out.extend_from_slice(if self.settled { &SETTLED } else { &RAW });
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.base.to_le_bytes());
        out.extend_from_slice(&self.created.0.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        if let Some(Envelope { salt, check }) = &self.envelope {
            let behind = [*salt, *check].concat();
            out.extend_from_slice(&behind);
            out.extend_from_slice(&crc32c::crc32c(&behind).to_le_bytes());
        }
        out
    }

    /// From bytes; none when they are not a whole header. Of a later version only the front is known.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (bytes, behind) = bytes.split_at_checked(HEADER)?;
        let mut take = Take::new(bytes);
        let settled = match take.array()? {
            RAW => false,
            SETTLED => true,
            _ => return None,
        };
        let header = Self {
            settled,
            version: take.u32()?,
            number: take.u64()?,
            base: take.u64()?,
            created: Timestamp(take.u64()? as i64),
            envelope: None,
        };
        let crc = crc32c::crc32c(bytes.get(..HEADER - 4)?);
        if take.u32()? != crc {
            return None;
        }
        if header.version <= VERSION && header.version.is_multiple_of(2) {
            let envelope = Some(envelope(behind.get(..ENVELOPE)?)?);
            return Some(Self { envelope, ..header });
        }
        Some(header)
    }
}

/// The format in which segments are written.
pub(crate) fn written(encrypted: bool) -> u32 {
    if encrypted { VERSION } else { VERSION - 1 }
}

fn envelope(bytes: &[u8]) -> Option<Envelope> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    let mut take = Take::new(content);
    let envelope = Envelope { salt: take.array()?, check: take.array()? };
    (crc32c::crc32c(content) == u32::from_le_bytes(*crc)).then_some(envelope)
}

/// `0000000001.seg`.
pub(crate) fn name_of(number: u64) -> String {
    let mut name = String::new();
    let _ = write!(name, "{number:010}.seg");
    name
}

/// `0000000001.tmp`: a segment that is being settled.
pub(crate) fn draft_of(number: u64) -> String {
    format!("{number:010}{DRAFT}")
}

/// Whether a file is a segment that is, or was, being settled.
pub(crate) fn is_draft(name: &str) -> bool {
    name.strip_suffix(DRAFT).is_some()
}

/// The number in a segment's file name; none for other files.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() >= 10)?;
    digits.parse().ok()
}
