//! One block at a time, for who reads many: its buffers and zstd's context serve block after block.

use crate::block::pack::Unpacker;
use crate::block::{BlockHeader, Kind, header_len};
use crate::error::StoreError;
use crate::log::Log;
use crate::segment::Segment;

/// Read at once with a header; most SUMMARY blocks are shorter.
const AT_ONCE: usize = 16 << 10;

/// Room for one block.
#[derive(Default)]
pub(super) struct BlockBuffer {
    stored: Vec<u8>,
    raw: Vec<u8>,
    unpacker: Unpacker,
}

impl BlockBuffer {
    /// The payload of the block at `position`, uncompressed and checked.
    pub(super) fn read(
        &mut self,
        log: &Log,
        segment: &Segment,
        position: u64,
        kind: Kind,
    ) -> Result<&[u8], StoreError> {
        let damaged = |reason| log.damaged(segment, position, reason);
        let offset =
            segment.offset(position).ok_or_else(|| damaged("its directory does not have it"))?;
        if self.stored.len() < AT_ONCE {
            self.stored.resize(AT_ONCE, 0);
        }
        let mut read = log.read(segment, offset, &mut self.stored)?;
        let bytes = self.stored.get(..read).unwrap_or_default();
        let header = BlockHeader::read(bytes, segment.opener())
            .filter(|header| header.position == position)
            .ok_or_else(|| damaged("it has no header"))?;
        if header.kind != kind {
            return Err(damaged("it is a block of another kind"));
        }
        let len = header.len() as usize;
        if self.stored.len() < len {
            self.stored.resize(len, 0);
        }
        if let Some(rest) = self.stored.get_mut(read..len) {
            read += log.read(segment, offset + read as u64, rest)?;
        }
        let payload_at = header_len(segment.opener.is_some());
        let stored = self.stored.get(payload_at..len.min(read)).unwrap_or_default();
        let opener = segment.opener();
        self.unpacker.unpack(&header, stored, &mut self.raw, opener).map_err(damaged)
    }
}
