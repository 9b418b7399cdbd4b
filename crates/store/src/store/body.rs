//! Bodies as streams: the pieces one after the other, then what lay with the heads.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use wayside_exchange::{ExchangeId, Half};

use super::Shared;
use crate::catalogue::Catalogue;
use crate::record::Extent;
use crate::record::decode::{Kept, Stored};

/// The most of a body that is put together in memory, for filters that look into bodies.
const MOST_IN_MEMORY: usize = 16 << 20;

/// The kept bytes of a body, as transferred. Holds one piece in memory at a time.
pub struct BodyReader {
    shared: Arc<Shared>,
    /// The store as it was when reading began.
    catalogue: Arc<Catalogue>,
    id: ExchangeId,
    pieces: VecDeque<Extent>,
    current: Bytes,
    rest: Bytes,
    len: u64,
}

impl BodyReader {
    pub(crate) fn new(
        shared: Arc<Shared>,
        catalogue: Arc<Catalogue>,
        id: ExchangeId,
        kept: &Kept,
    ) -> Self {
        let pieces: VecDeque<Extent> = kept.pieces.iter().copied().collect();
        let len = pieces.iter().map(|piece| piece.bytes).sum::<u64>() + kept.rest.len() as u64;
        Self { shared, catalogue, id, pieces, current: Bytes::new(), rest: kept.rest.clone(), len }
    }

    /// How many bytes can be read in all.
    pub fn stored(&self) -> u64 {
        self.len
    }

    /// The next run of bytes; empty at the end.
    fn next_run(&mut self) -> io::Result<Bytes> {
        let Some(extent) = self.pieces.pop_front() else {
            return Ok(std::mem::take(&mut self.rest));
        };
        let piece = self.shared.piece(&self.catalogue, self.id, extent);
        piece.map_err(|error| {
            self.pieces.push_front(extent);
            io::Error::new(ErrorKind::InvalidData, error)
        })
    }
}

impl fmt::Debug for BodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyReader").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            self.current = self.next_run()?;
            if self.current.is_empty() && self.pieces.is_empty() && self.rest.is_empty() {
                return Ok(0);
            }
        }
        let n = buffer.len().min(self.current.len());
        if let Some(into) = buffer.get_mut(..n) {
            self.current.copy_to_slice(into);
        }
        Ok(n)
    }
}

/// The beginning of a body in one run; none where there is no such half or it cannot be read.
pub(crate) fn in_memory(shared: &Arc<Shared>, stored: &Stored, half: Half) -> Option<Bytes> {
    let kept = stored.kept(half)?;
    if kept.pieces.is_empty() {
        return Some(kept.rest.clone());
    }
    joined(shared, stored.exchange.summary.id, kept).map(Bytes::from)
}

/// The beginning of a body of pieces in one run; none where it cannot be read.
pub(super) fn joined(shared: &Arc<Shared>, id: ExchangeId, kept: &Kept) -> Option<Vec<u8>> {
    let mut reader = BodyReader::new(shared.clone(), shared.catalogue(), id, kept);
    let mut all = Vec::new();
    while all.len() < MOST_IN_MEMORY {
        let run = reader.next_run().ok()?;
        if run.is_empty() && reader.pieces.is_empty() {
            break;
        }
        all.extend_from_slice(&run);
    }
    Some(all)
}
