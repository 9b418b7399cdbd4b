//! Outliers: which clients fare worse than the other clients on the same routes at the same time.
//!
//! A pure function: cells in, suspicions out. Each route and slot of time is a stratum; a client is held
//! against what the others in its strata would lead to expect of it, so one that merely calls slow routes,
//! or calls while the backend is slow, is like its peers. How much clients differ when nothing is wrong is
//! estimated from all of them, and false discoveries are controlled over all of them at once. The formulae
//! and their sources stand in `docs/statistics.md`.

pub(crate) mod discovery;
mod latency;
mod probability;
mod rates;
mod strata;
mod variety;

pub(crate) use probability::{count_at_least, normal_above};
pub use strata::Observation;

use crate::blame::Part;
use strata::Strata;

/// What a client can stand out by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// It waits longer.
    Latency,
    /// More of its requests are answered with 4xx.
    Error4xx,
    /// More of its requests are answered with 5xx, or fail.
    Error5xx,
    /// It breaks off more of its requests.
    Cancelled,
}

/// When a client is called an outlier.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Other clients that its routes must have on average.
    pub peers: f64,
    /// Requests that it must have made.
    pub requests: u64,
    /// Expected share of false ones among all outliers (Benjamini-Hochberg).
    pub false_discoveries: f64,
    /// How many times as long it must wait.
    pub slower: f64,
    /// How many times as many of its requests must fail.
    pub failing: f64,
    /// By how much the share of its failing requests must be higher.
    pub failing_by: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            peers: 5.0,
            requests: 100,
            false_discoveries: 0.01,
            slower: 1.25,
            failing: 2.0,
            failing_by: 0.01,
        }
    }
}

/// What chance explains more often than so is nothing.
const DOUBT: f64 = 0.05;
/// Requests and peers from which on a gross case is told.
const GROSS_REQUESTS: u64 = 20;
const GROSS_PEERS: f64 = 1.0;
/// What is gross: so many times as slow; so many times the errors, and so much higher a share.
const GROSS_SLOWER: f64 = 3.0;
const GROSS_FAILING: f64 = 5.0;
const GROSS_FAILING_BY: f64 = 0.1;

/// How a client compares with its peers, in one respect.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Which client, as the observations number them.
    pub client: u32,
    /// In which respect.
    pub kind: Kind,
    /// Its requests that count: in strata with other clients.
    pub requests: u64,
    /// Other clients on its routes, on average over its requests.
    pub peers: f64,
    /// What was measured: the typical (geometric mean) latency in milliseconds, or a share.
    pub figure: f64,
    /// What its peers would have had in its place.
    pub baseline: f64,
    /// How many times the baseline.
    pub effect: f64,
    /// The chance of a figure as bad when nothing is wrong with it.
    pub chance: f64,
    /// The share of false ones to expect among all that stand out as much.
    pub false_discoveries: f64,
    /// The route with most of what is wrong; none when no route stands out.
    pub route: Option<u32>,
    /// The part of the time with most of what is too much; none for errors, or when no part has.
    pub(crate) part: Option<Part>,
    /// The slot in which it began.
    pub since_slot: i64,
}

impl Comparison {
    /// Whether it is bad enough to be told.
    pub fn is_outlier(&self, rules: &Rules) -> bool {
        self.false_discoveries <= rules.false_discoveries && self.is_enough(rules, 1.0)
    }

    /// Whether what was told before still holds: half of the effect, and no more than doubt.
    pub fn still_holds(&self, rules: &Rules) -> bool {
        self.chance <= DOUBT && self.is_enough(rules, 0.5)
    }

    fn is_enough(&self, rules: &Rules, share: f64) -> bool {
        let Rules { slower, failing, failing_by, .. } = *rules;
        self.is_at_least(rules.requests, rules.peers, share, (slower, failing, failing_by))
            || self.is_at_least(
                GROSS_REQUESTS,
                GROSS_PEERS,
                share,
                (GROSS_SLOWER, GROSS_FAILING, GROSS_FAILING_BY),
            )
    }

    fn is_at_least(
        &self,
        requests: u64,
        peers: f64,
        share: f64,
        (slower, failing, failing_by): (f64, f64, f64),
    ) -> bool {
        let beyond = |times: f64| 1.0 + (times - 1.0) * share;
        let effect = match self.kind {
            Kind::Latency => self.effect >= beyond(slower),
            Kind::Error4xx | Kind::Error5xx | Kind::Cancelled => {
                self.effect >= beyond(failing) && self.figure - self.baseline >= failing_by * share
            }
        };
        effect && self.requests >= requests && self.peers >= peers
    }
}

/// Compares every client with its peers, in every respect; those of whom too little is known are left out.
pub fn compare(observations: Vec<Observation>) -> Vec<Comparison> {
    let strata = Strata::of(observations);
    // Of many clients nearly all are no outliers, and would lie in memory all at once.
    let mut all = doubtful(latency::compare(&strata));
    for kind in [Kind::Error4xx, Kind::Error5xx, Kind::Cancelled] {
        all.extend(doubtful(rates::compare(&strata, kind)));
    }
    all
}

/// Those that chance alone does not explain; no other is an outlier, or still one.
fn doubtful(mut found: Vec<Comparison>) -> Vec<Comparison> {
    found.retain(|one| one.chance <= DOUBT);
    found.shrink_to_fit();
    found
}

#[cfg(test)]
mod tests;
