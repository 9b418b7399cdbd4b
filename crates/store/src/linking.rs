//! The links of a recording: in memory for every row that is read, and in a file of their own.
//!
//! `DATA/links` is a log like the segments are, but not part of them: links outlive the exchanges that
//! proved them, which retention removes. The recorder's thread only puts links into memory; they are
//! written with the next tick and synced with the next sync.

mod form;
pub(crate) mod names;

use std::fs::{self, File};
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use wayside_exchange::{Label, Link, Links};

use crate::error::StoreError;
use crate::storage::disk::open_private;
use crate::vault::Vault;
use form::Entry;

/// Bytes that wait while they cannot be written; beyond that the file is written anew when it can be.
const MOST_WAITING: usize = 4 << 20;
/// A longer file is written anew once half of it may have lost its meaning.
const LONG: u64 = 32 << 20;
/// Entries in the file for each that still counts, and some: then it is written anew at the start.
const STALE: usize = 2;
const SOME: usize = 1000;

/// The links, as this process has them.
#[derive(Debug)]
pub(crate) struct Linking {
    links: RwLock<Links>,
    file: Mutex<LinkFile>,
    vault: Arc<Vault>,
    /// Whether what is written is encrypted.
    encrypts: bool,
}

#[derive(Debug)]
struct LinkFile {
    path: PathBuf,
    /// Open for appending; none where another process may write.
    file: Option<File>,
    /// What is in memory and not in the file.
    waiting: Vec<u8>,
    /// More waited than may.
    is_behind: bool,
    is_unsynced: bool,
    /// Another file is being made; what comes waits for it.
    is_rewriting: bool,
    /// How long it is, and how long it was when it was written anew.
    length: u64,
    anew: u64,
    /// Which file was read, and how much of it.
    read: (u64, u64),
}

/// What was found in the file.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) links: Links,
    /// Entries, those that others took the place of among them.
    pub(crate) entries: usize,
    /// How far it can be read, and how long it is.
    pub(crate) whole: u64,
    pub(crate) length: u64,
    inode: u64,
}

impl Linking {
    /// Opens the links in `dir` to add to them. Says what is wrong with them, if anything is.
    pub(crate) fn open(
        dir: &Path,
        vault: &Arc<Vault>,
        encrypts: bool,
    ) -> Result<(Self, Option<String>), StoreError> {
        let path = path_in(dir);
        let read = read(dir, vault)?;
        let mut problem = None;
        if read.whole < read.length {
            // The unfinished write of a crash is shorter than this.
            if read.length - read.whole > 4096 {
                let kept = dir.join("links.damaged");
                let _ = fs::copy(&path, &kept);
                problem = Some(format!(
                    "`{}` is damaged from byte {} on: some clients may be apart that were one (kept as `{}`)",
                    path.display(),
                    read.whole,
                    kept.display()
                ));
            }
            let cut = open_private(&path).and_then(|file| file.set_len(read.whole));
            cut.map_err(|source| StoreError::io("cut the torn end of", &path, source))?;
        }
        let count = read.links.iter().count() + read.links.apart().count();
        let linking = Self::of(path, read.links, (0, 0), vault, encrypts);
        // What was written in clear before is not left so.
        if encrypts || read.entries > STALE * count + SOME || read.whole == 0 {
            linking.write_anew()?;
        } else {
            linking.file.lock().reopen()?;
        }
        Ok((linking, problem))
    }

    /// Opens the links in `dir` for reading.
    pub(crate) fn read_only(dir: &Path, vault: &Arc<Vault>) -> Result<Self, StoreError> {
        let read = read(dir, vault)?;
        Ok(Self::of(path_in(dir), read.links, (read.inode, read.length), vault, false))
    }

    fn of(
        path: PathBuf,
        links: Links,
        read: (u64, u64),
        vault: &Arc<Vault>,
        encrypts: bool,
    ) -> Self {
        let file = LinkFile {
            path,
            file: None,
            waiting: Vec::new(),
            is_behind: false,
            is_unsynced: false,
            is_rewriting: false,
            length: 0,
            anew: 0,
            read,
        };
        Self {
            links: RwLock::new(links),
            file: Mutex::new(file),
            vault: Arc::clone(vault),
            encrypts,
        }
    }

