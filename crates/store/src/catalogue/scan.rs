//! Walking over the blocks of one segment, and finding the next good one after damage.

use memchr::memmem;

use crate::block::{BlockHeader, Kind, MAGIC};
use crate::error::StoreError;
use crate::log::Log;
use crate::segment::Segment;

/// Bytes read at a time when looking for the next good block.
const WINDOW: usize = 256 << 10;

/// How closely to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// Headers only.
    Headers,
    /// Payloads too, against their checksums.
    Payloads,
}

/// What a walk met.
#[derive(Debug)]
pub(crate) enum Met {
    /// A good block, with its payload as stored where [`Care::Payloads`] asked for it.
    Good(BlockHeader, Vec<u8>),
    /// Something that is not a good block, at an offset of the file. What follows is good, or the end.
    Bad(u64, &'static str),
}

/// A walk over a segment's file, from an offset to the end of its blocks.
pub(crate) struct Scan<'a> {
    log: &'a Log,
    segment: &'a Segment,
    offset: u64,
    end: u64,
    care: Care,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(log: &'a Log, segment: &'a Segment, from: u64, care: Care) -> Self {
        Self { log, segment, offset: from, end: segment.span().end, care }
    }

    /// The next thing on the way; none at the end.
    pub(crate) fn step(&mut self) -> Result<Option<Met>, StoreError> {
        let start = self.offset;
        if start >= self.end {
            return Ok(None);
        }
        let header = self.log.header(self.segment, start)?;
        let Some(header) = header.filter(|header| start + header.len() <= self.end) else {
            self.offset = self.next_good(start + 1)?;
            return Ok(Some(Met::Bad(start, "its header does not fit")));
        };
        self.offset = start + header.len();
        if self.care == Care::Headers {
            return Ok(Some(Met::Good(header, Vec::new())));
        }
        let payload = self.log.payload(self.segment, &header, start)?;
        if crc32c::crc32c(&payload) == header.payload_crc {
            Ok(Some(Met::Good(header, payload)))
        } else {
            Ok(Some(Met::Bad(start, "its checksum does not fit")))
        }
    }

    /// How far into the file it has come.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The offset of the next header from `from` on, or the end of the blocks.
    fn next_good(&self, from: u64) -> Result<u64, StoreError> {
        let mut window = vec![0; WINDOW];
        let mut start = from;
        while start < self.end {
            let read = self.log.read(self.segment, start, &mut window)?;
            let Some(bytes) = window.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            for at in memmem::find_iter(bytes, &MAGIC) {
                let offset = start + at as u64;
                let header = self.log.header(self.segment, offset)?;
                if header.is_some_and(|header| offset + header.len() <= self.end) {
                    return Ok(offset);
                }
            }
            // Windows overlap by what a magic number that straddles their border needs.
            start += (read as u64).saturating_sub(MAGIC.len() as u64 - 1).max(1);
        }
        Ok(self.end)
    }
}

/// The blocks of a walk put together: a group is a DATA block right before its SUMMARY block.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    data: Option<u64>,
}

impl Pairing {
    /// Whether a good block completes a group or stands alone, so that the log may end after it.
    pub(crate) fn completes(&mut self, header: &BlockHeader) -> bool {
        let before = self.data.take();
        match header.kind {
            Kind::Data => {
                self.data = Some(header.position);
                false
            }
            Kind::Piece => true,
            Kind::Summary => before == header.position.checked_sub(u64::from(header.back)),
        }
    }

    /// Whether the next block may complete nothing, since something bad was met.
    pub(crate) fn broken(&mut self) {
        self.data = None;
    }
}
