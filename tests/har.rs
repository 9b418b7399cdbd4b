//! `export --as har`: valid HAR 1.2 that others open, with whole bodies.

use std::path::Path;

use serde_json::Value;
use wayside_tests::{Backend, Echo, Output, Peer, Wayside, curl, id, node_modules, python_program};

const FLOWS: &str = "
from mitmproxy import http
class Print:
    def response(self, flow):
        print('FLOW', flow.request.method, flow.request.pretty_url, flow.response.status_code,
              len(flow.response.raw_content or b''))
addons = [Print()]
";

#[test]
fn a_har_is_valid_and_opens_in_mitmproxy() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    wayside.curl("/get?a=1&b=%20&b=2", &["-b", "theme=dark"]).ok();
    wayside.curl("/post", &["--http1.1", "-d", "name=w%26x&y", "-c", "/dev/null"]).ok();
    wayside.curl("/json", &["-H", "Content-Type: application/json", "-d", "{\"a\":1}"]).ok();
    wayside.curl("/bytes/70000", &[]).ok();
    wayside.curl("/status/404", &["-I"]).ok();
    wayside.ended("", 5);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("all.har");
    let written =
        wayside.run(["export", "since:1h", "--as", "har", "-o", &file.display().to_string()]).ok();
    assert!(written.stderr.contains("wrote 5 exchanges"), "{}", written.stderr);
    validate(&file);

    let har: Value =
        serde_json::from_slice(&std::fs::read(&file).expect("it was written")).expect("JSON");
    let entries = har["log"]["entries"].as_array().expect("entries");
    assert_eq!(har["log"]["version"], "1.2");
    assert_eq!(entries.len(), 5);
    assert_eq!(entries[0]["request"]["queryString"][1]["name"], "b");
    assert_eq!(entries[1]["request"]["postData"]["text"], "name=w%26x&y");
    assert_eq!(entries[2]["response"]["content"]["text"], "{\"a\":1}");
    assert_eq!(entries[3]["response"]["content"]["encoding"], "base64");
    assert_eq!(entries[3]["response"]["bodySize"], 70_000);
    assert_eq!(entries[4]["response"]["status"], 404);

    let addon = folder.path().join("flows.py");
    std::fs::write(&addon, FLOWS).expect("it is written");
    let mut mitmdump = std::process::Command::new(python_program("mitmdump"));
    mitmdump.env("HOME", folder.path()).arg("-q").arg("-s").arg(&addon).arg("-nr").arg(&file);
    let read = Output::of(&mut mitmdump).ok();
    let flows: Vec<&str> = read.text().lines().filter(|line| line.starts_with("FLOW")).collect();
    assert_eq!(flows.len(), 5, "{}\n{}", read.text(), read.stderr);
    assert!(flows[3].ends_with("/bytes/70000 200 70000"), "{flows:?}");
}

#[test]
fn odd_exchanges_make_a_valid_har_too() {
    let backend = Backend::scripted(|peer| {
        let head = peer.head().unwrap_or_default();
        let target = String::from_utf8_lossy(&head).into_owned();
        if target.contains("/cut") {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        } else if target.contains("/odd") {
            peer.send(
                "HTTP/1.1 299 \r\nX-Latin: caf\u{e9}\r\nSet-Cookie: a=b; Path=/; Expires=whenever\r\n\
                 Set-Cookie: broken\r\nLocation: /x\r\nContent-Length: 4\r\n\r\n\x00\x01\u{7f}\n",
            );
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    for target in ["/cut", "/odd?=&&x", "/closes"] {
        let mut peer = Peer::connect(wayside.http());
        peer.send(format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: ;=;a\r\n\r\n"
        ));
        peer.rest();
    }
    curl([format!("https://{}/untrusted", wayside.https())]).exits(60);
    let exchanges = wayside.ended("", 4);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("odd.har").display().to_string();
    wayside.run(["export", "since:1h", "--as", "har", "-o", &file]).ok();
    validate(Path::new(&file));
    let har: Value =
        serde_json::from_slice(&std::fs::read(&file).expect("it was written")).expect("JSON");
    assert!(har.to_string().contains(id(&exchanges[0])), "an entry says which exchange it is");
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure_and_a_full_disk_is_named() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    wayside.curl("/bytes/500000", &[]).ok();
    wayside.ended("", 1);
    let export = |options: &str| {
        let binary = Wayside::binary();
        let script = format!(
            "set -o pipefail; {} export since:1h --as har --data {} {options}",
            binary.display(),
            wayside.data().display()
        );
        wayside_tests::program("bash", ["-c", &script])
    };
    let left = export("| head -c 20").ok();
    assert_eq!(left.text(), "{\"log\":{\"version\":\"1");
    assert_eq!(left.stderr, "");
    let full = export("-o /dev/full");
    assert!(full.stderr.contains("could not write `/dev/full`"), "{}", full.stderr);
    assert!(full.stderr.contains("No space left on device"), "{}", full.stderr);
}

#[track_caller]
fn validate(file: &Path) {
    let script = "require(process.argv[1]).har(JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8')))\
        .then(() => console.log('valid'), error => console.log(JSON.stringify(error.errors)))";
    let validator = node_modules().join("har-validator");
    let paths = [validator.display().to_string(), file.display().to_string()];
    let arguments = ["-e".to_owned(), script.to_owned()].into_iter().chain(paths);
    let said = wayside_tests::program("node", arguments).ok();
    assert_eq!(said.text().trim(), "valid");
}
