//! Meters: what is counted, and that it stays bounded.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use wayside_exchange::{
    ExchangeId, HttpVersion, Marks, Micros, Scheme, SessionId, Timestamp, Timing,
};

use super::*;

fn row(route: &str, status: u16, total: u64) -> Glance<'_> {
    Glance {
        id: ExchangeId(1),
        started_at: Timestamp(0),
        client: "acme",
        session: SessionId(ExchangeId(1)),
        connection: 1,
        http_version: HttpVersion::Http11,
        scheme: Scheme::Https,
        method: "GET",
        host: "h",
        target: "/",
        route,
        status: Some(status),
        outcome: Outcome::Complete,
        timing: Timing {
            total: Micros(total),
            connect: Micros(100),
            wait: Micros(400),
            overhead: Micros(50),
            ..Timing::default()
        },
        request_bytes: 3,
        response_bytes: 5,
        marks: Marks::default(),
    }
}

fn of<'a>(meters: &'a Meters, route: &str) -> &'a Meter {
    meters.routes().find(|(name, _)| *name == route).unwrap().1
}

fn requests(meter: &Meter) -> u64 {
    meter.exchanges.iter().flatten().sum()
}

#[test]
fn an_exchange_counts_by_class_and_outcome_and_its_times_fall_into_buckets() {
    let mut meters = Meters::default();
    meters.add(&row("GET /a", 200, 1_000));
    meters.add(&row("GET /a", 503, 1_001));
    let gave_up = Glance { outcome: Outcome::ClientCancelled, ..row("GET /a", 200, 9_000_000) };
    meters.add(&gave_up);
    let meter = of(&meters, "GET /a");
    assert_eq!(meter.exchanges[2], [1, 1, 0, 0, 0]);
    assert_eq!(meter.exchanges[5], [1, 0, 0, 0, 0]);
    let buckets: Vec<(u64, u64)> = meter.total.cumulative().take(3).collect();
    assert_eq!(buckets, [(1_000, 1), (2_500, 2), (5_000, 2)], "a bound belongs to its bucket");
    assert_eq!((meter.total.count(), meter.total.sum_us()), (2, 2_001), "who gave up has none");
    assert_eq!((meter.first_byte.count(), meter.first_byte.sum_us()), (3, 3 * 550));
    assert_eq!(meter.overhead.sum_us(), 150);
    assert_eq!((meter.request_bytes, meter.response_bytes), (9, 15));
}

#[test]
fn so_many_routes_have_a_meter_and_the_others_are_counted_together() {
    let mut meters = Meters::default();
    let names: Vec<String> = (0..500).map(|n| format!("GET /{n}")).collect();
    for name in &names {
        meters.add(&row(name, 200, 1));
    }
    assert_eq!(meters.named(), AT_ONCE, "a path that is asked for once gets none");
    assert_eq!(meters.folded(), 500 - AT_ONCE as u64);
    for _ in 0..EARNED {
        meters.add(&row("GET /busy", 200, 1));
    }
    assert_eq!(requests(of(&meters, "GET /busy")), 1, "from the last of them on it is told apart");
    for name in &names {
        for _ in 0..EARNED {
            meters.add(&row(name, 200, 1));
        }
    }
    assert_eq!(meters.named(), MOST);
    let all: u64 = meters.routes().map(|(_, meter)| requests(meter)).sum();
    assert_eq!(all, 500 + u64::from(EARNED) * 501, "none is lost");
    assert_eq!(requests(of(&meters, OTHER)), meters.folded());
}

#[test]
fn more_candidates_than_there_is_room_for_are_forgotten() {
    let mut meters = Meters::default();
    for n in 0..10_000 {
        meters.add(&row(&format!("GET /{n}"), 404, 1));
    }
    assert!(meters.candidates.len() <= CANDIDATES && meters.named() == AT_ONCE);
}
