//! Retry storms: what failed is sent again at once, several times, when the backend can bear it least.

use wayside_exchange::{Glance, Micros, Outcome, Timestamp};

use super::query::hash_of_target;
use super::suspicion::{Suspicion, Told};
use super::tally::{ByRoute, ByTarget, Cost, Sample, Tally};

/// Sent again so soon nothing can have changed.
const AT_ONCE: Micros = Micros(2_000_000);
/// So many tries again in a row are a storm.
const STORM: u64 = 2;
const LEAST: u64 = 5;

#[derive(Clone, Debug, Default)]
pub(super) struct Retries {
    failed: ByTarget<Failed>,
    storms: ByRoute<Tally>,
}

#[derive(Clone, Debug, Default)]
struct Failed {
    ended: Option<Timestamp>,
    again: u64,
    waiting: Tally,
}

impl Retries {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        let target = hash_of_target(row);
        let known = self.failed.of(target, row.started_at);
        let at_once = known.ended.is_some_and(|at| row.started_at.since(at) <= AT_ONCE);
        if at_once {
            known.again += 1;
            known.waiting.add(row, Cost::of(row), Sample::of(row));
            if known.again >= STORM {
                let storms = self.storms.of(row.route);
                let mut waiting = std::mem::take(&mut known.waiting);
                waiting.sum = u64::from(known.again == STORM);
                storms.merge(&waiting);
            }
        }
        let failed = row.outcome == Outcome::UpstreamFailed
            || row.status.is_some_and(|status| status >= 500 || status == 429);
        if !failed {
            self.failed.forget(target);
        } else if at_once {
            known.ended = Some(row.ended_at());
        } else {
            *known = Failed { ended: Some(row.ended_at()), ..Failed::default() };
        }
    }

    pub(super) fn suspicions(self) -> Vec<Suspicion> {
        let suspicion = |(route, tally)| Suspicion {
            kind: "retry_storm",
            route,
            tally,
            least: LEAST,
            proof: None,
            say,
        };
        self.storms.all().filter(|(_, tally)| tally.count >= LEAST).map(suspicion).collect()
    }
}

fn say(told: &Told<'_>) -> String {
    format!(
        "sends what failed again at once: {} tries on {} in {:.0} series, each within two seconds of the \
         failure before",
        told.count,
        told.on(),
        (told.average * told.count as f64).round().max(1.0)
    )
}
