//! Rules in the configuration: whom they hold for, that a reload takes them up, that a promise that is missed is told
//! of, and what a file would have said of the past.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use wayside_tests::{Echo, Peer, Signal, Wayside, curl, eventually, program};

/// Rules are judged every three seconds, and alerts looked at every second.
const LIMIT: Duration = Duration::from_mins(1);

const CLIENTS: &str = "[clients.\"Shop\"]\nmatch = [\"basic:shop\"]\ngroup = \"retail\"\n\
                       [clients.\"Kiosk\"]\nmatch = [\"basic:kiosk\"]\ngroup = \"retail\"\n";

#[test]
fn the_most_specific_rule_holds_and_a_reload_takes_others_up_under_open_connections() {
    let (folder, file) = configuration(&format!(
        "{CLIENTS}\
         [[rule]]\nfailing = \"80%,90%\"\n\
         [[rule]]\ngroup = \"retail\"\nfailing = \"5%,10%\"\n\
         [[rule]]\nclient = \"basic:kiosk\"\nfailing = \"60%,70%\"\n\
         [[rule]]\ngroup = \"retail\"\nroute = \"GET /bytes/*\"\nslo = [\"errors<1%\"]\n"
    ));
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &["--config", text(&file)]);
    let mut peer = Peer::connect(wayside.http());
    assert!(ask(&mut peer), "before the reload");
    for client in ["shop", "kiosk", "other"] {
        calls(&wayside, client, "/status/404", 20);
        calls(&wayside, client, "/status/200", 20);
    }
    wayside.ended("", 121);
    let clients = wayside.run(["clients", "--json"]).ok().json_lines();
    // On a busy machine clients may differ in other ways, too.
    let of = |name: &str| -> Vec<(String, String)> {
        let one = clients.iter().find(|one| one["name"] == name).expect("it called");
        let verdicts = one["verdicts"].as_array().expect("verdicts").iter();
        let rules = verdicts.filter(|one| one["kind"] == "threshold" && one["rule"] != "latency");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        rules.map(|one| (text(&one["rule"]), text(&one["sentence"]))).collect()
    };
    let [(rule, said)] = &of("Shop")[..] else { panic!("one verdict: {clients:#?}") };
    assert!(said.contains("4xx errors on 50 %") && said.contains("over the 10 %"), "{said}");
    assert_eq!(rule, "4xx");
    assert_eq!(of("Kiosk"), [], "it has a rule of its own");
    assert_eq!(of("basic:other"), [], "the rule for everybody");
    eventually("the shop is told of", LIMIT, || outliers(&wayside) == ["Shop 4xx"]);

    // A rule for all, and a group of another name; in a file of their own, rules come last.
    let more = folder.path().join("more.toml");
    write(&more, "[[rule]]\nslo = [\"errors<10%\"]\n");
    let renamed = CLIENTS.replace("retail", "street");
    write(
        &file,
        &format!(
            "rules = \"{}\"\n{renamed}[[rule]]\ngroup = \"str*\"\nfailing = \"90%,95%\"\n",
            text(&more)
        ),
    );
    wayside.signal(Signal::Reload);
    eventually("the new rules hold", LIMIT, || {
        outliers(&wayside)
            == ["Kiosk errors<10%", "Shop errors<10%", "basic:other 4xx", "basic:other errors<10%"]
    });
    assert!(ask(&mut peer), "the connection was left alone");

    write(&file, "[[rule]]\ngruop = \"retail\"\nslow = \"1s,2s\"\n");
    wayside.signal(Signal::Reload);
    wayside.wait_for("kept what was in force: wrong rule at line 2");
    wayside.wait_for("unknown field `gruop`");
    assert_eq!(outliers(&wayside).len(), 4, "what was in force is in force");
    let wrong = wayside.run(["config", "--config", text(&file)]).exits(2);
    assert!(wrong.stderr.contains("unknown field `gruop`"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("wrong rule at line 2"), "{}", wrong.stderr);
    write(&file, "[[rules]]\nslow = \"1s,2s\"\n");
    let wrong = wayside.run(["config", "--config", text(&file)]).exits(2);
    assert!(wrong.stderr.contains("`[[rule]]` above each"), "{}", wrong.stderr);
    write(&file, &format!("{CLIENTS}[[rule]]\ngroup = \"gold\"\nslow = \"1s,2s\"\n"));
    let wrong = wayside.run(["config", "--config", text(&file)]).exits(2);
    assert!(wrong.stderr.contains("no client is in the group `gold`"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("wrong rule at line 8"), "{}", wrong.stderr);
}

#[test]
fn a_promise_that_is_missed_opens_one_alert_with_its_proof_that_ends_when_it_is_kept() {
    let (_folder, file) = configuration(
        "[[rule]]\nclient = \"basic:acme\"\nroute = \"GET /delay/*\"\nslo = [\"p95<50ms\", \"errors<5%\"]\n",
    );
    let (echo, receiver) = (Echo::start(), Echo::start());
    let arguments = ["--config", text(&file), "--alert-webhook", &receiver.url(), "--alert-log"];
    let wayside = Wayside::start(&echo.url(), &arguments);
    calls(&wayside, "acme", "/delay/80", 40);
    calls(&wayside, "other", "/delay/120", 40);
    eventually("the webhook is told", LIMIT, || !receiver.seen().is_empty());
    let message: Value = serde_json::from_slice(&receiver.seen()[0].body).expect("JSON");
    assert_eq!(message["count"], 1, "{message:#}");
    let alert = &message["alerts"][0];
    for (field, value) in [
        ("event", "entered"),
        ("client", "basic:acme"),
        ("kind", "threshold"),
        ("rule", "p95<50ms on GET /delay/{id}"),
    ] {
        assert_eq!(alert[field], value, "{field} in {message:#}");
    }
    let sentence = alert["sentence"].as_str().expect("a sentence");
    assert!(
        sentence.starts_with(
            "misses `p95<50ms` on `GET /delay/{id}`: 100 % of 40 requests in the last 15 minutes"
        ),
        "{sentence}"
    );
    let command = alert["command"].as_str().expect("a command");
    let command = command.replacen("wayside", &Wayside::binary().display().to_string(), 1);
    let proof = program("sh", ["-c", &format!("{command} --json")]).ok().json_lines();
    assert_eq!(proof.len(), 40);
    assert!(proof.iter().all(|one| one["client"] == "basic:acme"));
    wayside.wait_for("Alert 1: basic:acme");
    assert_eq!(outliers(&wayside), ["basic:acme p95<50ms on GET /delay/{id}"]);

    // It is missed after a restart, too, and nobody is told again; when it holds for nobody any more it ends.
    let mut wayside = wayside.restart(Signal::Terminate);
    eventually("it is known again", LIMIT, || outliers(&wayside).len() == 1);
    write(&file, "");
    wayside.signal(Signal::Reload);
    eventually("it has ended", Duration::from_mins(3), || {
        wayside.run(["alerts", "--json"]).json_lines()[0]["state"] == "ended"
    });
    let sent = receiver.seen();
    let messages = sent.iter().map(|one| serde_json::from_slice::<Value>(&one.body).expect("JSON"));
    let told: Vec<Value> =
        messages.flat_map(|one| one["alerts"].as_array().cloned().unwrap_or_default()).collect();
    // On a busy machine clients may differ in other ways, too.
    let of_it: Vec<&Value> = told.iter().filter(|one| one["kind"] == "threshold").collect();
    let events: Vec<&Value> = of_it.iter().map(|one| &one["event"]).collect();
    assert_eq!(events, ["entered", "ended"], "{told:#?}");
    assert_eq!(wayside.stop(), 0);
    assert_eq!(outliers(&wayside), [""; 0], "without a recorder and without rules");
    write(&file, "[[rule]]\nclient = \"basic:acme\"\nslo = [\"p95<50ms\"]\n");
    let at_rest = wayside.run(["outliers", "--json", "--config", text(&file)]).json_lines();
    assert_eq!(at_rest[0]["rule"], "p95<50ms", "without a recorder");
}

#[test]
fn a_file_is_tried_on_the_past_with_other_names_and_other_evidence() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    // Twenty clients by their log-ins, five requests each: none is held against anything by itself.
    for n in 0..20 {
        let tenant = format!("X-Tenant: {}", if n % 2 == 0 { "north" } else { "south" });
        let status = if n % 2 == 0 { 404 } else { 200 };
        let url = wayside.http_url(&format!("/status/{status}?n=[1-5]"));
        curl(["-u", &format!("user{n}:secret"), "-H", &tenant, &url]).ok();
    }
    wayside.ended("", 100);
    let (_folder, file) = configuration("[[rule]]\nfailing = \"10%,20%\"\n");
    let tried = |contents: &str| -> Vec<(String, u64, u64)> {
        write(&file, contents);
        let past = wayside.run(["outliers", "--since", "1h", "--rule", text(&file), "--json"]);
        let told = |one: &Value| {
            (
                one["client"].as_str().unwrap_or_default().to_owned(),
                one["sample"].as_u64().unwrap_or_default(),
                one["quarters"].as_u64().unwrap_or_default(),
            )
        };
        past.json_lines().iter().map(told).collect()
    };
    let before = wayside.run(["clients", "--json"]).ok().stdout;
    let rule = "[[rule]]\nfailing = \"10%,20%\"\n";
    assert_eq!(tried(rule), [], "no client has 20 requests");
    let one = "[clients.\"All\"]\nmatch = [\"user:user*\"]\ngroup = \"house\"\n";
    assert_told(&tried(&format!("{one}{rule}")), "All", 100);
    let house = "[[rule]]\ngroup = \"house\"\nfailing = \"60%,70%\"\n";
    assert_eq!(tried(&format!("{one}{house}")), [], "50 % is less than 70 %");
    let tenants = tried(&format!("client-header = \"X-Tenant\"\nclient-order = [\"key\"]\n{rule}"));
    let name = tenants.first().map(|(name, ..)| name.as_str()).unwrap_or_default();
    assert!(name.starts_with("key:"), "{tenants:?}");
    // Those of the north.
    assert_told(&tenants, name, 50);
    let named =
        format!("client-header = \"X-Tenant\"\n[clients.\"North\"]\nmatch = [\"{name}\"]\n{rule}");
    assert_told(&tried(&named), "North", 50);
    assert_eq!(wayside.run(["clients", "--json"]).ok().stdout, before, "nothing of it is kept");
}

