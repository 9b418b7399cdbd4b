//! Places in paths that hold identifiers although each looks like a name: `/users/ada`, `/users/bob`.
//!
//! A place is what stands before a segment. It holds identifiers when many different segments were
//! answered well there and the next one is likely to be new: the share of those seen once estimates
//! that chance (Good, Biometrika 1953). A hundred methods under `/api/` come again and again; user
//! names do not. Once decided, it stays decided, also over restarts.

use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;

/// Asked several times for every exchange; seeded anew in each process, so that nobody can choose paths
/// that collide.
type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;
type HashSet<K> = std::collections::HashSet<K, RandomState>;

/// Different segments from which on a place is decided upon.
const MANY: usize = 128;
/// Of all answers at the place, the share of those whose segment was seen once.
const ONCE: f64 = 0.25;
/// Segments that are counted at one place; a place with more names than this has names.
const COUNTED: usize = 256;
/// Places that are watched at once, and those that are decided.
const PLACES: usize = 2048;

/// What stands beside identifiers and is none of them: `/users/me`.
const NAMES: [&str; 12] = [
    "me", "self", "current", "new", "search", "count", "all", "default", "latest", "batch", "bulk",
    "export",
];
/// A segment that came at least so often before its place was decided is a name, if no fewer than
/// one in [`SELDOM`] were it.
const OFTEN: u32 = 8;
const SELDOM: u32 = 20;

/// What is known of places.
#[derive(Debug, Default)]
pub(super) struct Learned {
    hashing: RandomState,
    /// Places that hold identifiers, each with the names that stand there, too.
    decided: HashMap<u64, HashSet<u64>>,
    watched: HashMap<u64, Watched>,
}

/// A place that may turn out either way.
#[derive(Debug, Default)]
struct Watched {
    /// How often each segment came, by its hash.
    segments: HashMap<u64, u32>,
    total: u32,
}

impl Learned {
    /// Whether what stands at `place` is an identifier. A segment that was `answered` well is counted.
    pub(super) fn is_identifier(&mut self, place: &str, segment: &str, answered: bool) -> bool {
        // The first segment names what an API is about, however many there are.
        if place.len() < 2 || segment.is_empty() || NAMES.contains(&segment) {
            return false;
        }
        let key = self.hashing.hash_one(place);
        let segment = self.hashing.hash_one(segment);
        if let Some(names) = self.decided.get(&key) {
            return !names.contains(&segment);
        }
        if !answered {
            return false;
        }
        if self.watched.len() >= PLACES {
            self.watched.retain(|_, watched| watched.segments.len() > 1);
            if self.watched.len() >= PLACES {
                return false;
            }
        }
        let watched = self.watched.entry(key).or_default();
        if watched.segments.len() < COUNTED || watched.segments.contains_key(&segment) {
            *watched.segments.entry(segment).or_default() += 1;
            watched.total = watched.total.saturating_add(1);
        }
        if watched.holds_identifiers() && self.decided.len() < PLACES {
            let names = watched.names();
            let is_name = names.contains(&segment);
            self.watched.remove(&key);
            self.decided.insert(key, names);
            return !is_name;
        }
        false
    }

    /// Knows from before that `place` holds identifiers.
    pub(super) fn take_up(&mut self, place: &str) {
        if self.decided.len() < PLACES && place.len() > 1 {
            self.decided.entry(self.hashing.hash_one(place)).or_default();
        }
    }
}

#[cfg(test)]
impl Learned {
    /// Hashes that are kept.
    pub(super) fn size(&self) -> usize {
        let watched = self.watched.values().map(|watched| 1 + watched.segments.len());
        let decided = self.decided.values().map(|names| 1 + names.len());
        decided.sum::<usize>() + watched.sum::<usize>()
    }
}

impl Watched {
    fn holds_identifiers(&self) -> bool {
        // Asked at each doubling: a ratio that wanders would cross the border some time.
        let different = self.segments.len();
        if !(MANY..=COUNTED).contains(&different) || !different.is_power_of_two() {
            return false;
        }
        let once = self.segments.values().filter(|&&times| times == 1).count();
        once as f64 >= ONCE * f64::from(self.total)
    }

    /// The segments that came too often to be one of many.
    fn names(&self) -> HashSet<u64> {
        let often = (self.total / SELDOM).max(OFTEN);
        self.segments.iter().filter(|&(_, &times)| times >= often).map(|(&hash, _)| hash).collect()
    }
}
