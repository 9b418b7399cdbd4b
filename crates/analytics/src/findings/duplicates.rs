//! Duplicate writes: the same POST again within seconds, without an idempotency key, so that nobody can
//! tell a second order from a second try.

use wayside_exchange::{ExchangeId, Glance, Micros, Timestamp};

use super::Lookup;
use super::query::hash_of_target;
use super::suspicion::{Suspicion, Told, sends};
use super::tally::{ByRoute, ByTarget, Cost, Sample, Tally};

/// Further apart they are two wishes.
const APART: Micros = Micros(10_000_000);
const LEAST: u64 = 2;
const KEYS: [&str; 3] = ["idempotency-key", "x-idempotency-key", "idempotency_key"];

#[derive(Clone, Debug, Default)]
pub(super) struct Duplicates {
    last: ByTarget<Option<(ExchangeId, Timestamp)>>,
    again: ByRoute<Tally>,
}

impl Duplicates {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        if row.method != "POST" || row.request_bytes == 0 {
            return;
        }
        let target = hash_of_target(row) ^ row.request_bytes.rotate_left(32);
        let last = self.last.of(target, row.started_at);
        if let Some((before, ended)) = *last {
            let gap = row.started_at.since(ended);
            if gap <= APART {
                let sample = Sample { id: row.id, before, gap };
                self.again.of(row.route).add(row, Cost::of(row), sample);
            }
        }
        // One that was refused did not write anything.
        let refused = row.status.is_some_and(|status| (400..500).contains(&status));
        *last = (!refused).then(|| (row.id, row.ended_at()));
    }

    pub(super) fn suspicions(self) -> Vec<Suspicion> {
        let suspicion = |(route, tally)| Suspicion {
            kind: "duplicate_writes",
            route,
            tally,
            least: LEAST,
            proof: Some(proof),
            say,
        };
        self.again.all().filter(|(_, tally)| tally.count >= LEAST).map(suspicion).collect()
    }
}

fn proof(sample: &Sample, lookup: &mut dyn Lookup) -> Option<bool> {
    let (one, other) = (lookup.exchange(sample.before)?, lookup.exchange(sample.id)?);
    let keyed = sends(&one, &KEYS) || sends(&other, &KEYS);
    Some(!keyed && lookup.request_body(sample.before)? == lookup.request_body(sample.id)?)
}

fn say(told: &Told<'_>) -> String {
    format!(
        "sends the same write again within seconds, {} times on {}, without an idempotency key: a second \
         try cannot be told from a second order",
        told.count,
        told.on()
    )
}
