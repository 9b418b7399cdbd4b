//! Keyed fingerprints: `SipHash-2-4` of a secret (Aumasson, Bernstein: *`SipHash`: a fast short-input PRF*, 2012),
//! shortened to twelve hexadecimal digits.
//!
//! Whoever has a store but not its key cannot try guesses against them. Secrets are short and in some bodies
//! many, which is what `SipHash` is made for: HMAC-SHA-256 took four times as long. A client sends the same few
//! over and over, so the last ones are remembered; how many is bounded.

use std::cell::OnceCell;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use siphasher::sip128::SipHasher24;

use super::places::Place;
use crate::bodies::{StandIn, TOKEN_ROOM};
use crate::secrets::TOKEN_PREFIX;

const REMEMBERED: usize = 4096;
/// A longer secret costs more to look up than it is worth to remember.
const LONGEST: usize = 4096;
const BYTES: usize = 6;
/// Hexadecimal digits of a fingerprint.
pub(crate) const DIGITS: usize = 2 * BYTES;
/// The hexadecimal digits of each byte.
static PAIRS: [[u8; 2]; 256] = pairs();

#[expect(clippy::indexing_slicing, reason = "computed when it is compiled, and within bounds")]
const fn pairs() -> [[u8; 2]; 256] {
    let hexadecimal = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [hexadecimal[byte >> 4], hexadecimal[byte & 15]];
        byte += 1;
    }
    pairs
}

#[derive(Debug)]
pub(crate) struct Fingerprints {
    /// One that knows the key and nothing else.
    key: SipHasher24,
    known: HashMap<Box<[u8]>, Known, RandomState>,
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
        // It takes 128 bits of key; all are as random as any.
        let key = SipHasher24::new_with_key(key.first_chunk().unwrap_or(&[0; 16]));
        Self { key, known: HashMap::default(), last: Known::default() }
    }

    /// The token of a secret that is not worth to be remembered: those of bodies are many.
    pub(crate) fn token(&self, secret: &[u8]) -> StandIn {
        let mut token = [0; TOKEN_ROOM];
        let (prefix, rest) = token.split_at_mut(TOKEN_PREFIX.len());
        prefix.copy_from_slice(TOKEN_PREFIX.as_bytes());
        if let Some(place) = rest.first_chunk_mut() {
            *place = digits(&self.key, secret);
        }
        StandIn::from_buf_and_len(token, TOKEN_PREFIX.len() + DIGITS)
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

/// The digits of a secret's fingerprint.
fn digits(key: &SipHasher24, secret: &[u8]) -> [u8; DIGITS] {
    let tag = key.hash(secret).as_bytes();
    let mut digits = [0; DIGITS];
    let (pairs, _) = digits.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(tag) {
        *pair = PAIRS.get(usize::from(byte)).copied().unwrap_or_default();
    }
    digits
}

impl Known {
    fn new(key: &SipHasher24, secret: &[u8]) -> Self {
        let fingerprint = digits(key, secret).into_iter().map(char::from).collect();
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
