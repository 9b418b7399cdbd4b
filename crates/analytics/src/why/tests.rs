//! What sets an outlier's exchanges apart is named, and what does not is not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fmt::Write as _;

use wayside_exchange::view::Verdict;
use wayside_exchange::{ExchangeId, Micros, Summary};

use super::*;
use crate::client::tests::answered;
use crate::findings::tests::Recording;

fn outlier(client: &str, kind: &str) -> OutlierView {
    let verdict = Verdict {
        kind: kind.to_owned(),
        rule: None,
        route: None,
        sentence: String::new(),
        effect: 2.0,
        baseline: 10.0,
        window: "all".to_owned(),
        sample: 100,
        confidence: None,
        since: Timestamp::default(),
    };
    crate::verdict::outlier(client, verdict)
}

fn reasons(recording: &mut Recording, outlier: &OutlierView) -> Vec<Reason> {
    let mut cases = Cases::of([outlier]);
    let mut others = cases.clone();
    for (n, row) in recording.rows().iter().enumerate() {
        if n % 2 == 0 { cases.add(&row.glance()) } else { others.add(&row.glance()) }
    }
    cases.merge(others);
    cases.reasons(recording).remove(0)
}

fn changed(row: &mut Summary, client: &str, ms: u64) {
    row.client = client.to_owned();
    row.timing.total = Micros(ms * 1000);
}

#[test]
fn the_failing_requests_are_told_from_the_others_by_what_only_they_have() {
    let mut recording = Recording::default();
    for n in 0..120 {
        let fails = n % 4 == 0;
        let body = if fails { r#"{"cart":1,"coupon":"X"}"# } else { r#"{"cart":1}"# };
        let request = "Content-Type: application/json\r\nUser-Agent: sync/1\r\n";
        let status = if fails { 500 } else { 201 };
        let row = recording.add(n * 100, ("POST", "/orders", status), (request, "", body));
        changed(row, "key:1", 20);
        // Another route, on which nothing fails and nobody sends a body.
        let row = recording.add(n * 100 + 50, ("GET", "/products", 200), ("X-Page: 1\r\n", "", ""));
        changed(row, "key:1", 20);
        let row =
            recording.add(n * 100 + 60, ("POST", "/orders", 201), (request, "", r#"{"cart":1}"#));
        changed(row, &format!("key:peer{}", n % 8), 20);
    }
    let found = reasons(&mut recording, &outlier("key:1", "error_5xx"));
    let first = &found[0];
    assert_eq!(
        (first.among.as_str(), first.aspect.as_str(), first.name.as_str()),
        ("own", "body", "coupon")
    );
    assert_eq!(
        first.sentence,
        "100 % of its failing requests have `coupon` in the body, 0 % of its other ones on the same routes"
    );
    assert_eq!((first.with.count, first.with.of, first.against.count), (30, 30, 0));
    assert!(first.confidence > 0.99 && first.lift > 10.0, "{first:?}");
    let peers = found.iter().find(|one| one.among == "peers").unwrap();
    assert_eq!(peers.name, "coupon");
    assert!(peers.sentence.contains("of those of 8 other clients"), "{}", peers.sentence);
    assert!(peers.confidence < 0.9, "one client of nine proves little");
    assert!(found.iter().all(|one| one.name != "x-page"), "it belongs to a route: {found:#?}");
}

#[test]
fn the_slow_requests_are_told_from_the_fast_ones() {
    let mut recording = Recording::default();
    for n in 0..100_u64 {
        let slow = n % 3 == 0;
        let target = if slow { "/products?size=500" } else { "/products?size=20" };
        let row = recording.add(n * 100, ("GET", target, 200), ("", "", ""));
        changed(row, "key:1", if slow { 300 + n } else { 20 + n % 7 });
        let row = recording.add(n * 100 + 9, ("GET", "/products?size=20", 200), ("", "", ""));
        changed(row, &format!("key:peer{}", n % 6), 20 + n % 7);
    }
    let found = reasons(&mut recording, &outlier("key:1", "latency"));
    assert_eq!(found[0].among, "own");
    assert!(
        found[0].sentence.starts_with("100 % of its slow requests ask with `size=500`"),
        "{found:#?}"
    );
    assert!(found[0].also.iter().any(|also| also.contains("pages of 100 and more")), "{found:#?}");
}

#[test]
fn who_is_slow_throughout_is_held_against_its_peers_alone() {
    let mut recording = Recording::default();
    for n in 0..200_u64 {
        let row = recording.add(
            n * 100,
            ("GET", "/products", 200),
            ("Cache-Control: no-cache\r\n", "", ""),
        );
        changed(row, "key:1", 200 + n % 17);
        for peer in 0..3 {
            let row = recording.add(n * 100 + peer, ("GET", "/products", 200), ("", "", ""));
            changed(row, &format!("key:peer{}", (n + peer) % 30), 20 + n % 17);
        }
    }
    let found = reasons(&mut recording, &outlier("key:1", "latency"));
    assert!(found.iter().all(|one| one.among == "peers"), "{found:#?}");
    assert_eq!(found[0].name, "cache-control");
    assert!(
        found[0]
            .sentence
            .starts_with("100 % of its requests have the header `cache-control: no-cache`"),
        "{}",
        found[0].sentence
    );
}

#[test]
fn where_nothing_sets_them_apart_no_reason_is_made_up() {
    let mut told = 0;
    for seed in 0..40_u64 {
        let mut recording = Recording::default();
        let mut state = seed * 7919 + 1;
        let mut chance = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        for n in 0..200 {
            let mut headers = String::new();
            for header in 0..40 {
                if chance() % 2 == 0 {
                    let _ = write!(headers, "X-{header}: {}\r\n", chance() % 3);
                }
            }
            let status = if chance() % 4 == 0 { 500 } else { 200 };
            let row = recording.add(n * 100, ("GET", "/x", status), (&headers, "", ""));
            changed(row, if n % 2 == 0 { "key:1" } else { "key:2" }, 20);
        }
        let found = reasons(&mut recording, &outlier("key:1", "error_5xx"));
        told += found.iter().filter(|one| one.among == "own").count();
    }
    assert!(told <= 4, "{told} reasons in 40 recordings without any");
}

#[test]
fn credentials_are_no_reason_by_their_value() {
    let mut recording = Recording::default();
    for n in 0..100_u64 {
        let token = format!("Authorization: Bearer wayside-sealed-{}\r\n", n % 2);
        let row = recording.add(
            n * 100,
            ("GET", "/x", if n % 2 == 0 { 403 } else { 200 }),
            (&token, "", ""),
        );
        changed(row, "key:1", 20);
    }
    let found = reasons(&mut recording, &outlier("key:1", "error_4xx"));
    assert_eq!(found, [], "of the two tokens neither is shown");
}

#[test]
fn samples_are_the_same_in_any_order_and_bounded() {
    let all: Vec<Summary> = (0..3_000).map(|n| answered("c", n, "GET /", 500, 5)).collect();
    let pick = |rows: &[&Summary]| {
        let mut cases = Cases::of([&outlier("c", "error_5xx")]);
        for row in rows {
            cases.add(&row.glance());
        }
        cases.all[0].bad.all().map(|one| one.id).collect::<Vec<ExchangeId>>()
    };
    let forth = pick(&all.iter().collect::<Vec<_>>());
    assert_eq!(forth.len(), 200);
    assert_eq!(forth, pick(&all.iter().rev().collect::<Vec<_>>()));
}
