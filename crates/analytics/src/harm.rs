//! Harm: how much slower the others are while a client is active: on its routes, or, where nobody else calls those,
//! on all.
//!
//! Time is cut into short buckets. In each the others' log latencies are held against what is usual on their
//! routes, without the client's own. Every spell of activity is compared with the quiet buckets right
//! beside it, so that rush hours and slow days, which change more slowly, cancel out; the spread between spells
//! says how sure the average is.

mod spells;

use std::collections::BTreeMap;
use std::hash::BuildHasher as _;

use wayside_exchange::view::HarmView;
use wayside_exchange::{Glance, Micros, Outcome, Timestamp};

use crate::session::has_latency;
use crate::tables::{FixedState, HashMap, HashSet};

/// The shortest bucket, and how many there are at most.
const SHORTEST: u64 = 1_000_000;
const BUCKETS: u64 = 1_500;
/// What a client waits longer for is a stream, and no work for that long.
const LONGEST_WORK: u64 = 60_000_000;
/// Cells of a route in a bucket; what comes when there are so many is left out.
const CELLS: usize = 400_000;

/// What adds up of some answers.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: f64,
    ln: f64,
}

/// By bucket, then route.
type Grid = HashMap<(i64, u64), Sum>;

/// Several clients, whose harm is looked for in one pass over the rows of all.
#[derive(Clone, Debug)]
pub struct Harms {
    bucket: Micros,
    names: Vec<String>,
    all: Grid,
    own: Vec<Grid>,
    /// The buckets in which each had something running.
    active: Vec<HashSet<i64>>,
}

impl Harms {
    /// The harm that clients of these names did between two times.
    pub fn of(names: Vec<String>, first: Timestamp, last: Timestamp) -> Self {
        let bucket = Micros((last.since(first).0 / BUCKETS).max(SHORTEST));
        let own = vec![Grid::default(); names.len()];
        let active = vec![HashSet::default(); names.len()];
        Self { bucket, names, all: Grid::default(), own, active }
    }

    /// Takes one exchange of anybody, in any order.
    pub fn add(&mut self, row: &Glance<'_>) {
        if !row.has_request() || !has_latency(row) {
            return;
        }
        let number = |at: Timestamp| at.0.div_euclid(self.bucket.0 as i64);
        let bucket = number(row.started_at);
        let known = self.names.iter().position(|name| name == row.client);
        if let Some(active) = known.and_then(|number| self.active.get_mut(number)) {
            let end = row.ended_at().min(row.started_at.plus(Micros(LONGEST_WORK)));
            // What began in a range ends soon after it at most, so there are not many.
            active.extend(bucket..=number(end));
        }
        // How long somebody waited who gave up says little of how long an answer takes.
        if row.outcome == Outcome::ClientCancelled {
            return;
        }
        let key = (bucket, FixedState::default().hash_one(row.route));
        if self.all.len() >= CELLS && !self.all.contains_key(&key) {
            return;
        }
        let one = Sum { count: 1.0, ln: (row.latency().0.max(1) as f64).ln() };
        self.all.entry(key).or_default().add(one);
        if let Some(own) = known.and_then(|number| self.own.get_mut(number)) {
            own.entry(key).or_default().add(one);
        }
    }

    /// Takes what others counted for the same clients and buckets.
    pub fn merge(&mut self, other: Self) {
        merge(&mut self.all, other.all);
        for (own, other) in self.own.iter_mut().zip(other.own) {
            merge(own, other);
        }
        for (active, other) in self.active.iter_mut().zip(other.active) {
            active.extend(other);
        }
    }

    /// The harm of each client in the order of their names; none where it cannot be told.
    pub fn views(&self) -> Vec<Option<HarmView>> {
        let tried = self.names.len();
        let view = |(own, active): (&Grid, &HashSet<i64>)| {
            let on_its_routes = self.others(own, own, active);
            if on_its_routes.is_empty() {
                let harm = spells::compare(&self.others(own, &self.all, active), tried)?;
                return Some(HarmView { everywhere: true, ..harm });
            }
            spells::compare(&on_its_routes, tried)
        };
        self.own.iter().zip(&self.active).map(view).collect()
    }

    /// What the others fared like in each bucket on the routes of `on`, and whether this client was active.
    fn others(&self, own: &Grid, on: &Grid, active: &HashSet<i64>) -> Vec<spells::Bucket> {
        let mut usual: HashMap<u64, Sum> =
            on.keys().map(|(_, route)| (*route, Sum::default())).collect();
        let mut left: Vec<(i64, u64, Sum)> = Vec::new();
        for (&(bucket, route), all) in &self.all {
            let Some(usual) = usual.get_mut(&route) else { continue };
            let mut others = *all;
            if let Some(own) = own.get(&(bucket, route)) {
                others.take(*own);
            }
            if others.count >= 0.5 {
                usual.add(others);
                left.push((bucket, route, others));
            }
        }
        // In one order, so that sums are the same however rows came.
        left.sort_unstable_by_key(|(bucket, route, _)| (*bucket, *route));
        let mut buckets: BTreeMap<i64, Sum> = BTreeMap::new();
        for (bucket, route, others) in left {
            let usual = usual.get(&route).copied().unwrap_or_default();
            let excess = others.ln - others.count * usual.ln / usual.count;
            buckets.entry(bucket).or_default().add(Sum { count: others.count, ln: excess });
        }
        let bucket = |(number, sum): (i64, Sum)| spells::Bucket {
            number,
            excess: sum.ln / sum.count,
            active: active.contains(&number),
        };
        buckets.into_iter().map(bucket).collect()
    }
}

fn merge(into: &mut Grid, other: Grid) {
    for (key, sum) in other {
        into.entry(key).or_default().add(sum);
    }
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.count += other.count;
        self.ln += other.ln;
    }

    fn take(&mut self, other: Sum) {
        self.count -= other.count;
        self.ln -= other.ln;
    }
}

#[cfg(test)]
mod tests;
