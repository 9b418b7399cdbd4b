//! The append side: gathers records into groups, and writes many with one call.
//!
//! Everything waits in `pending`, laid out as it will be in the file. Nothing is compressed here: that
//! is done when a segment is settled, where no traffic waits for it.
//! What waits has its position in the log already, so that pieces can be referred to before they
//! are written, and a failed write is repeated as it was, here or in a new segment. Long runs are written
//! by a thread of their own (`behind`) while the next one fills.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use wayside_exchange::{ExchangeId, Half, Micros, Timestamp};

use crate::block::{BlockHeader, MOST};
use crate::error::StoreError;
use crate::forwarded::Tallies;
use crate::keeper::Keeping;
use crate::lock::Lock;
use crate::record::{Extent, NewRecord, encode};
use crate::storage::pages::PageBuffer;
use crate::store::{Durability, Options, Shared};

use behind::WriteThread;
use group::GroupBuilder;
use pending::{Batch, Pending, Sealed};
use sync::SyncThread;
use tail::{Place, Tail};

mod behind;
pub(crate) mod group;
pub(crate) mod pending;
pub(crate) mod sync;
mod tail;

/// A body with more than this after its pieces is written as pieces of its own, so that reading
/// heads never reads it.
const SMALL_BODY: usize = 64 << 10;
/// The most that a record may take in a block.
const LARGEST_RECORD: usize = MOST / 2;
/// How much may wait while the disk refuses; then records are refused.
const MOST_WAITING: usize = 8 << 20;
/// What waits is written once it is this long: direct writes get no cheaper beyond.
const WRITE_FROM: usize = 1 << 20;
/// What is shorter than this is not worth another thread.
const BEHIND_FROM: usize = 128 << 10;
/// What waits this long is written, so that with a tick each 100 ms nothing waits longer.
const WRITE_AFTER: Micros = Micros(90_000);

/// Appends to a store. There is one for each store; it holds the store's lock.
pub struct Writer {
    shared: Arc<Shared>,
    options: Options,
    group: GroupBuilder,
    pending: Pending,
    tail: Tail,
    behind: WriteThread,
    /// What that thread is writing.
    away: Option<Away>,
    /// What could not be written; it goes before anything else.
    stuck: Option<Batch>,
    /// The buffer of the last batch, to be used again.
    spare: PageBuffer,
    /// The greatest id of any group that was written.
    newest: u64,
    sync: SyncThread,
    keeping: Keeping,
    tallies: Tallies,
    now: Timestamp,
    /// When the oldest of what waits had come at the latest.
    waiting_since: Option<Timestamp>,
    /// The last write failed, so writing is left to the next tick.
    refused: bool,
    spill: Vec<u8>,
    _lock: Lock,
}

/// A batch on its way to the disk, but for its bytes.
struct Away {
    start: u64,
    groups: Vec<Sealed>,
    place: Place,
}

/// What a writer is made of.
pub(crate) struct Parts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) options: Options,
    pub(crate) last_number: u64,
    pub(crate) tallies: Tallies,
    pub(crate) lock: Lock,
    pub(crate) keeping: Keeping,
}

impl Writer {
    pub(crate) fn new(parts: Parts) -> Result<Writer, StoreError> {
        let Parts { shared, options, last_number, tallies, lock, keeping } = parts;
        let (end, running, segment) = {
            let catalogue = shared.catalogue();
            let running = catalogue.open_ids().collect();
            let last = catalogue.segments.last().filter(|last| shared.goes_on(last));
            (catalogue.end(), running, last.cloned())
        };
        let sync = SyncThread::start(shared.clone())
            .map_err(|source| StoreError::io("start the sync thread of", &shared.dir, source))?;
        let behind = WriteThread::start()
            .map_err(|source| StoreError::io("start the write thread of", &shared.dir, source))?;
        Ok(Writer {
            group: GroupBuilder::new(running),
            pending: Pending::new(end, shared.sealer.clone()),
            tail: Tail::new(segment, last_number, end),
            behind,
            away: None,
            stuck: None,
            spare: PageBuffer::default(),
            newest: 0,
            sync,
            keeping,
            tallies,
            now: Timestamp(0),
            waiting_since: None,
            refused: false,
            spill: Vec::new(),
            _lock: lock,
            shared,
            options,
        })
    }

    /// Takes a record. It is written when a block is full, or by the next ticks. On an error the
    /// record was not taken, and everything before it is as it was.
    pub fn append(&mut self, record: &NewRecord<'_>) -> Result<(), StoreError> {
        self.refuse_when_stuck()?;
        let mut spilled = Vec::new();
        self.spill_body(record, Half::Request, &mut spilled)?;
        self.spill_body(record, Half::Response, &mut spilled)?;
        let most = encode::most(record, &spilled);
        let len = self.pending.record(most, |out| encode::record(out, record, &spilled));
        if len > LARGEST_RECORD {
            self.pending.take_back(len);
            return Err(StoreError::TooLarge { bytes: len as u64, limit: LARGEST_RECORD as u64 });
        }
        self.group.add(record.summary, len);
        self.waiting_since.get_or_insert(self.now);
        if self.pending.records() >= self.options.block_bytes {
            self.seal_group();
            self.write_when_enough();
        }
        Ok(())
    }

