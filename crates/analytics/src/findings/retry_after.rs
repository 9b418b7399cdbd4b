//! Ignored Retry-After: the backend said when to come again (RFC 9110 section 10.2.3), and the client came before.

use wayside_exchange::{ExchangeId, Glance, Timestamp};

use super::Lookup;
use super::suspicion::{Suspicion, Told, answers};
use super::tally::{ByRoute, Cost, Sample, Tally};

const LEAST: u64 = 3;

#[derive(Clone, Debug, Default)]
pub(super) struct RetryAfter {
    routes: ByRoute<OnRoute>,
}

#[derive(Clone, Debug, Default)]
struct OnRoute {
    /// The last answer that may have asked to wait.
    asked: Option<(ExchangeId, Timestamp)>,
    came: Tally,
}

impl RetryAfter {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        let on = self.routes.of(row.route);
        // One that began before the answer was there could not know of it.
        if let Some((before, ended)) = on.asked
            && row.started_at >= ended
        {
            let gap = row.started_at.since(ended);
            on.came.add(row, Cost::of(row), Sample { id: row.id, before, gap });
            on.asked = None;
        }
        if matches!(row.status, Some(429 | 503)) {
            on.asked = Some((row.id, row.ended_at()));
        }
    }

    pub(super) fn suspicions(self) -> Vec<Suspicion> {
        let suspicion = |(route, on): (_, OnRoute)| Suspicion {
            kind: "retry_after_ignored",
            route,
            tally: on.came,
            least: LEAST,
            proof: Some(proof),
            say,
        };
        self.routes.all().filter(|(_, on)| on.came.count >= LEAST).map(suspicion).collect()
    }
}

fn proof(sample: &Sample, lookup: &mut dyn Lookup) -> Option<bool> {
    let before = lookup.exchange(sample.before)?;
    // The form with a date is rare, and needs the backend's clock.
    let seconds = answers(&before, "retry-after").and_then(|text| text.trim().parse::<u64>().ok());
    Some(seconds.is_some_and(|seconds| sample.gap.0 < seconds.saturating_mul(1_000_000)))
}

fn say(told: &Told<'_>) -> String {
    format!(
        "comes again before the time that `Retry-After` names, {} times on {}",
        told.count,
        told.on()
    )
}
