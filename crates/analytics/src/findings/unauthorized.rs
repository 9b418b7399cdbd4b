//! 401 loops: the same refused credentials again and again, where asking for new ones once would do.

use wayside_exchange::{Glance, Micros, Timestamp};

use super::suspicion::{Suspicion, Told};
use super::tally::{Cost, Sample, Tally};

/// So many refusals in a row are a loop.
const LOOP: u64 = 5;
const APART: Micros = Micros(60_000_000);

#[derive(Clone, Debug, Default)]
pub(super) struct Unauthorized {
    last: Timestamp,
    row: u64,
    waiting: Tally,
    loops: Tally,
}

impl Unauthorized {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        let apart = row.started_at.since(self.last);
        if row.status != Some(401) || apart > APART {
            self.row = 0;
            self.waiting = Tally::default();
        }
        if row.status != Some(401) {
            return;
        }
        self.last = row.started_at;
        self.row += 1;
        // The first one tells the client that its credentials are no longer good.
        let cost = if self.row == 1 { Cost::default() } else { Cost::of(row) };
        self.waiting.add(row, cost, Sample::of(row));
        if self.row >= LOOP {
            let mut waiting = std::mem::take(&mut self.waiting);
            waiting.sum = u64::from(self.row == LOOP);
            self.loops.merge(&waiting);
        }
    }

    pub(super) fn suspicions(self) -> Vec<Suspicion> {
        if self.loops.count < LOOP {
            return Vec::new();
        }
        vec![Suspicion {
            kind: "401_loop",
            route: None,
            tally: self.loops,
            least: LOOP,
            proof: None,
            say,
        }]
    }
}

fn say(told: &Told<'_>) -> String {
    let loops = (told.average * told.count as f64).round().max(1.0);
    format!(
        "goes on with credentials that are refused: {} answers of 401 in {loops:.0} series, {} of them after \
         the first had said so",
        told.count, told.requests
    )
}
