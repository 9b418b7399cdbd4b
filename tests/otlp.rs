//! OTLP: a collector gets what `/metrics` tells, by OpenTelemetry's own decoder, and one that is slow, full or gone
//! costs its own figures and nothing else.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wayside_tests::{Echo, Script, Wayside, curl, eventually};

const LIMIT: Duration = Duration::from_secs(30);
const COLLECTOR: &str = include_str!("fixtures/collector.py");

/// What goes up and down by itself, or counts the looking.
const RESTLESS: [&str; 9] = [
    "wayside_active_clients",
    "wayside_worst_client",
    "wayside_disk_free_bytes",
    "wayside_store_used_bytes",
    "wayside_durable_lag_seconds",
    "wayside_otlp_pushes",
    "wayside_open_connections",
    "wayside_queue_bytes",
    "wayside_verdicts",
];

#[test]
fn a_collector_gets_what_metrics_tells() {
    let (echo, collector) = (Echo::start(), Script::start(COLLECTOR));
    let mut wayside = Wayside::start(
        &echo.url(),
        &[
            "--otlp",
            &collector.url(),
            "--otlp-interval=1s",
            "--otlp-header=Authorization=Bearer s3cret==",
            "--otlp-header=x-scope=shop",
            "--otlp-attribute=deployment.environment.name=staging",
            "--keep-bytes=1GB",
        ],
    );
    curl([wayside.http_url("/orders/17"), wayside.http_url("/a\"b\\c")]).ok();
    curl(["-d", "hello", &wayside.http_url("/orders/19")]).ok();
    curl([wayside.http_url("/status/404"), wayside.http_url("/status/503")]).ok();
    curl([wayside.http_url("/delay/120"), wayside.http_url(&format!("/{}", "x".repeat(3000)))])
        .ok();
    wayside.settled();
    eventually("everything is told", LIMIT, || {
        let last = last(&collector);
        last["series"]["wayside_recorded_exchanges_total"] == 7
            && last["series"]["wayside_stored_exchanges"] == 7
    });
    let message = last(&collector);
    let page = wayside.api("/metrics").ok();
    let told = series(page.text());
    let pushed = message["series"].as_object().expect("series");
    let restless = |name: &str| RESTLESS.iter().any(|one| name.starts_with(one));
    let mut compared = 0;
    for (name, value) in told.iter().filter(|(name, _)| !restless(name)) {
        let there = pushed.get(name).unwrap_or_else(|| panic!("`{name}` is not in {pushed:#?}"));
        assert_eq!(there.as_f64(), Some(*value), "{name}");
        compared += 1;
    }
    assert!(compared > 200, "{compared}");
    let unknown: Vec<_> =
        pushed.keys().filter(|name| !told.contains_key(*name) && !restless(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");

    let text = |path: &str| message.pointer(path).and_then(Value::as_str).unwrap_or_default();
    assert_eq!(text("/path"), "/v1/metrics");
    assert_eq!(text("/headers/content-type"), "application/x-protobuf");
    assert_eq!(text("/headers/content-encoding"), "gzip");
    assert_eq!(text("/headers/authorization"), "Bearer s3cret==");
    assert_eq!(text("/headers/x-scope"), "shop");
    assert!(text("/headers/user-agent").starts_with("wayside/"));
    assert_eq!(text("/resource/service.name"), "wayside");
    assert_eq!(text("/resource/service.version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(text("/resource/service.instance.id").len(), 36);
    assert_eq!(text("/resource/deployment.environment.name"), "staging");
    assert!(message["sent"].as_u64() < message["bytes"].as_u64().map(|bytes| bytes / 3));

    let begun = told["wayside_start_time_seconds"] * 1e9;
    let since = |family: &str| {
        let family = &message["families"][family];
        assert_eq!(family["starts"].as_array().map(Vec::len), Some(1), "{family}");
        family["starts"][0].as_f64().expect("nanoseconds")
    };
    for family in ["wayside_exchanges", "wayside_overhead_seconds", "wayside_lost_exchanges"] {
        assert!((since(family) - begun).abs() < 1e6, "{family}");
        assert_eq!(message["families"][family]["cumulative"], true);
    }
    assert!(since("wayside_removed_bytes").abs() < 1.0, "it counts from before the recorder on");
    assert_eq!(message["families"]["wayside_exchanges"]["monotonic"], true);
    assert_eq!(message["families"]["wayside_running_exchanges"]["kind"], "gauge");
    assert_eq!(message["families"]["wayside_overhead_seconds"]["kind"], "histogram");
    assert_eq!(message["families"]["wayside_overhead_seconds"]["unit"], "s");
    assert_eq!(message["families"]["wayside_response_body_bytes"]["unit"], "By");
    assert!(message["families"]["wayside_exchanges"]["times"][0].as_f64() > Some(begun));

    let status = wayside.run(["status"]).ok();
    assert!(status.text().contains("pushed to http://127.0.0.1:"), "{}", status.text());
    let arguments =
        ["config", "--otlp-header", "authorization=s3cret", "--otlp", "http://h/s3cret"];
    let config = wayside.run(arguments).ok();
    assert!(config.text().contains("otlp-header = [\"authorization=...\"]"), "{}", config.text());
    assert!(config.text().contains("otlp = \"http://h/...\""), "{}", config.text());
    for said in [config.text(), status.text(), &wayside.output(), page.text()] {
        assert!(!said.contains("s3cret"), "{said}");
    }
    let wrong = wayside.run(["config", "--otlp-header", "s3cret"]).exits(2);
    assert!(!wrong.stderr.contains("s3cret") && wrong.stderr.contains("NAME=VALUE"));

    let before = seen(&collector).len();
    curl([wayside.http_url("/last")]).ok();
    assert_eq!(wayside.stop(), 0);
    let messages = seen(&collector);
    assert!(messages.len() > before, "it says a last word");
    let recorded = &messages.last().expect("one")["series"]["wayside_recorded_exchanges_total"];
    assert_eq!(recorded, 8, "with all that passed");
}

#[test]
fn a_collector_that_is_busy_is_left_alone_for_as_long_as_it_asks() {
    let (echo, collector) = (Echo::start(), Script::start(COLLECTOR));
    let answers = json!([
        [503, "3", null],
        [429, null, null],
        [400, null, null],
        [200, null, [7, "too old \u{1b}[2J"]],
    ]);
    curl(["-X", "PUT", "-d", &answers.to_string(), &collector.url()]).ok();
    let wayside = Wayside::start(&echo.url(), &["--otlp", &collector.url(), "--otlp-interval=1s"]);
    let pushes = |result: &str| {
        let page = wayside.api("/metrics").ok();
        let name = format!("wayside_otlp_pushes_total{{result=\"{result}\"}}");
        series(page.text())[&name]
    };
    eventually("a push failed", LIMIT, || pushes("failed") >= 1.0);
    let status = wayside.run(["status"]).ok();
    assert!(status.text().contains("the collector: it answered "), "{}", status.text());
    assert_eq!(wayside.api("/ready").ok().text(), "ok\n", "recording is well");
    eventually("all is taken in the end", LIMIT, || pushes("delivered") >= 2.0);
    let messages = seen(&collector);
    let at = |n: usize| messages[n]["at"].as_f64().expect("seconds");
    let statuses: Vec<_> = messages.iter().take(5).map(|one| one["status"].as_u64()).collect();
    assert_eq!(statuses, [503, 429, 400, 200, 200].map(Some));
    assert!(at(1) - at(0) >= 3.0, "Retry-After is kept: {}", at(1) - at(0));
    assert!((pushes("failed") - 3.0).abs() < 0.1);
    let page = wayside.api("/metrics").ok();
    assert!((series(page.text())["wayside_otlp_rejected_points_total"] - 7.0).abs() < 0.1);
    let said = wayside.output();
    assert_eq!(said.matches("did not take the metrics").count(), 1, "once, not each time: {said}");
    assert_eq!(said.matches("takes the metrics again").count(), 1, "{said}");
    assert!(!said.contains("\u{1b}[2J"));
}

#[test]
fn no_collector_is_no_reason_to_wait_and_we_are_none_ourselves() {
    let echo = Echo::start();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (url, console) = (format!("http://{free}/v1/metrics"), free.to_string());
    let mut wayside = Wayside::start(&echo.url(), &["--otlp", &url]);
    let status = |wayside: &Wayside| wayside.run(["status", "--json"]).ok().json()["otlp"].clone();
    eventually("a push failed", LIMIT, || status(&wayside)["failed"].as_u64() > Some(0));
    let error = status(&wayside)["error"].to_string();
    assert!(error.contains("refused"), "{error}");
    curl([wayside.http_url("/orders/17")]).ok();
    wayside.settled();
    let begun = Instant::now();
    assert_eq!(wayside.stop(), 0);
    assert!(begun.elapsed() < Duration::from_secs(5));

    let wayside = Wayside::start(&echo.url(), &["--otlp", &url, "--console", &console]);
    eventually("a push failed", LIMIT, || status(&wayside)["failed"].as_u64() > Some(0));
    let error = status(&wayside)["error"].to_string();
    assert!(error.contains("our own listener"), "{error}");
}

#[test]
fn a_file_takes_any_value_and_nothing_is_pushed_unless_asked() {
    let (echo, collector) = (Echo::start(), Script::start(COLLECTOR));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("wayside.toml");
    let text = format!(
        "otlp = \"{}\"\notlp-interval = \"1s\"\notlp-header = [\"x-key=a,b:c\", \"x-more=1\"]\n",
        collector.url()
    );
    std::fs::write(&file, text).expect("it is written");
    let file = file.to_str().expect("a plain path");
    let _wayside = Wayside::start(&echo.url(), &["--config", file]);
    eventually("it is pushed", LIMIT, || !seen(&collector).is_empty());
    let message = last(&collector);
    let headers = &message["headers"];
    assert_eq!((&headers["x-key"], &headers["x-more"]), (&json!("a,b:c"), &json!("1")));
    let wayside = Wayside::start(&echo.url(), &[]);
    assert!(!wayside.api("/metrics").ok().text().contains("otlp"));
    assert!(wayside.run(["status", "--json"]).ok().json()["otlp"].is_null());
}

fn seen(collector: &Script) -> Vec<Value> {
    let seen = curl([format!("{}/seen", collector.url())]).ok().json();
    seen.as_array().expect("a list").clone()
}

/// What arrived last; null before.
fn last(collector: &Script) -> Value {
    seen(collector).pop().unwrap_or_default()
}

/// Every series of a page, with its value.
fn series(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
        .collect()
}
