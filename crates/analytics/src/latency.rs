//! Latencies of many exchanges in bounded memory: average and percentiles.
//!
//! Few values are kept as they are, since most sessions are short; more go into a DDSketch (Masson,
//! Rim, Lee: DDSketch, VLDB 2019) with a relative error of 1 %. Both answer with the value of rank
//! `floor(q * (n - 1))`.

use sketches_ddsketch::{Config, DDSketch};
use wayside_exchange::Micros;

/// The greatest relative error of a percentile.
const RELATIVE_ERROR: f64 = 0.01;
const KEPT_EXACTLY: usize = 48;
/// At 1 % these span a factor of e^40, from a microsecond to far beyond any latency.
const BINS: u32 = 2048;

/// Latencies of many exchanges.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    values: Values,
    count: u64,
    sum: u128,
}

#[derive(Clone)]
enum Values {
    Few(Vec<u64>),
    Many(Box<DDSketch>),
}

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, latency: Micros) {
        self.count += 1;
        self.sum += u128::from(latency.0);
        match &mut self.values {
            Values::Few(few) if few.len() < KEPT_EXACTLY => few.push(latency.0),
            Values::Few(few) => {
                let mut sketch = DDSketch::new(Config::new(RELATIVE_ERROR, BINS, 0.5));
                few.iter().chain([&latency.0]).for_each(|&micros| sketch.add(micros as f64));
                self.values = Values::Many(Box::new(sketch));
            }
            Values::Many(sketch) => sketch.add(latency.0 as f64),
        }
    }

    /// Adds all of `other`.
    pub fn absorb(&mut self, other: &Self) {
        match (&mut self.values, &other.values) {
            (_, Values::Few(few)) => {
                return few.iter().for_each(|&micros| self.add(Micros(micros)));
            }
            (Values::Many(mine), Values::Many(sketch)) => {
                // All sketches are made alike, and then they fit.
                let _ = mine.merge(sketch);
            }
            (Values::Few(few), Values::Many(sketch)) => {
                let mut merged = sketch.clone();
                for &micros in few.iter() {
                    merged.add(micros as f64);
                }
                self.values = Values::Many(merged);
            }
        }
        self.count += other.count;
        self.sum += other.sum;
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their average in milliseconds; zero when there are none.
    pub fn average_ms(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum as f64 / self.count as f64 / 1000.0 }
    }

    /// Their sum in milliseconds.
    pub fn sum_ms(&self) -> f64 {
        self.sum as f64 / 1000.0
    }

    /// The percentiles at `quantiles` (0 to 1), in milliseconds; zero when there are none.
    pub fn quantiles_ms<const N: usize>(&self, quantiles: [f64; N]) -> [f64; N] {
        match &self.values {
            Values::Few(few) => {
                let mut sorted = few.clone();
                sorted.sort_unstable();
                quantiles.map(|q| {
                    sorted.get(nearest_rank(q, sorted.len())).copied().unwrap_or_default() as f64
                        / 1000.0
                })
            }
            Values::Many(sketch) => quantiles.map(|q| {
                // The sketch takes the rank below `q` of the way from the first value to the last.
                let last = sketch.count().saturating_sub(1);
                let q = (nearest_rank(q, sketch.count()) as f64 + 0.5) / last.max(1) as f64;
                sketch.quantile(q.min(1.0)).ok().flatten().unwrap_or_default() / 1000.0
            }),
        }
    }
}

/// The rank, from zero, of the least of `count` values that at least `q` of all do not exceed.
fn nearest_rank(q: f64, count: usize) -> usize {
    ((q * count as f64).ceil() as usize).saturating_sub(1)
}

impl Default for Values {
    fn default() -> Self {
        Values::Few(Vec::new())
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Values::Few(few) => f.debug_tuple("Few").field(few).finish(),
            Values::Many(_) => f.write_str("Many"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_percentile_is_within_one_percent_of_the_exact_one(
            mut values in proptest::collection::vec(0_u64..100_000_000_000, 1..600),
            q in 0.0_f64..=1.0,
        ) {
            let mut latencies = Latencies::default();
            for &value in &values {
                latencies.add(Micros(value));
            }
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).saturating_sub(1);
            let exact = values[rank] as f64 / 1000.0;
            let [answer] = latencies.quantiles_ms([q]);
            // The last digits of the logarithm are not the sketch's.
            prop_assert!((answer - exact).abs() <= exact * (RELATIVE_ERROR + 1e-9));
        }
    }

    #[test]
    fn of_two_the_slower_one_is_the_95th_percentile() {
        let mut latencies = Latencies::default();
        for us in [1_330, 1_400_000] {
            latencies.add(Micros(us));
        }
        let micros =
            latencies.quantiles_ms([0.5, 0.95, 0.99]).map(|ms| (ms * 1000.0).round() as u64);
        assert_eq!(micros, [1_330, 1_400_000, 1_400_000]);
    }

    #[test]
    fn nothing_added_is_zero() {
        let none = Latencies::default();
        assert_eq!((none.quantiles_ms([0.5]), none.average_ms()), ([0.0], 0.0));
    }

    #[test]
    fn the_average_is_exact() {
        let mut latencies = Latencies::default();
        for ms in 1..=1000 {
            latencies.add(Micros(ms * 1000));
        }
        assert!((latencies.average_ms() - 500.5).abs() < 1e-9);
    }
}
