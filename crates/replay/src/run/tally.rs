//! Counts what a replay found.

use std::time::Duration;

use crate::report::{Compared, Totals};

/// The counts so far, and the latencies for the percentiles: sixteen bytes an exchange.
#[derive(Default)]
pub(super) struct Tally {
    totals: Totals,
    recorded_ms: Vec<f64>,
    replayed_ms: Vec<f64>,
}

impl Tally {
    pub(super) fn add(&mut self, compared: &Compared) {
        let totals = &mut self.totals;
        totals.planned += 1;
        if let Some(reason) = compared.skipped {
            totals.skipped += 1;
            *totals.skipped_because.entry(reason).or_default() += 1;
            return;
        }
        totals.sent += 1;
        if compared.same {
            totals.same += 1;
        } else if compared.failed() {
            totals.failed += 1;
        } else {
            totals.different += 1;
        }
        if let Some(replayed) = &compared.replayed
            && replayed.error.is_none()
            && replayed.status.is_some()
        {
            self.recorded_ms.push(compared.recorded.latency_ms);
            self.replayed_ms.push(replayed.latency_ms);
        }
    }

    pub(super) fn totals(mut self, elapsed: Duration) -> Totals {
        self.recorded_ms.sort_by(f64::total_cmp);
        self.replayed_ms.sort_by(f64::total_cmp);
        Totals {
            recorded_p50_ms: percentile(&self.recorded_ms, 50),
            recorded_p95_ms: percentile(&self.recorded_ms, 95),
            replayed_p50_ms: percentile(&self.replayed_ms, 50),
            replayed_p95_ms: percentile(&self.replayed_ms, 95),
            elapsed_ms: elapsed.as_secs_f64() * 1000.0,
            ..self.totals
        }
    }
}

/// The nearest-rank percentile of sorted values; zero of none.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "the values are taken, not computed")]
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let sorted: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!((percentile(&sorted, 50), percentile(&sorted, 95)), (10.0, 19.0));
        assert_eq!(percentile(&[], 50), 0.0);
        assert_eq!(percentile(&[7.0], 95), 7.0);
    }
}
