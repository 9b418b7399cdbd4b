//! Opening a store: the lock, the catalogue, what a crash left, and the index.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::retention::Retention;
use super::tally::Tally;
use super::{Encryption, Options, Recovery, Shared};
use crate::catalogue::load::{Loaded, load};
use crate::catalogue::scan::Care;
use crate::catalogue::{Catalogue, Group};
use crate::error::StoreError;
use crate::forwarded::{Counts, ForwardedFile};
use crate::index::{Index, NoIndex};
use crate::keeper::Keeping;
use crate::linking::Linking;
use crate::lock::Lock;
use crate::log::{FEW_FILES, Log, MANY_FILES};
use crate::segment::{is_draft, name_of};
use crate::storage::Storage;
use crate::storage::disk::{Disk, make_folder};
use crate::vault::{Location, Vault};
use crate::writer::{Parts, Writer};

/// Groups whose rows are read for the newest connection number.
const NEWEST: usize = 64;

/// Opens for writing on the file system.
pub(crate) fn for_writing(
    location: &Location,
    options: Options,
) -> Result<(Arc<Shared>, Writer, Recovery), StoreError> {
    let dir = &location.dir;
    make_folder(dir).map_err(|source| StoreError::io("make the folder", dir, source))?;
    let folder = dir.join("segments");
    let disk = Disk::create(&folder)
        .map_err(|source| StoreError::io("make the folder", &folder, source))?;
    on_storage(location, Arc::new(disk), options)
}

/// Opens for writing with the segments on any storage.
pub(crate) fn on_storage(
    location: impl Into<Location>,
    storage: Arc<dyn Storage>,
    options: Options,
) -> Result<(Arc<Shared>, Writer, Recovery), StoreError> {
    kept_by(&location.into(), storage, options, Keeping::start)
}

/// Opens for writing with the segments on any storage; `keep` begins what is done beside writing.
pub(crate) fn kept_by(
    location: &Location,
    storage: Arc<dyn Storage>,
    options: Options,
    keep: impl FnOnce(&Arc<Shared>) -> Keeping,
) -> Result<(Arc<Shared>, Writer, Recovery), StoreError> {
    let dir = &*location.dir;
    let lock = Lock::take(dir)?;
    let vault = Arc::new(Vault::of(location));
    let log = Log::new(storage, vault.clone(), FEW_FILES);
    let counts = Counts::read(dir);
    let loaded = load(&log, Care::Payloads, counts.whole_until())?;
    let encrypts = match options.encryption {
        Encryption::On => true,
        Encryption::Off => false,
        Encryption::AsBefore => is_encrypted(&loaded.catalogue),
    };
    let sealer = encrypts.then(|| vault.sealer(dir)).transpose()?.map(Arc::new);
    cut_torn_tail(&log, &loaded)?;
    let unsynced = sync_what_a_crash_left(&log, &loaded.catalogue, &counts);
    let (index, index_problem) = open_index(dir, encrypts.then_some(&vault));
    let groups = &loaded.catalogue.groups;
    let rebuilt = index.as_ref().is_some_and(|index| {
        !groups.is_empty() && groups.iter().all(|group| index.zone(group).is_none())
    });
    let lost = counts.forwarded.saturating_sub(recorded(&log, &loaded.catalogue, &counts)?);
    let books = ForwardedFile::begin(dir, &counts, loaded.catalogue.end(), lost)?;
    let tallies = books.tallies();
    let (linking, links_problem) = Linking::open(dir, &log.vault, sealer.is_some())?;
    let recovery = Recovery {
        torn_bytes: loaded.torn_bytes,
        lost,
        open: loaded.catalogue.open_ids().count() as u64,
        encrypted: encrypts,
        rebuilt,
        newest: wayside_exchange::ExchangeId(loaded.catalogue.newest),
        last_connection: last_connection(&log, &loaded.catalogue),
        stored: loaded.catalogue.stored,
    };
    let Loaded { catalogue, problems, last_number, .. } = loaded;
    let shared = Arc::new(Shared::new(
        dir.to_owned(),
        log,
        catalogue,
        index,
        sealer,
        Some(books),
        options.retention,
        linking,
    ));
    for problem in &problems {
        shared.note_damage(problem);
    }
    for problem in index_problem.into_iter().chain(unsynced).chain(links_problem) {
        shared.note_lasting(problem);
    }
    // All but the last are closed; that one is, too, unless it is gone on with.
    let written = shared.catalogue().segments.last().filter(|last| shared.goes_on(last)).cloned();
    shared.sealing.closed(written.map_or(last_number, |last| last.number.saturating_sub(1)));
    let keeping = keep(&shared);
    let segment_bytes = options.retention.segment_bytes(options.segment_bytes);
    let options = Options { segment_bytes, ..options };
    let parts = Parts { shared: shared.clone(), options, last_number, tallies, lock, keeping };
    Ok((shared, Writer::new(parts)?, recovery))
}

/// Opens for reading, with nothing but the segments.
pub(crate) fn for_reading(location: &Location) -> Result<Arc<Shared>, StoreError> {
    let dir = &location.dir;
    let folder = dir.join("segments");
    if let Err(source) = fs::metadata(&folder) {
        return Err(StoreError::io("open the store", dir, source));
    }
    reading_from(location, Arc::new(Disk::existing(&folder)))
}

