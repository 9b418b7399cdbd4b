//! A stored session, sent again: what differs is named, and nothing leaves that was not allowed to.

use std::time::{Duration, Instant};

use serde_json::Value;
use wayside_tests::{Backend, Peer, Wayside, id};

#[test]
fn an_identical_backend_answers_the_same() {
    let (wayside, _backend) = recorded();
    let other = shop("{\"id\":1,\"price\":10,\"tags\":[\"a\"]}", "200 OK", "gold");
    let replayed =
        wayside.run(["replay", &session(&wayside), "--to", &other.url(), "--pace", "max"]).ok();
    assert!(replayed.text().contains("3 exchanges sent"), "{}", replayed.text());
    assert!(replayed.text().contains("3 the same, 0 different, 0 failed"), "{}", replayed.text());
    assert_eq!(starts(&other), ["GET /items/1", "GET /health", "GET /tier"], "in recorded order");
}

#[test]
fn what_differs_is_named() {
    let (wayside, _backend) = recorded();
    let other = shop(
        "{\"id\":1,\"price\":12,\"tags\":[\"a\"],\"new\":true}",
        "503 Service Unavailable",
        "silver",
    );
    let arguments = ["replay", &session(&wayside), "--to", &other.url(), "--pace", "max"];
    let replayed = wayside.run(arguments).exits(1);
    for words in [
        "body /price: 10 -> 12",
        "true is new",
        "200 -> 503",
        "header x-tier: \"gold\" -> \"silver\"",
    ] {
        assert!(replayed.text().contains(words), "no `{words}` in\n{}", replayed.text());
    }
    assert!(replayed.text().contains("0 the same, 3 different"), "{}", replayed.text());

    let lines = wayside.run(arguments.iter().chain(&["--json"])).exits(1).json_lines();
    let (totals, compared) = lines.split_last().expect("the totals are last");
    assert_eq!(
        (&totals["sent"], &totals["different"], &totals["skipped"]),
        (&3.into(), &3.into(), &1.into())
    );
    let of = |path: &str| -> Vec<Value> {
        let found =
            compared.iter().find(|one| one["url"].as_str().is_some_and(|url| url.ends_with(path)));
        found.expect("it was compared")["differences"].as_array().expect("differences").clone()
    };
    let price = &of("/items/1")[0];
    assert_eq!((&price["kind"], &price["at"]), (&"body".into(), &"/price".into()));
    assert_eq!((&price["recorded"], &price["replayed"]), (&10.into(), &12.into()));
    assert_eq!(of("/health")[0]["kind"], "status");
    assert_eq!(of("/tier")[0]["at"], "x-tier");
}

#[test]
fn a_backend_that_is_gone_fails_the_replay() {
    let (wayside, _backend) = recorded();
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("http://{}", listener.local_addr().expect("a bound socket"))
    };
    let replayed =
        wayside.run(["replay", &session(&wayside), "--to", &gone, "--pace", "max"]).exits(1);
    assert!(replayed.text().contains("0 the same, 0 different, 3 failed"), "{}", replayed.text());
    assert!(replayed.text().contains("refused"), "{}", replayed.text());
}

#[test]
fn a_dry_run_prints_the_plan_and_sends_nothing() {
    let (wayside, _backend) = recorded();
    let other = shop("{}", "200 OK", "gold");
    let arguments = ["replay", &session(&wayside), "--to", &other.url(), "--dry-run"];
    let plan = wayside.run(arguments).ok();
    for words in ["GET", "/items/1", "POST", "/orders", "skipped: writes are not allowed"] {
        assert!(plan.text().contains(words), "no `{words}` in\n{}", plan.text());
    }
    assert!(plan.stderr.contains("nothing was sent"), "{}", plan.stderr);
    let json = wayside.run(arguments.iter().chain(&["--json"])).ok().json();
    assert_eq!(json["steps"].as_array().map(Vec::len), Some(3));
    assert_eq!(json["skipped"][0]["reason"], "write");
    assert_eq!(starts(&other), [""; 0]);
}

