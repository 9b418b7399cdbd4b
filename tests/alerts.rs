//! Alerts: people are told once when a verdict comes, by every way they asked for, and whatever happens to the
//! way harms nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;
use wayside_tests::{Echo, Signal, Wayside, curl, eventually, program};

/// Thresholds are judged every three seconds, and looked at every second.
const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn a_verdict_is_posted_once_with_its_proof_and_survives_a_restart() {
    let (echo, receiver) = (Echo::start(), Echo::start());
    let url = format!("{}/hook?sig=s3cret", receiver.url());
    let wayside = Wayside::start(&echo.url(), &["--alert-webhook", &url, "--alert-log"]);
    let none = wayside.run(["alerts"]).ok();
    assert!(none.stderr.contains("no alert yet"), "{}", none.stderr);
    fail(&wayside, "acme", 40);
    eventually("the webhook is told", LIMIT, || !receiver.seen().is_empty());
    let told = receiver.only();
    assert_eq!((told.method.as_str(), told.target.as_str()), ("POST", "/hook?sig=s3cret"));
    assert_eq!(told.header("content-type"), Some("application/json"));
    let message: Value = serde_json::from_slice(&told.body).expect("JSON");
    let alert = &message["alerts"][0];
    for (field, value) in [("event", "entered"), ("state", "open"), ("client", "basic:acme")] {
        assert_eq!(alert[field], value, "{field} in {message:#}");
    }
    let sentence = alert["sentence"].as_str().expect("a sentence");
    let text = message["text"].as_str().expect("a text");
    let escaped = sentence.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    assert!(text.contains("basic:acme") && text.contains(&escaped), "{text}");
    let command = alert["command"].as_str().expect("a command").replacen(
        "wayside",
        &Wayside::binary().display().to_string(),
        1,
    );
    let proof = program("sh", ["-c", &format!("{command} --json")]).ok().json_lines();
    assert!(proof.len() >= 20 && proof.iter().all(|one| one["status"] == 500));
    let link = alert["console"].as_str().expect("a link");
    let path = link.strip_prefix(&format!("http://{}", wayside.console())).expect("the console");
    assert!(!link.contains("token") && wayside.api(path).ok().text().lines().count() >= 20);
    assert!(wayside.output().contains("Alert 1: basic:acme"), "{}", wayside.output());
    assert!(!wayside.output().contains("s3cret"), "the log says no secret");
    let config = wayside.run(["config", "--alert-webhook", &url]).ok();
    assert!(config.text().contains("/...") && !config.text().contains("s3cret"));

    let listed = wayside.run(["alerts", "--json"]).ok().json_lines();
    assert_eq!(
        (listed.len(), &listed[0]["id"], &listed[0]["state"]),
        (1, &1.into(), &"open".into())
    );
    let text = wayside.run(["alerts"]).exits(1);
    assert!(text.text().contains("open") && text.text().contains(sentence), "{}", text.text());
    let unknown = wayside.run(["alerts", "ack", "77"]).exits(1);
    assert!(unknown.stderr.contains("there is no alert `77`"), "{}", unknown.stderr);
    wayside.run(["alerts", "ack", "1"]).ok();
    let text = wayside.run(["alerts"]).ok();
    assert!(text.text().contains("acknowledged") && text.stderr.contains("0 open, 1 acknowledged"));

    // More of the same, and a restart, are no news.
    fail(&wayside, "acme", 20);
    let wayside = wayside.restart(Signal::Terminate);
    fail(&wayside, "globex", 40);
    eventually("the other one is told of", LIMIT, || receiver.seen().len() > 1);
    let messages = receiver.seen();
    let clients: Vec<Value> = messages
        .iter()
        .flat_map(|one| {
            let message: Value = serde_json::from_slice(&one.body).expect("JSON");
            message["alerts"].as_array().expect("alerts").clone()
        })
        .filter(|alert| alert["kind"] == "threshold")
        .map(|alert| alert["client"].clone())
        .collect();
    assert_eq!(clients, ["basic:acme", "basic:globex"], "each once");
    let listed = wayside.run(["alerts", "--json"]).ok().json_lines();
    assert_eq!(listed[0]["state"], "acknowledged", "a restart forgets nothing");
    let page = wayside.api("/metrics").ok();
    for line in ["wayside_alerts{state=\"acknowledged\"} 1", "way=\"webhook\",result=\"failed\"} 0"]
    {
        assert!(page.text().contains(line), "no `{line}` in {}", page.text());
    }

    wayside.run(["erase", "--yes", "client", "basic:acme"]).ok();
    let book = wayside.data().join("alerts");
    eventually("the other client stays in the book", LIMIT, || {
        let book = fs::read_to_string(&book).expect("it is readable");
        !book.contains("basic:acme") && book.contains("basic:globex")
    });
}