    /// The links as they are now. Whoever adds to them waits for as long as this is held.
    pub(crate) fn now(&self) -> RwLockReadGuard<'_, Links> {
        self.links.read()
    }

    /// In a store that another process writes: learns of what came since.
    pub(crate) fn learn(&self, dir: &Path) -> Result<(), StoreError> {
        let mut file = self.file.lock();
        let now = fs::metadata(&file.path).map_or((0, 0), |found| (found.ino(), found.len()));
        if now == file.read {
            return Ok(());
        }
        let read = read(dir, &self.vault)?;
        file.read = (read.inode, read.length);
        *self.links.write() = read.links;
        Ok(())
    }

    /// Takes links up; they are written later.
    pub(crate) fn add(&self, found: &[Link]) {
        let mut entries = Vec::new();
        {
            let mut links = self.links.write();
            for link in found {
                if links.add(link) {
                    form::put_entry(&mut entries, &Entry::Link(link.clone()));
                }
            }
        }
        self.file.lock().wait(&entries);
    }

    /// Writes what waits.
    pub(crate) fn write(&self) -> Result<(), StoreError> {
        let mut file = self.file.lock();
        if file.is_behind {
            drop(file);
            return self.write_anew();
        }
        file.write(self.encrypts.then_some(&*self.vault))
    }

    /// Returns when what was written survives a power loss.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        let (path, file) = {
            let mut file = self.file.lock();
            if file.length > LONG && file.length > 2 * file.anew {
                drop(file);
                return self.write_anew();
            }
            if !std::mem::take(&mut file.is_unsynced) {
                return Ok(());
            }
            let Some(open) = &file.file else { return Ok(()) };
            let open = open.try_clone();
            (file.path.clone(), open)
        };
        file.and_then(|file| file.sync_data())
            .map_err(|source| StoreError::io("sync", &path, source))
    }

    /// Keeps a name apart, or lets it be joined again; for good when it returns.
    pub(crate) fn set_apart(&self, name: &str, apart: bool) -> Result<bool, StoreError> {
        let changed = {
            let mut links = self.links.write();
            if apart { links.split(name) } else { links.rejoin(name) }
        };
        if changed {
            let name = name.to_owned();
            self.keep(&if apart { Entry::Apart(name) } else { Entry::Joined(name) })?;
        }
        Ok(changed)
    }

    /// Puts labels in the place of those that there are.
    pub(crate) fn relabel(&self, labels: Vec<Label>) -> Result<(), StoreError> {
        if self.links.write().relabel(labels.clone()) {
            self.keep(&Entry::Labels(labels))?;
        }
        Ok(())
    }

    fn keep(&self, entry: &Entry) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        form::put_entry(&mut bytes, entry);
        self.file.lock().wait(&bytes);
        self.write()?;
        self.sync()
    }

    /// Forgets a client: its links and its label, in the file as well.
    pub(crate) fn forget(&self, client: &str) -> Result<(), StoreError> {
        if !self.links.write().forget(client) {
            return Ok(());
        }
        self.write_anew()
    }

    /// Writes all links into a file of their own in `dir`.
    pub(crate) fn copy_to(&self, dir: &Path, encrypted: bool) -> Result<(), StoreError> {
        let vault = encrypted.then_some(&*self.vault);
        let bytes = encoded(&self.links.read(), vault)?;
        replace(&path_in(dir), &bytes)
    }

    /// Writes all links into another file, which takes the place of this one. Who adds links meanwhile
    /// waits for no disk.
    fn write_anew(&self) -> Result<(), StoreError> {
        let path = {
            let mut file = self.file.lock();
            file.is_rewriting = true;
            // All of it is in memory.
            file.waiting.clear();
            file.is_behind = false;
            file.path.clone()
        };
        let vault = self.encrypts.then_some(&*self.vault);
        let bytes = encoded(&self.links.read(), vault);
        let length = bytes.as_ref().map_or(0, Vec::len);
        let written = bytes.and_then(|bytes| replace(&path, &bytes));
        let mut file = self.file.lock();
        file.is_rewriting = false;
        file.is_behind |= written.is_err();
        written?;
        file.anew = length as u64;
        file.reopen()
    }
}

