//! Reading blocks: which file, which bytes, checked and uncompressed.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::block::{BlockHeader, HEADER, pack};
use crate::cache::BlockCache;
use crate::error::StoreError;
use crate::segment::{Segment, name_of};
use crate::storage::{Storage, StoredFile};

/// Open files that are kept for reading; the proxy needs the others.
const MOST_FILES: usize = 16;

/// The segments as something to read blocks from.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) storage: Arc<dyn Storage>,
    files: Mutex<Vec<(u64, Arc<dyn StoredFile>)>>,
    cache: Mutex<BlockCache>,
}

impl Log {
    pub(crate) fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage, files: Mutex::default(), cache: Mutex::default() }
    }

    /// The path of a segment's file.
    pub(crate) fn path(&self, number: u64) -> PathBuf {
        self.storage.path(&name_of(number))
    }

    /// A segment's file, opened for reading.
    pub(crate) fn file(&self, number: u64) -> Result<Arc<dyn StoredFile>, StoreError> {
        let mut files = self.files.lock();
        if let Some(n) = files.iter().position(|(open, _)| *open == number) {
            let file = files.remove(n);
            let found = file.1.clone();
            files.push(file);
            return Ok(found);
        }
        let file = self
            .storage
            .open(&name_of(number), false)
            .map_err(|source| StoreError::io("open", &self.path(number), source))?;
        if files.len() >= MOST_FILES {
            files.remove(0);
        }
        files.push((number, file.clone()));
        Ok(file)
    }

    /// The block at `position` of `segment`, uncompressed.
    pub(crate) fn block(
        &self,
        segment: &Segment,
        position: u64,
    ) -> Result<(BlockHeader, Bytes), StoreError> {
        if let Some(found) = self.cache.lock().take(position) {
            return Ok(found);
        }
        let offset = segment.offset(position);
        let damaged =
            |reason| StoreError::Damaged { path: self.path(segment.number), offset, reason };
        let header = self.header(segment, position)?.ok_or_else(|| damaged("it has no header"))?;
        let stored = self.payload(segment, &header)?;
        let raw = Bytes::from(pack::unpack(&header, stored).map_err(damaged)?);
        self.cache.lock().put(position, header, &raw);
        Ok((header, raw))
    }

    /// The header at `position`; none when there is none that names this position.
    pub(crate) fn header(
        &self,
        segment: &Segment,
        position: u64,
    ) -> Result<Option<BlockHeader>, StoreError> {
        let mut bytes = [0; HEADER];
        self.read(segment, position, &mut bytes)?;
        Ok(BlockHeader::decode(&bytes).filter(|header| header.position == position))
    }

    /// The payload of a block as stored, perhaps cut short.
    pub(crate) fn payload(
        &self,
        segment: &Segment,
        header: &BlockHeader,
    ) -> Result<Vec<u8>, StoreError> {
        let mut stored = vec![0; header.stored as usize];
        let read = self.read(segment, header.position + HEADER as u64, &mut stored)?;
        stored.truncate(read);
        Ok(stored)
    }

    /// Reads the log's bytes from `position` on; says how many there were.
    pub(crate) fn read(
        &self,
        segment: &Segment,
        position: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.file(segment.number)?
            .read_at(buffer, segment.offset(position))
            .map_err(|source| StoreError::io("read", &self.path(segment.number), source))
    }
}
