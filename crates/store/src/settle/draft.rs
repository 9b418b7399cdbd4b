//! The file that a settled segment will be.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::block::{BlockHeader, pack::Packer};
use crate::catalogue::Group;
use crate::cipher::Sealer;
use crate::directory::Directory;
use crate::error::{StoreError, is_full};
use crate::record::decode::Stored;
use crate::segment::{Form, Segment, SegmentHeader, draft_of, name_of, start_of, written};
use crate::storage::StoredFile;
use crate::storage::pages::PageBuffer;
use crate::store::Shared;
use crate::text::table::TextTable;
use crate::text::{Column, TextBuilder};
use crate::writer::group::GroupBuilder;
use crate::zone::ZoneSets;

/// Bytes of records that are put together into one group: more would compress little better, and
/// reading one exchange means unpacking its group.
const GROUP: usize = 1 << 20;
/// Bytes written at a time.
const WRITE: usize = 1 << 20;

/// A settled segment in the making.
pub(crate) struct Draft {
    file: Arc<dyn StoredFile>,
    name: String,
    /// What is to be written next, and where.
    buffer: PageBuffer,
    at: u64,
    directory: Directory,
    packer: Packer,
    /// Encrypts it; none where it stays in clear.
    sealer: Option<Sealer>,
    /// Positions of the first DATA and the last SUMMARY block of the group in the making.
    open: Option<(u64, u64)>,
    group: GroupBuilder,
    /// Its records.
    records: Vec<u8>,
    text: TextBuilder,
    columns: Vec<Column>,
    groups: Vec<(Group, Arc<ZoneSets>)>,
    /// For the SUMMARY block of an old group, where its rows went.
    moved: HashMap<u64, Moved>,
    /// Old groups of the one in the making.
    moving: Vec<(u64, Moved)>,
}

/// Where the rows of an old group went.
#[derive(Debug)]
pub(super) struct Moved {
    /// The position of the new group.
    to: u64,
    /// How many others stand before them there.
    after: u32,
    /// Those that did not come along, in order.
    dropped: Vec<u32>,
}

impl Moved {
    /// Where the `row`-th is now; none when it did not come along.
    pub(super) fn place(&self, row: u32) -> Option<(u64, u32)> {
        let before = self.dropped.binary_search(&row).err()?;
        Some((self.to, self.after + row - before as u32))
    }
}

/// What a draft became.
pub(super) struct Settled {
    pub(super) segment: Segment,
    pub(super) groups: Vec<(Group, Arc<ZoneSets>)>,
    pub(super) moved: HashMap<u64, Moved>,
}

impl Draft {
    /// Begins the file beside that of `segment`.
    pub(super) fn begin(shared: &Shared, segment: &Segment) -> Result<Self, StoreError> {
        let storage = &shared.log.storage;
        let name = draft_of(segment.number);
        // One that a crash left is worth nothing.
        let _ = storage.remove(&name);
        let file = storage
            .create(&name)
            .map_err(|source| StoreError::io("make", &storage.path(&name), source))?;
        // What was encrypted once stays so.
        let encrypts = shared.sealer.is_some() || segment.opener.is_some();
        let path = shared.log.path(segment.number);
        let sealer = encrypts.then(|| shared.log.vault.sealer(&path)).transpose()?;
        let (created, opener) = (shared.log.created(segment)?, sealer.as_ref().map(Sealer::opener));
        let header = SegmentHeader {
            settled: true,
            ..SegmentHeader::new(segment.number, segment.base, created, opener.map(Arc::as_ref))
        };
        let at = start_of(segment.base);
        let draft = Self {
            file,
            name,
            buffer: PageBuffer::at(at),
            at,
            directory: Directory::new(at, segment.end),
            packer: Packer::new(),
            sealer,
            open: None,
            group: GroupBuilder::new(HashSet::new()),
            records: Vec::new(),
            text: TextBuilder::new(),
            columns: Vec::new(),
            groups: Vec::new(),
            moved: HashMap::new(),
            moving: Vec::new(),
        };
        draft.write_at(shared, &header.encode(), 0)?;
        Ok(draft)
    }

    /// Takes a piece of a body as it is, or smaller.
    pub(super) fn piece(
        &mut self,
        shared: &Shared,
        header: &BlockHeader,
        raw: &[u8],
    ) -> Result<(), StoreError> {
        let offset = self.at + self.buffer.len() as u64;
        let sealer = self.sealer.as_ref();
        let header = self.packer.pack(*header, raw, false, &mut self.buffer, sealer);
        self.directory.add(&header, offset);
        self.write_when_enough(shared)
    }

