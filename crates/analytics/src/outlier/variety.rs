//! How much clients differ in their errors when nothing is wrong with them, learned from all of them.
//!
//! The relative variance by the method of moments: what counts scatter around what was expected, beyond what
//! chance and the baseline explain. Those that stand out are not asked, again and again until it is known who that
//! is, and what the estimate is unsure of is added to it.

use super::probability::count_at_least;

/// What is taken for usual where it cannot be learned: half as many errors or half more.
const USUAL: f64 = 0.25;
/// The least that is believed.
const LEAST: f64 = 0.1;
/// From so few on something is learned.
const FEW: usize = 8;
/// An estimate with more than this standard error is believed only where it is more than the usual.
const VAGUE: f64 = 0.1;
/// A count with less chance than this stands out.
const STANDS_OUT: f64 = 0.001;
const ROUNDS: usize = 5;

/// One client's errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) seen: f64,
    pub(super) expected: f64,
    /// The relative variance of what was expected.
    pub(super) unsure: f64,
}

impl Counted {
    /// What it scatters beyond what chance and the baseline explain, as a variance.
    fn beyond(&self) -> f64 {
        let Self { seen, expected, unsure } = *self;
        (seen - expected).powi(2) - expected - unsure * expected * expected
    }

    /// The variance of that, about: of what is so rare that hardly any was seen, what was seen says too little.
    fn scatter_of_that(&self, dispersion: f64) -> f64 {
        let variance = self.expected + (dispersion + self.unsure) * self.expected.powi(2);
        variance + 2.0 * variance * variance
    }

    /// The less sure a client's scatter is, the less it says.
    fn weight(&self, dispersion: f64) -> f64 {
        (1.0 + (dispersion + self.unsure) * self.expected).powi(-2)
    }

    fn stands_out(&self, dispersion: f64) -> bool {
        let Self { seen, expected, unsure } = *self;
        let all = dispersion + unsure;
        // Nearly all are spared the sum.
        seen > expected + 2.0 * (expected + all * expected * expected).sqrt()
            && count_at_least(seen as u64, expected, all) < STANDS_OUT
    }
}

/// The relative variance between clients with which nothing is wrong.
pub(super) fn dispersion(all: &[Counted]) -> f64 {
    let (mut dispersion, mut error) = (USUAL, f64::INFINITY);
    if all.len() < FEW {
        return dispersion;
    }
    for _ in 0..ROUNDS {
        let asked = || all.iter().filter(|one| !one.stands_out(dispersion));
        let (moment, total) = asked().fold((0.0, 0.0), |(moment, total), one| {
            let weight = one.weight(dispersion);
            (moment + weight * one.beyond(), total + weight * one.expected * one.expected)
        });
        let estimate = f64::max(moment / total, 0.0);
        let (seen, due) = asked().fold((0.0, 0.0), |(seen, due), one| {
            let off = one.beyond() - estimate * one.expected * one.expected;
            let weight = one.weight(dispersion).powi(2);
            (seen + weight * off * off, due + weight * one.scatter_of_that(dispersion))
        });
        error = f64::max(seen, due).sqrt() / total;
        if !(estimate.is_finite() && error.is_finite()) {
            return USUAL;
        }
        dispersion = estimate.max(LEAST);
    }
    if error > VAGUE { dispersion.max(USUAL) } else { dispersion + 2.0 * error }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients of whom about `expected` errors each were expected, and who differ by this relative variance: sums of
    /// quantiles stand in for chance.
    fn world(expected: f64, variance: f64) -> Vec<Counted> {
        let at = |n: u32, of: u32| (f64::from(n) + 0.5) / f64::from(of);
        // Evenly around one, as wide as that.
        let natural = |n: u32| 1.0 + (at(n, 25) - 0.5) * (12.0 * variance).sqrt();
        let count = |mean: f64, chance: f64| {
            (0_u64..1_000_000)
                .find(|&k| count_at_least(k + 1, mean, 0.0) <= 1.0 - chance)
                .unwrap_or(0)
        };
        let one = |n: u32| Counted {
            seen: count(expected * natural(n % 25), at(n / 25, 40)) as f64,
            expected,
            unsure: 0.0,
        };
        (0..1000).map(one).collect()
    }

    #[test]
    fn how_much_clients_differ_is_learned_whatever_a_few_of_them_do() {
        for (expected, variance) in [(2.0, 0.16), (8.0, 0.16), (8.0, 0.3), (3.0, 0.3)] {
            let mut all = world(expected, variance);
            let found = dispersion(&all);
            assert!(found > 0.9 * variance && found < variance + 0.1, "{found} of {variance}");
            for one in all.iter_mut().take(20) {
                one.seen = expected * 10.0;
            }
            let among = dispersion(&all);
            assert!((among - found).abs() < 0.05, "{among} where it was {found}");
        }
    }

    #[test]
    fn where_nothing_can_be_learned_the_usual_is_taken() {
        assert!((dispersion(&world(5.0, 0.0)[..7]) - USUAL).abs() < 1e-9, "of seven");
        assert!(dispersion(&world(0.02, 0.0)) >= USUAL, "hardly an error");
        let alike = dispersion(&world(5.0, 0.0));
        assert!(
            (LEAST..LEAST + 0.05).contains(&alike),
            "{alike}: nobody is believed to be just alike"
        );
        let none = Counted { seen: 0.0, expected: 0.0, unsure: 0.0 };
        assert!((dispersion(&[none; 20]) - USUAL).abs() < 1e-9);
    }
}
