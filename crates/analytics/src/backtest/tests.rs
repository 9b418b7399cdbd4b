//! What rules would have said when.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use super::*;
use crate::client::tests::answered;
use crate::verdict::{Misses, Objective, Rule, Threshold};

fn promise(written: &str, misses: Misses, allowed: f64) -> Objective {
    Objective { written: written.to_owned(), misses, allowed }
}

fn judged(rules: Vec<Rule>) -> Thresholds {
    Thresholds { rules: rules.into(), ..Thresholds::default() }
}

/// Four hours of one client; from the second hour to the third its answers take 400 ms.
fn past(thresholds: Thresholds) -> Backtest {
    let mut parts = [Backtest::of(thresholds.clone()), Backtest::of(thresholds)];
    for second in (0..14_400).step_by(10) {
        let ms = if (3600..7200).contains(&second) { 400 } else { 100 };
        parts[(second / 10 % 2) as usize]
            .add(&answered("key:a", second, "GET /x", 200, ms).glance());
        parts[0].add(&answered("key:b", second, "GET /x", 200, 700).glance());
    }
    let [mut one, other] = parts;
    one.merge(other);
    one
}

#[test]
fn an_objective_would_have_been_told_while_it_was_missed() {
    let p95 = promise("p95<300ms", Misses::Slower(300.0), 0.05);
    let rule =
        Rule { clients: vec!["key:a".to_owned()], objectives: vec![p95].into(), ..Rule::default() };
    let episodes = past(judged(vec![rule])).episodes();
    assert_eq!(episodes.len(), 1, "{episodes:#?}");
    let one = &episodes[0];
    assert_eq!((one.worst.client.as_str(), one.quarters), ("key:a", 5));
    let begun = answered("", 3600, "", 200, 0).started_at;
    assert!(one.from <= begun && one.until.since(one.from) == Micros(5 * QUARTER.0));
    assert!(
        one.worst
            .verdict
            .sentence
            .starts_with("misses `p95<300ms`: 100 % of 90 requests in 15 minutes"),
        "{}",
        one.worst.verdict.sentence
    );
    assert!(one.worst.exchanges.contains("latency:>300ms"), "{}", one.worst.exchanges);
}

#[test]
fn thresholds_of_a_route_would_have_been_told_and_others_not() {
    let slow = Some(Threshold { investigate: 50.0, escalate: 200.0 });
    let strict = Rule { route: Some("GET /x".to_owned()), slow, ..Rule::default() };
    let loose = Rule {
        clients: vec!["key:b".to_owned()],
        slow: Some(Threshold { investigate: 900.0, escalate: 1000.0 }),
        ..strict.clone()
    };
    let episodes = past(judged(vec![loose, strict])).episodes();
    assert_eq!(episodes.len(), 1, "{episodes:#?}");
    let verdict = &episodes[0].worst.verdict;
    assert_eq!(
        (verdict.route.as_deref(), episodes[0].worst.client.as_str()),
        (Some("GET /x"), "key:a")
    );
    assert!(
        verdict.sentence.contains("on `GET /x`") && verdict.sentence.contains("over the 200 ms")
    );
    assert_eq!(
        past(Thresholds::default()).episodes(),
        [],
        "700 ms is to be investigated, not more"
    );
}
