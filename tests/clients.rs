//! Who calls: the listing of clients, one of them with the reasons, and their exchanges.

use std::time::Duration;

use wayside_tests::{Echo, Wayside, curl, eventually, python};

#[test]
fn clients_are_listed_with_counts_errors_and_latency() {
    let (wayside, _echo) = recorded();
    let clients = wayside.run(["clients", "--json"]).ok().json_lines();
    assert_eq!(clients.len(), 3);
    let fields: Vec<&String> = clients[0].as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        [
            "name",
            "label",
            "first_seen",
            "last_seen",
            "requests",
            "errors_4xx",
            "errors_5xx",
            "p50_ms",
            "p95_ms",
            "p99_ms",
            "first_byte_p50_ms",
            "first_byte_p95_ms",
            "first_byte_p99_ms",
            "concurrency",
            "bytes",
            "time",
            "time_share",
            "sessions",
            "verdicts",
            "star",
            "group",
        ],
    );
    let named = |name: &str| {
        let found = clients.iter().find(|client| client["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {clients:#?}"))
    };
    let alice = named("basic:alice");
    assert_eq!((&alice["requests"], &alice["errors_4xx"]), (&3.into(), &1.into()));
    assert_eq!((&alice["errors_5xx"], &alice["sessions"]), (&0.into(), &1.into()));
    let slow = named("basic:slow");
    assert!(slow["p50_ms"].as_f64().expect("milliseconds") >= 700.0, "{slow}");
    assert!(slow["first_byte_p50_ms"].as_f64().expect("milliseconds") >= 700.0, "{slow}");
    assert_eq!(slow["concurrency"], 1.0);
    assert_eq!(named("addr:127.0.0.1/probe")["errors_5xx"], 1);

    let table = wayside.run(["clients"]).ok();
    for word in ["basic:alice", "basic:slow", "addr:127.0.0.1/probe", "REQUESTS", "P95"] {
        assert!(table.text().contains(word), "no `{word}` in\n{}", table.text());
    }
}

#[test]
fn a_slow_or_failing_client_gets_a_verdict_in_a_sentence() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    for (path, client) in [("/delay/700", "slow"), ("/status/500", "failing"), ("/fine", "well")] {
        let url = wayside.http_url(&format!("{path}?n=[1-25]"));
        curl(["--parallel", "--parallel-max", "25", "-u", &format!("{client}:secret"), &url]).ok();
    }
    wayside.ended("", 75);
    let clients = wayside.run(["clients", "--json"]).ok().json_lines();
    let verdicts = |name: &str| {
        let client = clients.iter().find(|client| client["name"] == name).expect("it called");
        client["verdicts"].as_array().expect("verdicts").clone()
    };
    let at_once = |name: &str| {
        let client = clients.iter().find(|client| client["name"] == name).expect("it called");
        client["concurrency"].as_f64().expect("a number")
    };
    assert!(at_once("basic:slow") > 4.0, "25 at a time: {clients:?}");
    let slow = &verdicts("basic:slow")[0];
    let fields: Vec<&String> = slow.as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        [
            "kind",
            "rule",
            "route",
            "sentence",
            "effect",
            "baseline",
            "window",
            "sample",
            "confidence",
            "since",
        ],
    );
    assert_eq!((&slow["kind"], &slow["sample"]), (&"threshold".into(), &25.into()));
    let sentence = slow["sentence"].as_str().expect("a sentence");
    assert!(
        sentence.contains("over 25 requests") && sentence.contains("investigate"),
        "{sentence}"
    );
    let failing = verdicts("basic:failing")[0]["sentence"].to_string();
    assert!(failing.contains("100") && failing.contains("escalate"), "{failing}");
    assert_eq!(verdicts("basic:well").len(), 0);
    let table = wayside.run(["clients"]).ok();
    let first = table.text().lines().nth(1).expect("a row");
    assert!(!first.starts_with("basic:well"), "the worst stand first:\n{}", table.text());
}

#[test]
fn one_client_is_shown_with_its_evidence() {
    let (wayside, _echo) = recorded();
    let shown = wayside.run(["clients", "show", "basic:alice"]).ok();
    for words in ["basic:alice made 3 requests in 1 session", "known by", "its user name"] {
        assert!(shown.text().contains(words), "no `{words}` in\n{}", shown.text());
    }
    let shown = wayside.run(["clients", "show", "basic:alice", "--json"]).ok().json();
    assert_eq!(shown["name"], "basic:alice");
    assert!(shown["evidence"].to_string().contains("basic"), "{shown}");
    let nobody = wayside.run(["clients", "show", "basic:nobody"]).exits(1);
    assert!(nobody.stderr.contains("basic:nobody"), "{}", nobody.stderr);
}