    /// Takes part of a body ahead of its record: at most a block. The extent is good from now on.
    pub fn append_piece(
        &mut self,
        id: ExchangeId,
        half: Half,
        data: &[u8],
    ) -> Result<Extent, StoreError> {
        self.refuse_when_stuck()?;
        if data.len() > LARGEST_RECORD {
            let (bytes, limit) = (data.len() as u64, LARGEST_RECORD as u64);
            return Err(StoreError::TooLarge { bytes, limit });
        }
        // A piece is a block of its own, so it ends the one in the making.
        self.seal_group();
        // Where it goes is told when it is put there.
        let position = self.pending.put(BlockHeader::piece(id, half, 0), data).position;
        self.waiting_since.get_or_insert(self.now);
        self.write_when_enough();
        Ok(Extent { position, bytes: data.len() as u64 })
    }

    /// Writes what has waited long enough and syncs as the durability asks; call it at least every
    /// 100 ms. After a failure it tries again, so recording goes on by itself when it can.
    pub fn tick(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.now = now;
        let due = self.waiting_since.is_some_and(|since| now.since(since) >= WRITE_AFTER);
        self.shared.sealing.set_now(now);
        let asked = self.shared.sealing.asked();
        if let Err(error) = self.shared.linking.write() {
            self.shared.note_trouble(&error);
        }
        let wrote = if self.refused || asked.is_some() {
            self.flush()
        } else if due {
            self.seal_group();
            let is_long = self.pending.bytes.len() >= BEHIND_FROM;
            if is_long { self.write_behind() } else { self.write_pending() }
        } else if self.away.is_some() && self.behind.is_done() {
            self.arrive()
        } else {
            Ok(())
        };
        match self.options.durability {
            Durability::Power | Durability::Strict => {
                self.sync.request_when_due(now, &mut self.tail, self.shared.recorded());
            }
            // Nothing is promised for a power loss, and no sync can fail.
            Durability::Process => self.shared.sealing.set_durable(self.tail.end),
        }
        if let Some(asked) = asked.filter(|_| wrote.is_ok()) {
            self.tail.close(&self.shared);
            self.shared.sealing.serve(asked, self.tail.end);
        }
        self.save_unsynced()?;
        wrote
    }