impl LinkFile {
    fn reopen(&mut self) -> Result<(), StoreError> {
        let open = open_private(&self.path).and_then(|mut file| {
            let length = file.seek(SeekFrom::End(0))?;
            Ok((file, length))
        });
        let (file, length) = open.map_err(|source| StoreError::io("open", &self.path, source))?;
        (self.file, self.length) = (Some(file), length);
        Ok(())
    }

    fn wait(&mut self, entries: &[u8]) {
        if self.waiting.len() + entries.len() > MOST_WAITING {
            self.waiting.clear();
            self.is_behind = true;
        }
        if !self.is_behind {
            self.waiting.extend_from_slice(entries);
        }
    }

    fn write(&mut self, vault: Option<&Vault>) -> Result<(), StoreError> {
        let idle = self.waiting.is_empty() || self.is_rewriting;
        let (Some(file), false) = (&mut self.file, idle) else { return Ok(()) };
        let failed = |source| StoreError::io("write", &self.path, source);
        let mut sealed = Vec::new();
        if let Some(vault) = vault {
            form::put_sealed(&mut sealed, &self.waiting, vault)?;
        }
        let bytes = if sealed.is_empty() { &self.waiting } else { &sealed };
        let end = file.stream_position().map_err(failed)?;
        if let Err(error) = file.write_all(bytes) {
            // Half an entry would hide all that follow.
            let back = file.set_len(end).and_then(|()| file.seek(SeekFrom::Start(end)));
            self.is_behind |= back.is_err();
            return Err(failed(error));
        }
        self.length += bytes.len() as u64;
        self.waiting.clear();
        self.is_unsynced = true;
        Ok(())
    }
}

/// Reads the links in `dir`, as far as they are whole.
pub(crate) fn read(dir: &Path, vault: &Vault) -> Result<Read, StoreError> {
    let path = path_in(dir);
    let inode = fs::metadata(&path).map_or(0, |found| found.ino());
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(StoreError::io("read", &path, source)),
    };
    let mut read = Read { length: bytes.len() as u64, inode, ..Read::default() };
    let (entries, whole) = form::entries(&bytes, vault);
    read.whole = whole as u64;
    read.entries = entries.len();
    for entry in entries {
        match entry {
            Entry::Link(link) => {
                read.links.add(&link);
            }
            Entry::Apart(name) => {
                read.links.split(&name);
            }
            Entry::Joined(name) => {
                read.links.rejoin(&name);
            }
            Entry::Labels(labels) => {
                read.links.relabel(labels);
            }
        }
    }
    Ok(read)
}

/// The file of the links in `dir`.
pub(crate) fn path_in(dir: &Path) -> PathBuf {
    dir.join("links")
}

fn encoded(links: &Links, vault: Option<&Vault>) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for name in links.apart() {
        form::put_entry(&mut bytes, &Entry::Apart(name.to_owned()));
    }
    form::put_entry(&mut bytes, &Entry::Labels(links.labels().to_vec()));
    for link in links.iter() {
        form::put_entry(&mut bytes, &Entry::Link(link));
    }
    let mut all = form::MAGIC.to_vec();
    match vault {
        Some(vault) => form::put_sealed(&mut all, &bytes, vault)?,
        None => all.extend_from_slice(&bytes),
    }
    Ok(all)
}

/// Puts `bytes` in the place of the file at `path`; when it returns they survive a power loss.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let draft = path.with_extension("new");
    let failed = |source| StoreError::io("write", &draft, source);
    let _ = fs::remove_file(&draft);
    let mut file = open_private(&draft).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    let folder = path.parent().unwrap_or(path);
    fs::rename(&draft, path)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|source| StoreError::io("replace", path, source))
}

#[cfg(test)]
mod tests;
