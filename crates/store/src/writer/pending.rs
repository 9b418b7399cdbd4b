//! Blocks on their way to the disk, and behind them the DATA block of the group in the making: its
//! records are put right where they will be written from.

use std::sync::Arc;

use crate::block::{BlockHeader, SEALED_HEADER, header_len, pack};
use crate::catalogue::{Group, Tracked};
use crate::cipher::Sealer;
use crate::storage::pages::PageBuffer;
use crate::zone::ZoneSets;

/// A group whose blocks are made.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) group: Group,
    pub(crate) zone: Arc<ZoneSets>,
    pub(crate) tracked: Vec<Tracked>,
}

/// Blocks that are to be written, and the groups that they are.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Position of the first of `bytes`.
    pub(crate) start: u64,
    pub(crate) bytes: PageBuffer,
    pub(crate) groups: Vec<Sealed>,
}

/// Blocks in the making; they begin where the log and what is on its way to it end.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Where in `bytes` the DATA block in the making begins, its header still empty.
    open: Option<usize>,
    /// Encrypts blocks as they are closed; none where they stay in clear.
    sealer: Option<Arc<Sealer>>,
    /// Position of the first of `bytes`.
    pub(crate) start: u64,
    pub(crate) bytes: PageBuffer,
    pub(crate) groups: Vec<Sealed>,
}

impl Batch {
    /// The position behind it.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Pending {
    pub(crate) fn new(start: u64, sealer: Option<Arc<Sealer>>) -> Self {
        Self { open: None, sealer, start, bytes: PageBuffer::at(start), groups: Vec::new() }
    }

    /// Bytes of a header.
    fn room(&self) -> usize {
        header_len(self.sealer.is_some())
    }

    /// Bytes of records in the DATA block in the making.
    pub(crate) fn records(&self) -> usize {
        self.open.map_or(0, |at| self.bytes.len() - at - self.room())
    }

    /// Appends a record of at most `most` bytes to the DATA block in the making; says how long it is.
    pub(crate) fn record(&mut self, most: usize, encode: impl FnOnce(&mut Vec<u8>)) -> usize {
        if self.open.is_none() {
            self.open = Some(self.bytes.len());
            let room = [0; SEALED_HEADER];
            self.bytes.extend_from_slice(room.get(..self.room()).unwrap_or_default());
        }
        let before = self.bytes.len();
        encode(self.bytes.appending(most));
        self.bytes.len() - before
    }

    /// Takes the last `bytes` of the records back.
    pub(crate) fn take_back(&mut self, bytes: usize) {
        self.bytes.truncate(self.bytes.len().saturating_sub(bytes));
        if let Some(at) = self.open.filter(|_| self.records() == 0) {
            self.bytes.truncate(at);
            self.open = None;
        }
    }

    /// Ends the DATA block in the making, and puts its rows behind it.
    pub(crate) fn close(
        &mut self,
        data: BlockHeader,
        summary: BlockHeader,
        rows: &[u8],
    ) -> BlockHeader {
        let at = self.open.take().unwrap_or(self.bytes.len());
        let data = BlockHeader { position: self.start + at as u64, ..data };
        let data = pack::close_raw(data, at, &mut self.bytes, self.sealer.as_deref());
        self.put(BlockHeader { back: data.len() as u32, ..summary }, rows)
    }

    /// The position of the next block.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Appends a block as it is, at the end of the log; no other may be in the making.
    pub(crate) fn put(&mut self, header: BlockHeader, payload: &[u8]) -> BlockHeader {
        let header = BlockHeader { position: self.end(), ..header };
        pack::put_raw(header, payload, &mut self.bytes, self.sealer.as_deref())
    }

    /// Takes all of it, no block being in the making; what comes goes to `buffer`.
    pub(crate) fn take(&mut self, buffer: PageBuffer) -> Batch {
        let start = self.start;
        self.start = self.end();
        let bytes = std::mem::replace(&mut self.bytes, buffer);
        self.bytes.restart(self.start);
        Batch { start, bytes, groups: std::mem::take(&mut self.groups) }
    }
}
