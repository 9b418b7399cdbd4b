//! Polling without validators: the same again and again, each time whole, though it has not changed.

use wayside_exchange::{Glance, Micros, Timestamp};

use super::Lookup;
use super::query::hash_of_target;
use super::suspicion::{Suspicion, Told, sends};
use super::tally::{ByRoute, ByTarget, Cost, Sample, Tally};
use crate::verdict::words::duration;

/// So many in a row are polling.
const LEAST: u64 = 10;
/// Further apart it is looking again.
const APART: Micros = Micros(60_000_000);

#[derive(Clone, Debug, Default)]
pub(super) struct Polling {
    targets: ByTarget<Polled>,
    routes: ByRoute<Tally>,
}

#[derive(Clone, Debug, Default)]
struct Polled {
    last: Timestamp,
    bytes: u64,
    /// Answers in a row that were as long as the one before.
    same: u64,
    /// Those before it is known to be polling.
    waiting: Tally,
}

impl Polling {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        if row.method != "GET" {
            return;
        }
        let polled = self.targets.of(hash_of_target(row), row.started_at);
        let gap = row.started_at.since(polled.last);
        let soon = gap <= APART;
        let same = row.status == Some(200) && row.response_bytes == polled.bytes;
        polled.last = row.started_at;
        polled.bytes = if row.status == Some(200) { row.response_bytes } else { u64::MAX };
        if !soon || !same {
            polled.same = if soon { polled.same } else { 0 };
            if !soon {
                polled.waiting = Tally::default();
            }
            return;
        }
        polled.same += 1;
        polled.waiting.add(row, Cost::of(row), Sample::of(row));
        polled.waiting.sum += gap.0;
        if polled.same >= LEAST {
            let known = self.routes.of(row.route);
            let waiting = std::mem::take(&mut polled.waiting);
            known.merge(&waiting);
        }
    }

    pub(super) fn suspicions(self) -> Vec<Suspicion> {
        let suspicion = |(route, tally)| Suspicion {
            kind: "polling",
            route,
            tally,
            least: LEAST,
            proof: Some(proof),
            say,
        };
        self.routes.all().filter(|(_, tally)| tally.count >= LEAST).map(suspicion).collect()
    }
}

fn proof(sample: &Sample, lookup: &mut dyn Lookup) -> Option<bool> {
    let exchange = lookup.exchange(sample.id)?;
    Some(!sends(&exchange, &["if-none-match", "if-modified-since"]))
}

fn say(told: &Told<'_>) -> String {
    format!(
        "asks for the same on {} again and again, every {}, without a validator: {} answers were as the one \
         before",
        told.on(),
        duration(told.average / 1000.0),
        told.count
    )
}
