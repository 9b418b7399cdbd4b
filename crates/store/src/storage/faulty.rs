//! A storage in memory for tests: it fills up, refuses to write or to sync when told to, lets any one
//! call fail, and forgets what was not synced, as a power loss does: all of it, or any sectors of files
//! and any entries of the folder.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Storage, StoredFile};

/// What is wrong with the disk.
#[allow(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Bytes that can still be written.
    pub(crate) room: Option<usize>,
    /// Writes into files that exist fail, after half of their bytes.
    pub(crate) write_fails: bool,
    /// Syncs fail.
    pub(crate) sync_fails: bool,
    /// Files cannot be deleted.
    pub(crate) remove_fails: bool,
    /// Nothing can be read.
    pub(crate) read_fails: bool,
}

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// The files, and what of them is on the platter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faulty {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug, Default)]
struct Disk {
    /// What the folder says now, and what of that is on the platter.
    files: BTreeMap<String, Arc<Mutex<File>>>,
    synced: BTreeMap<String, Arc<Mutex<File>>>,
    faults: Faults,
    /// Calls so far that can fail.
    calls: u64,
    /// The call that fails, and whether for want of room.
    fails_at: Option<(u64, bool)>,
    /// Reads so far, and the one that fails.
    reads: u64,
    read_fails_at: Option<u64>,
    /// Somebody looks who is not to be disturbed: calls neither count nor fail.
    quiet: bool,
    /// The process is dead: nothing that it still tries reaches the disk.
    dead: bool,
}

#[derive(Clone, Debug, Default)]
struct File {
    now: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Debug)]
struct Handle {
    file: Arc<Mutex<File>>,
    disk: Arc<Mutex<Disk>>,
}

impl Faulty {
    pub(crate) fn set(&self, faults: Faults) {
        self.disk.lock().faults = faults;
    }

    /// No call ends as long as the guard is held.
    pub(crate) fn hold(&self) -> impl Drop {
        self.disk.lock()
    }

    /// Calls so far that can fail.
    pub(crate) fn calls(&self) -> u64 {
        self.disk.lock().calls
    }

    /// The call after so many others fails, once.
    pub(crate) fn fail_after(&self, calls: u64, full: bool) {
        let mut disk = self.disk.lock();
        disk.fails_at = Some((disk.calls + calls + 1, full));
    }

    /// The read after so many others fails, once.
    pub(crate) fn fail_reading_after(&self, reads: u64) {
        let mut disk = self.disk.lock();
        disk.read_fails_at = Some(disk.reads + reads + 1);
    }

    /// Whether calls neither count nor fail from now on.
    pub(crate) fn hush(&self, quiet: bool) {
        self.disk.lock().quiet = quiet;
    }

    /// The process is killed: what it tries from now on does nothing.
    pub(crate) fn kill(&self) {
        self.disk.lock().dead = true;
    }

    /// Another process begins; files are as the dead one left them.
    pub(crate) fn revive(&self) {
        let mut disk = self.disk.lock();
        (disk.dead, disk.fails_at, disk.faults) = (false, None, Faults::default());
        disk.read_fails_at = None;
    }

    /// The power is lost: of everything that was not synced `survives` says what is on the platter, sector
    /// by sector and entry by entry.
    pub(crate) fn tear(&self, survives: &mut dyn FnMut() -> bool) {
        let mut disk = self.disk.lock();
        let mut names: Vec<String> = disk.files.keys().chain(disk.synced.keys()).cloned().collect();
        names.sort();
        names.dedup();
        for name in names {
            let (now, synced) = (disk.files.get(&name).cloned(), disk.synced.get(&name).cloned());
            let same = match (&now, &synced) {
                (Some(now), Some(synced)) => Arc::ptr_eq(now, synced),
                _ => false,
            };
            let kept = if same || survives() { now } else { synced };
            match kept {
                Some(file) => disk.files.insert(name, file),
                None => disk.files.remove(&name),
            };
        }
        for file in disk.files.values() {
            file.lock().tear(survives);
        }
        disk.synced = disk.files.clone();
    }

