//! Where a store is, where its key is, and what the key opens. The key is read when the first thing turns
//! up that needs it, so a store in clear is read without any.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::cipher::{Envelope, NONCE, Opener, SALT, Sealer};
use crate::error::StoreError;
use crate::seal::SealingKey;
use crate::store::open;

/// A store's folder, and the file of the sealing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The folder.
    pub dir: PathBuf,
    /// The file; none where it is `keys/sealing.key` in the folder.
    pub key_file: Option<PathBuf>,
}

impl Location {
    /// The file of the sealing key.
    pub fn key(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| self.dir.join("keys").join("sealing.key"))
    }

    /// The sealing key; where there is none one is made, unless the store is encrypted with the one that
    /// is missing.
    pub fn open_or_create_key(&self) -> Result<SealingKey, StoreError> {
        if !self.key().exists()
            && let Err(error @ StoreError::Encrypted { .. }) = open::for_reading(self)
        {
            return Err(error);
        }
        match &self.key_file {
            Some(file) => SealingKey::open_or_create_file(file),
            None => SealingKey::open_or_create(&self.dir.join("keys")),
        }
    }
}

impl Deref for Location {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.dir
    }
}

impl From<PathBuf> for Location {
    fn from(dir: PathBuf) -> Self {
        Self { dir, key_file: None }
    }
}

impl From<&Path> for Location {
    fn from(dir: &Path) -> Self {
        dir.to_owned().into()
    }
}

impl From<&PathBuf> for Location {
    fn from(dir: &PathBuf) -> Self {
        dir.clone().into()
    }
}

impl From<&Location> for Location {
    fn from(location: &Location) -> Self {
        location.clone()
    }
}

/// Gives out what opens the files of a store.
#[derive(Debug)]
pub(crate) struct Vault {
    file: PathBuf,
    key: OnceLock<SealingKey>,
    /// The files of a recorder's run share their envelope.
    known: Mutex<Vec<Arc<Opener>>>,
}

impl Vault {
    pub(crate) fn of(location: &Location) -> Self {
        Self { file: location.key(), key: OnceLock::new(), known: Mutex::default() }
    }

    /// What opens the file at `path`, which says `envelope` of its keys.
    pub(crate) fn opener(
        &self,
        path: &Path,
        envelope: Envelope,
    ) -> Result<Arc<Opener>, StoreError> {
        let mut known = self.known.lock();
        if let Some(opener) = known.iter().find(|opener| opener.envelope() == envelope) {
            return Ok(opener.clone());
        }
        let key = self.key(path)?;
        if !envelope.fits(key) {
            let (path, key) = (path.to_owned(), self.file.clone());
            return Err(StoreError::OtherKey { path, key });
        }
        let opener = Arc::new(Opener::new(key, envelope).map_err(|_| self.unusable())?);
        known.push(opener.clone());
        Ok(opener)
    }

    /// For files that are to be made; `path` is for messages.
    pub(crate) fn sealer(&self, path: &Path) -> Result<Sealer, StoreError> {
        Sealer::new(self.key(path)?).map_err(|_| self.unusable())
    }

    /// Encrypts a small thing that lies beside the segments, under a key of its own: a salt, and what is
    /// sealed with the only nonce under it.
    pub(crate) fn wrap(&self, about: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let sealer = self.sealer(&self.file)?;
        let Envelope { salt, .. } = sealer.opener().envelope();
        let wrapped = sealer.wrap(about, plain);
        Ok([&salt, wrapped.get(NONCE..).unwrap_or_default()].concat())
    }

    /// What [`Vault::wrap`] made of it.
    pub(crate) fn unwrap(&self, about: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
        let (salt, sealed) = wrapped.split_first_chunk::<SALT>()?;
        let envelope = Envelope { salt: *salt, check: [0; SALT] };
        let opener = Opener::new(self.key(&self.file).ok()?, envelope).ok()?;
        let mut plain = Vec::new();
        opener.open([0; NONCE], about, sealed, &mut plain)?;
        Some(plain)
    }

    fn key(&self, path: &Path) -> Result<&SealingKey, StoreError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        if !self.file.exists() {
            let (path, key) = (path.to_owned(), self.file.clone());
            return Err(StoreError::Encrypted { path, key });
        }
        let key = SealingKey::open(&self.file)?;
        Ok(self.key.get_or_init(|| key))
    }

    fn unusable(&self) -> StoreError {
        StoreError::Key { path: self.file.clone(), reason: "no key can be derived from it" }
    }
}
