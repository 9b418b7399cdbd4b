//! Encryption of segments at rest: AES-256-GCM, under keys of each file's own.
//!
//! A file carries 16 random bytes from which, with the sealing key, its two keys are derived: one for the
//! headers of blocks, one for everything else. A block's number under its file's keys is its nonce. Who
//! seals counts in memory and begins with fresh random bytes, so no nonce is used twice whatever crashes,
//! is written again or is written anew.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;

use crate::seal::SealingKey;

/// Bytes of a nonce and of a tag.
pub(crate) const NONCE: usize = 12;
pub(crate) const TAG: usize = 16;
/// What sealing adds to bytes that carry their own nonce.
pub(crate) const WRAPPING: usize = NONCE + TAG;
/// Bytes of a salt, and of what tells whether a key is the right one.
pub(crate) const SALT: usize = 16;

/// What a file says of its keys, in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// What its keys are derived from, beside the sealing key.
    pub(crate) salt: [u8; SALT],
    /// Another value so derived: with another sealing key it would differ.
    pub(crate) check: [u8; SALT],
}

/// Reads what is encrypted in one file.
pub(crate) struct Opener {
    envelope: Envelope,
    headers: LessSafeKey,
    others: LessSafeKey,
}

/// Encrypts what goes into the files of one envelope. There is only ever one for an envelope.
#[derive(Debug)]
pub(crate) struct Sealer {
    opener: Arc<Opener>,
    used: AtomicU64,
}

impl Envelope {
    /// Whether `key` is the one that it was made with.
    pub(crate) fn fits(&self, key: &SealingKey) -> bool {
        check(key, &self.salt) == self.check
    }
}

impl Opener {
    pub(crate) fn new(key: &SealingKey, envelope: Envelope) -> Result<Self, Unspecified> {
        let derived = |purpose: &[u8]| {
            UnboundKey::new(&AES_256_GCM, &key.derive(purpose, &envelope.salt))
                .map(LessSafeKey::new)
        };
        Ok(Self { envelope, headers: derived(b"segment headers")?, others: derived(b"segment")? })
    }

    /// What its file says of its keys.
    pub(crate) fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// The header that `sealed` holds, behind it its tag.
    pub(crate) fn header<const N: usize>(
        &self,
        nonce: [u8; NONCE],
        sealed: &[u8],
    ) -> Option<[u8; N]> {
        let mut plain = [0; N];
        gather(&self.headers, nonce, b"", sealed, &mut plain)?;
        Some(plain)
    }

    /// Opens `sealed`, behind it its tag, into `plain`.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE],
        about: &[u8],
        sealed: &[u8],
        plain: &mut Vec<u8>,
    ) -> Option<()> {
        plain.clear();
        plain.resize(sealed.len().checked_sub(TAG)?, 0);
        gather(&self.others, nonce, about, sealed, plain)
    }

    /// What [`Sealer::wrap`] made of it.
    pub(crate) fn unwrap(&self, about: &[u8], wrapped: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = wrapped.split_first_chunk::<NONCE>()?;
        let mut plain = Vec::new();
        self.open(*nonce, about, sealed, &mut plain)?;
        Some(plain)
    }
}

impl Sealer {
    /// With keys that nobody has used.
    pub(crate) fn new(key: &SealingKey) -> Result<Self, Unspecified> {
        let mut salt = [0; SALT];
        aws_lc_rs::rand::fill(&mut salt)?;
        let envelope = Envelope { salt, check: check(key, &salt) };
        Ok(Self { opener: Arc::new(Opener::new(key, envelope)?), used: AtomicU64::new(0) })
    }

    /// Who reads what it encrypts.
    pub(crate) fn opener(&self) -> &Arc<Opener> {
        &self.opener
    }

