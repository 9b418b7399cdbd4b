//! A folder on the file system: files 0600, the folder 0700.
//!
//! Long writes go past the page cache where the file system takes that, unless who writes is in a hurry.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::direct::{self, Pace};
use super::pages::split;
use super::{Storage, StoredFile};

/// A folder on the file system.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    pace: Arc<Pace>,
}

/// A file in it.
#[derive(Debug)]
struct DiskFile {
    file: File,
    path: PathBuf,
    /// The same file past the page cache; none where the file system has no such thing.
    direct: OnceLock<Option<File>>,
    pace: Arc<Pace>,
}

impl Disk {
    /// The folder, made when it is missing.
    pub(crate) fn create(folder: &Path) -> io::Result<Disk> {
        make_folder(folder)?;
        Ok(Disk::existing(folder))
    }

    /// The folder as it is.
    pub(crate) fn existing(folder: &Path) -> Disk {
        Disk { folder: folder.to_owned(), pace: Arc::default() }
    }

    fn file(&self, file: File, path: PathBuf) -> Arc<dyn StoredFile> {
        Arc::new(DiskFile { file, path, direct: OnceLock::new(), pace: self.pace.clone() })
    }
}

/// Makes `folder` and those above it, readable by their owner only.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens the file at `path` for reading and writing; one that is missing is made, its owner's only.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

impl Storage for Disk {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>> {
        let path = self.folder.join(name);
        let file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(self.file(file, path))
    }

    fn open(&self, name: &str, write: bool) -> io::Result<Arc<dyn StoredFile>> {
        let path = self.folder.join(name);
        let file = OpenOptions::new().read(true).write(write).open(&path)?;
        Ok(self.file(file, path))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.folder.join(name))
    }

    fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn free(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.folder)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn hurry(&self, hurried: bool) {
        self.pace.hurry(hurried);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl DiskFile {
    fn direct(&self) -> Option<&File> {
        self.direct.get_or_init(|| direct::open(&self.path, &self.file)).as_ref()
    }
}

impl StoredFile for DiskFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let parts = if self.pace.is_direct(bytes.len()) { split(bytes, offset) } else { None };
        let Some((parts, direct)) = parts.zip(self.direct()) else {
            return self.file.write_all_at(bytes, offset);
        };
        self.file.write_all_at(parts.before, offset)?;
        let pages_at = offset + parts.before.len() as u64;
        self.pace.write(direct, &self.file, parts.pages, pages_at)?;
        self.file.write_all_at(parts.after, pages_at + parts.pages.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + read as u64) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
