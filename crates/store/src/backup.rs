//! A copy of a store that opens and verifies by itself, made while a recorder may be writing.
//!
//! It holds what was recorded when it began. Settled segments never change, so on the same file system
//! they are linked; raw ones are copied as far as they are whole. A copy that is made into an earlier one
//! takes up only what is new there.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalogue::load::load;
use crate::catalogue::scan::Care;
use crate::error::StoreError;
use crate::forwarded::{Counts, write_copy};
use crate::lock::Lock;
use crate::log::{Log, MANY_FILES};
use crate::segment::{LONGEST_HEADER, Segment, name_of, number_of};
use crate::storage::disk::{Disk, make_folder};
use crate::store::{Shared, open, pins};
use crate::vault::{Location, Vault};
use crate::verify::Progress;

/// Bytes copied at a time.
const COPY: usize = 1 << 20;
/// What is compared at the end of a settled segment: more than its trailer.
const ENDING: u64 = 128;

/// What a copy of a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackedUp {
    /// Exchanges.
    pub exchanges: u64,
    /// Segments.
    pub segments: u64,
    /// Bytes that they take.
    pub bytes: u64,
    /// Whether anything in it is encrypted.
    pub encrypted: bool,
    /// How many were there already, from an earlier time.
    pub unchanged: u64,
    /// How many are the store's own files, linked.
    pub linked: u64,
    /// How many were copied.
    pub copied: u64,
    /// How many of an earlier time are gone, since the store has them no more.
    pub dropped: u64,
}

/// Makes `target` a copy of the store at `location`, with the keys where `with_keys` says so. When it returns, the
/// copy survives a power loss.
pub fn backup(
    location: impl Into<Location>,
    target: &Path,
    with_keys: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<BackedUp, StoreError> {
    let location = location.into();
    let dir = &*location.dir;
    let vault = Arc::new(Vault::of(&location));
    let counts = counts(dir, &vault)?;
    let source = open::for_reading(&location)?;
    let into = target.join("segments");
    for folder in [target, &into] {
        make_folder(folder).map_err(|source| StoreError::io("make the folder", folder, source))?;
    }
    if is_same(dir, target) {
        return Err(StoreError::IntoItself { path: target.to_owned() });
    }
    let _lock = Lock::take(target)?;
    let catalogue = source.catalogue();
    let total = catalogue.segments.iter().map(Segment::file_bytes).sum();
    let mut copy = Copy { source: &source, into, done: 0, result: BackedUp::default() };
    for segment in &catalogue.segments {
        copy.segment(segment)?;
        progress(Progress { done: copy.done, total });
    }
    let known = catalogue.segments.iter().map(|segment| segment.number).collect();
    copy.drop_others(&known)?;
    let Copy { into, mut result, .. } = copy;
    result.encrypted = open::is_encrypted(&catalogue);
    let end = cut(&into, &vault, &counts, &mut result)?;
    let encrypts = result.encrypted.then_some(&*vault);
    pins::write(target, &pins::read(dir, &vault)?, encrypts)?;
    source.linking.copy_to(target, result.encrypted)?;
    write_copy(target, &counts, end)?;
    if with_keys {
        let keys = target.join("keys");
        copy_keys(&dir.join("keys"), &keys)?;
        if let Some(file) = &location.key_file {
            copy_key(file, &Location::from(target).key())?;
        }
        sync_folder(&keys)?;
    }
    // What an index of an earlier time says may be of other blocks.
    let _ = fs::remove_dir_all(target.join("index"));
    for folder in [&into, &target.to_owned()] {
        sync_folder(folder)?;
    }
    Ok(result)
}

/// The books of a store, with what its last recorder lost where none runs.
fn counts(dir: &Path, vault: &Arc<Vault>) -> Result<Counts, StoreError> {
    let mut counts = Counts::read(dir);
    if !Lock::is_held(dir) {
        let disk = Arc::new(Disk::existing(&dir.join("segments")));
        let log = Log::new(disk, vault.clone(), MANY_FILES);
        let loaded = load(&log, Care::Headers, counts.whole_until())?;
        let recorded = open::recorded(&log, &loaded.catalogue, &counts)?;
        counts.lost_before += counts.forwarded.saturating_sub(recorded);
    }
    Ok(counts)
}

struct Copy<'a> {
    source: &'a Shared,
    into: PathBuf,
    done: u64,
    result: BackedUp,
}