    /// A nonce that was not used before.
    pub(crate) fn nonce(&self) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        let number = self.used.fetch_add(1, Relaxed).to_be_bytes();
        nonce.iter_mut().skip(NONCE - number.len()).zip(number).for_each(|(to, from)| *to = from);
        nonce
    }

    /// Encrypts a header where it stands; gives its tag.
    pub(crate) fn header(&self, nonce: [u8; NONCE], header: &mut [u8]) -> [u8; TAG] {
        seal(&self.opener.headers, nonce, b"", header)
    }

    /// Encrypts `bytes` where they stand; gives the tag. `about` is what they are.
    pub(crate) fn seal(&self, nonce: [u8; NONCE], about: &[u8], bytes: &mut [u8]) -> [u8; TAG] {
        seal(&self.opener.others, nonce, about, bytes)
    }

    /// `plain` encrypted, with its nonce before it and its tag behind.
    pub(crate) fn wrap(&self, about: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = self.nonce();
        let mut out = Vec::with_capacity(plain.len() + WRAPPING);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plain);
        let tag = self.seal(nonce, about, out.get_mut(NONCE..).unwrap_or_default());
        out.extend_from_slice(&tag);
        out
    }
}

/// Encryption fails only for bytes beyond 64 GiB, which no block is. Whatever it were, they may not stay in
/// clear, and a tag of zeros opens nothing.
fn seal(key: &LessSafeKey, nonce: [u8; NONCE], about: &[u8], bytes: &mut [u8]) -> [u8; TAG] {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(about), bytes);
    tag.ok().and_then(|tag| tag.as_ref().try_into().ok()).unwrap_or_else(|| {
        bytes.fill(0);
        [0; TAG]
    })
}

fn gather(
    key: &LessSafeKey,
    nonce: [u8; NONCE],
    about: &[u8],
    sealed: &[u8],
    plain: &mut [u8],
) -> Option<()> {
    let (text, tag) = sealed.split_last_chunk::<TAG>()?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.open_separate_gather(nonce, Aad::from(about), text, tag, plain).ok()
}

fn check(key: &SealingKey, salt: &[u8; SALT]) -> [u8; SALT] {
    let derived = key.derive(b"segment check", salt);
    derived.first_chunk().copied().unwrap_or_default()
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Opener")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
    use std::collections::HashSet;

    use super::*;

    fn key() -> SealingKey {
        SealingKey::open_or_create(tempfile::tempdir().unwrap().path()).unwrap()
    }

    #[test]
    fn what_is_wrapped_opens_with_its_key_as_what_it_was_and_unchanged_only() {
        let key = key();
        let sealer = Sealer::new(&key).unwrap();
        let wrapped = sealer.wrap(b"a directory", b"SECRET bytes");
        assert!(!wrapped.windows(6).any(|window| window == b"SECRET"));
        let opener = Opener::new(&key, sealer.opener().envelope()).unwrap();
        assert_eq!(opener.unwrap(b"a directory", &wrapped).unwrap(), b"SECRET bytes");
        assert!(opener.unwrap(b"another thing", &wrapped).is_none());
        for n in 0..wrapped.len() {
            let mut changed = wrapped.clone();
            changed[n] ^= 1;
            assert!(opener.unwrap(b"a directory", &changed).is_none());
            assert!(opener.unwrap(b"a directory", &wrapped[..n]).is_none());
        }
    }

    #[test]
    fn no_two_files_share_keys_and_no_two_blocks_a_nonce() {
        let key = key();
        let (one, other) = (Sealer::new(&key).unwrap(), Sealer::new(&key).unwrap());
        assert_ne!(one.opener().envelope(), other.opener().envelope());
        let wrapped = one.wrap(b"", b"the same");
        assert!(other.opener().unwrap(b"", &wrapped).is_none());
        let nonces: HashSet<[u8; NONCE]> = (0..1000).map(|_| one.nonce()).collect();
        assert_eq!(nonces.len(), 1000);
        assert!(one.opener().envelope().fits(&key));
        assert!(!one.opener().envelope().fits(&super::tests::key()));
    }
}