    /// Goes on with the rows of an old group, without those that are `dropped`, in a new one where that is
    /// better.
    pub(super) fn open_group(
        &mut self,
        shared: &Shared,
        data: &BlockHeader,
        summary: &BlockHeader,
        dropped: Vec<u32>,
    ) -> Result<(), StoreError> {
        let began = shared.sealing.began;
        let across = self.open.is_some_and(|(first, _)| first < began && data.position >= began);
        if across || self.records.len() + data.raw as usize > GROUP {
            self.close_group();
        }
        self.write_when_enough(shared)?;
        self.group.inherit(summary.flags);
        let moved = Moved { to: 0, after: self.group.count(), dropped };
        self.moving.push((summary.position, moved));
        let first = self.open.map_or(data.position, |(first, _)| first);
        self.open = Some((first, summary.position));
        Ok(())
    }

    /// Takes an exchange of the group that was opened last.
    pub(super) fn exchange(&mut self, shared: &Arc<Shared>, stored: &Stored, record: &[u8]) {
        self.records.extend_from_slice(record);
        self.group.add(&stored.exchange.summary, record.len());
        self.text.add_exchange(shared, stored);
    }

    /// Puts the file in the place of the old one.
    pub(super) fn finish(
        mut self,
        shared: &Shared,
        segment: &Segment,
    ) -> Result<Settled, StoreError> {
        self.close_group();
        self.directory.finish();
        self.write(shared)?;
        let texts_at = self.at;
        let mut columns = std::mem::take(&mut self.columns);
        let sealer = self.sealer.take();
        let texts = TextTable::write(texts_at, &mut columns, sealer.as_ref(), |chunk| {
            self.buffer.extend_from_slice(chunk);
            self.write_when_enough(shared)
        })?;
        drop(columns);
        self.write(shared)?;
        self.directory.texts = texts;
        let directory = self.directory.encode(self.at, sealer.as_ref());
        self.directory.file_bytes = self.at + directory.len() as u64;
        self.write_at(shared, &directory, self.at)?;
        let storage = &shared.log.storage;
        let path = shared.log.path(segment.number);
        self.file
            .sync()
            .map_err(|source| StoreError::io("sync", &storage.path(&self.name), source))?;
        storage
            .replace(&self.name, &name_of(segment.number))
            .map_err(|source| StoreError::io("replace", &path, source))?;
        // Until the folder is synced a power loss brings the old file back, which is as good.
        let _ = storage.sync_folder();
        let (groups, moved) = (std::mem::take(&mut self.groups), std::mem::take(&mut self.moved));
        drop(self.directory.take_groups());
        let segment = Segment {
            version: written(sealer.is_some()),
            form: Form::Settled(Arc::new(self.directory)),
            opener: sealer.map(|sealer| sealer.opener().clone()),
            ..segment.clone()
        };
        Ok(Settled { segment, groups, moved })
    }

    /// Gives the file up.
    pub(super) fn discard(&self, shared: &Shared) {
        let _ = shared.log.storage.remove(&self.name);
    }

    fn close_group(&mut self) {
        let Some((first, last)) = self.open.take() else { return };
        let Self { group, records, packer, buffer, directory, sealer, .. } = self;
        let sealed = group.seal(|data, summary, rows| {
            let mut put = |header: BlockHeader, payload: &[u8]| {
                let offset = self.at + buffer.len() as u64;
                let header = packer.pack(header, payload, true, buffer, sealer.as_ref());
                directory.add(&header, offset);
                header
            };
            put(BlockHeader { position: first, ..data }, records);
            let back = (last - first) as u32;
            put(BlockHeader { position: last, back, ..summary }, rows)
        });
        self.records.clear();
        self.columns.push(self.text.take());
        let moving = self.moving.drain(..);
        self.moved.extend(moving.map(|(old, moved)| (old, Moved { to: last, ..moved })));
        self.groups.extend(sealed.map(|sealed| (sealed.group, sealed.zone)));
    }

    fn write_when_enough(&mut self, shared: &Shared) -> Result<(), StoreError> {
        if self.buffer.len() >= WRITE { self.write(shared) } else { Ok(()) }
    }

    fn write(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let buffer = std::mem::take(&mut self.buffer);
        self.write_at(shared, &buffer, self.at)?;
        self.at += buffer.len() as u64;
        self.buffer = buffer;
        self.buffer.restart(self.at);
        Ok(())
    }

    fn write_at(&self, shared: &Shared, bytes: &[u8], offset: u64) -> Result<(), StoreError> {
        let path = || shared.log.storage.path(&self.name);
        self.file.write_at(bytes, offset).map_err(|error| {
            if is_full(&error) {
                StoreError::Full { path: shared.dir.clone() }
            } else {
                StoreError::io("write", &path(), error)
            }
        })
    }
}
