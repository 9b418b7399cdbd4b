//! The sealing key: keeps the secrets that redaction takes out of heads, encrypted for replay.
//!
//! AES-256-GCM under a key for the exchanges of each minute, so that far fewer random nonces meet under
//! one key than the 2^32 that it may have (NIST SP 800-38D, section 8.3): `key = HMAC-SHA-256(master,
//! "seal" || id >> 36)`. The exchange's id is authenticated with it, so sealed bytes cannot be moved to
//! another record.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use parking_lot::Mutex;
use wayside_exchange::ExchangeId;

use crate::error::StoreError;

const KEY_BYTES: usize = 32;
const FILE: &str = "sealing.key";
/// The first byte of everything sealed: which form it has.
const FORM: u8 = 1;

/// How many nonces are made at once.
const NONCES: usize = 64;

/// An id without these bits is the same for 67 seconds: ids count microseconds above ten bits.
const PERIOD_BITS: u32 = 36;

/// Seals and opens secrets. Its file is readable by its owner only.
#[derive(Clone)]
pub struct SealingKey {
    master: hmac::Key,
    /// The key of the period that was sealed for last.
    last: Arc<Mutex<Option<Period>>>,
}

/// The key of a period, and nonces to seal with.
struct Period {
    number: u64,
    key: LessSafeKey,
    /// Random, as many as one call of the generator gives: asking it for each costs more than sealing.
    nonces: [u8; NONCES * NONCE_LEN],
    used: usize,
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey")
    }
}

impl SealingKey {
    /// Reads the key in `keys_dir`, or makes one when there is none. Refuses a key that others than
    /// its owner may read.
    pub fn open_or_create(keys_dir: &Path) -> Result<SealingKey, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(keys_dir)
            .map_err(|source| StoreError::io("make the folder", keys_dir, source))?;
        Self::open_or_create_file(&keys_dir.join(FILE))
    }

    /// Reads the key in the file at `path`, or makes one where there is none; its folder must be there.
    /// Refuses a key that others than its owner may read.
    pub fn open_or_create_file(path: &Path) -> Result<SealingKey, StoreError> {
        loop {
            match read(path) {
                Ok(bytes) => return Ok(Self::from_bytes(&bytes)),
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                    create(path)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the key in the file at `path`. Refuses a key that others than its owner may read.
    pub fn open(path: &Path) -> Result<SealingKey, StoreError> {
        read(path).map(|bytes| Self::from_bytes(&bytes))
    }

    /// Encrypts `plain` for the exchange `id`.
    pub fn seal(&self, id: ExchangeId, plain: &[u8]) -> Vec<u8> {
        self.try_seal(id, plain).unwrap_or_default()
    }

    fn try_seal(&self, id: ExchangeId, plain: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let mut last = self.last.lock();
        let number = id.0 >> PERIOD_BITS;
        let period = match &mut *last {
            Some(period) if period.number == number => period,
            last => last.insert(Period::new(number, self.key_of(id)?)),
        };
        let nonce = period.nonce()?;
        let mut out = Vec::with_capacity(1 + NONCE_LEN + plain.len() + MAX_TAG_LEN);
        out.push(FORM);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        let (_, text) = out.split_at_mut(1 + NONCE_LEN);
        let (nonce, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(id.0.to_be_bytes()));
        let tag = period.key.seal_in_place_separate_tag(nonce, aad, text)?;
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Decrypts what [`SealingKey::seal`] gave for the same exchange.
    pub fn unseal(&self, id: ExchangeId, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let rest = sealed.strip_prefix(&[FORM]).ok_or(StoreError::Unsealable)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(StoreError::Unsealable)?;
        let mut plain = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let key = self.key_of(id).map_err(|_| StoreError::Unsealable)?;
        let len = key
            .open_in_place(nonce, Aad::from(id.0.to_be_bytes()), &mut plain)
            .map_err(|_| StoreError::Unsealable)?
            .len();
        plain.truncate(len);
        Ok(plain)
    }

    /// The key under which fingerprints of credentials are made; says nothing about this one.
    pub fn fingerprint_key(&self) -> [u8; 32] {
        self.derive(b"fingerprint", &[])
    }

    fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        Self { master: hmac::Key::new(hmac::HMAC_SHA256, bytes), last: Arc::default() }
    }

    fn key_of(&self, id: ExchangeId) -> Result<LessSafeKey, Unspecified> {
        let key = self.derive(b"seal", &(id.0 >> PERIOD_BITS).to_be_bytes());
        UnboundKey::new(&AES_256_GCM, &key).map(LessSafeKey::new)
    }

    pub(crate) fn derive(&self, purpose: &[u8], of: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.master);
        context.update(purpose);
        context.update(of);
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        key
    }
}

impl Period {
    fn new(number: u64, key: LessSafeKey) -> Self {
        Self { number, key, nonces: [0; NONCES * NONCE_LEN], used: NONCES }
    }

    /// A nonce, each given once.
    fn nonce(&mut self) -> Result<[u8; NONCE_LEN], Unspecified> {
        if self.used == NONCES {
            aws_lc_rs::rand::fill(&mut self.nonces)?;
            self.used = 0;
        }
        let (nonces, _) = self.nonces.as_chunks::<NONCE_LEN>();
        let nonce = nonces.get(self.used).copied().ok_or(Unspecified)?;
        self.used += 1;
        Ok(nonce)
    }
}

fn read(path: &Path) -> Result<[u8; KEY_BYTES], StoreError> {
    let failed = |source| StoreError::io("read the key", path, source);
    let wrong = |reason| StoreError::Key { path: path.to_owned(), reason };
    let mut file = fs::File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
        return Err(StoreError::Exposed { path: path.to_owned() });
    }
    let mut bytes = Vec::with_capacity(KEY_BYTES + 1);
    (&mut file).take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    bytes.try_into().map_err(|_| wrong("it is not 32 bytes long"))
}

/// Written under another name and linked, so that a crash or a second process never leaves or sees
/// half a key, and an existing one is never replaced.
fn create(path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::io("make the key", path, source);
    let mut key = [0; KEY_BYTES];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| failed(io::ErrorKind::Other.into()))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let _ = fs::remove_file(&draft);
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(failed)?;
    let linked = fs::hard_link(&draft, path);
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_sealed_opens_after_a_restart_for_its_exchange_only() {
        let folder = tempfile::tempdir().unwrap();
        let key = SealingKey::open_or_create(folder.path()).unwrap();
        let sealed = key.seal(ExchangeId(7), b"Bearer abc");
        assert!(!sealed.windows(6).any(|window| window == b"Bearer"));
        let again = SealingKey::open_or_create(folder.path()).unwrap();
        assert_eq!(again.unseal(ExchangeId(7), &sealed).unwrap(), b"Bearer abc");
        assert_eq!(again.fingerprint_key(), key.fingerprint_key());
        assert!(again.unseal(ExchangeId(8), &sealed).is_err());
        for n in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[n] ^= 1;
            assert!(again.unseal(ExchangeId(7), &changed).is_err());
            assert!(again.unseal(ExchangeId(7), &sealed[..n]).is_err());
        }
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_cut_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        SealingKey::open_or_create(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = SealingKey::open_or_create(folder.path());
        assert!(refused.err().unwrap().to_string().contains("readable by others"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"short").unwrap();
        let refused = SealingKey::open_or_create(folder.path());
        assert!(refused.err().unwrap().to_string().contains("not 32 bytes"));
    }
}
