//! Observations by stratum (a route in a slot of time) and by client.

use std::ops::Range;

use crate::cell::Cell;

/// A cell and where it stands. Clients and routes are numbered by whoever observes.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// The client, from 0 on without large gaps.
    pub client: u32,
    /// The route.
    pub route: u32,
    /// The slot of time.
    pub slot: i64,
    /// What was counted there.
    pub cell: Cell,
}

/// All observations, sorted by stratum.
pub(super) struct Strata {
    all: Vec<Observation>,
    ranges: Vec<Range<usize>>,
    pub(super) clients: usize,
}

impl Strata {
    pub(super) fn of(mut all: Vec<Observation>) -> Self {
        all.sort_unstable_by_key(|one| (one.route, one.slot, one.client));
        // One client stands once in a stratum: it is no peer of its own.
        all.dedup_by(|next, kept| {
            let same = (next.route, next.slot, next.client) == (kept.route, kept.slot, kept.client);
            if same {
                kept.cell.add(&next.cell);
            }
            same
        });
        let mut ranges = Vec::new();
        let mut begin = 0;
        for stratum in all.chunk_by(|a, b| (a.route, a.slot) == (b.route, b.slot)) {
            ranges.push(begin..begin + stratum.len());
            begin += stratum.len();
        }
        let clients = all.iter().map(|one| one.client as usize + 1).max().unwrap_or_default();
        Self { all, ranges, clients }
    }

    /// The strata, each with at least two clients.
    pub(super) fn shared(&self) -> impl Iterator<Item = &[Observation]> {
        self.ranges
            .iter()
            .filter_map(|range| self.all.get(range.clone()))
            .filter(|stratum| stratum.len() > 1)
    }
}

/// What adds up for one client over its strata.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) requests: f64,
    /// Peers, weighted with requests.
    pub(super) peers: f64,
    pub(super) excess: f64,
    pub(super) expected: f64,
    pub(super) variance: f64,
    /// The excess by route and slot.
    parts: Vec<(u32, i64, f64)>,
}

/// A route stands out when it has at least this share of what is wrong.
const DOMINANT: f64 = 0.6;

impl Sum {
    pub(super) fn add(&mut self, one: &Observation, requests: f64, peers: usize, excess: f64) {
        self.requests += requests;
        self.peers += requests * peers as f64;
        self.excess += excess;
        self.parts.push((one.route, one.slot, excess));
    }

    /// The route with most of the excess.
    pub(super) fn route(&self) -> Option<u32> {
        let mut parts: Vec<(u32, f64)> =
            self.parts.iter().map(|&(route, _, excess)| (route, excess)).collect();
        parts.sort_by_key(|&(route, _)| route);
        let sums = parts.chunk_by(|a, b| a.0 == b.0).filter_map(|parts| {
            let &(route, _) = parts.first()?;
            Some((route, parts.iter().map(|&(_, excess)| excess).sum::<f64>()))
        });
        let (route, most) = sums.max_by(|a, b| a.1.total_cmp(&b.1))?;
        (most >= DOMINANT * self.excess).then_some(route)
    }

    /// The first slot in which at least half of the usual excess was there.
    pub(super) fn since(&self) -> i64 {
        let mut parts: Vec<(i64, f64)> =
            self.parts.iter().map(|&(_, slot, excess)| (slot, excess)).collect();
        parts.sort_by_key(|&(slot, _)| slot);
        let slots: Vec<(i64, f64)> = parts
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|parts| {
                let &(slot, _) = parts.first()?;
                Some((slot, parts.iter().map(|&(_, excess)| excess).sum::<f64>()))
            })
            .collect();
        let usual = self.excess / slots.len().max(1) as f64;
        let begun = slots.iter().find(|&&(_, excess)| excess >= usual / 2.0).or(slots.first());
        begun.map_or(0, |&(slot, _)| slot)
    }
}
