//! What was forwarded, recorded, marked and lost always adds up, and overload is said.

use wayside_tests::{Echo, Wayside, marks, program};

#[test]
fn after_a_burst_every_forwarded_exchange_is_recorded() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    burst(&wayside, "2000", "/bytes/200");
    let status = wayside.settled();
    assert_eq!(status["forwarded"], 2000);
    assert_eq!(status["recorded"], 2000);
    assert_eq!(status["marked"], 0);
    assert_eq!(status["lost"], serde_json::json!({}));
    assert_eq!(wayside.exchanges("", 2000).len(), 2000);
    let text = wayside.run(["status"]).ok();
    assert!(text.text().contains("2,000 exchanges"), "{}", text.text());
}

#[test]
fn under_overload_captures_are_shed_and_that_is_counted_and_marked() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--queue", "32KiB"]);
    burst(&wayside, "3000", "/bytes/50000");
    let status = wayside.settled();
    assert_eq!(status["forwarded"], 3000, "the traffic was not touched");
    let lost = status["lost"].as_object().expect("losses by reason");
    let lost: u64 = lost.values().filter_map(serde_json::Value::as_u64).sum();
    assert!(status["marked"].as_u64().expect("a count") + lost > 0, "nothing was shed: {status}");
    let stored = wayside.exchanges("", 3000 - lost as usize);
    assert_eq!(stored.len() as u64, 3000 - lost);
    let shed = stored.iter().filter(|one| marks(one).contains(&"capture_shed")).collect::<Vec<_>>();
    assert_eq!(Some(shed.len() as u64), status["marked"].as_u64());
    for exchange in shed {
        assert_eq!(exchange["response"]["body_bytes"], 50_000, "the true length is known");
        assert!(exchange["response"]["body_kept"].as_u64() < Some(50_000));
    }
    if lost > 0 {
        let text = wayside.run(["status"]);
        assert!(text.text().contains(" by "), "losses have a reason: {}", text.text());
    }
}

#[test]
fn told_to_wait_under_overload_it_records_everything() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--queue", "32KiB", "--on-overload", "wait"]);
    burst(&wayside, "1000", "/bytes/50000");
    let status = wayside.settled();
    assert_eq!(status["recorded"], 1000, "{status}");
}

/// `count` requests for `path` over 8 HTTP/2 connections, all answered.
#[track_caller]
fn burst(wayside: &Wayside, count: &str, path: &str) {
    let url = format!("https://{}{path}", wayside.https());
    let load = program("h2load", ["-n", count, "-c", "8", "-m", "8", &url]).ok();
    let succeeded = format!("{count} succeeded, 0 failed");
    assert!(load.text().contains(&succeeded), "{}", load.text());
}
