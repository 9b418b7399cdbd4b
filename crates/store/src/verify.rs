//! Checking every block of a store, and making its index anew.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::block::{BlockHeader, Kind, pack};
use crate::catalogue::load::load;
use crate::catalogue::scan::{Care, Met, Scan};
use crate::catalogue::{Catalogue, Group};
use crate::cipher::Opener;
use crate::directory::Directory;
use crate::error::StoreError;
use crate::forwarded::Counts;
use crate::index::{Index, NoIndex};
use crate::keeper::zone_of;
use crate::linking::{self, Linking};
use crate::lock::Lock;
use crate::log::{Log, MANY_FILES};
use crate::record::decode::record;
use crate::row::decode::rows;
use crate::segment::{Form, Segment};
use crate::storage::disk::Disk;
use crate::store::retention::Retention;
use crate::store::{Shared, open};
use crate::text::table::TextTable;
use crate::vault::{Location, Vault};

/// How far a long run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the log read so far.
    pub done: u64,
    /// Bytes of the log in all.
    pub total: u64,
}

/// A block that is not what its checksums say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedBlock {
    /// The segment's file.
    pub segment: PathBuf,
    /// Where in the file.
    pub offset: u64,
    /// What does not fit.
    pub reason: String,
}

/// What a check of every block found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// Segments read.
    pub segments: u64,
    /// How many of them are encrypted.
    pub encrypted: u64,
    /// Good blocks read.
    pub blocks: u64,
    /// Bytes of the log.
    pub bytes: u64,
    /// Exchanges, each counted once.
    pub exchanges: u64,
    /// How many of them run still, or did when their recorder stopped.
    pub open: u64,
    /// Pieces of long bodies.
    pub pieces: u64,
    /// Bytes after the last whole block: a write under way, or one that a crash cut short.
    pub torn_bytes: u64,
    /// Blocks that are damaged.
    pub damaged: Vec<DamagedBlock>,
    /// Exchanges lost in crashes, over the life of the store.
    pub lost: u64,
}

/// Reads every block of the store at `location`, checks it against its checksums, reads every record in
/// it, and reconciles the counts. Changes nothing and works beside a recorder.
pub fn verify(
    location: impl Into<Location>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verification, StoreError> {
    let location = location.into();
    let log = open_log(&location)?;
    let dir = &*location.dir;
    let counts = Counts::read(dir);
    let loaded = load(&log, Care::Payloads, counts.whole_until())?;
    let mut check = Check {
        log: &log,
        result: Verification { torn_bytes: loaded.torn_bytes, ..Verification::default() },
        catalogue: Catalogue::default(),
        data: None,
    };
    for problem in &loaded.problems {
        // Those inside a segment are met again below.
        if let StoreError::Damaged { path, offset: 0, reason } = problem {
            let segment = path.clone();
            check.result.damaged.push(DamagedBlock {
                segment,
                offset: 0,
                reason: (*reason).into(),
            });
        }
    }
    let total = loaded
        .catalogue
        .segments
        .iter()
        .map(|segment| segment.span().end - segment.span().start)
        .sum();
    for segment in &loaded.catalogue.segments {
        let done = check.result.bytes;
        check.segment(segment, &mut |bytes| progress(Progress { done: done + bytes, total }))?;
    }
    if let Some(last) = loaded.catalogue.segments.last()
        && last.end < counts.whole_until()
    {
        check.bad(last, last.file_bytes(), "what the log went on with is missing");
    }
    let mut result = check.result;
    let links = linking::read(dir, &log.vault)?;
    if links.whole < links.length && !Lock::is_held(dir) {
        result.damaged.push(DamagedBlock {
            segment: linking::path_in(dir),
            offset: links.whole,
            reason: "a link in it is not whole, or damaged".to_owned(),
        });
    }
    result.exchanges = check.catalogue.stored;
    result.open = check.catalogue.open_ids().count() as u64;
    result.lost = counts.lost_before;
    if !Lock::is_held(dir) {
        let recorded = open::recorded(&log, &loaded.catalogue, &counts)?;
        result.lost += counts.forwarded.saturating_sub(recorded);
    }
    Ok(result)
}

/// Makes the index of the store at `location` anew. No recorder may run.
pub fn rebuild(
    location: impl Into<Location>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), StoreError> {
    let location = location.into();
    let log = open_log(&location)?;
    let dir = &*location.dir;
    let _lock = Lock::take(dir)?;
    let catalogue = load(&log, Care::Headers, Counts::read(dir).whole_until())?.catalogue;
    let folder = dir.join("index");
    match std::fs::remove_dir_all(&folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::io("delete", &folder, source));
        }
        _ => {}
    }
    let vault = open::is_encrypted(&catalogue).then_some(&log.vault);
    let index = Index::open(&folder, vault).map_err(|error| {
        let reason = match error {
            NoIndex::Locked => "it is in use by another process".to_owned(),
            NoIndex::Damaged(reason) => reason,
            NoIndex::OtherForm => "it is still there".to_owned(),
        };
        StoreError::io("make the index", &folder, std::io::Error::other(reason))
    })?;
    let (groups, total) = (catalogue.groups.clone(), catalogue.end());
    let start = catalogue.segments.first().map_or(0, |segment| segment.base);
    let linking = Linking::read_only(dir, &log.vault)?;
    let retention = Retention::default();
    let shared = Shared::new(dir.to_owned(), log, catalogue, None, None, None, retention, linking);
    let shared = Arc::new(shared);
    for group in &groups {
        // A damaged block has no entry, and so may match anything.
        if let Ok(zone) = zone_of(&shared, group) {
            index.put_zones(&[(*group, zone)]);
        }
        progress(Progress { done: group.position - start, total: total - start });
    }
    index.flush();
    progress(Progress { done: total - start, total: total - start });
    Ok(())
}

