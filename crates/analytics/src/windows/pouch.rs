//! What the recorder's thread gathers between two judgements: one probe of a table for each exchange.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::Arc;

use wayside_exchange::{Glance, Timestamp};

use crate::Stars;
use crate::cell::Cell;
use crate::verdict::Thresholds;
use crate::verdict::objectives::Objectives;

/// Clients on routes that are told apart; exchanges of further ones are only counted.
const PLACES: usize = 50_000;
/// More of them for clients with a star.
const STARRED: usize = 5_000;

/// A client on a route, and what was counted there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) client: Arc<str>,
    pub(super) route: Arc<str>,
    pub(super) cell: Cell,
}

/// Cells by client and route.
#[derive(Debug, Default)]
pub struct Pouch {
    hashing: foldhash::fast::RandomState,
    /// By the hash of both names. Two of a few thousand that share all 64 bits would be counted as one.
    places: std::collections::HashMap<u64, Place, BuildHasherDefault<Hashed>>,
    promises: Objectives,
    folded: u64,
    first: Option<Timestamp>,
    stars: Stars,
}

impl Pouch {
    /// Keeps room for clients with a star from now on.
    pub fn star(&mut self, stars: Stars) {
        self.promises.star(stars.clone());
        self.stars = stars;
    }

    /// From now on counts what these promise.
    pub fn hold_against(&mut self, thresholds: &Thresholds) {
        self.promises = Objectives::of(thresholds).keeping(PLACES);
        self.promises.star(self.stars.clone());
    }

    /// Takes one exchange.
    pub fn add(&mut self, row: &Glance<'_>) {
        self.first = Some(self.first.map_or(row.started_at, |first| first.min(row.started_at)));
        self.promises.add(row);
        let mut hasher = self.hashing.build_hasher();
        hasher.write(row.client.as_bytes());
        hasher.write_u8(0xff);
        hasher.write(row.route.as_bytes());
        let key = hasher.finish();
        if let Some(place) = self.places.get_mut(&key) {
            place.cell.add(&Cell::of(row));
        } else if self.places.len() < PLACES
            || self.places.len() < PLACES + STARRED && self.stars.has(row.client)
        {
            self.places.insert(key, Place::of(row));
        } else {
            self.folded += 1;
        }
    }

    /// Empties it; what was in it goes on as another, which hashes alike.
    #[must_use]
    pub fn empty(&mut self) -> Self {
        let (hashing, stars) = (self.hashing.clone(), self.stars.clone());
        let promises = self.promises.fresh();
        let fresh = Self { hashing, promises, stars, ..Self::default() };
        std::mem::replace(self, fresh)
    }

    /// Exchanges that were only counted.
    pub(super) fn folded(&self) -> u64 {
        self.folded
    }

    /// When the first exchange began.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.first
    }

    pub(super) fn contents(self) -> (impl Iterator<Item = Place>, Objectives) {
        (self.places.into_values(), self.promises)
    }
}

/// The hash of a key that is one.
#[derive(Clone, Copy, Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
