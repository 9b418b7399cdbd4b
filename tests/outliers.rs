//! Who fares worse than others: named while it happens and afterwards, with why and the proof.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use wayside_tests::{Echo, Peer, Signal, Wayside, curl, eventually};

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
    let slow_among_all = || wayside.run(["outliers", "--json"]).text().contains("6 other clients");
    eventually("all six are compared with", PATIENCE, slow_among_all);
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
    let why = Wayside::run_on(&data, ["outliers"]).exits(1);
    assert!(
        why.text().contains("of its failing requests have `coupon` in the body"),
        "{}",
        why.text()
    );
    // Each of its logins gives it another cookie, and so another name.
    let poller = "request-header:user-agent=/^node-fetch/ route:\"GET /orders/{id}\"";
    let asked = Wayside::run_on(&data, ["exchanges", "--json", poller]).ok().json_lines();
    let names: BTreeSet<&str> = asked.iter().filter_map(|one| one["client"].as_str()).collect();
    let habits = Wayside::run_on(&data, ["findings", "--json"]).exits(1).json_lines();
    let polls = |one: &&Value| one["client"].as_str().is_some_and(|name| names.contains(name));
    let polls = habits.iter().filter(|one| one["kind"] == "polling").find(polls);
    assert_eq!(polls.expect("it polls")["route"], "GET /orders/{id}", "{habits:#?}");
    for kind in ["n_plus_one", "oversized_pages", "retry_storm", "duplicate_writes"] {
        assert!(habits.iter().any(|one| one["kind"] == kind), "no {kind} in {habits:#?}");
    }
}

#[test]
fn who_waits_for_its_own_upload_is_told_so() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let proxy = wayside.http();
    let far = || {
        let mut peer = Peer::connect(proxy);
        for _ in 0..5 {
            let head =
                "POST /upload HTTP/1.1\r\nHost: shop\r\nAuthorization: Basic ZmFyOnNlY3JldA==\r\n";
            assert!(peer.send(format!("{head}Content-Length: 4\r\n\r\nab")));
            // The second half of the body comes late.
            sleep(Duration::from_millis(150));
            assert!(peer.send("cd"));
            let head = peer.head().expect("an answer");
            assert_eq!(peer.body(&head), b"abcd");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(far);
        }
    });
    for client in 0..6 {
        let user = format!("near{client}:secret");
        let url = wayside.http_url("/upload?n=[1-30]");
        curl(["-u", &user, "-d", "abcd", &url]).ok();
    }
    wayside.ended("", 210);
    let found = wayside.run(["outliers", "--since", "1h", "--json"]).exits(1).json_lines();
    let far = found.iter().find(|one| one["client"] == "basic:far").expect("it is named");
    let sentence = far["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("most of it on `POST /upload`, while uploading"), "{sentence}");
    let share = |list: &[Value], name: &str| {
        let one = list.iter().find(|one| one["name"] == name || one["route"] == name);
        let time = &one.expect("it is listed")["time"];
        let part = |part: &str| time[part].as_f64().expect("a number");
        let parts = ["upload_ms", "ours_ms", "connect_ms", "wait_ms", "download_ms"].map(part);
        parts[0] / parts.iter().sum::<f64>()
    };
    let clients = wayside.run(["clients", "--json"]).ok().json_lines();
    assert!(share(&clients, "basic:far") > 0.6, "{clients:#?}");
    let routes = wayside.run(["routes", "--json", "client:basic:far", "--since", "1h"]).ok();
    assert!(share(&routes.json_lines(), "POST /upload") > 0.6);
    let busy: f64 = clients.iter().filter_map(|one| one["time_share"].as_f64()).sum();
    assert!((busy - 1.0).abs() < 1e-6, "all shares of the backend's time make one: {busy}");
}

#[test]
fn clients_over_a_past_range_are_the_same_before_and_after_a_restart() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    for client in 0..4 {
        calls(&wayside, &format!("early{client}"), "/delay/5", 25);
        calls(&wayside, &format!("early{client}"), "/status/404", 5);
    }
    wayside.ended("", 120);
    let newest = wayside.run(["exchanges", "--json", "--limit", "1"]).ok().json_lines();
    let border = newest[0]["started_at"].as_str().expect("a time").to_owned();
    // What comes later stands outside of the range that ends here.
    calls(&wayside, "late", "/delay/5", 30);
    wayside.ended("", 150);
    let past = format!("since:1h until:{border}");
    let ask = |wayside: &Wayside| {
        let since = wayside.run(["clients", "--json", "--since", "24h"]).ok().stdout;
        let range = wayside.run(["clients", "--json", &past]).ok().stdout;
        let harm = wayside.run(["clients", "--json", "--harm", "--since", "24h"]).ok().stdout;
        (since, range, harm)
    };
    let before = ask(&wayside);
    let mut wayside = wayside.restart(Signal::Terminate);
    assert_eq!(ask(&wayside), before, "from the recorder after a restart");
    assert_eq!(wayside.stop(), 0);
    assert_eq!(ask(&wayside), before, "from the store alone");
    let names = wayside.run(["clients", "--json", &past]).ok().json_lines();
    assert_eq!(names.len(), 4, "{names:#?}");
    assert!(names.iter().all(|one| one["name"].to_string().contains("early")));
}

