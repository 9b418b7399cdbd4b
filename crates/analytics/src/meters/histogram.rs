//! A histogram with fixed bounds: what Prometheus can add up over machines and over time.

use wayside_exchange::Micros;

/// Bounds of a histogram.
const BOUNDS: usize = 14;

/// Upper bounds in microseconds for what clients wait: from a millisecond to half a minute.
pub static LATENCY_BOUNDS: [u64; BOUNDS] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000,
];

/// Upper bounds in microseconds for our own share: from 10 us to a tenth of a second.
pub static OVERHEAD_BOUNDS: [u64; BOUNDS] =
    [10, 25, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 100_000];

/// Durations by bucket.
#[derive(Clone, Debug)]
pub struct Histogram {
    bounds: &'static [u64; BOUNDS],
    counts: [u64; BOUNDS + 1],
    sum_us: u64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [u64; BOUNDS]) -> Self {
        Self { bounds, counts: [0; BOUNDS + 1], sum_us: 0 }
    }

    pub(super) fn add(&mut self, duration: Micros) {
        let bucket = self.bounds.partition_point(|&bound| bound < duration.0);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum_us = self.sum_us.saturating_add(duration.0);
    }

    /// For each bound, in microseconds, how many durations it is not exceeded by.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let sums = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        self.bounds.iter().copied().zip(sums)
    }

    /// For each bucket how many durations fell into it; the last is beyond all bounds.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Upper bounds of the buckets but the last, in microseconds.
    pub fn bounds(&self) -> &'static [u64] {
        self.bounds
    }

    /// How many durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum in microseconds.
    pub fn sum_us(&self) -> u64 {
        self.sum_us
    }
}
