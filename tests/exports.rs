//! Exported curl commands, run by `sh`, send what was recorded: method, target, header fields and body, byte for
//! byte, with secrets as shell variables.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use wayside_tests::{Backend, Echo, Output, Peer, Wayside, id};

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[test]
fn exported_requests_are_sent_again_byte_for_byte() {
    let backend = Backend::answering(ANSWER);
    let wayside = Wayside::start(&backend.url(), &[]);
    let host = backend.address();
    let request = |start: &str, fields: &str, body: &[u8]| {
        let length = match (body.is_empty(), fields.contains("Transfer-Encoding")) {
            (false, false) => format!("Content-Length: {}\r\n", body.len()),
            _ => String::new(),
        };
        let head = format!("{start} HTTP/1.1\r\nHost: {host}\r\n{fields}{length}\r\n");
        [head.as_bytes(), body].concat()
    };
    let every_byte: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let requests = [
        request("GET /plain", "User-Agent: a/1\r\nAccept: */*\r\n", b""),
        request("GET /nothing-added", "", b""),
        request("POST /binary", "Content-Type: application/octet-stream\r\n", &every_byte),
        request(
            "POST /text",
            "Content-Type: text/plain\r\n",
            b"it's \"quoted\" \\ and\nnew\nlines\n",
        ),
        request("POST /at", "Content-Type: text/plain\r\n", b"@/etc/passwd"),
        request(
            "POST /shell",
            "X-Shell: $HOME `id` $(id) !! ; & |\r\n",
            b"$HOME `id` $(id) !! \\$ ; rm",
        ),
        request("POST /ends", "", b"line feeds at the end\n\n\n"),
        request("POST /empty", "Content-Length: 0\r\nContent-Type: text/plain\r\n", b""),
        request("GET /globs/{a,b}/[1-3]?q=[x]&y={z}", "", b""),
        request("GET /a/../b/./c//d?x=%2F%41&&=&y#", "", b""),
        request("GET /quote'\"$`!?q='\"", "", b""),
        request("GET /empty-value", "X-Empty:\r\nX-After: 1\r\n", b""),
        request("GET /latin", "X-Latin: caf\u{e9} \u{4e16}\r\n", b""),
        request("GET /doubled", "X-One: 1\r\nx-one: 2\r\nX-ONE: 3\r\n", b""),
        request("HEAD /head", "", b""),
        request("DELETE /thing/1", "Content-Type: text/plain\r\n", b"because"),
        request("GET /with-body", "", b"a body"),
        request("PROPFIND /dav", "Depth: 1\r\n", b""),
        request("POST /chunked", "Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
        request("PUT /at-file", "X-At: @/etc/passwd\r\n", b"-"),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (number, sent) in requests.iter().enumerate() {
        let mut peer = Peer::connect(wayside.http());
        peer.send(sent);
        peer.head().unwrap_or_else(|| panic!("no answer to {}", sent.escape_ascii()));
        drop(peer);
        let exchange = &wayside.ended("", number + 1)[number];
        let printed = wayside.run(["export", id(exchange), "--as", "curl"]).ok();
        let script = folder.path().join(format!("{number}.sh"));
        fs::write(&script, &printed.stdout).expect("it is written");
        assert_same(sent, &sent_by(&backend, &script, &[]), printed.text());

        let beside = folder.path().join(format!("{number}-beside.sh"));
        wayside.run(["export", id(exchange), "--as", "curl", "-o", &text(&beside)]).ok();
        let written = fs::read_to_string(&beside).expect("it was written");
        assert_same(sent, &sent_by(&backend, &beside, &[]), &written);
    }
    backend.join();
}

#[test]
fn a_megabyte_that_is_not_text_is_sent_again_whole() {
    let backend = Backend::answering(ANSWER);
    let wayside = Wayside::start(&backend.url(), &[]);
    let body: Vec<u8> =
        (0..1_000_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let head = format!(
        "PUT /big HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
        backend.address(),
        body.len()
    );
    let sent = [head.as_bytes(), &body].concat();
    let mut peer = Peer::connect(wayside.http());
    peer.send(&sent);
    peer.head().expect("an answer");
    let exchange = &wayside.ended("", 1)[0];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("big.sh");
    let printed = wayside.run(["export", id(exchange), "--as", "curl"]).ok();
    fs::write(&script, printed.stdout).expect("it is written");
    assert_same(&sent, &sent_by(&backend, &script, &[]), "the script with base64");
    wayside.run(["export", id(exchange), "--as", "curl", "-o", &text(&script)]).ok();
    assert_same(&sent, &sent_by(&backend, &script, &[]), "the script with a file beside it");
}

#[test]
fn secrets_are_shell_variables_that_must_be_set() {
    let backend = Backend::answering(ANSWER);
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    let sent = format!(
        "GET /mine?api_key=query-canary&x=1 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer head-canary\r\n\r\n",
        backend.address()
    );
    peer.send(&sent);
    peer.head().expect("an answer");
    let exchange = &wayside.ended("", 1)[0];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("mine.sh");
    let printed = wayside.run(["export", id(exchange), "--as", "curl"]).ok();
    assert!(!printed.text().contains("canary"), "{}", printed.text());
    fs::write(&script, &printed.stdout).expect("it is written");
    let unset = run(&script, &[]);
    assert_ne!(unset.code, 0);
    assert!(unset.stderr.contains("WAYSIDE_"), "it names the variable: {}", unset.stderr);
    let variables = [("WAYSIDE_URL_1", "query-canary"), ("WAYSIDE_AUTHORIZATION_1", "head-canary")];
    assert_same(sent.as_bytes(), &sent_by(&backend, &script, &variables), printed.text());

    let revealed = wayside.run(["export", id(exchange), "--as", "curl", "--reveal"]).ok();
    fs::write(&script, &revealed.stdout).expect("it is written");
    assert_same(sent.as_bytes(), &sent_by(&backend, &script, &[]), revealed.text());
}

#[test]
fn a_session_is_a_commented_script_in_order_and_goes_where_it_is_told() {
    let backend = Backend::answering(ANSWER);
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    for (method, body) in [("POST", "first"), ("PUT", "second"), ("PATCH", "third")] {
        peer.send(format!(
            "{method} /{body} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        peer.head().expect("an answer");
    }
    let exchanges = wayside.ended("", 3);
    let session = exchanges[0]["session"].as_str().expect("a session");
    let other = Backend::answering(ANSWER);
    let to = format!("{}/base/", other.url());
    let printed = wayside.run(["export", session, "--as", "curl", "--to", &to]).ok();
    let script = printed.text();
    assert!(script.starts_with("#!/bin/sh\n# 3 recorded requests"), "{script}");
    for exchange in &exchanges {
        assert!(script.contains(id(exchange)), "each step says which exchange it is: {script}");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("session.sh");
    fs::write(&file, script).expect("it is written");
    run(&file, &[]).ok();
    let starts: Vec<String> = other
        .received()
        .iter()
        .filter(|bytes| !bytes.is_empty())
        .map(|bytes| String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        starts,
        ["POST /base/first HTTP/1.1", "PUT /base/second HTTP/1.1", "PATCH /base/third HTTP/1.1"],
    );
    let host = format!("Host: {}\r\n", other.address());
    assert!(String::from_utf8_lossy(&other.received()[0]).contains(&host), "the new host is asked");
}

#[test]
fn what_came_over_http_2_is_sent_over_http_2_again() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let ca = text(&wayside.ca());
    let url = format!("https://{}/two?q=%20x", wayside.https());
    wayside_tests::curl(["--http2", "--cacert", &ca, "-H", "X-One: it's", "-d", "a=b", &url]).ok();
    let first = wayside.ended("", 1).remove(0);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let script = folder.path().join("two.sh");
    let printed = wayside.run(["export", id(&first), "--as", "curl", "--cacert", &ca]).ok();
    fs::write(&script, &printed.stdout).expect("it is written");
    run(&script, &[]).ok();
    let second = wayside.ended("", 2).remove(1);
    assert_eq!(second["http_version"], "HTTP/2");
    for field in ["method", "url", "client", "session"] {
        assert_eq!(second[field], first[field], "{field}\n{}", printed.text());
    }
    assert_eq!(second["request"]["body_sha256"], first["request"]["body_sha256"]);
    // The length stands where curl puts it.
    let fields = |exchange: &Value| -> Vec<Value> {
        let fields = exchange["request"]["headers"].as_array().expect("fields").clone();
        fields.into_iter().filter(|field| field[0] != "content-length").collect()
    };
    assert_eq!(fields(&second), fields(&first), "{}", printed.text());
}

#[test]
fn nothing_to_export_is_not_found_and_an_unknown_format_a_misuse() {
    let backend = Backend::answering(ANSWER);
    let wayside = Wayside::start(&backend.url(), &[]);
    let nothing = wayside.run(["export", "status:404", "--as", "curl"]).exits(1);
    assert!(nothing.stderr.contains("status:404") && nothing.stdout.is_empty());
    let unknown = wayside.run(["export", "status:200", "--as", "papyrus"]).exits(2);
    assert!(unknown.stderr.contains("papyrus") && unknown.stderr.contains("curl"));
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn run(script: &Path, variables: &[(&str, &str)]) -> Output {
    Output::of(Command::new("sh").arg(script).envs(variables.iter().copied()))
}

/// What reaches `backend` when `sh` runs `script`.
#[track_caller]
fn sent_by(backend: &Backend, script: &Path, variables: &[(&str, &str)]) -> Vec<u8> {
    let before = backend.received().len();
    run(script, variables).ok();
    let received = backend.received();
    let new: Vec<&Vec<u8>> = received[before..].iter().filter(|bytes| !bytes.is_empty()).collect();
    assert_eq!(new.len(), 1, "one request was expected");
    new[0].clone()
}

/// Whether two requests have the same start line, the same fields in the same order but for those that frame
/// the message, and the same body.
#[track_caller]
fn assert_same(sent: &[u8], again: &[u8], script: &str) {
    let ((sent, body), (again, body_again)) = (parts(sent), parts(again));
    assert_eq!(again, sent, "heads differ; the script is\n{script}");
    assert!(body == body_again, "bodies differ; the script is\n{script}");
}

/// Start line and fields, the length last; and the body without its chunks.
fn parts(request: &[u8]) -> (Vec<String>, Vec<u8>) {
    let end = request.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = request[..end].escape_ascii().to_string();
    let mut lines: Vec<String> =
        head.split("\\r\\n").map(|line| line.trim_end().to_owned()).collect();
    let framing = |line: &String| {
        line.starts_with("Content-Length:") || line.starts_with("Transfer-Encoding:")
    };
    lines.sort_by_key(framing);
    let mut body = request[end + 4..].to_vec();
    if head.contains("Transfer-Encoding: chunked") {
        let (mut whole, mut rest) = (Vec::new(), body.as_slice());
        while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
            let size = std::str::from_utf8(&rest[..line]).expect("a size");
            let size = usize::from_str_radix(size.trim(), 16).expect("a size");
            if size == 0 {
                break;
            }
            whole.extend_from_slice(&rest[line + 2..line + 2 + size]);
            rest = &rest[line + 2 + size + 2..];
        }
        body = whole;
    }
    (lines, body)
}
