//! Meters of all exchanges since the recorder started, by route: what `/metrics` tells.
//!
//! Recording counts into them as it goes, one probe of a hash table and some additions for each exchange.
//! So many routes have a meter of their own at most. The first ones get it at once, a later one when enough
//! exchanges have asked for it, so that paths of which no template is known yet do not use them up. The
//! others count together under [`OTHER`], and how many that were is counted too.

mod histogram;

use wayside_exchange::{Glance, Outcome};

use crate::session::has_latency;
use crate::tables::HashMap;

pub use histogram::{Histogram, LATENCY_BOUNDS, OVERHEAD_BOUNDS};

/// Routes with a meter of their own.
pub const MOST: usize = 100;
/// How many of them get it at their first exchange.
const AT_ONCE: usize = 40;
/// Exchanges after which a later one gets it.
const EARNED: u32 = 32;
/// Routes that are counted for that at a time; when there are more, counting begins anew.
const CANDIDATES: usize = 1024;

/// The name under which the other routes count.
pub const OTHER: &str = "other";

/// All outcomes, in the order in which a meter counts them.
pub const OUTCOMES: [Outcome; 5] = [
    Outcome::Complete,
    Outcome::ClientCancelled,
    Outcome::UpstreamFailed,
    Outcome::Refused,
    Outcome::Upgraded,
];

/// Classes of statuses as labels, in the order in which a meter counts them.
pub const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// What is counted of one route.
#[derive(Clone, Debug)]
pub struct Meter {
    /// Exchanges by class of status, then outcome.
    pub exchanges: [[u64; OUTCOMES.len()]; CLASSES.len()],
    /// From the request head to the end, of those that came to their end.
    pub total: Histogram,
    /// From the request head to the response head.
    pub first_byte: Histogram,
    /// Our own share of that.
    pub overhead: Histogram,
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Bytes of response bodies.
    pub response_bytes: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            exchanges: Default::default(),
            total: Histogram::new(&LATENCY_BOUNDS),
            first_byte: Histogram::new(&LATENCY_BOUNDS),
            overhead: Histogram::new(&OVERHEAD_BOUNDS),
            request_bytes: 0,
            response_bytes: 0,
        }
    }
}

/// The meters.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    numbers: HashMap<Box<str>, usize>,
    each: Vec<Meter>,
    other: Meter,
    candidates: HashMap<Box<str>, u32>,
    folded: u64,
}

impl Meters {
    /// Counts one exchange that has ended.
    pub fn add(&mut self, row: &Glance<'_>) {
        self.of(row.route).add(row);
    }

    /// Every route with a meter, then what counts as [`OTHER`].
    pub fn routes(&self) -> impl Iterator<Item = (&str, &Meter)> {
        let mut named: Vec<(&str, &Meter)> = self
            .numbers
            .iter()
            .filter_map(|(route, &number)| Some((route.as_ref(), self.each.get(number)?)))
            .collect();
        named.sort_unstable_by_key(|(route, _)| *route);
        named.into_iter().chain([(OTHER, &self.other)])
    }

    /// How many routes have a meter of their own.
    pub fn named(&self) -> usize {
        self.each.len()
    }

    /// Exchanges that counted as [`OTHER`].
    pub fn folded(&self) -> u64 {
        self.folded
    }

    fn of(&mut self, route: &str) -> &mut Meter {
        let number = match self.numbers.get(route).copied() {
            Some(number) => Some(number),
            None if self.has_earned_one(route) => {
                let number = self.each.len();
                self.each.push(Meter::default());
                self.numbers.insert(route.into(), number);
                Some(number)
            }
            None => None,
        };
        if let Some(meter) = number.and_then(|number| self.each.get_mut(number)) {
            return meter;
        }
        self.folded += 1;
        &mut self.other
    }

    fn has_earned_one(&mut self, route: &str) -> bool {
        let named = self.each.len();
        // A request that could not be read has no route.
        if route.is_empty() || named >= MOST {
            return false;
        }
        if named < AT_ONCE {
            return true;
        }
        if let Some(seen) = self.candidates.get_mut(route) {
            *seen += 1;
            if *seen < EARNED {
                return false;
            }
            self.candidates.remove(route);
            return true;
        }
        if self.candidates.len() >= CANDIDATES {
            self.candidates.clear();
        }
        self.candidates.insert(route.into(), 1);
        false
    }
}

impl Meter {
    fn add(&mut self, row: &Glance<'_>) {
        let class = row.status.map_or(0, |status| usize::from(status / 100));
        let outcome = OUTCOMES.iter().position(|outcome| *outcome == row.outcome);
        let count = self.exchanges.get_mut(class).and_then(|of| of.get_mut(outcome?));
        if let Some(count) = count {
            *count += 1;
        }
        let timing = &row.timing;
        // How long a client waited before it gave up says little of how long the answer takes.
        if has_latency(row) && row.outcome != Outcome::ClientCancelled {
            self.total.add(row.latency());
        }
        // What never went upstream, and what never came back, has no first byte of the backend's.
        if row.status.is_some() && timing.wait.0 > 0 {
            let before = timing.overhead.0.saturating_add(timing.connect.0);
            self.first_byte.add(wayside_exchange::Micros(before.saturating_add(timing.wait.0)));
            self.overhead.add(timing.overhead);
        }
        self.request_bytes += row.request_bytes;
        self.response_bytes += row.response_bytes;
    }
}

#[cfg(test)]
mod tests;