    /// Everything that was not synced is gone.
    pub(crate) fn lose_power(&self) {
        let mut disk = self.disk.lock();
        disk.faults = Faults::default();
        disk.files = disk.synced.clone();
        for file in disk.files.values() {
            let mut file = file.lock();
            file.now = file.synced.clone();
        }
    }

    fn handle(&self, file: Arc<Mutex<File>>) -> Arc<dyn StoredFile> {
        Arc::new(Handle { file, disk: self.disk.clone() })
    }
}

impl Disk {
    /// Counts a call that can fail, and lets it fail when its time has come.
    fn call(&mut self) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        self.calls += 1;
        match self.fails_at {
            _ if self.dead => Err(io::Error::other("the process is dead")),
            Some((at, full)) if at == self.calls => Err(if full {
                ErrorKind::StorageFull.into()
            } else {
                io::Error::other("input/output error")
            }),
            _ => Ok(()),
        }
    }
}

impl Disk {
    /// Counts a read, and lets it fail when its time has come.
    fn read(&mut self) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        self.reads += 1;
        if self.faults.read_fails || self.read_fails_at == Some(self.reads) {
            return Err(io::Error::other("input/output error"));
        }
        Ok(())
    }
}

impl File {
    fn tear(&mut self, survives: &mut dyn FnMut() -> bool) {
        if self.now == self.synced {
            return;
        }
        let len = if survives() { self.now.len() } else { self.synced.len() };
        let mut torn = vec![0; len];
        for start in (0..len).step_by(SECTOR) {
            let end = len.min(start + SECTOR);
            let old = self.synced.get(start..end.min(self.synced.len())).unwrap_or_default();
            let new = self.now.get(start..end.min(self.now.len())).unwrap_or_default();
            let kept = if old == new || survives() { new } else { old };
            torn[start..start + kept.len()].copy_from_slice(kept);
        }
        self.now = torn.clone();
        self.synced = torn;
    }
}

impl Storage for Faulty {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk.lock().files.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let file = Arc::<Mutex<File>>::default();
        let mut disk = self.disk.lock();
        disk.call()?;
        if disk.files.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        disk.files.insert(name.to_owned(), file.clone());
        Ok(self.handle(file))
    }

    fn open(&self, name: &str, _write: bool) -> io::Result<Arc<dyn StoredFile>> {
        let mut disk = self.disk.lock();
        disk.call()?;
        let file = disk.files.get(name).cloned().ok_or(ErrorKind::NotFound)?;
        Ok(self.handle(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.call()?;
        if disk.faults.remove_fails {
            return Err(io::Error::other("input/output error"));
        }
        disk.files.remove(name);
        Ok(())
    }

    fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.call()?;
        let file = disk.files.remove(from).ok_or(ErrorKind::NotFound)?;
        disk.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.call()?;
        disk.synced = disk.files.clone();
        Ok(())
    }

    fn free(&self) -> io::Result<u64> {
        Ok(self.disk.lock().faults.room.unwrap_or(usize::MAX) as u64)
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("memory").join(name)
    }
}

impl StoredFile for Handle {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let failed = disk.call();
        if disk.dead {
            return failed;
        }
        let mut file = self.file.lock();
        let faults = disk.faults;
        let mut fits = bytes.len().min(faults.room.unwrap_or(usize::MAX));
        let breaks = faults.write_fails && !file.now.is_empty() && offset > 0;
        if breaks || failed.is_err() {
            fits /= 2;
        }
        let start = offset as usize;
        let len = file.now.len().max(start + fits);
        file.now.resize(len, 0);
        file.now[start..start + fits].copy_from_slice(&bytes[..fits]);
        if let Some(room) = &mut disk.faults.room {
            *room -= fits;
        }
        failed?;
        match (breaks, fits == bytes.len()) {
            (true, _) => Err(io::Error::other("input/output error")),
            (false, true) => Ok(()),
            (false, false) => Err(ErrorKind::StorageFull.into()),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.lock().read()?;
        let file = self.file.lock();
        let rest = file.now.get(offset as usize..).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.lock().now.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.lock().call()?;
        self.file.lock().now.truncate(len as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
        disk.call()?;
        if disk.faults.sync_fails {
            return Err(io::Error::other("input/output error"));
        }
        drop(disk);
        let mut file = self.file.lock();
        file.synced = file.now.clone();
        Ok(())
    }
}