#[test]
fn a_filter_counts_only_what_matches() {
    let (wayside, _echo) = recorded();
    let clients = wayside.run(["clients", "--json", "status:404"]).ok().json_lines();
    assert_eq!(clients.len(), 1);
    assert_eq!((&clients[0]["name"], &clients[0]["requests"]), (&"basic:alice".into(), &1.into()));
    let nothing = wayside.run(["clients", "status:418"]).ok();
    assert!(nothing.text().is_empty() && nothing.stderr.contains("no client matches"));
    let limited = wayside.run(["clients", "--json", "--limit", "2"]).ok();
    assert_eq!(limited.json_lines().len(), 2);
}

#[test]
fn the_answers_are_the_same_after_the_recorder_has_stopped() {
    let (mut wayside, _echo) = recorded();
    let asked: [&[&str]; 5] = [
        &["clients", "--json"],
        &["clients", "show", "basic:alice", "--json"],
        &["exchanges", "--json"],
        &["exchanges", "--json", "client:basic:alice"],
        &["sessions", "--json"],
    ];
    let answers = || asked.map(|verb| Wayside::run_on(wayside.data(), verb).ok().stdout);
    let before = answers();
    wayside.signal(wayside_tests::Signal::Terminate);
    assert!(wayside.wait().success());
    let after = asked.map(|verb| Wayside::run_on(wayside.data(), verb).ok().stdout);
    for ((asked, before), after) in asked.iter().zip(before).zip(after) {
        assert!(!before.is_empty(), "{asked:?} says nothing");
        let (before, after) = (String::from_utf8(before), String::from_utf8(after));
        assert_eq!(before, after, "{asked:?}");
    }
}

/// Asks as 20,500 clients, twice each, on eight connections.
const FLOOD: &str = "\
import base64, socket, sys, threading
host, port = sys.argv[1].rsplit(':', 1)

def flood(part):
    with socket.create_connection((host, int(port))) as peer:
        file = peer.makefile('rb')
        for first in range(part, 20500, 8 * 50):
            names = range(first, min(first + 8 * 50, 20500), 8)
            for n in names:
                user = base64.b64encode(b'flood%d:secret' % n).decode()
                ask = 'GET /status/204 HTTP/1.1\\r\\nHost: h\\r\\nAuthorization: Basic ' + user + '\\r\\n\\r\\n'
                peer.sendall(ask.encode() * 2)
            for _ in range(2 * len(names)):
                assert file.readline().startswith(b'HTTP/1.1 204'), 'another status'
                while file.readline() not in (b'\\r\\n', b''):
                    pass

parts = [threading.Thread(target=flood, args=(part,)) for part in range(8)]
[part.start() for part in parts]
[part.join() for part in parts]
";

#[test]
fn who_has_a_star_is_listed_however_many_clients_there_are() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("wayside.toml");
    let text = "[clients.\"Acme\"]\nmatch = [\"basic:acme\"]\nstar = true\n";
    std::fs::write(&file, text).expect("it is written");
    let file = file.to_str().expect("a plain path");
    let wayside = Wayside::start(&echo.url(), &["--config", file]);
    curl([wayside.http_url("/status/204").as_str(), "-u", "acme:secret"]).ok();
    python(FLOOD, [wayside.http().to_string()]).ok();
    wayside.settled();
    let mut clients = Vec::new();
    // The last ones can be read a tenth of a second after they were recorded.
    eventually("none is lost", Duration::from_mins(1), || {
        clients = wayside.run(["clients", "--json"]).ok().json_lines();
        let requests = clients.iter().filter_map(|one| one["requests"].as_u64());
        requests.sum::<u64>() == 41_001
    });
    let others = clients.iter().find(|one| one["name"].to_string().contains(" others)"));
    assert!(others.is_some_and(|one| one["requests"].as_u64() > Some(1000)), "{others:?}");
    let acme = clients.iter().find(|one| one["name"] == "Acme").expect("it is listed");
    assert_eq!((&acme["star"], &acme["requests"]), (&true.into(), &1.into()), "{acme}");
    let table = wayside.run(["clients"]).ok();
    assert!(table.text().contains("* Acme"), "{}", table.text());
}

/// Alice, with an error among three; one that is slow; one whose only answer is a failure.
fn recorded() -> (Wayside, Echo) {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let url = |path: &str| wayside.http_url(path);
    for path in ["/orders/1", "/orders/2", "/status/404"] {
        curl([url(path).as_str(), "-u", "alice:secret"]).ok();
    }
    curl([url("/delay/800").as_str(), "-u", "slow:secret"]).ok();
    curl([url("/status/503").as_str(), "-A", "probe/2"]).ok();
    wayside.ended("", 5);
    wayside.settled();
    (wayside, echo)
}
