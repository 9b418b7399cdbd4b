//! Who slows the others is told from who is merely there, in worlds with known truth.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use super::*;
use crate::client::tests::answered;

/// Repeatable chance: a linear congruential generator, its upper half.
struct Chance(u64);

impl Chance {
    fn share(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }

    /// About normal: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// Ten minutes of a backend whose pace wanders, with a client that comes and goes and slows the others so
/// many times while it is there.
fn world(seed: u64, slower: f64, tried: usize) -> Option<HarmView> {
    let mut chance = Chance(seed * 7919 + 13);
    let names = (0..tried).map(|n| format!("heavy{n}")).collect();
    let at = |second: u64| answered("", second, "", 200, 0).started_at;
    let mut harms = Harms::of(names, at(0), at(600));
    let (mut pace, mut active) = (0.0, false);
    for second in 0..600 {
        pace = 0.95 * pace + 0.1 * chance.normal();
        if chance.share() < if active { 0.3 } else { 0.08 } {
            active = !active;
        }
        if active {
            harms.add(&answered("heavy0", second, "GET /x", 200, 900).glance());
        }
        for n in 0..6 {
            let route = if n % 2 == 0 { "GET /x" } else { "GET /elsewhere" };
            let harm = if active && n % 2 == 0 { slower } else { 1.0 };
            let ms = 200.0 * (pace + 0.4 * chance.normal()).exp() * harm;
            harms.add(&answered(&format!("c{n}"), second, route, 200, ms as u64).glance());
        }
    }
    harms.views().remove(0)
}

#[test]
fn a_client_that_slows_the_others_is_found_with_how_much() {
    let found: Vec<HarmView> = (0..50).filter_map(|seed| world(seed, 1.5, 10)).collect();
    let sure = found.iter().filter(|one| one.low > 1.0).count();
    assert!(sure >= 45, "{sure} of 50");
    let right = found.iter().filter(|one| one.low <= 1.5 && 1.5 <= one.high).count();
    assert!(right >= 48, "{right} of 50 intervals hold the truth");
}

#[test]
fn a_client_that_is_merely_there_while_the_pace_wanders_is_not_blamed() {
    let blamed = (0..300).filter_map(|seed| world(seed, 1.0, 10)).filter(|one| one.low > 1.0);
    let blamed = blamed.count();
    assert!(blamed <= 3, "{blamed} of 300, where one is to be expected");
}

/// Ten minutes of others on routes of their own, slowed three times for as long as a report runs: so many seconds every
/// twenty. Some reports are given up by who asked for them.
fn reports(seconds: u64, slower: f64) -> Option<HarmView> {
    let mut chance = Chance(77);
    let at = |second: u64| answered("", second, "", 200, 0).started_at;
    let mut harms = Harms::of(vec!["heavy".to_owned(), "c0".to_owned()], at(0), at(600));
    for second in 0..600 {
        let running = second % 20 < seconds;
        if second % 20 == 0 {
            let mut report = answered("heavy", second, "GET /report", 200, seconds * 1000 - 1);
            if second % 60 == 0 {
                report.outcome = Outcome::ClientCancelled;
            }
            harms.add(&report.glance());
        }
        for n in 0..4 {
            let ms = 200.0 * (0.3 * chance.normal()).exp() * if running { slower } else { 1.0 };
            harms.add(&answered(&format!("c{n}"), second, "GET /orders", 200, ms as u64).glance());
        }
    }
    let views = harms.views();
    assert_eq!(views[1], None, "who is always there");
    views[0]
}

#[test]
fn a_client_harms_for_as_long_as_its_requests_run_and_on_whatever_route() {
    let harm = reports(5, 3.0).unwrap();
    assert!(harm.everywhere && harm.spells == 30, "{harm:?}");
    assert!((harm.slowdown - 3.0).abs() < 0.2 && harm.low > 2.5, "{harm:?}");
    let none = reports(5, 1.0).unwrap();
    assert!(none.low <= 1.0 && none.high >= 1.0 && (none.slowdown - 1.0).abs() < 0.1, "{none:?}");
}

#[test]
fn of_who_is_always_there_or_hardly_ever_nothing_is_told() {
    let at = |second: u64| answered("", second, "", 200, 0).started_at;
    for every in [1, 100] {
        let mut harms = Harms::of(vec!["heavy".to_owned()], at(0), at(600));
        for second in 0..600 {
            if second % every == 0 {
                harms.add(&answered("heavy", second, "GET /x", 200, 900).glance());
            }
            harms.add(&answered("other", second, "GET /x", 200, 20).glance());
        }
        assert_eq!(harms.views(), [None], "{every}");
    }
}
