//! Latency: how many times as long a client waits as its peers would in its place.
//!
//! Per stratum the clients' average log latencies get a location that no single client can pull (Huber),
//! without the client itself. Weighted by the client's own requests the differences add up to its effect. Its
//! variance has three parts: its own sample, the baseline's, and how much clients differ anyway.

use super::discovery;
use super::probability::normal_above;
use super::strata::{Observation, Strata, Sum};
use super::{Comparison, Kind};
use crate::blame::{Part, dominant};

/// The least standard deviation between clients with which nothing is wrong: 5 %.
const LEAST_BETWEEN: f64 = 0.05;
/// The least standard deviation within a stratum, as if no two answers took exactly as long.
const LEAST_WITHIN: f64 = 0.05;
/// Huber's constant: from so many standard deviations on a client's weight falls.
const TUNING: f64 = 2.0;
const ROUNDS: usize = 6;

/// Below this variance a stratum is steady, and gains no more weight.
const STEADY: f64 = 0.1;

/// What adds up of a client beside its effect: its log latencies, and the score that tells whether the
/// effect may be chance.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    sum_ln: f64,
    weight: f64,
    moment: f64,
    variance: f64,
    /// Microseconds beyond the peers', for each part of the time.
    parts: [f64; 5],
}

impl Own {
    /// The weighted difference from its peers, and the variance of it.
    fn score(&self) -> (f64, f64) {
        (self.moment / self.weight, self.variance / (self.weight * self.weight))
    }
}

pub(super) fn compare(strata: &Strata) -> Vec<Comparison> {
    let mut sums: Vec<Sum> = vec![Sum::default(); strata.clients];
    let mut own: Vec<Own> = vec![Own::default(); strata.clients];
    let mut cells = Vec::new();
    for stratum in strata.shared() {
        cells.clear();
        cells.extend(stratum.iter().filter(|one| one.cell.timed > 0));
        add(&cells, &mut sums, &mut own);
    }
    let known = |sum: &Sum| sum.requests >= 1.0;
    let scores = own.iter().filter(|own| own.weight > 0.0).map(Own::score);
    let between = between(&scores.collect::<Vec<_>>());
    let mut all: Vec<Comparison> = sums
        .iter()
        .zip(&own)
        .enumerate()
        .filter(|(_, (sum, _))| known(sum))
        .map(|(client, (sum, own))| {
            let effect = sum.excess / sum.requests;
            let (score, variance) = own.score();
            let z = score / (variance + between).sqrt();
            Comparison {
                client: client as u32,
                kind: Kind::Latency,
                requests: sum.requests as u64,
                peers: sum.peers / sum.requests,
                figure: (own.sum_ln / sum.requests).exp(),
                baseline: (own.sum_ln / sum.requests - effect).exp(),
                effect: effect.exp(),
                chance: normal_above(z),
                false_discoveries: 1.0,
                route: sum.route(),
                part: dominant(own.parts),
                since_slot: sum.since(),
            }
        })
        .collect();
    discovery::control(&mut all);
    all
}

