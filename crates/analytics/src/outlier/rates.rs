//! Errors and cancellations: how many a client has, and how many its peers would have in its place.
//!
//! Per stratum the peers' rate, every peer counting at most so much, gives an expected count; a client's counts add
//! up over its strata. Clients differ in their errors even when nothing is wrong, and the peers' rate is itself
//! a guess from few errors: both widen the distribution that the count is held against (gamma-Poisson).

use super::discovery;
use super::probability::count_at_least;
use super::strata::{Observation, Strata, Sum};
use super::variety::{Counted, dispersion};
use super::{Comparison, Kind};
use crate::cell::Cell;

/// Correlation of the errors of one client on one route: its 1,000 requests count as about 20 others.
const WITHIN: f64 = 0.05;
/// Errors that a rate is begun with, so that no peer's rate is nothing (Jeffreys).
const BEGUN: f64 = 0.5;
/// The least number of its own errors that makes a client suspicious.
const FEW: u64 = 5;

pub(super) fn compare(strata: &Strata, kind: Kind) -> Vec<Comparison> {
    let mut sums: Vec<Sum> = vec![Sum::default(); strata.clients];
    let mut seen: Vec<f64> = vec![0.0; strata.clients];
    for stratum in strata.shared() {
        add(stratum, kind, &mut sums, &mut seen);
    }
    let known = |sum: &Sum| sum.requests >= 1.0;
    let counted = |(sum, &seen): (&Sum, &f64)| Counted {
        seen,
        expected: sum.expected,
        // What the baseline is unsure of, relative to it.
        unsure: sum.variance / (sum.expected * sum.expected),
    };
    let counts: Vec<Counted> =
        sums.iter().zip(&seen).filter(|(sum, _)| known(sum)).map(counted).collect();
    let dispersion = dispersion(&counts);
    let mut all: Vec<Comparison> = sums
        .iter()
        .zip(&seen)
        .enumerate()
        .filter(|(_, (sum, _))| known(sum))
        .map(|(client, (sum, seen))| {
            let Counted { seen, unsure, .. } = counted((sum, seen));
            let count = seen as u64;
            Comparison {
                client: client as u32,
                kind,
                requests: sum.requests as u64,
                peers: sum.peers / sum.requests,
                figure: seen / sum.requests,
                baseline: sum.expected / sum.requests,
                effect: seen / sum.expected,
                chance: if count < FEW {
                    1.0
                } else {
                    count_at_least(count, sum.expected, dispersion + unsure)
                },
                false_discoveries: 1.0,
                route: sum.route(),
                part: None,
                since_slot: sum.since(),
            }
        })
        .collect();
    discovery::control(&mut all);
    all
}

/// Adds the clients of one stratum to their sums.
fn add(stratum: &[Observation], kind: Kind, sums: &mut [Sum], seen: &mut [f64]) {
    let weighted = |one: &Observation| {
        let requests = f64::from(one.cell.requests);
        // The weight of each request of a client that made many.
        let share = 1.0 / (1.0 + WITHIN * (requests - 1.0).max(0.0));
        (share * requests, share * errors(&one.cell, kind))
    };
    let (total, failed) = stratum
        .iter()
        .map(weighted)
        .fold((0.0, 0.0), |(total, failed), one| (total + one.0, failed + one.1));
    for one in stratum {
        let (own, own_failed) = weighted(one);
        let requests = f64::from(one.cell.requests);
        if requests < 1.0 {
            continue;
        }
        let (total, failed) = ((total - own).max(0.0), (failed - own_failed).max(0.0));
        let rate = (failed + BEGUN) / (total + 2.0 * BEGUN);
        let expected = requests * rate;
        let errors = errors(&one.cell, kind);
        let client = one.client as usize;
        if let (Some(sum), Some(seen)) = (sums.get_mut(client), seen.get_mut(client)) {
            sum.add(one, requests, stratum.len() - 1, errors - expected);
            sum.expected += expected;
            // The guess of a rate from so many errors has this relative variance.
            sum.variance += expected * expected / (failed + BEGUN);
            *seen += errors;
        }
    }
}

fn errors(cell: &Cell, kind: Kind) -> f64 {
    f64::from(match kind {
        Kind::Error4xx => cell.errors_4xx,
        Kind::Error5xx => cell.errors_5xx,
        Kind::Cancelled => cell.cancelled,
        Kind::Latency => 0,
    })
}
