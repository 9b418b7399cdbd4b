//! The last minute in figures: what was gathered in each round of it, put together.

use std::collections::VecDeque;

use wayside_exchange::view::LatelyView;
use wayside_exchange::{Glance, Micros, Outcome, Timestamp};

use crate::cell::Cell;
use crate::latency::Latencies;
use crate::session::has_latency;

/// How far back it looks.
const SPAN: Micros = Micros(60_000_000);

/// What came since the last round.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    cell: Cell,
    latencies: Latencies,
}

/// The rounds of the last minute.
#[derive(Clone, Debug)]
pub struct Lately {
    /// When each began.
    rounds: VecDeque<(Timestamp, Recent)>,
    /// When the next one began.
    begun: Timestamp,
}

impl Recent {
    /// Takes one exchange.
    pub fn add(&mut self, row: &Glance<'_>) {
        self.cell.add(&Cell::of(row));
        if has_latency(row) && row.outcome != Outcome::ClientCancelled {
            self.latencies.add(row.latency());
        }
    }
}

impl Lately {
    /// Begins at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { rounds: VecDeque::new(), begun: now }
    }

    /// Takes what came until `now`.
    pub fn take(&mut self, recent: Recent, now: Timestamp) {
        self.rounds.push_back((self.begun, recent));
        self.begun = now;
        // A clock that was set back would keep them for ever.
        self.rounds.retain(|(begun, _)| *begun <= now && now.since(*begun) <= SPAN);
    }

    /// The figures.
    pub fn view(&self) -> LatelyView {
        let begun = self.rounds.front().map_or(self.begun, |(begun, _)| *begun);
        let span_s = self.begun.since(begun).0 as f64 / 1e6;
        let mut sum = Recent::default();
        for (_, round) in &self.rounds {
            sum.cell.add(&round.cell);
            sum.latencies.merge(round.latencies.clone());
        }
        let Recent { cell, latencies } = sum;
        let [p95_ms] = latencies.quantiles_ms([0.95]);
        LatelyView {
            until: self.begun,
            span_s,
            requests: u64::from(cell.requests),
            per_second: if span_s > 0.0 { f64::from(cell.requests) / span_s } else { 0.0 },
            errors_4xx: u64::from(cell.errors_4xx),
            errors_5xx: u64::from(cell.errors_5xx),
            cancelled: u64::from(cell.cancelled),
            p95_ms,
            timed: latencies.count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(requests: u32, errors: u32, latency: u64) -> Recent {
        let cell = Cell { requests, errors_5xx: errors, ..Cell::default() };
        let mut recent = Recent { cell, ..Recent::default() };
        (0..requests).for_each(|_| recent.latencies.add(Micros(latency)));
        recent
    }

    #[test]
    fn figures_are_of_the_last_minute_or_of_what_there_is_of_it() {
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        let mut lately = Lately::new(at(0));
        assert_eq!((lately.view().per_second, lately.view().p95_ms), (0.0, 0.0));
        lately.take(recent(30, 3, 10_000), at(3));
        let view = lately.view();
        assert_eq!((view.requests, view.errors_5xx, view.timed), (30, 3, 30));
        assert!((view.per_second - 10.0).abs() < 1e-9 && (view.span_s - 3.0).abs() < 1e-9);
        for round in 2..=40 {
            lately.take(recent(3, 0, 20_000), at(round * 3));
        }
        let view = lately.view();
        assert_eq!((view.requests, view.errors_5xx), (60, 0), "the first ones are long ago");
        assert!((view.p95_ms - 20.0).abs() < 0.5, "{}", view.p95_ms);
        lately.take(recent(1, 0, 1), at(1));
        assert_eq!(lately.view().requests, 0, "the clock was set back");
    }
}
