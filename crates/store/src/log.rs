//! Reading blocks: which file, which bytes, checked and uncompressed.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use wayside_exchange::Timestamp;

use crate::block::{BlockHeader, SEALED_HEADER, header_len, pack};
use crate::cache::BlockCache;
use crate::error::StoreError;
use crate::segment::{LONGEST_HEADER, Segment, SegmentHeader, Token, name_of};
use crate::storage::{Storage, StoredFile};
use crate::vault::Vault;

/// Files of segments that a recorder keeps open to read from; the proxy needs the others.
pub(crate) const FEW_FILES: usize = 16;
/// Those of a process that only reads: another may delete or replace segments meanwhile, and who has a
/// file open goes on with it.
pub(crate) const MANY_FILES: usize = 512;

/// A file that another took the place of, or that is deleted, for those who still know its segment.
type Retired = (Weak<Token>, Arc<dyn StoredFile>);

/// The segments as something to read blocks from.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) storage: Arc<dyn Storage>,
    /// Opens those that are encrypted.
    pub(crate) vault: Arc<Vault>,
    most_files: usize,
    /// By their serial numbers; the one that was used last stands last.
    files: Mutex<Vec<(u64, Arc<dyn StoredFile>)>>,
    retired: Mutex<Vec<Retired>>,
    cache: Mutex<BlockCache>,
}

impl Log {
    pub(crate) fn new(storage: Arc<dyn Storage>, vault: Arc<Vault>, most_files: usize) -> Self {
        Self {
            storage,
            vault,
            most_files,
            files: Mutex::default(),
            retired: Mutex::default(),
            cache: Mutex::default(),
        }
    }

    /// The path of a segment's file.
    pub(crate) fn path(&self, number: u64) -> PathBuf {
        self.storage.path(&name_of(number))
    }

    /// A segment's file, opened for reading.
    pub(crate) fn file(&self, segment: &Segment) -> Result<Arc<dyn StoredFile>, StoreError> {
        let serial = segment.serial();
        let mut files = self.files.lock();
        if let Some(n) = files.iter().position(|(open, _)| *open == serial) {
            let file = files.remove(n);
            let found = file.1.clone();
            files.push(file);
            return Ok(found);
        }
        if let Some(file) = self.retired_file(segment) {
            return Ok(file);
        }
        let file = self.open(segment.number)?;
        let failed = |source| StoreError::io("read", &self.path(segment.number), source);
        if !segment.owns(&*file).map_err(failed)? {
            return Err(StoreError::Replaced { path: self.path(segment.number) });
        }
        if files.len() >= self.most_files {
            files.remove(0);
        }
        files.push((serial, file.clone()));
        Ok(file)
    }

    /// Keeps the open file of a segment, as long as there is room.
    pub(crate) fn keep_open(&self, segment: &Segment, file: &Arc<dyn StoredFile>) {
        let mut files = self.files.lock();
        if files.len() < self.most_files {
            files.push((segment.serial(), file.clone()));
        }
    }

    /// To be called before the file of a segment is deleted or another takes its name: who knows the
    /// segment can read it until the last of them has gone.
    pub(crate) fn retire(&self, segment: &Segment) -> Result<(), StoreError> {
        let file = self.file(segment)?;
        self.files.lock().retain(|(serial, _)| *serial != segment.serial());
        self.retired.lock().push((Arc::downgrade(segment.token()), file));
        Ok(())
    }

    /// Closes the files of segments that nobody knows any more: until then they take room on the disk.
    pub(crate) fn let_go(&self) {
        self.retired.lock().retain(|(known, _)| known.strong_count() > 0);
    }

    fn retired_file(&self, segment: &Segment) -> Option<Arc<dyn StoredFile>> {
        let retired = self.retired.lock();
        let known =
            |known: &Weak<Token>| std::ptr::eq(known.as_ptr(), Arc::as_ptr(segment.token()));
        retired.iter().find(|(retired, _)| known(retired)).map(|(_, file)| file.clone())
    }

    /// Opens the file of the segment of this number.
    pub(crate) fn open(&self, number: u64) -> Result<Arc<dyn StoredFile>, StoreError> {
        self.storage
            .open(&name_of(number), false)
            .map_err(|source| StoreError::io("open", &self.path(number), source))
    }

    /// The block at `position` of `segment`, uncompressed.
    pub(crate) fn block(
        &self,
        segment: &Segment,
        position: u64,
    ) -> Result<(BlockHeader, Bytes), StoreError> {
        let key = (position, segment.serial());
        if let Some(found) = self.cache.lock().take(key) {
            return Ok(found);
        }
        let offset = segment.offset(position);
        let damaged = |reason| self.damaged(segment, position, reason);
        let offset = offset.ok_or_else(|| damaged("its directory does not have it"))?;
        let header = self.header(segment, offset)?.ok_or_else(|| damaged("it has no header"))?;
        let stored = self.payload(segment, &header, offset)?;
        let raw = pack::unpack(&header, stored, segment.opener()).map_err(damaged)?;
        let raw = Bytes::from(raw);
        self.cache.lock().put(key, header, &raw);
        Ok((header, raw))
    }

    /// When a segment was begun.
    pub(crate) fn created(&self, segment: &Segment) -> Result<Timestamp, StoreError> {
        let mut bytes = [0; LONGEST_HEADER];
        self.read(segment, 0, &mut bytes)?;
        Ok(SegmentHeader::decode(&bytes).map_or(Timestamp(0), |header| header.created))
    }

    /// That the block at `position` of `segment` is not what it should be.
    pub(crate) fn damaged(
        &self,
        segment: &Segment,
        position: u64,
        reason: &'static str,
    ) -> StoreError {
        let offset = segment.offset(position).unwrap_or(0);
        StoreError::Damaged { path: self.path(segment.number), offset, reason }
    }

    /// The header at `offset` of the segment's file; none when there is none whose place that is.
    pub(crate) fn header(
        &self,
        segment: &Segment,
        offset: u64,
    ) -> Result<Option<BlockHeader>, StoreError> {
        let mut room = [0; SEALED_HEADER];
        let bytes = room.get_mut(..header_len(segment.opener.is_some())).unwrap_or_default();
        self.read(segment, offset, bytes)?;
        let header = BlockHeader::read(bytes, segment.opener());
        Ok(header.filter(|header| segment.has(header, offset)))
    }

    /// The payload of the block at `offset` as stored, perhaps cut short.
    pub(crate) fn payload(
        &self,
        segment: &Segment,
        header: &BlockHeader,
        offset: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let mut stored = vec![0; header.stored as usize];
        let payload_at = offset + header_len(segment.opener.is_some()) as u64;
        let read = self.read(segment, payload_at, &mut stored)?;
        stored.truncate(read);
        Ok(stored)
    }

    /// Reads the segment's file from `offset` on; says how many bytes there were.
    pub(crate) fn read(
        &self,
        segment: &Segment,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, StoreError> {
        self.file(segment)?
            .read_at(buffer, offset)
            .map_err(|source| StoreError::io("read", &self.path(segment.number), source))
    }
}
