//! Two groups of exchanges held against each other, trait by trait, within routes.
//!
//! Among one client's own exchanges the chance is that of Cochran, Mantel and Haenszel's test over routes
//! (N. Mantel, W. Haenszel: Statistical aspects of the analysis of data from retrospective studies of disease,
//! JNCI 22, 1959). Against peers exchanges are no independent witnesses, since they come from a few clients:
//! there the chance is the rank of the client among them, and one client of six can never be sure.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::traits::{Looked, Quality, Table};
use crate::outlier::normal_above;

/// The least difference between the shares, and how many times one must be the other.
const DIFFERENCE: f64 = 0.2;
const LIFT: f64 = 1.5;
/// Exchanges that must have it.
const LEAST: usize = 3;
/// Exchanges of a peer from which on its share says something.
const PEER: usize = 3;
/// Chances beyond this are no contrast among a client's own exchanges.
const DOUBT: f64 = 0.05;

/// Who the other group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The client's own other exchanges.
    Own,
    /// Those of its peers.
    Peers,
}

/// How two groups differ in one trait.
#[derive(Clone, Debug)]
pub(super) struct Contrast {
    pub(super) quality: Quality,
    side: Side,
    /// Exchanges with the trait, and all.
    pub(super) with: (usize, usize),
    pub(super) against: (usize, usize),
    /// The shares; that of the other group as it would be with the first one's mix of routes.
    pub(super) share: f64,
    pub(super) expected: f64,
    pub(super) chance: f64,
    /// A hash of which exchanges have it.
    which: u64,
    /// Clients in the other group that were held against this one.
    pub(super) peers: usize,
}

impl Contrast {
    /// How many times as often; what the other group never has counts as half an exchange.
    pub(super) fn lift(&self) -> f64 {
        self.share / self.expected.max(0.5 / self.against.1.max(1) as f64)
    }

    /// Whether it is worth telling, once its chance is adjusted for all that were tried.
    pub(super) fn is_clear(&self) -> bool {
        let apart = self.share - self.expected >= DIFFERENCE && self.lift() >= LIFT;
        let sure = self.side == Side::Peers || self.chance <= DOUBT;
        apart && sure && self.with.0 >= LEAST
    }

    /// The stronger ones first; of those that are as strong, the more telling trait.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let apart = |one: &Self| ((one.share - one.expected) * 100.0).round();
        apart(other)
            .total_cmp(&apart(self))
            .then_with(|| self.quality.lacks.cmp(&other.quality.lacks))
            .then_with(|| self.quality.number.cmp(&other.quality.number))
    }

    /// Whether just the same exchanges have the other one.
    pub(super) fn tells_the_same(&self, other: &Self) -> bool {
        self.which == other.which
    }
}

/// The client's bad exchanges against its other ones.
pub(super) fn among_own(table: &Table<'_>, bad: &[Looked], well: &[Looked]) -> Vec<Contrast> {
    let contrasts = table.qualities().map(|quality| {
        let strata = Strata::of(table, bad, well, quality);
        let which = table.which(bad.iter().chain(well), quality);
        contrast(&strata, quality, which, (Side::Own, strata.chance(), 0))
    });
    contrasts.collect()
}

/// The client's exchanges against those of its peers on the same routes.
pub(super) fn against_peers(table: &Table<'_>, own: &[Looked], peers: &[Looked]) -> Vec<Contrast> {
    let mut clients: BTreeMap<&str, Vec<&Looked>> = BTreeMap::new();
    for one in peers {
        clients.entry(&one.client).or_default().push(one);
    }
    clients.retain(|_, of| of.len() >= PEER);
    let telling = table.qualities().filter(|quality| !table.is_who(*quality));
    let contrasts = telling.map(|quality| {
        let strata = Strata::of(table, own, peers, quality);
        let share = strata.share();
        let as_often = clients.values().filter(|of| {
            let with = of.iter().filter(|one| table.has(one, quality)).count();
            with as f64 / of.len() as f64 >= share - 1e-9
        });
        let as_often = as_often.count();
        let chance = (as_often + 1) as f64 / (clients.len() + 1) as f64;
        let which = table.which(own.iter().chain(peers), quality);
        contrast(&strata, quality, which, (Side::Peers, chance, clients.len()))
    });
    // Without a peer there is nothing to be held against.
    contrasts.filter(|one| one.against.1 > 0 && one.peers > 0).collect()
}

fn contrast(
    strata: &Strata<'_>,
    quality: Quality,
    which: u64,
    (side, chance, peers): (Side, f64, usize),
) -> Contrast {
    let sum = |of: fn(&Counts) -> (usize, usize)| {
        let shared = strata.0.values().filter(|counts| counts.shared());
        shared.map(of).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    Contrast {
        quality,
        side,
        with: sum(|counts| counts.one),
        against: sum(|counts| counts.other),
        share: strata.share(),
        expected: strata.expected(),
        chance,
        which,
        peers,
    }
}

/// On one route: of either group the exchanges with the trait, and all.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    one: (usize, usize),
    other: (usize, usize),
}

impl Counts {
    /// Whether the route has exchanges of both.
    fn shared(&self) -> bool {
        self.one.1 > 0 && self.other.1 > 0
    }
}

struct Strata<'a>(BTreeMap<&'a str, Counts>);

impl<'a> Strata<'a> {
    fn of(
        table: &Table<'_>,
        one: &'a [Looked],
        other: &'a [Looked],
        quality: Quality,
    ) -> Strata<'a> {
        let mut strata: BTreeMap<&str, Counts> = BTreeMap::new();
        for exchange in one {
            let counts = &mut strata.entry(&exchange.route).or_default().one;
            counts.0 += usize::from(table.has(exchange, quality));
            counts.1 += 1;
        }
        for exchange in other {
            let counts = &mut strata.entry(&exchange.route).or_default().other;
            counts.0 += usize::from(table.has(exchange, quality));
            counts.1 += 1;
        }
        Strata(strata)
    }

    fn shared(&self) -> impl Iterator<Item = &Counts> {
        self.0.values().filter(|counts| counts.shared())
    }

    /// The share of the first group.
    fn share(&self) -> f64 {
        let (with, all) =
            self.shared().fold((0, 0), |sum, one| (sum.0 + one.one.0, sum.1 + one.one.1));
        with as f64 / all.max(1) as f64
    }

    /// The share that the other group would have with the first one's mix of routes.
    fn expected(&self) -> f64 {
        let (with, all) = self.shared().fold((0.0, 0.0), |sum, counts| {
            let (one, (with, all)) = (counts.one.1 as f64, counts.other);
            (sum.0 + one * with as f64 / all as f64, sum.1 + one)
        });
        if all > 0.0 { with / all } else { 0.0 }
    }

    /// The chance that the first group has it as much more often when it is all the same: the upper tail,
    /// with correction for continuity.
    fn chance(&self) -> f64 {
        let (mut excess, mut variance) = (0.0, 0.0);
        for Counts { one, other } in self.shared() {
            let [a, n1] = [one.0, one.1].map(|count| count as f64);
            let [b, n2] = [other.0, other.1].map(|count| count as f64);
            let all = n1 + n2;
            excess += a - n1 * (a + b) / all;
            if all > 1.0 {
                variance += n1 * n2 * (a + b) * (all - a - b) / (all * all * (all - 1.0));
            }
        }
        if variance <= 0.0 { 1.0 } else { normal_above((excess - 0.5) / variance.sqrt()) }
    }
}
