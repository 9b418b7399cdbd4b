//! Keyed fingerprints: HMAC-SHA-256 of a secret, shortened to twelve hexadecimal digits.
//!
//! Whoever has a store but not its key cannot try guesses against them. A client sends the same few
//! secrets over and over, so the last ones are remembered; how many is bounded.

use std::collections::HashMap;
use std::fmt::Write;

use aws_lc_rs::hmac;

const REMEMBERED: usize = 4096;
/// A longer secret costs more to look up than it is worth to remember.
const LONGEST: usize = 4096;
const BYTES: usize = 6;

#[derive(Debug)]
pub(super) struct Fingerprints {
    key: hmac::Key,
    known: HashMap<Box<[u8]>, String>,
    last: String,
}

impl Fingerprints {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        Self { key, known: HashMap::new(), last: String::new() }
    }

    pub(super) fn of(&mut self, secret: &[u8]) -> &str {
        if secret.len() > LONGEST {
            self.last = fingerprint(&self.key, secret);
            return &self.last;
        }
        if self.known.len() >= REMEMBERED && !self.known.contains_key(secret) {
            self.known.clear();
        }
        // Two look-ups, since the entry API would copy every secret that is known already.
        if !self.known.contains_key(secret) {
            self.known.insert(secret.into(), fingerprint(&self.key, secret));
        }
        self.known.get(secret).map_or("", String::as_str)
    }
}

fn fingerprint(key: &hmac::Key, secret: &[u8]) -> String {
    let tag = hmac::sign(key, secret);
    tag.as_ref().iter().take(BYTES).fold(String::with_capacity(2 * BYTES), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_the_same_fingerprint_under_one_key_and_another_under_the_next() {
        let mut one = Fingerprints::new(&[1; 32]);
        let first = one.of(b"s3cret").to_owned();
        assert_eq!(first.len(), 12);
        assert_eq!(one.of(b"s3cret"), first);
        assert_ne!(one.of(b"s3cres"), first);
        assert_ne!(Fingerprints::new(&[2; 32]).of(b"s3cret"), first);
    }

    #[test]
    fn memory_is_bounded_and_long_secrets_work() {
        let mut fingerprints = Fingerprints::new(&[1; 32]);
        let first = fingerprints.of(b"0").to_owned();
        for n in 0..10_000 {
            fingerprints.of(n.to_string().as_bytes());
        }
        assert!(fingerprints.known.len() <= REMEMBERED);
        assert_eq!(fingerprints.of(b"0"), first);
        assert_eq!(fingerprints.of(&vec![b'x'; 100_000]).len(), 12);
    }
}
