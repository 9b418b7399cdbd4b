//! Who is called an outlier, in small made-up worlds.
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

use wayside_exchange::Micros;

use super::*;
use crate::cell::Cell;

/// `requests` that took about `ms`, spread as lognormal quantiles with a deviation of 0.5.
fn cell(requests: u32, ms: f64, errors_4xx: u32) -> Cell {
    let mut cell = Cell { requests, errors_4xx, ..Cell::default() };
    for n in 0..requests {
        let spread = (f64::from(n) + 0.5) / f64::from(requests) - 0.5;
        cell.time(Micros((ms * 1000.0 * (1.7 * spread).exp()) as u64));
    }
    cell
}

fn at(client: u32, route: u32, cell: Cell) -> Observation {
    Observation { client, route, slot: 0, cell }
}

fn outliers(observations: Vec<Observation>) -> Vec<(u32, Kind)> {
    let rules = Rules::default();
    let mut found: Vec<_> = compare(observations)
        .iter()
        .filter(|one| one.is_outlier(&rules))
        .map(|one| (one.client, one.kind))
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn a_client_that_waits_longer_than_its_peers_is_found_with_how_much_and_where() {
    let mut world: Vec<_> = (0..20).map(|n| at(n, 0, cell(100, 50.0, 0))).collect();
    world.push(at(20, 0, cell(100, 100.0, 0)));
    world.extend((0..21).map(|n| at(n, 1, cell(100, 400.0, 0))));
    assert_eq!(outliers(world.clone()), [(20, Kind::Latency)]);
    let all = compare(world);
    let one = all.iter().find(|one| (one.client, one.kind) == (20, Kind::Latency));
    let one = one.expect("it is compared");
    assert_eq!((one.requests, one.route), (200, Some(0)));
    assert!((one.peers - 20.0).abs() < 1e-9);
    // Twice as long on half of its requests.
    assert!((one.effect - 2.0_f64.sqrt()).abs() < 0.02, "{one:?}");
    assert!((one.figure / one.baseline - one.effect).abs() < 1e-9);
}

#[test]
fn a_client_that_merely_calls_the_slow_route_is_none() {
    let mut world: Vec<_> = (0..20).map(|n| at(n, 0, cell(200, 50.0, 0))).collect();
    world.extend((0..20).map(|n| at(n, 1, cell(10, 900.0, 0))));
    world.push(at(20, 1, cell(300, 900.0, 0)));
    assert_eq!(outliers(world), []);
}

#[test]
fn a_client_that_calls_only_while_everything_is_slow_is_none() {
    let mut world = Vec::new();
    for client in 0..20 {
        for slot in 0..3 {
            let ms = if slot == 1 { 500.0 } else { 50.0 };
            world.push(Observation { client, route: 0, slot, cell: cell(40, ms, 0) });
        }
    }
    world.push(Observation { client: 20, route: 0, slot: 1, cell: cell(150, 500.0, 0) });
    assert_eq!(outliers(world), []);
}

#[test]
fn one_client_that_is_very_fast_makes_no_other_one_slow() {
    let mut world: Vec<_> = (0..6).map(|n| at(n, 0, cell(200, 50.0, 0))).collect();
    world.push(at(6, 0, cell(20_000, 2.0, 0)));
    assert_eq!(outliers(world), []);
}

#[test]
fn a_failing_client_is_found_and_its_peers_are_not_whatever_they_usually_miss() {
    let mut world: Vec<_> = (0..20).map(|n| at(n, 0, cell(200, 50.0, n % 5))).collect();
    world.push(at(20, 0, cell(200, 50.0, 30)));
    assert_eq!(outliers(world), [(20, Kind::Error4xx)]);
}

#[test]
fn a_route_on_which_everybody_fails_makes_nobody_an_outlier() {
    let mut world: Vec<_> = (0..20).map(|n| at(n, 0, cell(200, 50.0, 0))).collect();
    world.extend((0..20).map(|n| at(n, 1, cell(10, 50.0, 5))));
    world.push(at(20, 1, cell(300, 50.0, 150)));
    assert_eq!(outliers(world), []);
}

#[test]
fn with_few_peers_or_few_requests_only_a_gross_case_is_told() {
    let peers = |count: u32| (0..count).map(|n| at(n, 0, cell(200, 50.0, 0))).collect::<Vec<_>>();
    let with = |count, one: Cell| {
        let mut world = peers(count);
        world.push(at(count, 0, one));
        outliers(world)
    };
    assert_eq!(with(3, cell(200, 100.0, 0)), [], "twice as slow, three peers");
    assert_eq!(with(3, cell(200, 200.0, 0)), [(3, Kind::Latency)], "four times as slow");
    assert_eq!(with(20, cell(40, 100.0, 0)), [], "twice as slow, forty requests");
    assert_eq!(with(20, cell(40, 300.0, 0)), [(20, Kind::Latency)], "six times as slow");
    assert_eq!(with(20, cell(12, 900.0, 0)), [], "twelve requests prove nothing");
    assert_eq!(with(3, cell(60, 50.0, 3)), []);
    assert_eq!(with(3, cell(60, 50.0, 30)), [(3, Kind::Error4xx)]);
}

#[test]
fn alone_on_its_routes_nobody_is_compared() {
    assert!(compare(vec![at(0, 0, cell(500, 900.0, 300)), at(1, 1, cell(500, 5.0, 0))]).is_empty());
}

#[test]
fn it_began_in_the_slot_in_which_it_got_bad() {
    let mut world = Vec::new();
    for slot in 0..6 {
        for client in 0..10 {
            world.push(Observation { client, route: 0, slot, cell: cell(50, 50.0, 0) });
        }
        let ms = if slot < 3 { 50.0 } else { 150.0 };
        world.push(Observation { client: 10, route: 0, slot, cell: cell(50, ms, 0) });
    }
    let all = compare(world);
    let one = all.iter().find(|one| one.is_outlier(&Rules::default())).expect("it is slow");
    assert_eq!((one.client, one.since_slot), (10, 3));
}
