//! What a detector keeps of what it saw: a count, the cost, and a few samples spread over all of it.

use wayside_exchange::{ExchangeId, Glance, Micros, Timestamp};

use super::{ROUTES, TARGETS};
use crate::tables::HashMap;

/// Samples that are kept; when there are more every second one goes.
const SAMPLES: usize = 24;

/// What need not have been.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    pub(super) requests: u64,
    /// For which the backend was kept busy.
    pub(super) wait: Micros,
    pub(super) bytes: u64,
}

/// An exchange that may bear a suspicion out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) id: ExchangeId,
    /// The exchange that it repeats or follows.
    pub(super) before: ExchangeId,
    /// How long after the end of that one it came.
    pub(super) gap: Micros,
}

/// Counts of one suspicion.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) cost: Cost,
    /// Something the detector adds up, such as sizes of pages.
    pub(super) sum: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) samples: Vec<Sample>,
    stride: u64,
}

impl Cost {
    /// The whole of one exchange.
    pub(super) fn of(row: &Glance<'_>) -> Self {
        let bytes = row.request_bytes.saturating_add(row.response_bytes);
        Self { requests: 1, wait: row.timing.wait, bytes }
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.wait.0 = self.wait.0.saturating_add(other.wait.0);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

impl Sample {
    /// One that stands alone.
    pub(super) fn of(row: &Glance<'_>) -> Self {
        Self { id: row.id, before: row.id, gap: Micros(0) }
    }
}

impl Tally {
    /// Counts an exchange.
    pub(super) fn add(&mut self, row: &Glance<'_>, cost: Cost, sample: Sample) {
        if self.count == 0 {
            self.first = row.started_at;
        }
        self.last = self.last.max(row.started_at);
        if self.count.is_multiple_of(self.stride.max(1)) {
            self.samples.push(sample);
            self.thin();
        }
        self.count += 1;
        self.cost.add(cost);
    }

    /// Takes what another one counted.
    pub(super) fn merge(&mut self, other: &Self) {
        self.first = if self.count == 0 { other.first } else { self.first.min(other.first) };
        self.last = self.last.max(other.last);
        self.count += other.count;
        self.sum += other.sum;
        self.cost.add(other.cost);
        self.stride = self.stride.max(other.stride);
        self.samples.extend(&other.samples);
        self.thin();
    }

    fn thin(&mut self) {
        while self.samples.len() > SAMPLES {
            let mut n = 0;
            self.samples.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            self.stride = self.stride.max(1) * 2;
        }
    }
}

/// Something for each route, of a bounded number.
#[derive(Clone, Debug)]
pub(super) struct ByRoute<T>(HashMap<String, T>);

impl<T> Default for ByRoute<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T: Default> ByRoute<T> {
    /// That of a route; beyond so many one that stands for all others, without a name.
    pub(super) fn of(&mut self, route: &str) -> &mut T {
        let room = self.0.len() < ROUTES || self.0.contains_key(route);
        let route = if room { route } else { "" };
        if !self.0.contains_key(route) {
            self.0.insert(route.to_owned(), T::default());
        }
        self.0.entry(route.to_owned()).or_default()
    }

    /// All of them, with the name of the route where there is one.
    pub(super) fn all(self) -> impl Iterator<Item = (Option<String>, T)> {
        self.0.into_iter().map(|(route, of)| (Some(route).filter(|route| !route.is_empty()), of))
    }
}

/// What is known of the targets that were asked for last, by hash; those not asked for longest go.
#[derive(Clone, Debug)]
pub(super) struct ByTarget<T>(HashMap<u64, (Timestamp, T)>);

impl<T> Default for ByTarget<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T: Default> ByTarget<T> {
    /// That of a target, touched at `at`.
    pub(super) fn of(&mut self, target: u64, at: Timestamp) -> &mut T {
        if self.0.len() >= TARGETS && !self.0.contains_key(&target) {
            let mut touched: Vec<Timestamp> = self.0.values().map(|(at, _)| *at).collect();
            let (_, &mut old, _) = touched.select_nth_unstable(TARGETS / 2);
            self.0.retain(|_, (at, _)| *at > old);
        }
        let (touched, of) = self.0.entry(target).or_default();
        *touched = at;
        of
    }

    /// Forgets one.
    pub(super) fn forget(&mut self, target: u64) {
        self.0.remove(&target);
    }
}
