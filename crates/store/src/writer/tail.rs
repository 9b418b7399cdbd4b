//! The segment that is being written, and when it is time for the next.

use std::io;
use std::sync::Arc;

use wayside_exchange::Timestamp;

use super::behind::Write;
use super::pending::Batch;
use crate::error::{StoreError, is_full};
use crate::segment::{Form, Segment, SegmentHeader, Token, name_of, start_of};
use crate::storage::StoredFile;
use crate::storage::pages::PageBuffer;
use crate::store::{Options, Shared};

/// Bytes copied at a time when blocks are written anew.
const COPY: usize = 1 << 20;

/// The end of the log.
#[derive(Debug)]
pub(super) struct Tail {
    segment: Option<Segment>,
    file: Option<Arc<dyn StoredFile>>,
    last_number: u64,
    /// Everything before this position is written.
    pub(super) end: u64,
    /// Files with writes that no sync was asked for yet.
    pub(super) unsynced: Vec<Arc<dyn StoredFile>>,
    /// Files were made since the folder was last synced.
    pub(super) folder_unsynced: bool,
}

/// Where a batch goes.
#[derive(Debug)]
pub(super) struct Place {
    segment: Segment,
    file: Arc<dyn StoredFile>,
    offset: u64,
}

impl Place {
    /// The write of `bytes` there.
    pub(super) fn write(&self, bytes: PageBuffer) -> Write {
        Write { file: self.file.clone(), offset: self.offset, bytes }
    }
}

impl Tail {
    pub(super) fn new(segment: Option<Segment>, last_number: u64, end: u64) -> Self {
        Self {
            folder_unsynced: segment.is_some(),
            segment,
            file: None,
            last_number,
            end,
            unsynced: Vec::new(),
        }
    }

    /// The segment that is being written.
    pub(super) fn segment(&self) -> Option<Segment> {
        self.segment.clone()
    }

    /// Writes no more to the segment that is being written, so that it can be settled.
    pub(super) fn close(&mut self, shared: &Shared) {
        (self.segment, self.file) = (None, None);
        shared.sealing.closed(self.last_number);
    }

    /// Writes all of a batch, or nothing: after an error the log ends where it ended before.
    pub(super) fn write(
        &mut self,
        shared: &Shared,
        options: &Options,
        now: Timestamp,
        batch: &Batch,
    ) -> Result<(), StoreError> {
        let place = self.place(shared, options, now, batch.start)?;
        let written = place.file.write_at(&batch.bytes, place.offset);
        self.written(shared, now, batch, place, written)
    }

    /// Where what begins at position `start` is to be written.
    pub(super) fn place(
        &mut self,
        shared: &Shared,
        options: &Options,
        now: Timestamp,
        start: u64,
    ) -> Result<Place, StoreError> {
        let long = |segment: &Segment| segment.end - segment.base >= options.segment_bytes;
        if self.segment.as_ref().is_some_and(long) {
            self.close(shared);
        }
        let (segment, file) = self.open(shared, now, start)?;
        Ok(Place { offset: offset_in(&segment, start), segment, file })
    }

    /// A batch was written at `place`, or was not: then it is tried once more in a new segment.
    pub(super) fn written(
        &mut self,
        shared: &Shared,
        now: Timestamp,
        batch: &Batch,
        place: Place,
        written: io::Result<()>,
    ) -> Result<(), StoreError> {
        let Place { segment, file, offset } = place;
        let Err(error) = written else {
            self.wrote(segment, file, batch.end());
            return Ok(());
        };
        let path = shared.log.path(segment.number);
        if segment.end > segment.base {
            let _ = file.truncate(offset);
        } else {
            let _ = shared.log.storage.remove(&name_of(segment.number));
            (self.segment, self.file) = (None, None);
        }
        if is_full(&error) {
            return Err(StoreError::Full { path: shared.dir.clone() });
        }
        tracing::warn!(segment = %path.display(), %error, "a write failed; a new segment is begun");
        let (segment, file) = self.begin(shared, now, batch.start)?;
        if let Err(error) = file.write_at(&batch.bytes, offset_in(&segment, batch.start)) {
            let _ = shared.log.storage.remove(&name_of(segment.number));
            (self.segment, self.file) = (None, None);
            return Err(StoreError::io("write", &shared.log.path(segment.number), error));
        }
        self.wrote(segment, file, batch.end());
        Ok(())
    }