#[test]
fn writes_are_sent_only_when_allowed() {
    let (wayside, _backend) = recorded();
    let other = shop("{\"id\":1,\"price\":10,\"tags\":[\"a\"]}", "200 OK", "gold");
    let (session, url) = (session(&wayside), other.url());
    let without = wayside.run(["replay", &session, "--to", &url, "--pace", "max"]).ok();
    assert!(without.text().contains("1 skipped: writes are not allowed"), "{}", without.text());
    assert!(without.stderr.contains("--allow-writes"), "{}", without.stderr);
    let before = starts(&other).len();
    let with =
        wayside.run(["replay", &session, "--to", &url, "--pace", "max", "--allow-writes"]).ok();
    assert!(with.text().contains("4 exchanges sent"), "{}", with.text());
    assert_eq!(
        starts(&other)[before..],
        ["GET /items/1", "GET /health", "POST /orders", "GET /tier"],
    );
    let received: Vec<u8> = other.received().concat();
    assert!(String::from_utf8_lossy(&received).contains("\r\n\r\nitem=1"), "with its body");
}

#[test]
fn credentials_are_sent_only_when_asked_and_to_another_host_only_when_said() {
    let backend = shop("{}", "200 OK", "gold");
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send(
        "GET /items/1?api_key=canary-key&page=2 HTTP/1.1\r\nHost: shop.example\r\n\
         Authorization: Bearer canary-bearer\r\nCookie: theme=dark; sid=canary-cookie\r\n\r\n",
    );
    peer.head().expect("an answer");
    let exchange = id(&wayside.ended("", 1)[0]).to_owned();
    let other = shop("{}", "200 OK", "gold");
    let url = other.url();
    let asked = ["replay", exchange.as_str(), "--to", &url, "--pace", "max"];
    let received = || String::from_utf8_lossy(&other.received().concat()).into_owned();

    let without = wayside.run(asked).ok();
    assert!(
        !received().contains("canary") && !received().contains("wayside-sealed"),
        "{}",
        received()
    );
    assert!(received().contains("GET /items/1?page=2 "), "{}", received());
    assert!(without.text().contains("sent without credentials"), "{}", without.text());

    let unsaid = wayside.run(asked.iter().chain(&["--with-credentials"]));
    assert!(unsaid.code == 2 || unsaid.code == 3, "{}", unsaid.code);
    assert!(unsaid.stderr.contains("--credentials-to 127.0.0.1"), "{}", unsaid.stderr);
    assert!(!received().contains("canary"));

    let said = ["--with-credentials", "--credentials-to", "127.0.0.1"];
    let with = wayside.run(asked.iter().chain(&said)).ok();
    assert!(!with.text().contains("canary"), "{}", with.text());
    for secret in ["api_key=canary-key&page=2", "Bearer canary-bearer", "sid=canary-cookie"] {
        assert!(received().contains(secret), "no `{secret}` in {}", received());
    }
}

#[test]
fn a_target_with_tls_is_trusted_by_its_ca_or_not_at_all() {
    let (wayside, _backend) = recorded();
    let item = shop("{\"id\":1,\"price\":10,\"tags\":[\"a\"]}", "200 OK", "gold");
    let other = Wayside::start(&item.url(), &[]);
    let (session, url) = (session(&wayside), format!("https://{}", other.https()));
    let asked = ["replay", session.as_str(), "--to", &url, "--pace", "max"];
    let untrusted = wayside.run(asked).exits(1);
    assert!(untrusted.text().contains("3 failed"), "{}", untrusted.text());
    let ca = other.ca().display().to_string();
    wayside.run(asked.iter().chain(&["--ca", &ca])).ok();
    let insecure = wayside.run(asked.iter().chain(&["--insecure"])).ok();
    assert!(insecure.stderr.contains("warning"), "{}", insecure.stderr);
    assert_eq!(other.ended("method:GET", 6).len(), 6);
}