/// Opens for reading with the segments on any storage.
pub(crate) fn reading_from(
    location: &Location,
    storage: Arc<dyn Storage>,
) -> Result<Arc<Shared>, StoreError> {
    let dir = &*location.dir;
    let log = Log::new(storage, Arc::new(Vault::of(location)), MANY_FILES);
    let counts = Counts::read(dir);
    let loaded = load(&log, Care::Headers, counts.whole_until())?;
    let linking = Linking::read_only(dir, &log.vault)?;
    let retention = Retention::default();
    let shared =
        Shared::new(dir.to_owned(), log, loaded.catalogue, None, None, None, retention, linking);
    for problem in &loaded.problems {
        shared.note_damage(problem);
    }
    if counts.ended > 0 {
        // A clean stop leaves nothing that is not durable.
        shared.set_durable(shared.recorded());
    }
    Ok(Arc::new(shared))
}

/// Whether anything in a store is encrypted.
pub(crate) fn is_encrypted(catalogue: &Catalogue) -> bool {
    catalogue.segments.iter().any(|segment| segment.opener.is_some())
}

/// Bytes that the index takes.
pub(crate) fn index_bytes(dir: &Path) -> u64 {
    fn size(folder: &Path) -> u64 {
        let Ok(entries) = fs::read_dir(folder) else { return 0 };
        let sizes = entries.flatten().map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        });
        sizes.sum()
    }
    size(&dir.join("index"))
}

/// How many exchanges of the last recorder the log has, or had before they were removed.
pub(crate) fn recorded(
    log: &Log,
    catalogue: &Catalogue,
    counts: &Counts,
) -> Result<u64, StoreError> {
    let from = counts.counted_from();
    let here = Tally::of(log, catalogue, from..u64::MAX)?;
    // Those that still ran when the others before them were accounted for.
    let before = Tally::of(log, catalogue, counts.since..from)?;
    Ok(counts.accounted + here.ended + here.open + before.open)
}

fn rows_of(log: &Log, catalogue: &Catalogue, group: &Group) -> Vec<crate::row::Row> {
    let segment = catalogue.segment_at(group.position);
    let rows = segment.map(|segment| crate::catalogue::load::rows_of(log, &segment, group));
    rows.and_then(Result::ok).unwrap_or_default()
}

fn last_connection(log: &Log, catalogue: &Catalogue) -> u64 {
    let newest = catalogue.groups.iter().rev().take(NEWEST);
    let connections = newest.flat_map(|group| rows_of(log, catalogue, group));
    connections.map(|row| row.summary.connection).max().unwrap_or(0)
}

fn cut_torn_tail(log: &Log, loaded: &Loaded) -> Result<(), StoreError> {
    for &number in &loaded.obsolete {
        let _ = log.storage.remove(&name_of(number));
    }
    for name in log.storage.list().unwrap_or_default() {
        // A segment that was being settled; the old one is still there.
        if is_draft(&name) {
            let _ = log.storage.remove(&name);
        }
    }
    let Some(last) = loaded.catalogue.segments.last().filter(|_| loaded.torn_bytes > 0) else {
        return Ok(());
    };
    let path = log.path(last.number);
    let file = log.storage.open(&name_of(last.number), true);
    file.and_then(|file| file.truncate(last.span().end))
        .map_err(|source| StoreError::io("cut the torn end of", &path, source))
}

/// What a dead recorder wrote and did not sync is in the page cache, and from now on it counts as whole and
/// durable: so it is synced. Says what is wrong when it cannot be.
fn sync_what_a_crash_left(log: &Log, catalogue: &Catalogue, counts: &Counts) -> Option<String> {
    if counts.ended == catalogue.end() {
        return None;
    }
    let written = catalogue.segments.iter().filter(|segment| segment.end > counts.since);
    let mut synced = written.map(|segment| {
        let file = log.storage.open(&name_of(segment.number), true);
        file.and_then(|file| file.sync())
            .map_err(|source| StoreError::io("sync", &log.path(segment.number), source))
    });
    let folder = || {
        log.storage
            .sync_folder()
            .map_err(|source| StoreError::io("sync", &log.storage.path(""), source))
    };
    let failed = synced.find_map(Result::err).or_else(|| folder().err())?;
    Some(format!("what the last recorder wrote may not survive a power loss: {failed}"))
}

/// The index, or what is wrong with it for good.
fn open_index(dir: &Path, vault: Option<&Arc<Vault>>) -> (Option<Arc<Index>>, Option<String>) {
    let folder = dir.join("index");
    let reason = match Index::open(&folder, vault) {
        Ok(index) => return (Some(Arc::new(index)), None),
        Err(NoIndex::Locked) => {
            return (None, Some(format!("the index `{}` is in use elsewhere", folder.display())));
        }
        Err(NoIndex::Damaged(reason)) => Some(reason),
        Err(NoIndex::OtherForm) => None,
    };
    let index = folder.display();
    if let Some(reason) = reason {
        tracing::warn!(%index, %reason, "the index is damaged; it is made anew");
    } else {
        tracing::info!(%index, "the index is made anew, since encryption was turned on or off");
    }
    let _ = fs::remove_dir_all(&folder).or_else(|_| fs::remove_file(&folder));
    match Index::open(&folder, vault) {
        Ok(index) => (Some(Arc::new(index)), None),
        Err(_) => (None, Some(format!("the index `{}` cannot be made", folder.display()))),
    }
}