    /// Copies the log from `from` on into a new segment, as far as it can still be read: what a
    /// failed sync leaves in the page cache is never synced again in hope, but its bytes are there,
    /// and every block's checksum says whether they are right.
    pub(super) fn rewrite(
        &mut self,
        shared: &Shared,
        now: Timestamp,
        from: u64,
    ) -> Result<(), StoreError> {
        let (old, old_file) = (self.segment.clone(), self.file.clone());
        let copied = self
            .begin(shared, now, from)
            .and_then(|(segment, file)| self.copy(shared, segment, file, from));
        let segment = match copied {
            Ok(segment) => segment,
            Err(error) => {
                if self.segment.as_ref().map(|made| made.number)
                    != old.as_ref().map(|old| old.number)
                {
                    let _ = shared.log.storage.remove(&name_of(self.last_number));
                }
                (self.segment, self.file) = (old, old_file);
                return Err(error);
            }
        };
        let replaced = shared.replace_from(segment);
        for emptied in replaced.emptied {
            let _ = shared.log.retire(&emptied);
            let _ = shared.log.storage.remove(&name_of(emptied.number));
        }
        if let Some(cut) = replaced.cut
            && let Ok(file) = shared.log.storage.open(&name_of(cut.number), true)
        {
            let _ = file.truncate(cut.span().end);
        }
        Ok(())
    }

    fn copy(
        &mut self,
        shared: &Shared,
        mut segment: Segment,
        file: Arc<dyn StoredFile>,
        from: u64,
    ) -> Result<Segment, StoreError> {
        let mut buffer = vec![0; COPY];
        let mut position = from;
        while position < self.end {
            let source = shared.catalogue().segment_at(position);
            let until = source.as_ref().map_or(self.end, |source| source.end);
            let most = (until - position).min(COPY as u64) as usize;
            let Some(bytes) = buffer.get_mut(..most) else { break };
            let read = match source {
                Some(source) => shared.log.read(&source, offset_in(&source, position), bytes)?,
                None => 0,
            };
            // What cannot be read stays a hole, so that everything after it keeps its position.
            let bytes = if read == 0 { bytes } else { bytes.get(..read).unwrap_or_default() };
            file.write_at(bytes, offset_in(&segment, position)).map_err(|source| {
                StoreError::io("write", &shared.log.path(segment.number), source)
            })?;
            position += bytes.len() as u64;
        }
        segment.end = self.end;
        self.unsynced.clear();
        self.wrote(segment.clone(), file, self.end);
        Ok(segment)
    }

    fn wrote(&mut self, mut segment: Segment, file: Arc<dyn StoredFile>, end: u64) {
        segment.end = end;
        if !self.unsynced.iter().any(|unsynced| Arc::ptr_eq(unsynced, &file)) {
            self.unsynced.push(file.clone());
        }
        (self.segment, self.file, self.end) = (Some(segment), Some(file), end);
    }

    fn open(
        &mut self,
        shared: &Shared,
        now: Timestamp,
        start: u64,
    ) -> Result<(Segment, Arc<dyn StoredFile>), StoreError> {
        match (self.segment.clone(), &self.file) {
            (Some(segment), Some(file)) => Ok((segment, file.clone())),
            (Some(segment), None) => {
                let file =
                    shared.log.storage.open(&name_of(segment.number), true).map_err(|error| {
                        StoreError::io("open", &shared.log.path(segment.number), error)
                    })?;
                self.file = Some(file.clone());
                Ok((segment, file))
            }
            (None, _) => self.begin(shared, now, start),
        }
    }

    /// Begins a new segment at position `base`.
    fn begin(
        &mut self,
        shared: &Shared,
        now: Timestamp,
        base: u64,
    ) -> Result<(Segment, Arc<dyn StoredFile>), StoreError> {
        let storage = &shared.log.storage;
        self.last_number += 1;
        let number = self.last_number;
        let name = name_of(number);
        let failed = |error: io::Error| StoreError::io("make", &storage.path(&name), error);
        let file = storage.create(&name).map_err(failed)?;
        let opener = shared.sealer.as_ref().map(|sealer| sealer.opener().clone());
        let header = SegmentHeader::new(number, base, now, opener.as_deref());
        if let Err(error) = file.write_at(&header.encode(), 0) {
            let _ = storage.remove(&name);
            return Err(failed(error));
        }
        let (version, form) = (header.version, Form::Raw(Token::new()));
        let segment = Segment { number, version, base, end: base, form, opener };
        self.folder_unsynced = true;
        (self.segment, self.file) = (Some(segment.clone()), Some(file.clone()));
        Ok((segment, file))
    }
}

/// Where a position is in the file of a segment that is being written.
fn offset_in(segment: &Segment, position: u64) -> u64 {
    start_of(segment.base) + position.saturating_sub(segment.base)
}