/// Adds the clients of one stratum to their sums.
fn add(cells: &[&Observation], sums: &mut [Sum], own: &mut [Own]) {
    let (scatter, free) = cells.iter().fold((0.0, 0.0), |(scatter, free), one| {
        (scatter + one.cell.scatter_ln(), free + f64::from(one.cell.timed) - 1.0)
    });
    if cells.len() < 2 {
        return;
    }
    // With a single request each, the clients' differences are all that is known.
    let within = if free >= 3.0 { scatter / free } else { spread(cells) };
    let within = within.max(LEAST_WITHIN * LEAST_WITHIN);
    let points: Vec<(f64, f64)> = cells
        .iter()
        .map(|one| {
            let variance = LEAST_BETWEEN * LEAST_BETWEEN + within / f64::from(one.cell.timed);
            (one.cell.mean_ln(), variance)
        })
        .collect();
    let location = location(&points);
    let weights: Vec<f64> = points.iter().map(|point| weight(point, location)).collect();
    let total: f64 = weights.iter().sum();
    let moment: f64 = weights.iter().zip(&points).map(|(weight, (mean, _))| weight * mean).sum();
    let (count, spent) = cells.iter().fold((0.0, [0.0; 5]), |(count, mut spent), one| {
        Part::ALL.into_iter().zip(&mut spent).for_each(|(part, sum)| {
            *sum += one.cell.blame.part(part) as f64;
        });
        (count + f64::from(one.cell.timed), spent)
    });
    for ((one, (mean, _)), weight) in cells.iter().zip(&points).zip(&weights) {
        let rest = total - weight;
        let baseline = (moment - weight * mean) / rest;
        let requests = f64::from(one.cell.timed);
        let client = one.client as usize;
        if let (Some(sum), Some(own)) = (sums.get_mut(client), own.get_mut(client)) {
            sum.add(one, requests, cells.len() - 1, requests * (mean - baseline));
            own.sum_ln += one.cell.sum_ln();
            for ((part, excess), spent) in Part::ALL.into_iter().zip(&mut own.parts).zip(spent) {
                let mine = one.cell.blame.part(part) as f64;
                *excess += mine - requests * (spent - mine) / (count - requests);
            }
            // Strata that are steady say more than those that scatter.
            let weight = requests / (STEADY + within);
            own.weight += weight;
            own.moment += weight * (mean - baseline);
            own.variance += weight * weight * (within / requests + 1.0 / rest);
        }
    }
}

/// The weight of a client in the location: less the farther off it is (Huber 1964).
fn weight(&(mean, variance): &(f64, f64), location: f64) -> f64 {
    let far = (mean - location).abs() / variance.sqrt();
    (TUNING / far.max(TUNING)) / variance
}

/// Huber's estimate, from the weighted median on by reweighting.
fn location(points: &[(f64, f64)]) -> f64 {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = sorted.iter().map(|(_, variance)| 1.0 / variance).sum::<f64>() / 2.0;
    let mut passed = 0.0;
    let median = sorted.iter().find(|(_, variance)| {
        passed += 1.0 / variance;
        passed >= half
    });
    let mut location = median.map_or(0.0, |&(mean, _)| mean);
    for _ in 0..ROUNDS {
        let (mut total, mut moment) = (0.0, 0.0);
        for point in points {
            let weight = weight(point, location);
            total += weight;
            moment += weight * point.0;
        }
        location = moment / total;
    }
    location
}

/// The variance of the clients' averages around their own average.
fn spread(cells: &[&Observation]) -> f64 {
    let count = cells.len() as f64;
    let mean = cells.iter().map(|one| one.cell.mean_ln()).sum::<f64>() / count;
    cells.iter().map(|one| (one.cell.mean_ln() - mean).powi(2)).sum::<f64>()
        / (count - 1.0).max(1.0)
}

/// The variance between clients: the one with which half of all clients are within the middle half of the
/// normal distribution. What fewer than half of them do does not move it (an empirical null, Efron 2004).
fn between(scores: &[(f64, f64)]) -> f64 {
    /// The median of the chi-squared distribution with one degree of freedom.
    const MEDIAN: f64 = 0.454_936;
    let least = LEAST_BETWEEN * LEAST_BETWEEN;
    // Of a few clients no spread can be told.
    if scores.len() < 8 {
        return least;
    }
    let median = |between: f64| {
        let mut scaled: Vec<f64> =
            scores.iter().map(|(score, variance)| score * score / (variance + between)).collect();
        let middle = scaled.len() / 2;
        *scaled.select_nth_unstable_by(middle, f64::total_cmp).1
    };
    if median(least) <= MEDIAN {
        return least;
    }
    let (mut low, mut high) = (least, 4.0);
    for _ in 0..30 {
        let middle = f64::sqrt(low * high);
        if median(middle) > MEDIAN { low = middle } else { high = middle }
    }
    high
}