#[test]
fn the_pace_is_the_recorded_one_a_multiple_or_none() {
    let backend = shop("{}", "200 OK", "gold");
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    for pause in [0, 2000] {
        std::thread::sleep(Duration::from_millis(pause));
        peer.send("GET /items/1 HTTP/1.1\r\nHost: x\r\n\r\n");
        let head = peer.head().expect("an answer");
        peer.body(&head);
    }
    wayside.ended("", 2);
    let (session, other) = (session(&wayside), shop("{}", "200 OK", "gold"));
    let took = |pace: &str| {
        let started = Instant::now();
        wayside.run(["replay", &session, "--to", &other.url(), "--pace", pace]).ok();
        started.elapsed()
    };
    assert!(took("recorded") >= Duration::from_millis(1900));
    let twice = took("2x");
    assert!(twice >= Duration::from_millis(900), "{twice:?}");
    assert!(took("max") < twice.max(Duration::from_millis(1900)));
    let wrong = wayside.run(["replay", &session, "--to", &other.url(), "--pace", "brisk"]).exits(2);
    assert!(wrong.stderr.contains("brisk") && wrong.stderr.contains("2x"), "{}", wrong.stderr);
}

#[test]
fn it_replays_after_the_recorder_has_stopped() {
    let (mut wayside, _backend) = recorded();
    let session = session(&wayside);
    assert_eq!(wayside.stop(), 0);
    let other = shop("{\"id\":1,\"price\":10,\"tags\":[\"a\"]}", "200 OK", "gold");
    wayside.run(["replay", &session, "--to", &other.url(), "--pace", "max"]).ok();
    wayside.run(["replay", "nothing:like", "--to", &other.url()]).exits(2);
    wayside.run(["replay", "status:418", "--to", &other.url()]).exits(1);
    wayside.run(["replay", &session, "--to", "gopher://x"]).exits(2);
}

/// A session of three reads and a write between them.
fn recorded() -> (Wayside, Backend) {
    let backend = shop("{\"id\":1,\"price\":10,\"tags\":[\"a\"]}", "200 OK", "gold");
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    for request in [
        "GET /items/1 HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        "POST /orders HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 6\r\n\r\nitem=1",
        "GET /tier HTTP/1.1\r\nHost: shop.example\r\n\r\n",
    ] {
        peer.send(request);
        let head = peer.head().expect("an answer");
        peer.body(&head);
    }
    wayside.ended("", 4);
    (wayside, backend)
}

fn session(wayside: &Wayside) -> String {
    let sessions = wayside.run(["sessions", "--json"]).ok().json_lines();
    assert_eq!(sessions.len(), 1);
    id(&sessions[0]).to_owned()
}

/// A backend with an item, a health check and a tier in a header.
fn shop(item: &str, health: &str, tier: &str) -> Backend {
    let (item, health, tier) = (item.to_owned(), health.to_owned(), tier.to_owned());
    Backend::scripted(move |peer| {
        while let Some(head) = peer.head() {
            peer.body(&head);
            let head = String::from_utf8_lossy(&head);
            let answer = match head.split([' ', '?']).nth(1).unwrap_or_default() {
                "/items/1" => {
                    let length = item.len();
                    format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{item}"
                    )
                }
                "/health" => format!("HTTP/1.1 {health}\r\nContent-Length: 0\r\n\r\n"),
                "/tier" => {
                    format!("HTTP/1.1 200 OK\r\nX-Tier: {tier}\r\nContent-Length: 0\r\n\r\n")
                }
                _ => "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok".to_owned(),
            };
            peer.send(answer);
        }
    })
}

/// Method and path of each request that came, in order of arrival on one connection after the other.
fn starts(backend: &Backend) -> Vec<String> {
    let received = backend.received().concat();
    let text = String::from_utf8_lossy(&received).into_owned();
    let lines = text.lines().filter_map(|line| line.strip_suffix(" HTTP/1.1"));
    lines.map(|line| line.trim_start_matches("item=1").to_owned()).collect()
}
