//! Ids that are short, sortable by time and unambiguous by prefix.
//!
//! An exchange's id is 60 bits: 50 bits of microseconds since 2026-01-01 UTC (35 years), 6 bits of
//! worker and 4 bits of sequence, shown as twelve characters of Crockford's base 32 in lower case.
//! Microseconds, so that a listing by id is in the order of starts also where one client's requests
//! went to several workers. A session is named after its first exchange, with an `s` before it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::time::Timestamp;

/// 2026-01-01T00:00:00Z in microseconds since the Unix epoch.
const EPOCH: i64 = 1_767_225_600_000_000;
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARACTERS: usize = 12;
const SEQUENCE_BITS: u32 = 4;
const WORKER_BITS: u32 = 6;
/// Bits below the time.
const BELOW: u32 = WORKER_BITS + SEQUENCE_BITS;
const TIME_BITS: u32 = 50;

/// Names one exchange; greater ids started later (to the microsecond).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u64);

/// Names one session: the id of its first exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub ExchangeId);

/// A text that is not an id or the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: ids have up to twelve characters of 0-9 and a-z without i, l, o, u")]
pub struct NotAnId(pub String);

impl ExchangeId {
    /// The lowest id that an exchange started at `at` can have.
    pub fn floor(at: Timestamp) -> Self {
        let since = at.0.saturating_sub(EPOCH).clamp(0, (1 << TIME_BITS) - 1) as u64;
        Self(since << BELOW)
    }

    /// When the exchange started: exact, unless the clock went back or a worker began more than sixteen
    /// exchanges within that microsecond.
    pub fn started_at(self) -> Timestamp {
        Timestamp((self.0 >> BELOW) as i64 + EPOCH)
    }

    /// The lowest and the highest id that begin with `prefix` (1 to 12 characters, any case).
    pub fn range(prefix: &str) -> Result<(Self, Self), NotAnId> {
        let wrong = || NotAnId(prefix.to_owned());
        if prefix.is_empty() || prefix.len() > CHARACTERS {
            return Err(wrong());
        }
        let mut value = 0_u64;
        for byte in prefix.bytes() {
            let lower = byte.to_ascii_lowercase();
            let digit = ALPHABET.iter().position(|&c| c == lower).ok_or_else(wrong)?;
            value = (value << 5) | digit as u64;
        }
        let open = 5 * (CHARACTERS - prefix.len()) as u32;
        let low = value << open;
        Ok((Self(low), Self(low | ((1_u64 << open) - 1))))
    }
}

impl SessionId {
    /// The lowest and highest session ids that begin with `prefix`, which starts with `s`.
    pub fn range(prefix: &str) -> Result<(Self, Self), NotAnId> {
        let digits = prefix.strip_prefix('s').ok_or_else(|| NotAnId(prefix.to_owned()))?;
        if digits.is_empty() {
            return Ok((Self(ExchangeId(0)), Self(ExchangeId((1 << 60) - 1))));
        }
        ExchangeId::range(digits).map(|(low, high)| (Self(low), Self(high)))
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0_u8; CHARACTERS];
        for (i, slot) in text.iter_mut().rev().enumerate() {
            let digit = (self.0 >> (5 * i)) & 31;
            *slot = ALPHABET.get(digit as usize).copied().unwrap_or(b'0');
        }
        f.pad(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("s{}", self.0))
    }
}

impl FromStr for ExchangeId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        match Self::range(text)? {
            (low, high) if low == high => Ok(low),
            _ => Err(NotAnId(text.to_owned())),
        }
    }
}

impl FromStr for SessionId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let digits = text.strip_prefix('s').ok_or_else(|| NotAnId(text.to_owned()))?;
        digits.parse().map(Self)
    }
}

macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}
as_text!(ExchangeId, SessionId);

