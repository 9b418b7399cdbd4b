//! What a person reads of clients: counts, order and verdicts.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use wayside_exchange::id::ExchangeId;
use wayside_exchange::{HttpVersion, Marks, Micros, Scheme, Summary, Timing};

use super::*;

const START: i64 = 1_795_000_000_000_000;

/// An exchange `second`s after the start that took `ms`.
pub(crate) fn answered(client: &str, second: u64, route: &str, status: u16, ms: u64) -> Summary {
    let started_at = Timestamp(START + second as i64 * 1_000_000);
    Summary {
        id: ExchangeId::floor(started_at),
        started_at,
        client: client.to_owned(),
        session: SessionId(ExchangeId(second / 1800 + 1)),
        connection: 1,
        client_addr: "127.0.0.1:9".parse().unwrap(),
        tls: None,
        http_version: HttpVersion::Http11,
        scheme: Scheme::Http,
        method: "GET".to_owned(),
        host: "h".to_owned(),
        target: "/".to_owned(),
        route: route.to_owned(),
        status: Some(status),
        outcome: Outcome::Complete,
        failure: None,
        timing: Timing { total: Micros(ms * 1000), ..Timing::default() },
        request_bytes: 1,
        response_bytes: 2,
        marks: Marks::default(),
        evidence: Vec::new(),
    }
}

fn views(all: &[Summary]) -> Vec<ClientView> {
    clients(all.iter().cloned().map(Ok::<_, ()>)).unwrap()
}

#[test]
fn a_failing_client_is_named_with_rate_sample_threshold_and_route() {
    let all: Vec<_> = (0..120)
        .map(|n| {
            let failed = n % 4 == 1 && n < 112;
            let route = if failed { "GET /orders/{id}" } else { "GET /items" };
            answered("key:1", 100 + n, route, if failed { 404 } else { 200 }, 10)
        })
        .collect();
    let view = &views(&all)[0];
    assert_eq!((view.requests, view.errors_4xx, view.errors_5xx), (120, 28, 0));
    let verdict = &view.verdicts[0];
    assert_eq!(verdict.kind, "threshold");
    assert_eq!(
        verdict.sentence,
        "4xx errors on 23 % of 120 requests, over the 5 % at which to escalate, \
         most of them on `GET /orders/{id}`"
    );
    assert_eq!(verdict.route.as_deref(), Some("GET /orders/{id}"));
    assert_eq!((verdict.sample, verdict.confidence), (120, None));
    assert_eq!(verdict.since, all[1].started_at);
    assert!((verdict.effect - 28.0 / 120.0 / 0.05).abs() < 1e-9);
}

#[test]
fn a_slow_client_is_to_be_investigated_then_escalated() {
    let slow = |ms| (0..20).map(|n| answered("a", n, "GET /", 200, ms)).collect::<Vec<_>>();
    assert!(views(&slow(500))[0].verdicts.is_empty());
    assert_eq!(
        views(&slow(640))[0].verdicts[0].sentence,
        "640 ms on average over 20 requests, over the 500 ms at which to investigate, \
         most of that time on `GET /`"
    );
    let verdict = &views(&slow(1240))[0].verdicts[0];
    assert!(verdict.sentence.starts_with("1.2 s on average over 20 requests, over the 1 s at"));
    assert!((verdict.baseline - 1000.0).abs() < 1e-9);
}

#[test]
fn errors_spread_over_routes_name_none() {
    let route = |n| format!("GET /{}", n % 4);
    let all: Vec<_> = (0..100).map(|n| answered("a", n, &route(n), 503, 1)).collect();
    let verdict = &views(&all)[0].verdicts[0];
    assert_eq!(verdict.route, None);
    assert_eq!(
        verdict.sentence,
        "5xx errors on 100 % of 100 requests, over the 5 % at which to escalate"
    );
}

#[test]
fn nineteen_requests_prove_nothing() {
    let all: Vec<_> = (0..19).map(|n| answered("a", n, "GET /", 500, 9000)).collect();
    assert!(views(&all)[0].verdicts.is_empty());
}

#[test]
fn the_worst_client_stands_first_then_the_busiest() {
    let mut all = Vec::new();
    for n in 0..100 {
        all.push(answered("healthy", n, "GET /", 200, 5));
        all.push(answered("failing", n, "GET /", 500, 5));
        if n % 2 == 0 {
            all.push(answered("quiet", n, "GET /", 200, 5));
            all.push(answered("slowish", n, "GET /", 200, 600));
        }
    }
    let names: Vec<_> = views(&all).into_iter().map(|view| view.name).collect();
    assert_eq!(names, ["failing", "slowish", "healthy", "quiet"]);
}

#[test]
fn a_backend_that_never_answered_counts_as_5xx_and_a_cancelled_client_does_not() {
    let mut failed = answered("a", 0, "GET /", 200, 5);
    (failed.outcome, failed.status) = (Outcome::UpstreamFailed, None);
    let mut cancelled = answered("a", 1, "GET /", 200, 5);
    (cancelled.outcome, cancelled.status) = (Outcome::ClientCancelled, None);
    let view = &views(&[failed, cancelled])[0];
    assert_eq!((view.requests, view.errors_4xx, view.errors_5xx), (2, 0, 1));
}

#[test]
fn an_open_websocket_makes_nobody_slow() {
    let mut all: Vec<_> = (0..30).map(|n| answered("a", n, "GET /", 200, 5)).collect();
    for summary in all.iter_mut().take(5) {
        summary.outcome = Outcome::Upgraded;
        summary.timing.total = Micros(3_600_000_000);
    }
    let view = &views(&all)[0];
    assert!(view.verdicts.is_empty());
    assert!(view.p99_ms < 6.0);
}

#[test]
fn a_client_counts_its_sessions_and_times() {
    let all: Vec<_> = (0..4).rev().map(|n| answered("a", n * 1800, "GET /", 200, 5)).collect();
    let view = &views(&all)[0];
    assert_eq!(view.sessions, 4);
    assert_eq!((view.first_seen, view.last_seen), (all[3].started_at, all[0].started_at));
}

#[test]
fn memory_is_bounded_however_many_routes_a_client_invents() {
    let mut fold = ClientFold::new(&answered("a", 0, "GET /", 200, 1).glance());
    (0..2000).for_each(|n| fold.add(&answered("a", n, &format!("GET /{n}x"), 404, 1).glance()));
    assert!(fold.routes.len() <= ROUTES + 1);
    assert_eq!(fold.view(&Thresholds::default()).verdicts[0].route, None);
}

#[test]
fn folds_of_parts_merge_into_the_fold_of_all() {
    let all: Vec<_> = (0..400)
        .map(|n| {
            let client = ["a", "b", "c"][n as usize % 3];
            answered(client, n * 20, &format!("GET /{}", n % 5), 200 + (n % 7) as u16 * 60, n * 9)
        })
        .collect();
    let of = |rows: &[Summary]| {
        let mut clients = Clients::default();
        for row in rows {
            clients.add(&row.glance());
        }
        clients
    };
    // Few latencies into few, few into a sketch, a sketch into few and into another.
    for cut in [10, 100, 200, 390] {
        let mut merged = of(&all[..cut]);
        merged.merge(of(&all[cut..]));
        let text = |clients: &Clients| format!("{:?}", clients.views(&Thresholds::default()));
        assert_eq!(text(&merged), text(&of(&all)), "{cut}");
    }
}
