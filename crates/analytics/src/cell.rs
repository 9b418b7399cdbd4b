//! A cell: what is known of one client on one route in one slot of time.
//!
//! Latencies are kept as count, sum and sum of squares of their logarithms. From these a client can be
//! taken out of a baseline by subtraction, and cells of neighbouring slots be added up, exactly.

use wayside_exchange::{Glance, Micros, Outcome};

use crate::blame::Blame;
use crate::session::has_latency;

/// Logarithms are summed as whole numbers of this fraction, so that the order of summing changes nothing.
const FINE: f64 = (1 << 20) as f64;

/// Counts and log latencies of some exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Exchanges.
    pub requests: u32,
    /// Answered with a status of 400 to 499.
    pub errors_4xx: u32,
    /// Answered with a status of 500 and above, or not at all by the backend's fault.
    pub errors_5xx: u32,
    /// Broken off by the client.
    pub cancelled: u32,
    /// How many of the exchanges have a latency: those that came to their end.
    pub timed: u32,
    /// Sum of latencies in microseconds.
    pub sum_us: u64,
    /// Where that time went.
    pub(crate) blame: Blame,
    pub(crate) sum_ln: i64,
    pub(crate) sum_ln2: i64,
}

impl Cell {
    /// The cell of one exchange.
    pub fn of(row: &Glance<'_>) -> Self {
        let mut cell = Self { requests: 1, ..Self::default() };
        let status = row.status.unwrap_or_default();
        if row.outcome == Outcome::ClientCancelled {
            cell.cancelled = 1;
        } else if status >= 500 || row.outcome == Outcome::UpstreamFailed {
            cell.errors_5xx = 1;
        } else if status >= 400 {
            cell.errors_4xx = 1;
        }
        // How long a client waited before it gave up says little of how long the answer takes.
        if has_latency(row) && row.outcome != Outcome::ClientCancelled {
            cell.time(row.latency());
            cell.blame = Blame::of(&row.timing);
        }
        cell
    }

    /// Counts a latency.
    pub fn time(&mut self, latency: Micros) {
        // Nothing is answered in less than a microsecond.
        let ln = (latency.0.max(1) as f64 / 1000.0).ln();
        self.timed += 1;
        self.sum_us = self.sum_us.saturating_add(latency.0);
        self.sum_ln = self.sum_ln.saturating_add((ln * FINE) as i64);
        self.sum_ln2 = self.sum_ln2.saturating_add((ln * ln * FINE) as i64);
    }

    /// Takes what another cell counted.
    pub fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors_4xx = self.errors_4xx.saturating_add(other.errors_4xx);
        self.errors_5xx = self.errors_5xx.saturating_add(other.errors_5xx);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.timed = self.timed.saturating_add(other.timed);
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.blame.add(&other.blame);
        self.sum_ln = self.sum_ln.saturating_add(other.sum_ln);
        self.sum_ln2 = self.sum_ln2.saturating_add(other.sum_ln2);
    }

    /// The average latency in milliseconds; zero when there is none.
    pub fn average_ms(&self) -> f64 {
        if self.timed == 0 { 0.0 } else { self.sum_us as f64 / f64::from(self.timed) / 1000.0 }
    }

    /// The sum of the natural logarithms of the latencies in milliseconds.
    pub(crate) fn sum_ln(&self) -> f64 {
        self.sum_ln as f64 / FINE
    }

    /// Their average; zero when there are none.
    pub(crate) fn mean_ln(&self) -> f64 {
        if self.timed == 0 { 0.0 } else { self.sum_ln() / f64::from(self.timed) }
    }

    /// The sum of their squared distances from their average.
    pub(crate) fn scatter_ln(&self) -> f64 {
        (self.sum_ln2 as f64 / FINE - self.sum_ln() * self.mean_ln()).max(0.0)
    }
}
