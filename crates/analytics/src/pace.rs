//! How much goes on at once, how soon answers begin, and how much is carried: of one client, or on one route.

use wayside_exchange::view::PaceView;
use wayside_exchange::{Glance, Micros, Timestamp};

use crate::latency::Latencies;
use crate::session::has_latency;

/// What exchanges, in any order, say of that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    first_bytes: Latencies,
    /// Microseconds that requests ran, each counted for itself.
    running_us: u128,
    /// From the first request to the end of the last answer; none before the first exchange.
    span: Option<(Timestamp, Timestamp)>,
    bytes: u64,
}

impl Pace {
    pub(crate) fn add(&mut self, row: &Glance<'_>) {
        self.bytes =
            self.bytes.saturating_add(row.request_bytes).saturating_add(row.response_bytes);
        let total = row.latency();
        self.running_us += u128::from(total.0);
        self.reach((row.started_at, row.started_at.plus(total)));
        if has_latency(row) {
            self.first_bytes.add(Micros(total.0.saturating_sub(row.timing.download.0)));
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.running_us += other.running_us;
        if let Some(span) = other.span {
            self.reach(span);
        }
        self.first_bytes.merge(other.first_bytes);
    }

    fn reach(&mut self, (from, until): (Timestamp, Timestamp)) {
        let (first, last) = self.span.unwrap_or((from, until));
        self.span = Some((first.min(from), last.max(until)));
    }

    pub(crate) fn view(&self) -> PaceView {
        let [first_byte_p50_ms, first_byte_p95_ms, first_byte_p99_ms] =
            self.first_bytes.quantiles_ms([0.5, 0.95, 0.99]);
        let span_us = self.span.map_or(0, |(first, last)| last.since(first).0);
        PaceView {
            first_byte_p50_ms,
            first_byte_p95_ms,
            first_byte_p99_ms,
            // Little's law (Little 1961): how many there are is how often they come times how long they stay.
            concurrency: self.running_us as f64 / span_us.max(1) as f64,
            bytes: self.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::answered;

    #[test]
    fn how_many_run_at_once_is_the_same_in_any_order_and_in_parts() {
        // Two at a time, each of two seconds: one begins every second, for a hundred seconds.
        let rows: Vec<_> = (0..100)
            .map(|n| {
                let mut row = answered("a", n, "GET /x", 200, 2000);
                row.started_at = Timestamp(1_000_000 * n as i64);
                row.timing.download = Micros(500_000);
                (row.request_bytes, row.response_bytes) = (10, 100);
                row
            })
            .collect();
        let of = |rows: &mut dyn Iterator<Item = &wayside_exchange::Summary>| {
            let mut pace = Pace::default();
            rows.for_each(|row| pace.add(&row.glance()));
            pace
        };
        let mut parts = of(&mut rows.iter().skip(40).rev());
        parts.merge(of(&mut rows.iter().take(40)));
        for view in [of(&mut rows.iter()).view(), parts.view()] {
            // 200 seconds of requests in 101.
            assert!((view.concurrency - 200.0 / 101.0).abs() < 1e-9, "{}", view.concurrency);
            assert!((view.first_byte_p95_ms / 1500.0 - 1.0).abs() < 0.011);
            assert_eq!(view.bytes, 11_000);
        }
        assert_eq!(Pace::default().view(), PaceView::default());
    }
}
