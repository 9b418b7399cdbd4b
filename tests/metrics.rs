//! `/metrics`: what is told is right, in formats that Prometheus itself reads, and the dashboard uses nothing else.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use wayside_tests::{Echo, Wayside, curl, eventually, python};

const LIMIT: Duration = Duration::from_secs(30);

/// Reads the page as strictly as its format asks.
const OPEN_METRICS: &str = "\
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
page = open(sys.argv[1], newline='').read()
print(len(list(families(page))))";

#[test]
fn what_passed_is_told_by_route_and_reconciles_with_what_was_recorded() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--keep-bytes", "1GB"]);
    curl([wayside.http_url("/orders/17"), wayside.http_url("/orders/18")]).ok();
    curl(["-d", "hello", &wayside.http_url("/orders/19")]).ok();
    curl([wayside.http_url("/status/404"), wayside.http_url("/status/503")]).ok();
    curl([wayside.http_url("/delay/120")]).ok();
    let cut = curl(["--max-time", "0.2", &wayside.http_url("/delay/9000")]);
    assert_ne!(cut.code, 0, "the client gives up");
    wayside.settled();
    let page = scraped(&wayside, "wayside_recorded_exchanges_total", "7");
    let told = |line: &str| {
        assert!(page.lines().any(|told| told == line), "no `{line}` in\n{page}");
    };
    told(
        "wayside_exchanges_total{route=\"GET /orders/{id}\",status_class=\"2xx\",outcome=\"complete\"} 2",
    );
    told(
        "wayside_exchanges_total{route=\"POST /orders/{id}\",status_class=\"2xx\",outcome=\"complete\"} 1",
    );
    told(
        "wayside_exchanges_total{route=\"GET /status/{id}\",status_class=\"4xx\",outcome=\"complete\"} 1",
    );
    told(
        "wayside_exchanges_total{route=\"GET /status/{id}\",status_class=\"5xx\",outcome=\"complete\"} 1",
    );
    told(
        "wayside_exchanges_total{route=\"GET /delay/{id}\",status_class=\"none\",outcome=\"client_cancelled\"} 1",
    );
    told("wayside_request_body_bytes_total{route=\"POST /orders/{id}\"} 5");
    let bucket = |bound: &str| {
        let bucket = "wayside_exchange_duration_seconds_bucket{route=\"GET /delay/{id}\",le=";
        number(&page, &format!("{bucket}\"{bound}\"}}"))
    };
    let buckets = ["0.1", "30.0", "+Inf"].map(|bound| bucket(bound) as u64);
    assert_eq!(buckets, [0, 1, 1]);
    let sum = number(&page, "wayside_exchange_duration_seconds_sum{route=\"GET /delay/{id}\"}");
    assert!(sum >= 0.12, "{sum}");
    let count = number(&page, "wayside_overhead_seconds_count{route=\"GET /orders/{id}\"}");
    let overhead = number(&page, "wayside_overhead_seconds_sum{route=\"GET /orders/{id}\"}");
    assert!(count > 1.0 && overhead > 0.0 && overhead < sum, "{overhead}");
    told("wayside_forwarded_exchanges_total 7");
    told("wayside_lost_exchanges_total{reason=\"overload\"} 0");
    told("wayside_store_budget_bytes 1000000000");
    told("wayside_queue_bytes 0");
    assert!(number(&page, "wayside_store_used_bytes") > 0.0);
    assert!(number(&page, "wayside_disk_free_bytes") > 0.0);
    assert!(number(&page, "wayside_durable_lag_seconds") < 60.0);
    let mut held = curl_that_waits(&wayside);
    eventually("an open connection is told", LIMIT, || {
        let page = metrics(&wayside, &[]);
        let one = |name: &str| page.lines().any(|line| line == format!("{name} 1"));
        one("wayside_open_connections") && one("wayside_running_exchanges")
    });
    held.kill().expect("it runs");
    held.wait().expect("it ends");
    eventually("the clients of the last minute are told", LIMIT, || {
        metrics(&wayside, &[]).contains("\nwayside_active_clients 1\n")
    });
    let page = metrics(&wayside, &[]);
    let worst = page.lines().find(|line| line.starts_with("wayside_worst_client_errors{"));
    assert!(worst.is_some_and(|line| line.ends_with(" 2")), "{worst:?}");
}

