//! A recording that is encrypted whole: its files tell nothing, and with the key every verb works as ever.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use wayside_tests::{Echo, Output, Signal, Wayside, curl, eventually, files_below, id};

/// What is sent, in every place that a request has. None of it is a secret by any rule.
const CANARIES: [&str; 5] =
    ["canary-in-path", "canary-in-query", "canary-in-header", "canary-in-body", "canary-agent"];

/// A recorder that encrypts, and where its key is.
struct Encrypted {
    wayside: Wayside,
    folder: TempDir,
    key: String,
}

impl Encrypted {
    fn start(upstream: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = folder.path().join("seal.key").display().to_string();
        let wayside = Wayside::start(upstream, &["--encrypt", "--seal-key", &key]);
        Self { wayside, folder, key }
    }

    fn send(&self, n: usize) {
        let path = format!("/canary-in-path/{n}?q=canary-in-query");
        let client = format!("X-Api-Key: client-{}", n % 2);
        let arguments = ["-H", "X-Note: canary-in-header", "-A", "canary-agent"];
        let body = ["-d", "text=canary-in-body", "-H", &client];
        self.wayside.curl(&path, &[arguments, body].concat()).ok();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.wayside.run(arguments.iter().copied().chain(["--seal-key", &self.key]))
    }
}

fn tells_nothing(folder: &Path) {
    let count = files_below(folder, &mut |name, bytes| {
        for canary in CANARIES {
            let found = bytes.windows(canary.len()).any(|part| part == canary.as_bytes());
            assert!(!found, "`{canary}` stands in `{name}`");
        }
    });
    assert!(count > 3, "{count} files");
}

#[test]
fn nothing_can_be_read_in_its_files_and_every_verb_works_with_the_key() {
    let echo = Echo::start();
    let recorded = Encrypted::start(&echo.url());
    for n in 0..8 {
        recorded.send(n);
    }
    let wayside = &recorded.wayside;
    let exchanges = wayside.ended("", 8);
    wayside.settled();
    tells_nothing(wayside.data());
    // The recorder answers for itself; what reads beside it needs the key.
    let refused = wayside.run(["export", "since:1h", "--as", "har"]).exits(3);
    let why = "is encrypted, and there is no key at";
    assert!(
        refused.stderr.contains(why) && refused.stderr.contains("hint: name the key"),
        "{}",
        refused.stderr
    );
    let har = recorded.run(&["export", "since:1h", "--as", "har"]).ok();
    for canary in CANARIES {
        assert!(har.text().contains(canary), "{canary}");
    }
    let shown = recorded.run(&["show", id(&exchanges[0]), "--raw", "--reveal"]).ok();
    assert!(shown.text().contains("client-0"), "{}", shown.text());
    recorded.run(&["pin", "path:/canary-in-path/3"]).ok();
    // Its segments are written anew, with a text filter and a directory behind the blocks.
    let first = exchanges[0]["client"].as_str().expect("a client");
    let erased = recorded.run(&["erase", "client", first, "--yes"]).ok();
    assert!(erased.text().contains("nothing of it is there"), "{}", erased.text());
    tells_nothing(wayside.data());
    let found = recorded.run(&["exchanges", "--json", "canary-in-header"]).ok().json_lines();
    assert_eq!(found.len(), 4);
    assert_eq!(
        recorded.run(&["scan"]).ok().stderr.trim(),
        "4 exchanges scanned: no secret in clear"
    );
    let again = Echo::start();
    let url = again.url();
    let replay = ["replay", "since:1h", "--to", &url, "--allow-writes", "--pace", "max"];
    recorded.run(&replay);
    assert_eq!(again.seen().len(), 4);
    let copy = recorded.folder.path().join("copy");
    let into = copy.display().to_string();
    let made = recorded.run(&["backup", &into]).ok();
    assert!(made.stderr.contains("nothing in it can be read"), "{}", made.stderr);
    tells_nothing(&copy);
    let verified = recorded.run(&["verify", "--json"]).ok().json();
    assert_eq!((&verified["exchanges"], &verified["lost"]), (&4.into(), &0.into()));
    assert_eq!(verified["encrypted"], verified["segments"]);
    let arguments = ["exchanges", "--json", "--seal-key", &recorded.key];
    assert_eq!(Wayside::run_on(&copy, arguments).ok().json_lines().len(), 4);
}

