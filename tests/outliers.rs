//! Who fares worse than others: named while it happens and afterwards, with why and the proof.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use wayside_tests::{Echo, Signal, Wayside, curl};

/// Usually some seconds. Where traffic falls on both sides of a border between slots of time, only the longest
/// window sees it together, and that is looked at once a minute.
const PATIENCE: Duration = Duration::from_secs(80);

#[test]
fn whoever_is_slower_or_fails_more_than_its_peers_is_named_live_and_after_a_restart() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    // The paths are different ones of the same two routes.
    calls(&wayside, "slow", "/delay/400", 60);
    calls(&wayside, "failing", "/status/404", 60);
    for client in 0..6 {
        calls(&wayside, &format!("well{client}"), "/delay/10", 40);
        calls(&wayside, &format!("well{client}"), "/status/200", 40);
    }
    let live = named(&wayside);
    let compared = |outliers: &[Value]| -> BTreeSet<String> {
        let compared = outliers.iter().filter(|one| one["kind"] != "threshold");
        compared.map(|one| format!("{} {} {}", one["client"], one["kind"], one["route"])).collect()
    };
    assert_eq!(
        compared(&live).into_iter().collect::<Vec<_>>(),
        [
            r#""basic:failing" "error_4xx" "GET /status/{id}""#,
            r#""basic:slow" "latency" "GET /delay/{id}""#,
        ]
    );
    let slow = live.iter().find(|one| one["kind"] == "latency").expect("it is named");
    let fields: Vec<&String> = slow.as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        [
            "client",
            "kind",
            "route",
            "sentence",
            "effect",
            "baseline",
            "window",
            "sample",
            "confidence",
            "since",
            "exchanges",
        ],
    );
    assert_eq!(slow["sample"], 60);
    assert!(slow["effect"].as_f64() > Some(3.0) && slow["confidence"].as_f64() > Some(0.99));
    let sentence = slow["sentence"].as_str().expect("a sentence");
    for words in ["times as long as 6 other clients", "over 60 requests in the last", "sure"] {
        assert!(sentence.contains(words), "no `{words}` in {sentence}");
    }
    let proof = slow["exchanges"].as_str().expect("a filter");
    let exchanges = wayside.run(["exchanges", "--json", proof]).ok().json_lines();
    assert_eq!(exchanges.len(), 60, "{proof}");
    assert!(exchanges.iter().all(|one| one["client"] == "basic:slow"));

    let text = wayside.run(["outliers"]).exits(1);
    assert!(
        text.text().contains("basic:slow") && text.text().contains("wayside exchanges 'client:")
    );
    let clients = wayside.run(["clients", "--json"]).ok().json_lines();
    let of = |name: &str| clients.iter().find(|one| one["name"] == name).expect("it called");
    assert_eq!(of("basic:slow")["verdicts"][0]["kind"], "latency");
    assert_eq!(of("basic:well1")["verdicts"], Value::Array(Vec::new()));

    let mut wayside = wayside.restart(Signal::Terminate);
    assert_eq!(compared(&named(&wayside)), compared(&live), "rebuilt from the store");
    assert_eq!(wayside.stop(), 0);
    let at_rest = wayside.run(["outliers", "--json"]).exits(1).json_lines();
    assert_eq!(compared(&at_rest), compared(&live), "without a recorder");
    let past = wayside.run(["outliers", "--json", "--since", "1h"]).exits(1).json_lines();
    assert_eq!(compared(&past), compared(&live), "over a range of the past");
    let nobody = wayside.run(["outliers", "client:basic:well*"]).ok();
    assert!(nobody.text().is_empty() && nobody.stderr.contains("nobody"), "{}", nobody.stderr);
}

#[test]
fn routes_are_listed_with_their_figures_and_can_be_corrected() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--route", "/people/{name}"]);
    for path in ["/people/ada", "/people/bob", "/orders/17", "/orders/8f3a91bc77", "/status/500"] {
        curl([wayside.http_url(path)]).ok();
    }
    wayside.ended("", 5);
    let routes = wayside.run(["routes", "--json"]).ok().json_lines();
    let mut counts: Vec<(&str, u64, u64)> = routes
        .iter()
        .map(|one| {
            let count = |field: &str| one[field].as_u64().expect("a number");
            (one["route"].as_str().expect("a route"), count("requests"), count("errors_5xx"))
        })
        .collect();
    counts.sort_unstable();
    assert_eq!(
        counts,
        [("GET /orders/{id}", 2, 0), ("GET /people/{name}", 2, 0), ("GET /status/{id}", 1, 1)]
    );
    let table = wayside.run(["routes", "route:\"GET /people/{name}\""]).ok();
    assert!(table.text().contains("GET /people/{name}") && !table.text().contains("/orders"));
}

#[test]
fn thresholds_are_settings() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--slow", "20ms,50ms", "--failing", "50%,60%"]);
    calls(&wayside, "slow", "/delay/100", 25);
    calls(&wayside, "failing", "/status/404", 12);
    calls(&wayside, "failing", "/status/200", 13);
    wayside.ended("", 50);
    let clients = wayside.run(["clients", "--json"]).ok().json_lines();
    let of = |name: &str| clients.iter().find(|one| one["name"] == name).expect("it called");
    let sentence = of("basic:slow")["verdicts"][0]["sentence"].as_str().expect("a verdict");
    assert!(sentence.contains("over the 50 ms at which to escalate"), "{sentence}");
    assert_eq!(of("basic:failing")["verdicts"], Value::Array(Vec::new()), "48 % is less than 50 %");
}

#[test]
fn the_demo_has_exactly_one_client_in_trouble() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let arguments = ["demo", "--for", "25s", "--listen", "127.0.0.1:0", "--console", "127.0.0.1:0"];
    Wayside::run_on(&data, arguments).ok();
    let sync = ["exchanges", "--json", "--limit", "1", "request-header:user-agent=/^initech-sync/"];
    let sync = Wayside::run_on(&data, sync).ok().json_lines()[0]["client"].clone();
    let found = Wayside::run_on(&data, ["outliers", "--json"]).exits(1).json_lines();
    assert!(found.iter().all(|one| one["client"] == sync), "{found:#?}");
    assert!(
        found.iter().any(|one| one["sentence"].to_string().contains("5xx errors on")),
        "{found:#?}"
    );
}

fn calls(wayside: &Wayside, client: &str, path: &str, count: u32) {
    let url = wayside.http_url(&format!("{path}?n=[1-{count}]"));
    let user = format!("{client}:secret");
    curl(["--parallel", "--parallel-max", "20", "-u", &user, &url]).ok();
}

/// The outliers, once two comparisons are told.
fn named(wayside: &Wayside) -> Vec<Value> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let found = wayside.run(["outliers", "--json"]).json_lines();
        if found.iter().filter(|one| one["kind"] != "threshold").count() >= 2 {
            return found;
        }
        sleep(Duration::from_millis(200));
    }
    panic!("nobody was named:\n{}", wayside.output());
}