/// Hashes an [`ExchangeId`] by a single multiplication: ids are ours, and no two are alike, so a map of
/// them needs no defence against chosen keys.
pub type IdHashing = std::hash::BuildHasherDefault<IdHasher>;

/// See [`IdHashing`].
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl std::hash::Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // Fibonacci hashing (Knuth, TAOCP volume 3, section 6.4); the table takes both ends of it.
        let mixed = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// Hands out ids on one worker: each greater than all before it, even when the clock goes back.
#[derive(Debug)]
pub struct ExchangeIds {
    worker: u64,
    last: u64,
}

impl ExchangeIds {
    /// Ids of `worker` (taken modulo 64), all greater than `after`, the newest id already stored.
    pub fn new(worker: usize, after: ExchangeId) -> Self {
        let next = (after.0 >> BELOW) + 1;
        let worker = (worker as u64 % (1 << WORKER_BITS)) << SEQUENCE_BITS;
        let last = if after.0 == 0 { 0 } else { next << BELOW };
        Self { worker, last: last | worker }
    }

    /// The next id, for an exchange that starts at `now`.
    pub fn next(&mut self, now: Timestamp) -> ExchangeId {
        let fresh = ExchangeId::floor(now).0 | self.worker;
        let sequence_mask = (1_u64 << SEQUENCE_BITS) - 1;
        self.last = if fresh > self.last {
            fresh
        } else if self.last & sequence_mask == sequence_mask {
            // This microsecond is used up: borrow from the next one.
            (((self.last >> BELOW) + 1) << BELOW) | self.worker
        } else {
            self.last + 1
        };
        ExchangeId(self.last)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_123_456);

    #[test]
    fn an_id_reads_back_and_tells_its_time() {
        let id = ExchangeIds::new(3, ExchangeId(0)).next(NOW);
        assert_eq!(id.to_string().len(), 12);
        assert_eq!(id.to_string().parse::<ExchangeId>().unwrap(), id);
        assert_eq!(id.started_at(), NOW);
        let session = SessionId(id);
        assert_eq!(session.to_string().parse::<SessionId>().unwrap(), session);
    }

    #[test]
    fn ids_grow_when_the_clock_goes_back_and_when_a_microsecond_is_used_up() {
        let mut ids = ExchangeIds::new(1, ExchangeId(0));
        let mut last = ids.next(NOW);
        for step in 0..40_000_i64 {
            let id = ids.next(Timestamp(NOW.0 - step));
            assert!(id > last);
            last = id;
        }
        assert!(ExchangeIds::new(0, last).next(Timestamp(0)) > last);
    }

    #[test]
    fn workers_never_share_an_id() {
        let (mut a, mut b) =
            (ExchangeIds::new(0, ExchangeId(0)), ExchangeIds::new(1, ExchangeId(0)));
        let mut seen = std::collections::HashSet::new();
        for _ in 0..30_000 {
            assert!(seen.insert(a.next(NOW)));
            assert!(seen.insert(b.next(NOW)));
        }
    }

    #[test]
    fn ids_of_several_workers_are_in_the_order_of_starts() {
        let mut workers = [3, 2, 1, 0].map(|worker| ExchangeIds::new(worker, ExchangeId(0)));
        let ids: Vec<ExchangeId> = (0..)
            .zip(workers.iter_mut())
            .map(|(later, worker)| worker.next(Timestamp(NOW.0 + later)))
            .collect();
        assert!(ids.is_sorted(), "{ids:?}");
    }

    #[test]
    fn a_prefix_spans_its_ids() {
        let id = ExchangeIds::new(0, ExchangeId(0)).next(NOW);
        let text = id.to_string();
        for n in 1..=12 {
            let (low, high) = ExchangeId::range(&text[..n].to_uppercase()).unwrap();
            assert!(low <= id && id <= high);
        }
        assert!(ExchangeId::range("").is_err());
        assert!(ExchangeId::range("hello").is_err());
        assert!(ExchangeId::range("0123456789abc").is_err());
    }
}
