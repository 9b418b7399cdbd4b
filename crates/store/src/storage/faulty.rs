//! A storage in memory for tests: it fills up, refuses to write or to sync when told to, and can
//! forget what was not synced, as a power loss does.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Storage, StoredFile};

/// What is wrong with the disk.
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
}

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

impl Storage for Faulty {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk.lock().files.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let file = Arc::<Mutex<File>>::default();
        let mut disk = self.disk.lock();
        if disk.files.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        disk.files.insert(name.to_owned(), file.clone());
        Ok(self.handle(file))
    }

    fn open(&self, name: &str, _write: bool) -> io::Result<Arc<dyn StoredFile>> {
        let file = self.disk.lock().files.get(name).cloned().ok_or(ErrorKind::NotFound)?;
        Ok(self.handle(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        if disk.faults.remove_fails {
            return Err(io::Error::other("input/output error"));
        }
        disk.files.remove(name);
        Ok(())
    }

    fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk.lock();
        let file = disk.files.remove(from).ok_or(ErrorKind::NotFound)?;
        disk.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut disk = self.disk.lock();
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
        let mut file = self.file.lock();
        let faults = disk.faults;
        let mut fits = bytes.len().min(faults.room.unwrap_or(usize::MAX));
        let breaks = faults.write_fails && !file.now.is_empty() && offset > 0;
        if breaks {
            fits /= 2;
        }
        let start = offset as usize;
        let len = file.now.len().max(start + fits);
        file.now.resize(len, 0);
        file.now[start..start + fits].copy_from_slice(&bytes[..fits]);
        if let Some(room) = &mut disk.faults.room {
            *room -= fits;
        }
        match (breaks, fits == bytes.len()) {
            (true, _) => Err(io::Error::other("input/output error")),
            (false, true) => Ok(()),
            (false, false) => Err(ErrorKind::StorageFull.into()),
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
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
        self.file.lock().now.truncate(len as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        if self.disk.lock().faults.sync_fails {
            return Err(io::Error::other("input/output error"));
        }
        let mut file = self.file.lock();
        file.synced = file.now.clone();
        Ok(())
    }
}
