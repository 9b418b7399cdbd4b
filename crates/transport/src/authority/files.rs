//! The authority's two files: locked while looked at, written whole or not at all, the key for its
//! owner's eyes only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The folder with the CA's files, locked against other processes until dropped.
pub(super) struct Files {
    folder: PathBuf,
    handle: File,
}

impl Files {
    /// Makes the folder (0700) when it is missing and waits for its lock.
    pub(super) fn lock(folder: &Path) -> Result<Self> {
        let failed = |source| Error::Unwritable { path: folder.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let handle = File::open(folder).map_err(failed)?;
        handle.lock().map_err(failed)?;
        Ok(Self { folder: folder.to_owned(), handle })
    }

    pub(super) fn certificate_path(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub(super) fn key_path(&self) -> PathBuf {
        self.folder.join("ca.key")
    }

    pub(super) fn certificate(&self) -> Result<Option<String>> {
        read(self.certificate_path())
    }

    /// The key's PEM; refused when anyone but its owner may read it.
    pub(super) fn key(&self) -> Result<Option<String>> {
        let path = self.key_path();
        if let Ok(metadata) = fs::metadata(&path) {
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(Error::KeyExposed { path, mode });
            }
        }
        read(path)
    }

    pub(super) fn write_certificate(&self, pem: &str) -> Result<()> {
        self.write(self.certificate_path(), pem, 0o644)
    }

    pub(super) fn write_key(&self, pem: &str) -> Result<()> {
        self.write(self.key_path(), pem, 0o600)
    }

    /// The rename makes the file appear whole; the folder's own fsync makes the rename last.
    fn write(&self, path: PathBuf, text: &str, mode: u32) -> Result<()> {
        let temporary = path.with_extension("new");
        let written = (|| {
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(mode)
                .open(&temporary)?;
            // A leftover of a start that was cut short keeps its own permissions otherwise.
            file.set_permissions(fs::Permissions::from_mode(mode))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &path)?;
            self.handle.sync_all()
        })();
        written.map_err(|source| Error::Unwritable { path, source })
    }
}

fn read(path: PathBuf) -> Result<Option<String>> {
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Unreadable { path, source }),
    }
}