#[test]
fn rules_hold_for_whom_they_are_and_tell_what_they_would_have_said() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rules = folder.path().join("rules.toml");
    let write = |text: &str| std::fs::write(&rules, text).expect("a writable folder");
    write(
        "[[rule]]\nclient = \"basic:promised*\"\nroute = \"GET /delay/*\"\nslo = [\"p95<50ms\"]\n\n\
         [[rule]]\nclient = [\"basic:tolerant\"]\nfailing = \"60%,70%\"\n",
    );
    let file = rules.to_str().expect("a text");
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--rules", file]);
    for client in ["promised1", "other"] {
        calls(&wayside, client, "/delay/80", 40);
    }
    for client in ["tolerant", "strict"] {
        calls(&wayside, client, "/status/404", 15);
        calls(&wayside, client, "/status/200", 15);
    }
    wayside.ended("", 140);
    let clients = wayside.run(["clients", "--json"]).ok().json_lines();
    let said = |name: &str| {
        let one = clients.iter().find(|one| one["name"] == name).expect("it called");
        one["verdicts"].to_string()
    };
    assert!(
        said("basic:promised1").contains("misses `p95<50ms` on `GET /delay/{id}`: 100 % of 40")
    );
    assert!(said("basic:strict").contains("4xx errors on 50 %"), "{}", said("basic:strict"));
    assert!(!said("basic:other").contains("misses") && !said("basic:tolerant").contains("4xx"));
    let mut missed = Vec::new();
    eventually("what is missed is told", PATIENCE, || {
        missed = wayside.run(["outliers", "--json"]).json_lines();
        missed.retain(|one| one["sentence"].to_string().contains("misses"));
        !missed.is_empty()
    });
    assert_eq!(missed.len(), 1, "{missed:#?}");
    let proof = missed[0]["exchanges"].as_str().expect("a filter");
    assert_eq!(wayside.run(["exchanges", "--json", proof]).ok().json_lines().len(), 40);

    write("[[rule]]\nroute = \"GET /delay/{id}\"\nslow = \"20ms,50ms\"\n");
    let past =
        wayside.run(["outliers", "--since", "1h", "--rule", file, "--json"]).exits(1).json_lines();
    let slow: BTreeSet<&str> = past
        .iter()
        .filter(|one| one["route"] == "GET /delay/{id}")
        .map(|one| one["client"].as_str().expect("a name"))
        .collect();
    assert_eq!(slow.into_iter().collect::<Vec<_>>(), ["basic:other", "basic:promised1"]);
    assert!(past.iter().all(|one| one["from"].is_string() && one["until"].is_string()));
    write("[[rule]]\nroute = \"GET /delay/{id}\"\nslow = \"2s,5s\"\n");
    let calm = wayside.run(["outliers", "route:\"GET /delay/{id}\"", "--rule", file]).ok();
    assert!(calm.stderr.contains("would have said nothing"), "{}", calm.stderr);
    write("[[rule]]\nslo = [\"p95<soon\"]\n");
    let wrong = wayside.run(["outliers", "--rule", file]).exits(2);
    assert!(
        wrong.stderr.contains("line 2") && wrong.stderr.contains("         ^"),
        "{}",
        wrong.stderr
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
    let mut found = Vec::new();
    while begin.elapsed() < PATIENCE {
        found = wayside.run(["outliers", "--json"]).json_lines();
        // Five peers are enough for a verdict, so it may come before the last of them was counted.
        let is_whole = |one: &&Value| one["sentence"].to_string().contains(" 6 other clients");
        let compared = found.iter().filter(|one| one["kind"] != "threshold");
        if compared.filter(is_whole).count() >= 2 {
            return found;
        }
        sleep(Duration::from_millis(200));
    }
    panic!("not both were named: {found:#?}\n{}", wayside.output());
}
