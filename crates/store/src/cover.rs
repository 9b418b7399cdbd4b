//! Covering small files beside the segments that others write, where the recording is encrypted.

use std::sync::Arc;

use crate::error::StoreError;
use crate::vault::Vault;

/// What every file that is covered begins with.
const COVERED: [u8; 8] = *b"WAYCOV1\n";

/// Encrypts files of a recording that is encrypted, and opens them again. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cover {
    vault: Arc<Vault>,
    encrypts: bool,
}

impl Cover {
    pub(crate) fn new(vault: &Arc<Vault>, encrypts: bool) -> Self {
        Self { vault: Arc::clone(vault), encrypts }
    }

    /// Whether what is written is encrypted.
    pub fn encrypts(&self) -> bool {
        self.encrypts
    }

    /// Whether a file's bytes are encrypted.
    pub fn is_on(bytes: &[u8]) -> bool {
        bytes.starts_with(&COVERED)
    }

    /// What is to be written of a file; `about` tells it from other files.
    pub fn put_on(&self, about: &[u8], plain: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        if !self.encrypts {
            return Ok(plain);
        }
        let sealed = self.vault.wrap(about, &plain)?;
        Ok([COVERED.as_slice(), &sealed].concat())
    }

    /// What a file says, encrypted or not; none where it is damaged, is another's, or the key does not fit.
    pub fn take_off(&self, about: &[u8], bytes: Vec<u8>) -> Option<Vec<u8>> {
        match bytes.strip_prefix(&COVERED) {
            Some(sealed) => self.vault.unwrap(about, sealed),
            None => Some(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::seal::SealingKey;

    #[test]
    fn what_is_covered_opens_only_unchanged_and_as_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        SealingKey::open_or_create(&dir.path().join("keys")).unwrap();
        let vault = Arc::new(Vault::of(&dir.path().into()));
        let (on, off) = (Cover::new(&vault, true), Cover::new(&vault, false));
        let covered = on.put_on(b"one", b"acme".to_vec()).unwrap();
        assert!(Cover::is_on(&covered) && !covered.windows(4).any(|part| part == b"acme"));
        assert_eq!(off.take_off(b"one", covered.clone()).unwrap(), b"acme");
        assert_eq!(on.take_off(b"other", covered.clone()), None);
        for n in COVERED.len()..covered.len() {
            let mut changed = covered.clone();
            changed.iter_mut().skip(n).take(1).for_each(|byte| *byte ^= 4);
            assert_eq!(on.take_off(b"one", changed), None, "byte {n}");
        }
        let clear = off.put_on(b"one", b"acme".to_vec()).unwrap();
        assert_eq!((clear.as_slice(), Cover::is_on(&clear)), (b"acme".as_slice(), false));
        assert_eq!(on.take_off(b"one", clear).unwrap(), b"acme");
    }
}