    /// Writes what waits, so that it survives the death of this process.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.seal_group();
        self.write_pending()
    }

    /// Writes what waits and returns when it survives a power loss.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.flush()?;
        self.shared.linking.write()?;
        self.sync.request(&mut self.tail, self.shared.recorded());
        if self.sync.wait().is_ok() {
            return Ok(());
        }
        self.save_unsynced()?;
        self.sync.request(&mut self.tail, self.shared.recorded());
        self.sync
            .wait()
            .map_err(|source| StoreError::io("sync", &self.shared.log.storage.path(""), source))
    }

    /// Stops cleanly: everything is written and durable, and no exchange counts as lost.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.sync()?;
        self.shared.linking.sync()?;
        self.keeping.finish();
        let end = self.shared.catalogue().end();
        self.shared.books(|books| books.end(end))
    }

    /// Whether more is to come than a disk can take at once: then writes go through the page cache, which
    /// costs more processor time and waits for nothing.
    pub fn hurry(&self, hurried: bool) {
        self.shared.log.storage.hurry(hurried);
    }

    /// Stops without writing what waits, which may be anything after a panic. What it held counts as
    /// lost when the store is opened next.
    pub fn abandon(mut self) {
        self.group = GroupBuilder::new(HashSet::new());
        self.pending = Pending::new(self.pending.start, self.shared.sealer.clone());
        self.stuck = None;
        if self.away.take().is_some() {
            let _ = self.behind.end();
        }
    }

    /// Where workers count the exchanges that they begin, so that after a crash the next recorder can
    /// say how many are lost.
    pub fn tallies(&self) -> Tallies {
        self.tallies.clone()
    }

    fn refuse_when_stuck(&self) -> Result<(), StoreError> {
        let stuck = self.stuck.as_ref().map_or(0, |batch| batch.bytes.len());
        if self.refused && stuck + self.pending.bytes.len() >= MOST_WAITING {
            return Err(StoreError::Full { path: self.shared.dir.clone() });
        }
        Ok(())
    }

    fn spill_body(
        &mut self,
        record: &NewRecord<'_>,
        half: Half,
        spilled: &mut Vec<(Half, Extent)>,
    ) -> Result<(), StoreError> {
        let message = match half {
            Half::Request => Some(&record.request),
            Half::Response => record.response.as_ref(),
        };
        let Some(body) = message.map(|message| message.body) else { return Ok(()) };
        if body.rest_len() <= SMALL_BODY {
            return Ok(());
        }
        let mut spill = std::mem::take(&mut self.spill);
        spill.clear();
        for slice in body.rest {
            let mut slice = *slice;
            while !slice.is_empty() {
                let room = self.options.block_bytes.saturating_sub(spill.len()).max(1);
                let (now, later) = slice.split_at(room.min(slice.len()));
                spill.extend_from_slice(now);
                slice = later;
                if spill.len() >= self.options.block_bytes {
                    spilled.push((half, self.append_piece(record.summary.id, half, &spill)?));
                    spill.clear();
                }
            }
        }
        if !spill.is_empty() {
            spilled.push((half, self.append_piece(record.summary.id, half, &spill)?));
        }
        self.spill = spill;
        Ok(())
    }

    fn seal_group(&mut self) {
        let pending = &mut self.pending;
        let sealed = self.group.seal(|data, summary, rows| pending.close(data, summary, rows));
        self.pending.groups.extend(sealed);
    }

    /// Has what waits written once it is long enough for one good write. What was taken stays taken whatever
    /// the disk says; a tick tells of the trouble.
    fn write_when_enough(&mut self) {
        let enough = WRITE_FROM.min(self.options.segment_bytes as usize);
        if self.pending.bytes.len() >= enough && !self.refused {
            let _ = self.write_behind();
        }
    }

    /// Hands what waits to the thread that writes, once that has written what it had before.
    fn write_behind(&mut self) -> Result<(), StoreError> {
        self.arrive()?;
        let (shared, options) = (&self.shared, &self.options);
        let place = match self.tail.place(shared, options, self.now, self.pending.start) {
            Ok(place) => place,
            Err(error) => return Err(self.refuse(error)),
        };
        let Batch { start, bytes, groups } = self.pending.take(std::mem::take(&mut self.spare));
        self.behind.begin(place.write(bytes));
        self.away = Some(Away { start, groups, place });
        self.waiting_since = None;
        Ok(())
    }

    /// Waits for what is on its way to the disk.
    fn arrive(&mut self) -> Result<(), StoreError> {
        let Some(Away { start, groups, place }) = self.away.take() else { return Ok(()) };
        let (bytes, written) = self.behind.end();
        let batch = Batch { start, bytes, groups };
        let written = self.tail.written(&self.shared, self.now, &batch, place, written);
        self.wrote(batch, written)
    }

    fn write_pending(&mut self) -> Result<(), StoreError> {
        self.arrive()?;
        if let Some(batch) = self.stuck.take() {
            self.write(batch)?;
        }
        if self.pending.bytes.is_empty() {
            self.waiting_since = None;
            self.refused = false;
            return Ok(());
        }
        let batch = self.pending.take(std::mem::take(&mut self.spare));
        self.write(batch)
    }

    fn write(&mut self, batch: Batch) -> Result<(), StoreError> {
        let written = self.tail.write(&self.shared, &self.options, self.now, &batch);
        self.wrote(batch, written)
    }

    /// Shows a batch to readers once it is written, else keeps it to be written again.
    fn wrote(&mut self, batch: Batch, written: Result<(), StoreError>) -> Result<(), StoreError> {
        if let Err(error) = written {
            self.stuck = Some(batch);
            return Err(self.refuse(error));
        }
        self.refused = false;
        self.shared.trouble_is_over();
        let Batch { bytes, groups, .. } = batch;
        self.spare = bytes;
        if self.group.is_empty() && self.pending.bytes.is_empty() {
            self.waiting_since = None;
        }
        let newest = groups.iter().map(|sealed| sealed.group.last).max();
        self.newest = self.newest.max(newest.unwrap_or(0));
        self.shared.publish(&groups, self.tail.segment(), self.newest);
        self.keeping.send(groups);
        Ok(())
    }

    /// Writing is left to the next tick.
    fn refuse(&mut self, error: StoreError) -> StoreError {
        self.refused = true;
        self.shared.note_trouble(&error);
        error
    }

    /// After a failed sync: writes what may not have reached the disk once more, elsewhere.
    fn save_unsynced(&mut self) -> Result<(), StoreError> {
        let Some(failed) = self.sync.take_failure() else { return Ok(()) };
        // If this fails too, it is written again later, behind what is written anew now.
        let _ = self.arrive();
        let saved = self.tail.rewrite(&self.shared, self.now, self.sync.durable_position());
        match saved {
            Ok(()) => {
                tracing::warn!(error = %failed, "a sync failed; the blocks since the last one were written anew");
                self.sync.request(&mut self.tail, self.shared.recorded());
                Ok(())
            }
            Err(error) => {
                self.shared.note_trouble(&error);
                self.sync.put_failure_back(failed);
                Err(error)
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}