#[test]
fn a_program_gets_the_same_and_https_goes_to_whom_it_is_told_to_trust() {
    let (echo, receiver) = (Echo::start(), Echo::start());
    let secure = Wayside::start(&receiver.url(), &[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (script, said) = (folder.path().join("tell me; $(now)"), folder.path().join("said"));
    let text = format!("#!/bin/sh\ncat > '{0}.new' && mv '{0}.new' '{0}'\n", said.display());
    fs::write(&script, text).expect("it is written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("it is ours");
    let url = format!("https://localhost:{}/hook", secure.https().port());
    let ca = secure.ca();
    let (script, ca) = (script.to_str().expect("a path"), ca.to_str().expect("a path"));
    let wayside = Wayside::start(
        &echo.url(),
        &["--alert-webhook", &url, "--alert-webhook-ca", ca, "--alert-exec", script],
    );
    fail(&wayside, "acme", 40);
    eventually("the program is told", LIMIT, || said.exists());
    eventually("the webhook is told", LIMIT, || !receiver.seen().is_empty());
    let program: Value =
        serde_json::from_slice(&fs::read(&said).expect("it is readable")).expect("JSON");
    let posted: Value = serde_json::from_slice(&receiver.only().body).expect("JSON");
    assert_eq!(program, posted);
    assert_eq!(program["alerts"][0]["client"], "basic:acme");
}

#[test]
fn a_way_that_is_dead_or_our_own_harms_nothing_and_is_told() {
    let echo = Echo::start();
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        free.local_addr().expect("a bound socket").port()
    };
    let (plain, url) = (format!("127.0.0.1:{port}"), format!("http://localhost:{port}/"));
    let arguments =
        ["--listen-http", &plain, "--alert-webhook", &url, "--alert-exec", "/nowhere/to-be-found"];
    let mut wayside = Wayside::start(&echo.url(), &arguments);
    fail(&wayside, "acme", 40);
    let mut warned = String::new();
    eventually("what fails is told", LIMIT, || {
        warned = wayside.run(["alerts"]).stderr;
        warned.contains("the webhook fails") && warned.contains("the program fails")
    });
    assert!(warned.contains("that is our own listener"), "{warned}");
    assert!(warned.contains("No such file"), "{warned}");
    curl([wayside.http_url("/status/200")]).ok();
    let status = wayside.settled();
    assert_eq!(status["problems"].as_array().map(Vec::len), Some(0), "recording has no part in it");
    assert!(!echo.seen().iter().any(|seen| seen.method == "POST"), "nothing came to ourselves");
    assert_eq!(wayside.stop(), 0);
    assert_eq!(wayside.run(["alerts", "--json"]).ok().json_lines()[0]["state"], "open");
    wayside.run(["alerts", "ack", "--all"]).ok();
    assert_eq!(wayside.run(["alerts", "--json"]).ok().json_lines()[0]["state"], "acknowledged");

    let wrong = Wayside::run_on(
        wayside.data(),
        ["record", &echo.url(), "--alert-webhook", "hooks.test/s3cret"],
    )
    .exits(2);
    assert!(wrong.stderr.contains("no URL of a webhook: it has no scheme"), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("s3cret"), "{}", wrong.stderr);
}

#[test]
fn an_open_alert_follows_its_client_to_the_name_that_it_turns_out_to_have() {
    let (echo, receiver) = (Echo::start(), Echo::start());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("wayside.toml");
    fs::write(&file, "").expect("it is written");
    let wayside = Wayside::start(
        &echo.url(),
        &["--config", file.to_str().expect("a path"), "--alert-webhook", &receiver.url()],
    );
    // A browser that nobody knows yet: its cookie is all that names it.
    let cookie = ["-H", "Cookie: session=0123456789abcdef"];
    let url = wayside.http_url("/status/500?n=[1-40]");
    curl(["--parallel", cookie[0], cookie[1], &url]).ok();
    let one = || {
        let listed = wayside.run(["alerts", "--json"]).json_lines();
        let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
        listed.first().map(|one| (text(&one["client"]), text(&one["state"]), listed.len()))
    };
    eventually("an alert opens", LIMIT, || one().is_some());
    assert!(one().is_some_and(|(client, ..)| client.starts_with("cookie:")), "{:?}", one());

    // It logs in with a key: it was that client all the time.
    let well = wayside.http_url("/status/200");
    curl([cookie[0], cookie[1], "-H", "X-Api-Key: acme-key-0000000001", &well]).ok();
    let mut key = String::new();
    eventually("the alert is the client's", LIMIT, || {
        key = one().map(|(client, ..)| client).unwrap_or_default();
        key.starts_with("key:")
    });
    let label = format!("[clients.\"Acme Ltd\"]\nmatch = [\"{key}\"]\n");
    fs::write(&file, label).expect("it is written");
    wayside.signal(Signal::Reload);
    let acme = || one() == Some(("Acme Ltd".to_owned(), "open".to_owned(), 1));
    eventually("the alert has the name", LIMIT, acme);
    let text = wayside.run(["alerts"]).exits(1);
    assert!(text.text().contains("Acme Ltd: 5xx errors"), "{}", text.text());
    let named = |path: &str| wayside.api(path).ok().text().to_owned();
    eventually("all else calls it so", LIMIT, || {
        let all = [named("/api/outliers"), named("/api/board"), named("/api/alerts")];
        all.iter().all(|one| one.contains("Acme Ltd") && !one.contains("cookie:"))
    });
    // What is found from now on is found under that name, and is no news.
    std::thread::sleep(Duration::from_secs(5));
    assert!(acme(), "{:?}", one());
    assert_eq!(receiver.seen().len(), 1, "told once");
}

/// Answers of 500, enough for a verdict.
fn fail(wayside: &Wayside, client: &str, count: u32) {
    let url = wayside.http_url(&format!("/status/500?n=[1-{count}]"));
    curl(["--parallel", "-u", &format!("{client}:secret"), &url]).ok();
}
