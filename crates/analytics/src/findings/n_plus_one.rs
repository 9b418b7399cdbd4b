//! N+1 bursts: a list, and then its items one by one, where one request could bring them all.

use wayside_exchange::{Glance, Micros, Timestamp};

use super::suspicion::{Suspicion, Told};
use super::tally::{ByRoute, Cost, Sample, Tally};
use crate::tables::{FixedState, HashSet};
use std::hash::BuildHasher as _;

/// So many different items make a burst.
const BURST: usize = 10;
/// From the start of one to the start of the next.
const APART: Micros = Micros(2_000_000);
/// Other requests that may lie between two of a burst.
const BETWEEN: u64 = 3;

#[derive(Clone, Debug, Default)]
pub(super) struct Bursts {
    /// Requests so far.
    seen: u64,
    routes: ByRoute<Run>,
}

#[derive(Clone, Debug, Default)]
struct Run {
    /// The number and the start of the last request of the route.
    last: Option<(u64, Timestamp)>,
    items: HashSet<u64>,
    /// Those before it is known that they are a burst.
    waiting: Tally,
    bursts: Tally,
}

impl Bursts {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        self.seen += 1;
        if row.method != "GET" || !row.route.contains('{') || row.is_error() {
            return;
        }
        let seen = self.seen;
        let run = self.routes.of(row.route);
        let goes_on = run.last.is_some_and(|(number, at)| {
            let apart = row.started_at.since(at);
            seen - number <= BETWEEN + 1 && apart <= APART
        });
        if !goes_on {
            run.items.clear();
            run.waiting = Tally::default();
        }
        run.last = Some((seen, row.started_at));
        let item = FixedState::default().hash_one((row.host, row.path()));
        if run.items.len() >= BURST {
            // Of what follows an item that was there among the first is no new one.
            if !run.items.contains(&item) {
                run.bursts.add(row, Cost::of(row), Sample::of(row));
            }
            return;
        }
        if !run.items.insert(item) {
            return;
        }
        run.waiting.add(row, Cost::of(row), Sample::of(row));
        if run.items.len() == BURST {
            run.waiting.sum = 1;
            // One request would have had to be.
            run.waiting.cost.requests -= 1;
            let burst = std::mem::take(&mut run.waiting);
            run.bursts.merge(&burst);
        }
    }

    pub(super) fn suspicions(self) -> Vec<Suspicion> {
        let suspicion = |(route, run): (_, Run)| Suspicion {
            kind: "n_plus_one",
            route,
            tally: run.bursts,
            least: BURST as u64,
            proof: None,
            say,
        };
        self.routes.all().filter(|(_, run)| run.bursts.count > 0).map(suspicion).collect()
    }
}

fn say(told: &Told<'_>) -> String {
    let bursts = (told.average * told.count as f64).round().max(1.0);
    format!(
        "asks for items one by one: {} requests on {} in {bursts:.0} burst{} of {:.0}, where one request for \
         many could do",
        told.count,
        told.on(),
        if bursts > 1.0 { "s" } else { "" },
        told.count as f64 / bursts
    )
}