fn open_log(location: &Location) -> Result<Log, StoreError> {
    let folder = location.dir.join("segments");
    let vault = Arc::new(Vault::of(location));
    match std::fs::metadata(&folder) {
        Ok(_) => Ok(Log::new(Arc::new(Disk::existing(&folder)), vault, MANY_FILES)),
        Err(source) => Err(StoreError::io("open the store", &location.dir, source)),
    }
}

struct Check<'a> {
    log: &'a Log,
    result: Verification,
    catalogue: Catalogue,
    /// The good DATA block just before.
    data: Option<(BlockHeader, Bytes)>,
}

impl Check<'_> {
    fn segment(
        &mut self,
        segment: &Segment,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        self.result.segments += 1;
        self.result.encrypted += u64::from(segment.opener.is_some());
        self.data = None;
        let blocks = segment.span();
        self.padding(segment)?;
        let mut scan = Scan::new(self.log, segment, blocks.start, Care::Payloads);
        while let Some(met) = scan.step()? {
            match met {
                Met::Bad(offset, reason) => {
                    self.data = None;
                    self.bad(segment, offset, reason);
                }
                Met::Good(header, payload) => {
                    progress(scan.offset() - blocks.start);
                    match self.block(&header, payload, segment.opener()) {
                        Ok(()) => self.result.blocks += 1,
                        Err(reason) => self.bad(segment, scan.offset() - header.len(), reason),
                    }
                }
            }
        }
        self.directory(segment)?;
        self.result.bytes += blocks.end - blocks.start;
        progress(blocks.end - blocks.start);
        Ok(())
    }

    /// What lies between a segment's header and its first block: zeros.
    fn padding(&mut self, segment: &Segment) -> Result<(), StoreError> {
        let start = segment.header_bytes() as u64;
        let mut padding = vec![0; segment.span().start.saturating_sub(start) as usize];
        self.log.read(segment, start, &mut padding)?;
        if let Some(at) = padding.iter().position(|&byte| byte != 0) {
            self.bad(segment, start + at as u64, "it should be zero");
        }
        Ok(())
    }

    /// The directory and the text filter of a settled segment.
    fn directory(&mut self, segment: &Segment) -> Result<(), StoreError> {
        let Form::Settled(known) = &segment.form else { return Ok(()) };
        let file = self.log.file(segment)?;
        let read = Directory::read(&*file, segment.opener())
            .map_err(|source| StoreError::io("read", &self.log.path(segment.number), source))?;
        let Some(directory) = read else {
            self.bad(segment, known.blocks_end, "its directory does not fit");
            return Ok(());
        };
        let Some(table) = directory.texts else { return Ok(()) };
        for offset in table.chunks(segment.opener()) {
            if TextTable::chunk(&*file, segment.opener(), offset).is_err() {
                self.bad(segment, offset, "the text filter's checksum does not fit");
            }
        }
        Ok(())
    }

    fn bad(&mut self, segment: &Segment, offset: u64, reason: &str) {
        self.result.damaged.push(DamagedBlock {
            segment: self.log.path(segment.number),
            offset,
            reason: reason.to_owned(),
        });
    }

    fn block(
        &mut self,
        header: &BlockHeader,
        payload: Vec<u8>,
        opener: Option<&Opener>,
    ) -> Result<(), &'static str> {
        let raw = Bytes::from(pack::unpack(header, payload, opener)?);
        match header.kind {
            Kind::Piece => self.result.pieces += 1,
            Kind::Data => self.data = Some((*header, raw)),
            Kind::Summary => self.group(header, &raw)?,
        }
        Ok(())
    }

    /// The rows of a group against its records.
    fn group(&mut self, header: &BlockHeader, raw: &Bytes) -> Result<(), &'static str> {
        let group = Group::of(header);
        let data = self.data.take();
        let rows = rows(raw, header.count).ok_or("its rows cannot be read")?;
        let tracked = self.catalogue.tracked_among(&rows);
        self.catalogue.push(group, &tracked);
        let (data, records) = data
            .filter(|(data, _)| data.position == group.data_position())
            .ok_or("its exchanges' heads and bodies are missing or damaged")?;
        if data.count != header.count {
            return Err("it has another number of exchanges than its data");
        }
        let end = rows.last().map_or(0, |row| row.offset as usize + row.len as usize);
        if end != records.len() {
            return Err("its rows do not cover its data");
        }
        for row in rows {
            let start = row.offset as usize;
            record(&records, start..start + row.len as usize, row.summary)
                .ok_or("a record in its data cannot be read")?;
        }
        Ok(())
    }
}