#[test]
fn prometheus_reads_every_line_and_the_dashboard_asks_for_nothing_else() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--keep-bytes", "1GB"]);
    for path in ["/orders/17", "/a\"b\\c", "/%1b%5b2J", "/status/500"] {
        curl(["-u", "acme:x", &wayside.http_url(path)]).ok();
    }
    // Nobody can make the page grow without bounds, nor its lines.
    let long = format!("/{}?n=[1-200]", "x".repeat(3000));
    curl([&wayside.http_url(&long)]).ok();
    let many: Vec<String> = (0..150).map(|n| wayside.http_url(&format!("/p{n}x/y"))).collect();
    curl(many).ok();
    wayside.settled();
    let page = scraped(&wayside, "wayside_forwarded_exchanges_total", "354");
    assert!(number(&page, "wayside_route_labels") <= number(&page, "wayside_route_labels_limit"));
    assert!(number(&page, "wayside_route_folded_exchanges_total") > 0.0);
    assert!(page.contains("route=\"other\"") && page.lines().all(|line| line.len() < 400));

    let checked = piped("promtool", &["check", "metrics"], &page);
    assert_eq!(checked, (true, String::new()), "promtool has nothing to say");

    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("page");
    let accept = ["-H", "Accept: application/openmetrics-text; version=1.0.0"];
    std::fs::write(&file, metrics(&wayside, &accept)).expect("it is written");
    let families: usize =
        python(OPEN_METRICS, [&file]).ok().text().trim().parse().expect("a count");
    assert!(families > 30, "{families}");

    let dashboard = include_str!("../examples/grafana-dashboard.json");
    let dashboard: Value = serde_json::from_str(dashboard).expect("the dashboard is JSON");
    let known = names(&page);
    let mut rules = String::from("groups:\n- name: dashboard\n  rules:\n");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut asked = 0;
    for target in targets {
        let query = target["expr"].as_str().expect("an expression");
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("wayside_")) {
            assert!(known.contains(name), "`{name}` of the dashboard is not told");
            asked += 1;
        }
        let query = query.replace("$__rate_interval", "1m").replace('\'', "''");
        writeln!(rules, "  - record: dashboard:query{asked}\n    expr: '{query}'")
            .expect("a string");
    }
    assert!(asked > 25, "{asked}");
    let file = folder.path().join("rules.yaml");
    std::fs::write(&file, rules).expect("it is written");
    let file = file.to_str().expect("a plain path");
    let (good, said) = piped("promtool", &["check", "rules", file], "");
    assert!(good, "{said}");
}

#[test]
fn a_scraper_has_a_token_of_its_own_that_stays() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let file = wayside.data().join("keys").join("metrics.token");
    let token = std::fs::read_to_string(&file).expect("a token");
    let status = |wayside: &Wayside, path: &str, token: &str| {
        let bearer = format!("Authorization: Bearer {}", token.trim());
        let url = format!("http://{}{path}", wayside.console());
        curl(["-o", "/dev/null", "-w", "%{http_code}", "-H", &bearer, &url]).ok().text().to_owned()
    };
    assert_eq!(status(&wayside, "/metrics", &token), "200");
    assert_eq!(status(&wayside, "/metrics", "0123456789abcdef0123456789abcdef"), "401");
    assert_eq!(status(&wayside, "/api/status", &token), "401", "it opens nothing else");
    let wayside = wayside.restart(wayside_tests::Signal::Terminate);
    assert_eq!(status(&wayside, "/metrics", &token), "200", "after a restart");

    let own = tempfile::tempdir().expect("a temporary folder");
    let own = own.path().join("scrape.token");
    let wayside =
        Wayside::start(&echo.url(), &["--metrics-token", own.to_str().expect("a plain path")]);
    let token = std::fs::read_to_string(&own).expect("a token");
    assert_eq!(status(&wayside, "/metrics", &token), "200");
    assert!(!wayside.data().join("keys").join("metrics.token").exists());
}

/// The page, as the token in the data folder opens it.
fn metrics(wayside: &Wayside, arguments: &[&str]) -> String {
    let token = std::fs::read_to_string(wayside.data().join("keys").join("metrics.token"));
    let bearer = format!("Authorization: Bearer {}", token.expect("a token").trim());
    let url = format!("http://{}/metrics", wayside.console());
    let all = ["-f", "-H", &bearer, &url].into_iter().chain(arguments.iter().copied());
    curl(all).ok().text().to_owned()
}

/// The page once `name` has this value.
fn scraped(wayside: &Wayside, name: &str, value: &str) -> String {
    let mut page = String::new();
    eventually(&format!("{name} is {value}"), LIMIT, || {
        page = metrics(wayside, &[]);
        page.lines().any(|line| line == format!("{name} {value}"))
    });
    page
}

#[track_caller]
fn number(page: &str, series: &str) -> f64 {
    let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("no `{series}` in\n{page}"));
    value.parse().unwrap_or_else(|_| panic!("`{value}` is no number"))
}

/// The names of all families, and of the samples of histograms.
fn names(page: &str) -> BTreeSet<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types
        .flat_map(|(name, kind)| {
            let suffixes: &[&str] =
                if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
        })
        .collect()
}

fn curl_that_waits(wayside: &Wayside) -> std::process::Child {
    let url = wayside.http_url("/delay/60000");
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--max-time", "60", &url]).stdout(Stdio::null()).stderr(Stdio::null());
    curl.spawn().expect("curl runs")
}

/// Whether `name` ends well with `input`, and all that it says.
fn piped(name: &str, arguments: &[&str], input: &str) -> (bool, String) {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("could not run {name}: {error}"));
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(input.as_bytes()).expect("it reads");
    drop(pipe);
    let output = child.wait_with_output().expect("it ends");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
