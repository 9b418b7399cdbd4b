//! What a recording keeps: within its budget the newest, whole; and whoever looks is told what went.

use std::fs;
use std::io::Read as _;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use wayside_tests::{Echo, Wayside, id};

const BUDGET: u64 = 16_000_000;

#[test]
fn a_recording_stays_within_its_budget_keeps_the_newest_and_says_what_went() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--keep-bytes", "16MB"]);
    // What does not compress, 400 kB of it each way.
    let noise = wayside.data().join("noise");
    let mut bytes = vec![0; 400_000];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .expect("noise");
    fs::write(&noise, &bytes).expect("a file of noise");
    let upload = format!("@{}", noise.display());
    let mut sent = 0;
    let removed = |status: &Value| status["removed"]["exchanges"].as_u64().expect("a number");
    let mut status = wayside.status();
    while removed(&status) < 10 {
        assert!(sent < 400, "nothing went: {status}");
        for _ in 0..5 {
            let url = wayside.http_url(&format!("/orders/{sent}"));
            wayside_tests::curl([
                "--data-binary",
                upload.as_str(),
                "-o",
                "/dev/null",
                url.as_str(),
            ])
            .ok();
            sent += 1;
        }
        wayside.settled();
        status = wayside.status();
        assert_eq!(status["disk"]["budget"], BUDGET);
    }
    // The keeper looks five times a second, and what was recorded last is written ten times a second: it is
    // done when nothing more goes for a while.
    let mut still = 0;
    for _ in 0..600 {
        let before = removed(&status);
        status = wayside.status();
        let all = status["stored"].as_u64().map(|stored| stored + removed(&status));
        let is_done = all == Some(sent) && status["disk"]["used"].as_u64() <= Some(BUDGET);
        still = if is_done && removed(&status) == before { still + 1 } else { 0 };
        if still == 20 {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    assert!(status["disk"]["used"].as_u64() <= Some(BUDGET), "{status}");
    let there = wayside.run(["exchanges", "--json"]).ok().json_lines();
    let removed = removed(&wayside.status());
    assert_eq!(there.len() as u64 + removed, sent, "{removed} removed");
    let paths: Vec<&str> = there.iter().filter_map(|exchange| exchange["path"].as_str()).collect();
    let newest: Vec<String> = (removed..sent).map(|n| format!("/orders/{n}")).collect();
    assert_eq!(paths, newest);
    assert_eq!(wayside.body(id(&there[there.len() - 1]), "response"), bytes);
    let said = wayside.run(["status"]).ok();
    assert!(said.text().contains(&format!("{removed} exchanges by retention")), "{}", said.text());
    assert!(said.text().contains(" of 16 MB"), "{}", said.text());
    let verified = wayside.run(["verify"]).ok();
    assert!(verified.text().contains("all whole") && verified.text().contains("0 exchanges lost"));
    let wayside = wayside.restart(wayside_tests::Signal::Kill);
    assert_eq!(wayside.run(["exchanges", "--json"]).ok().json_lines(), there);
    assert!(!wayside.output().contains("exchanges lost"), "{}", wayside.output());
}

#[test]
fn what_is_older_than_is_kept_goes_by_itself() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--keep-for", "3s"]);
    wayside_tests::curl([wayside.http_url("/old")]).ok();
    wayside.exchanges("", 1);
    for _ in 0..200 {
        if wayside.status()["stored"] == 0 {
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    wayside_tests::curl([wayside.http_url("/new")]).ok();
    let there = wayside.exchanges("", 1);
    assert_eq!((there.len(), &there[0]["path"]), (1, &"/new".into()));
    assert_eq!(wayside.status()["removed"]["exchanges"], 1);
}

#[test]
fn a_pinned_session_outlives_what_is_kept_until_it_is_unpinned() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--keep-for", "4s"]);
    for client in ["first", "second"] {
        let url = wayside.http_url(&format!("/{client}"));
        wayside_tests::curl([url, format!("-Hx-api-key: {client}")]).ok();
    }
    let exchanges = wayside.exchanges("", 2);
    let session = exchanges[0]["session"].as_str().expect("a session");
    let pinned = wayside.run(["pin", session]).ok();
    assert!(
        pinned.text().contains(&format!("`session:{session}`, 1 exchange now")),
        "{}",
        pinned.text()
    );
    until_stored(&wayside, 1);
    let there = wayside.exchanges("", 1);
    assert_eq!(there, exchanges[..1]);
    let wayside = wayside.restart(wayside_tests::Signal::Kill);
    let listed = wayside.run(["pin", "--json"]).ok().json_lines();
    assert_eq!(listed[0]["filter"], format!("session:{session}"));
    assert_eq!(wayside.exchanges("", 1), there);
    assert_eq!(wayside.run(["unpin", session]).ok().text(), "1 pin taken away\n");
    until_stored(&wayside, 0);
    wayside.run(["unpin", session]).exits(1);
}

#[test]
fn pins_are_set_without_a_recorder_too() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    wayside_tests::curl([wayside.http_url("/one")]).ok();
    let exchange = wayside.exchanges("", 1).remove(0);
    wayside.stop();
    wayside.run(["pin", id(&exchange)]).ok();
    wayside.run(["pin", "status:>=500", "since:2h"]).ok();
    let listed = wayside.run(["pin"]).ok();
    assert!(listed.text().contains(&format!("`id:{}`, 1 exchange now", id(&exchange))));
    assert_eq!(listed.text().lines().count(), 2);
    wayside.run(["pin", "status:never"]).exits(2);
    wayside.run(["unpin", "--all"]).ok();
    assert!(wayside.run(["pin"]).ok().stderr.contains("nothing is pinned"));
}

fn until_stored(wayside: &Wayside, count: u64) {
    let mut status = Value::Null;
    for _ in 0..300 {
        status = wayside.status();
        if status["stored"] == count {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("never {count}: {status}");
}
