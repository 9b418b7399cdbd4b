//! The blocks that were read last, uncompressed, within a fixed number of bytes.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::block::BlockHeader;

/// Bytes of uncompressed blocks that are kept.
const ROOM: usize = 8 << 20;
/// A block over this is not kept: it would push out everything else.
const MOST: usize = 2 << 20;

/// A block's position, and the serial number of its segment's directory: positions stay when a segment is
/// written anew.
type Key = (u64, u64);

/// Least recently used go first.
#[derive(Debug, Default)]
pub(crate) struct BlockCache {
    blocks: VecDeque<(Key, BlockHeader, Bytes)>,
    bytes: usize,
}

impl BlockCache {
    /// The block of this key, if it is still here.
    pub(crate) fn take(&mut self, key: Key) -> Option<(BlockHeader, Bytes)> {
        let n = self.blocks.iter().position(|(at, ..)| *at == key)?;
        let block = self.blocks.remove(n)?;
        let found = (block.1, block.2.clone());
        self.blocks.push_front(block);
        Some(found)
    }

    /// Keeps the block of this key.
    pub(crate) fn put(&mut self, key: Key, header: BlockHeader, block: &Bytes) {
        if block.len() > MOST || self.blocks.iter().any(|(at, ..)| *at == key) {
            return;
        }
        self.bytes += block.len();
        self.blocks.push_front((key, header, block.clone()));
        while self.bytes > ROOM {
            let Some((.., oldest)) = self.blocks.pop_back() else { break };
            self.bytes -= oldest.len();
        }
    }
}
