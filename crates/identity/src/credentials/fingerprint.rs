//! Keyed fingerprints: HMAC-SHA-256 of a secret, shortened to twelve hexadecimal digits.
//!
//! Whoever has a store but not its key cannot try guesses against them. A client sends the same few
//! secrets over and over, so the last ones are remembered; how many is bounded.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt::Write;

use aws_lc_rs::hmac;

use super::places::Place;

const REMEMBERED: usize = 4096;
/// A longer secret costs more to look up than it is worth to remember.
const LONGEST: usize = 4096;
const BYTES: usize = 6;

#[derive(Debug)]
pub(crate) struct Fingerprints {
    key: hmac::Key,
    known: HashMap<Box<[u8]>, Known>,
    last: Known,
}

/// What is remembered of a secret.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) fingerprint: String,
    /// The name that it gives where it was first met.
    name: OnceCell<(Place, Option<String>)>,
}

impl Fingerprints {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Self { key, known: HashMap::new(), last: Known::default() }
    }

    pub(crate) fn of(&mut self, secret: &[u8]) -> &Known {
        if secret.len() > LONGEST {
            self.last = Known::new(&self.key, secret);
            return &self.last;
        }
        if self.known.len() >= REMEMBERED && !self.known.contains_key(secret) {
            self.known.clear();
        }
        // Two look-ups, since the entry API would copy every secret that is known already.
        if !self.known.contains_key(secret) {
            self.known.insert(secret.into(), Known::new(&self.key, secret));
        }
        self.known.get(secret).unwrap_or(&self.last)
    }
}

impl Known {
    fn new(key: &hmac::Key, secret: &[u8]) -> Self {
        let tag = hmac::sign(key, secret);
        let mut fingerprint = String::with_capacity(2 * BYTES);
        for byte in tag.as_ref().iter().take(BYTES) {
            // Writing to a string does not fail.
            let _ = write!(fingerprint, "{byte:02x}");
        }
        Self { fingerprint, name: OnceCell::new() }
    }

    /// The name that the secret gives at `place`; `read` only where it is not known yet.
    pub(super) fn name(&self, place: Place, read: impl Fn() -> Option<String>) -> Option<String> {
        let (known_place, name) = self.name.get_or_init(|| (place, read()));
        if *known_place == place { name.clone() } else { read() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_the_same_fingerprint_under_one_key_and_another_under_the_next() {
        let mut one = Fingerprints::new(&[1; 32]);
        let first = one.of(b"s3cret").fingerprint.clone();
        assert_eq!(first.len(), 12);
        assert_eq!(one.of(b"s3cret").fingerprint, first);
        assert_ne!(one.of(b"s3cres").fingerprint, first);
        assert_ne!(Fingerprints::new(&[2; 32]).of(b"s3cret").fingerprint, first);
    }

    #[test]
    fn memory_is_bounded_and_long_secrets_work() {
        let mut fingerprints = Fingerprints::new(&[1; 32]);
        let first = fingerprints.of(b"0").fingerprint.clone();
        for n in 0..10_000 {
            fingerprints.of(n.to_string().as_bytes());
        }
        assert!(fingerprints.known.len() <= REMEMBERED);
        assert_eq!(fingerprints.of(b"0").fingerprint, first);
        assert_eq!(fingerprints.of(&vec![b'x'; 100_000]).fingerprint.len(), 12);
    }
}