impl Copy<'_> {
    fn segment(&mut self, segment: &Segment) -> Result<(), StoreError> {
        let name = name_of(segment.number);
        let (from, to) = (self.source.log.path(segment.number), self.into.join(&name));
        self.done += segment.file_bytes();
        if segment.is_settled() && self.has(segment, &to)? {
            self.result.unchanged += 1;
            return Ok(());
        }
        let draft = self.into.join(format!("{name}.new"));
        let _ = fs::remove_file(&draft);
        // Another may have its name by now: a later form of the same segment, which is as good. One that
        // has none any more was removed, and its open file is copied.
        if segment.is_settled() && fs::hard_link(&from, &draft).is_ok() {
            self.result.linked += 1;
        } else {
            self.copy(segment, &draft)?;
            self.result.copied += 1;
        }
        fs::rename(&draft, &to).map_err(|source| StoreError::io("replace", &to, source))
    }

    /// Whether a settled segment is there already, as it is now.
    fn has(&self, segment: &Segment, there: &Path) -> Result<bool, StoreError> {
        let Ok(there) = File::open(there) else { return Ok(false) };
        let same_length =
            there.metadata().is_ok_and(|metadata| metadata.len() == segment.file_bytes());
        if !same_length {
            return Ok(false);
        }
        let ending = segment.file_bytes().saturating_sub(ENDING);
        for (offset, len) in [(0, LONGEST_HEADER as u64), (ending, ENDING)] {
            let (mut ours, mut theirs) = (vec![0; len as usize], vec![0; len as usize]);
            let read = self.source.log.read(segment, offset, &mut ours)?;
            let same = std::os::unix::fs::FileExt::read_at(&there, &mut theirs, offset)
                .is_ok_and(|other| other == read);
            if !same || ours != theirs {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn copy(&self, segment: &Segment, draft: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::io("write", draft, source);
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(0o600).open(draft).map_err(failed)?;
        let (mut offset, end) = (0, segment.file_bytes());
        let mut buffer = vec![0; COPY];
        while offset < end {
            let most = (end - offset).min(COPY as u64) as usize;
            let Some(bytes) = buffer.get_mut(..most) else { break };
            let read = self.source.log.read(segment, offset, bytes)?;
            if read == 0 {
                break;
            }
            file.write_all(bytes.get(..read).unwrap_or_default()).map_err(failed)?;
            offset += read as u64;
        }
        file.sync_all().map_err(failed)
    }

    /// Deletes the segments of an earlier time that the store has no more.
    fn drop_others(&mut self, known: &HashSet<u64>) -> Result<(), StoreError> {
        let failed = |source| StoreError::io("list", &self.into, source);
        for entry in fs::read_dir(&self.into).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if number_of(name).is_some_and(|number| !known.contains(&number)) {
                fs::remove_file(&path).map_err(|source| StoreError::io("delete", &path, source))?;
                self.result.dropped += 1;
            }
        }
        Ok(())
    }
}

/// Cuts what was being written off the copy; says where its log ends.
fn cut(
    into: &Path,
    vault: &Arc<Vault>,
    counts: &Counts,
    result: &mut BackedUp,
) -> Result<u64, StoreError> {
    let log = Log::new(Arc::new(Disk::existing(into)), vault.clone(), MANY_FILES);
    let loaded = load(&log, Care::Payloads, counts.whole_until())?;
    let segments = &loaded.catalogue.segments;
    if let Some(last) = segments.last().filter(|_| loaded.torn_bytes > 0) {
        let path = log.path(last.number);
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(last.span().end).and_then(|()| file.sync_all()))
            .map_err(|source| StoreError::io("cut the end of", &path, source))?;
    }
    result.exchanges = loaded.catalogue.stored;
    result.segments = segments.len() as u64;
    result.bytes = segments.iter().map(Segment::file_bytes).sum();
    Ok(loaded.catalogue.end())
}

fn copy_keys(from: &Path, to: &Path) -> Result<(), StoreError> {
    make_folder(to).map_err(|source| StoreError::io("make the folder", to, source))?;
    let failed = |source| StoreError::io("read", from, source);
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name().filter(|_| path.is_file()) else { continue };
        copy_key(&path, &to.join(name))?;
    }
    Ok(())
}

fn copy_key(from: &Path, to: &Path) -> Result<(), StoreError> {
    let bytes = fs::read(from).map_err(|source| StoreError::io("read", from, source))?;
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(to)?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    write().map_err(|source| StoreError::io("write", to, source))
}

fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(|source| StoreError::io("sync", folder, source))
}

fn is_same(one: &Path, other: &Path) -> bool {
    let of = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    of(one).is_some_and(|one| of(other) == Some(one))
}