#[test]
fn a_recorder_that_was_killed_goes_on_encrypted_without_being_told_again() {
    let echo = Echo::start();
    let mut recorded = Encrypted::start(&echo.url());
    for round in 0..3 {
        recorded.send(round);
        recorded.wayside.ended("", round + 1);
        recorded.wayside = recorded.wayside.restart(Signal::Kill);
        assert!(!recorded.wayside.output().contains("exchanges lost"));
    }
    let data = recorded.wayside.data().to_owned();
    assert_eq!(recorded.wayside.stop(), 0);
    let again = Wayside::start_on(&data, &echo.url(), &["--seal-key", &recorded.key]);
    again.curl("/canary-in-path/9", &[]).ok();
    again.ended("", 4);
    tells_nothing(&data);
}

#[test]
fn a_recorder_does_not_start_on_an_encrypted_recording_without_its_key() {
    let echo = Echo::start();
    let mut recorded = Encrypted::start(&echo.url());
    recorded.send(1);
    recorded.wayside.ended("", 1);
    let data = recorded.wayside.data().to_owned();
    assert_eq!(recorded.wayside.stop(), 0);
    let start = |key: Option<&str>| {
        let mut starting = Command::new(Wayside::binary());
        starting.args(["record", "http://127.0.0.1:1", "--console", "off"]);
        starting.args(["--listen", "127.0.0.1:0"]).arg("--data").arg(&data);
        starting.args(key.iter().flat_map(|key| ["--seal-key", key]));
        Output::of(&mut starting).exits(3)
    };
    let refused = start(None);
    assert!(refused.stderr.contains("there is no key at"), "{}", refused.stderr);
    assert!(!data.join("keys/sealing.key").exists(), "no other key may take its place");
    let other = recorded.folder.path().join("other.key").display().to_string();
    fs::copy(&recorded.key, &other).expect("a copy");
    let mut bytes = fs::read(&other).expect("a key");
    bytes[0] ^= 1;
    fs::write(&other, bytes).expect("it is ours");
    let refused = start(Some(&other));
    assert!(refused.stderr.contains("is encrypted with another key than"), "{}", refused.stderr);
    let arguments = ["exchanges", "--json", "--seal-key", &recorded.key];
    assert_eq!(Wayside::run_on(&data, arguments).ok().json_lines().len(), 1);
}

#[test]
fn what_was_recorded_in_clear_is_encrypted_once_it_is_turned_on() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    wayside.curl("/canary-in-path", &["-A", "canary-agent"]).ok();
    wayside.ended("", 1);
    let data = wayside.data().to_owned();
    assert_eq!(wayside.stop(), 0);
    let encrypting = Wayside::start_on(&data, &echo.url(), &["--encrypt"]);
    encrypting.wait_for("its key lies in the data folder");
    eventually("all is encrypted", Duration::from_mins(1), || {
        let verified = encrypting.run(["verify", "--json"]).ok().json();
        verified["encrypted"] == verified["segments"]
    });
    tells_nothing(&data);
    assert_eq!(encrypting.exchanges("", 1)[0]["path"], "/canary-in-path");
}

#[test]
fn alerts_and_labels_of_clients_cannot_be_read_in_its_files_either() {
    let echo = Echo::start();
    let mut recorded = Encrypted::start(&echo.url());
    let url = recorded.wayside.http_url("/status/500?canary-in-path=[1-40]");
    curl(["--parallel", "-A", "canary-agent", "-u", "canary-in-header:secret", &url]).ok();
    let listed = |recorded: &Encrypted| recorded.run(&["alerts", "--json"]).ok().json_lines();
    eventually("an alert is open", Duration::from_mins(1), || !listed(&recorded).is_empty());
    let alert = listed(&recorded).remove(0);
    assert_eq!(alert["client"], "basic:canary-in-header");
    let book = recorded.wayside.data().join("alerts");
    eventually("the book is written", Duration::from_mins(1), || book.exists());
    tells_nothing(recorded.wayside.data());
    // Without the recorder the key opens it, and what is changed stays encrypted.
    let data = recorded.wayside.data().to_owned();
    assert_eq!(recorded.wayside.stop(), 0);
    let ask = |arguments: &[&str]| {
        Wayside::run_on(&data, arguments.iter().copied().chain(["--seal-key", &recorded.key]))
    };
    ask(&["alerts", "ack", "--all"]).ok();
    let kept = ask(&["alerts", "--json"]).ok().json_lines();
    assert_eq!(kept[0]["client"], "basic:canary-in-header");
    assert!(kept[0]["acknowledged_at"].is_string(), "{kept:?}");
    tells_nothing(&data);
}