/// What was told of one client, of all its requests; where a border of quarter hours fell among them, of most.
fn assert_told(told: &[(String, u64, u64)], client: &str, requests: u64) {
    let [(name, sample, quarters)] = told else { panic!("one episode: {told:?}") };
    assert_eq!(name, client);
    assert!(*sample == requests || *quarters > 1 && *sample < requests, "{told:?}");
}

/// Client and rule of each threshold that is told, in order.
fn outliers(wayside: &Wayside) -> Vec<String> {
    let told = wayside.run(["outliers", "--json"]).json_lines();
    let rules = told.iter().filter(|one| one["kind"] == "threshold");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> =
        rules.map(|one| format!("{} {}", text(&one["client"]), text(&one["rule"]))).collect();
    all.sort_unstable();
    all
}

/// Asks on an open connection; whether that was answered.
fn ask(peer: &mut Peer) -> bool {
    let sent = peer.send("GET /status/200 HTTP/1.1\r\nHost: shop\r\n\r\n");
    let head = peer.head();
    if let Some(head) = &head {
        peer.body(head);
    }
    sent && head.is_some()
}

fn calls(wayside: &Wayside, client: &str, path: &str, count: u32) {
    let url = wayside.http_url(&format!("{path}?n=[1-{count}]"));
    curl(["--parallel", "--parallel-max", "20", "-u", &format!("{client}:secret"), &url]).ok();
}

fn configuration(contents: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("wayside.toml");
    write(&file, contents);
    (folder, file)
}

fn write(file: &Path, contents: &str) {
    std::fs::write(file, contents).expect("a writable folder");
}

fn text(file: &Path) -> &str {
    file.to_str().expect("a name in UTF-8")
}
