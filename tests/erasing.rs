//! Erasing a client for good: with a recorder and without one, proved from outside, and never by accident.

use std::fs;
use std::path::Path;

use serde_json::Value;
use wayside_tests::{Echo, Signal, Wayside, id};

/// Sends for two clients, each known by its key; says how they are called.
fn recorded(wayside: &Wayside) -> (String, String) {
    for n in 0..6 {
        for (key, name) in [("key-of-the-first", "first"), ("key-of-the-second", "second")] {
            let url = wayside.http_url(&format!("/{name}/{n}"));
            let (key, body) = (format!("x-api-key: {key}"), format!("body of the {name}, {n}"));
            wayside_tests::curl(["-H", key.as_str(), "-d", body.as_str(), url.as_str()]).ok();
        }
    }
    wayside.exchanges("", 12);
    wayside.settled();
    let client = |path: &str| {
        let found = wayside.exchanges(&format!("path:{path}"), 1).remove(0);
        found["client"].as_str().expect("a client").to_owned()
    };
    (client("/first/0"), client("/second/0"))
}

fn paths(exchanges: &[Value]) -> Vec<&str> {
    exchanges.iter().filter_map(|exchange| exchange["path"].as_str()).collect()
}

fn is_nowhere(data: &Path, client: &str, first: &str) {
    assert_eq!(Wayside::run_on(data, ["exchanges", "--json", first]).ok().json_lines().len(), 0);
    let left = Wayside::run_on(data, ["exchanges", "--json"]).ok().json_lines();
    assert_eq!(left.len(), 6, "{:?}", paths(&left));
    assert!(left.iter().all(|exchange| exchange["client"] != client));
    let clients = Wayside::run_on(data, ["clients", "--json"]).ok();
    assert!(!clients.text().contains(client), "{}", clients.text());
    let verified = Wayside::run_on(data, ["verify"]).ok();
    let said = verified.text();
    assert!(said.contains("all whole") && said.contains("0 exchanges lost"), "{said}");
}

#[test]
fn a_client_is_erased_while_the_recorder_runs() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let (first, second) = recorded(&wayside);
    let others = wayside.exchanges("path:/second", 6);

    let asked = wayside.run(["erase", "client", &first]).exits(1);
    assert!(asked.stderr.contains("this would erase 6 exchanges in 1 segment"), "{}", asked.stderr);
    assert!(asked.stderr.contains("nothing was erased"), "{}", asked.stderr);
    assert_eq!(wayside.exchanges("", 12).len(), 12);

    let said = wayside.run(["erase", "client", &first, "--yes"]).ok();
    assert!(
        said.text().starts_with("erased 6 exchanges: 1 segment written anew, "),
        "{}",
        said.text()
    );
    assert!(said.text().contains("nothing of it is there"), "{}", said.text());
    is_nowhere(wayside.data(), &first, "/first/");
    assert_eq!(wayside.exchanges("path:/second", 6), others);
    assert_eq!(wayside.body(id(&others[3]), "request"), b"body of the second, 3");

    // It goes on, and what comes later is kept.
    wayside_tests::curl([wayside.http_url("/first/later"), "-Hx-api-key: key-of-the-first".into()])
        .ok();
    assert_eq!(paths(&wayside.exchanges("path:/first", 1)), ["/first/later"]);
    let wayside = wayside.restart(Signal::Kill);
    assert!(!wayside.output().contains("exchanges lost"), "{}", wayside.output());
    assert_eq!(wayside.exchanges("", 7).len(), 7);
    wayside.run(["erase", "client", "key:nobody", "--yes"]).exits(1);
    let erased = wayside.run(["erase", "client", &second, "--yes", "--json"]).ok().json();
    assert_eq!((&erased["exchanges"], &erased["found"]), (&6.into(), &0.into()));
}

#[test]
fn a_client_is_erased_without_a_recorder() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    let (first, _) = recorded(&wayside);
    wayside.stop();
    let data = wayside.data().to_owned();
    let said = Wayside::run_on(&data, ["erase", "client", &first, "--yes"]).ok();
    assert!(said.text().starts_with("erased 6 exchanges"), "{}", said.text());
    is_nowhere(&data, &first, "/first/");
    // What was said of them in clear is not in any file, compressed or not.
    for entry in fs::read_dir(data.join("segments")).expect("segments") {
        let bytes = fs::read(entry.expect("a segment").path()).expect("its bytes");
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("/first/") && !text.contains("body of the first"));
    }
    let again = Wayside::start_on(&data, &echo.url(), &[]);
    wayside_tests::curl([again.http_url("/after")]).ok();
    assert_eq!(again.exchanges("", 7).len(), 7);
}

#[test]
fn erasing_is_not_to_be_had_over_the_consoles_port() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let (first, _) = recorded(&wayside);
    let token = wayside.console_url().split_once("token=").expect("a token").1.to_owned();
    let url = format!("http://{}/api/erase?client={first}", wayside.console());
    let bearer = format!("Authorization: Bearer {token}");
    let code = ["-o", "/dev/null", "-w", "%{http_code}"];
    let told = wayside_tests::curl(code.iter().copied().chain(["-X", "POST", "-H", &bearer, &url]));
    assert_eq!(told.ok().text(), "404");
    assert_eq!(wayside.exchanges("", 12).len(), 12);
}
