//! Credentials never rest in clear: not in the data folder, not in the log, not in what is printed or exported,
//! unless `--reveal` asks for them.

use std::fs;

use wayside_tests::{Echo, Peer, Wayside, files_below, id};

/// Each secret is one of a kind, so that finding it anywhere is no accident.
const BEARER: &str = "canary-bearer-8d1f0c7e";
/// `alice:canary-password-51aa`
const BASIC: &str = "YWxpY2U6Y2FuYXJ5LXBhc3N3b3JkLTUxYWE=";
const PASSWORD: &str = "canary-password-51aa";
const COOKIE: &str = "canary-cookie-77b2e9";
const SET_COOKIE: &str = "canary-set-cookie-c03d";
const API_KEY: &str = "canary-api-key-4e4e91";
const QUERY_KEY: &str = "canary-query-key-90fd";
const SECRETS: [&str; 7] = [BEARER, BASIC, PASSWORD, COOKIE, SET_COOKIE, API_KEY, QUERY_KEY];

#[test]
fn secrets_rest_nowhere_in_clear() {
    let (mut wayside, _echo) = recorded();
    let exchanges = wayside.ended("", 4);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let har = folder.path().join("all.har").display().to_string();
    let script = folder.path().join("all.sh").display().to_string();
    let mut shown = vec![
        wayside.run(["exchanges", "--json"]).ok(),
        wayside.run(["exchanges"]).ok(),
        wayside.run(["sessions", "--json"]).ok(),
        wayside.run(["clients", "--json"]).ok(),
        wayside.run(["export", "method:GET", "--as", "curl"]).ok(),
        wayside.run(["export", "method:GET", "--as", "har"]).ok(),
        wayside.run(["export", "method:GET", "--as", "curl", "-o", &script]).ok(),
        wayside.run(["export", "method:GET", "--as", "har", "-o", &har]).ok(),
        wayside.api("/api/exchanges").ok(),
        wayside.api("/api/clients").ok(),
    ];
    for exchange in &exchanges {
        let id = id(exchange);
        shown.push(wayside.run(["show", id]).ok());
        shown.push(wayside.run(["show", id, "--raw"]).ok());
        shown.push(wayside.run(["show", id, "--json"]).ok());
        shown.push(wayside.run(["replay", id, "--to", "http://127.0.0.1:1", "--dry-run"]).ok());
    }
    assert_eq!(wayside.stop(), 0);
    for output in &shown {
        assert_clean("what a verb printed", &output.stdout);
        assert_clean("what a verb said", output.stderr.as_bytes());
    }
    assert_clean("the log", wayside.output().as_bytes());
    assert_clean("the HAR", &fs::read(har).expect("it was written"));
    assert_clean("the script", &fs::read(script).expect("it was written"));
    assert!(files_below(wayside.data(), &mut |name, bytes| assert_clean(name, bytes)) > 3);
}

#[test]
fn secrets_over_http_2_and_of_failed_exchanges_rest_nowhere_in_clear_either() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("http://{}", listener.local_addr().expect("a bound socket"))
    };
    let mut wayside = Wayside::start(&nobody, &[]);
    let query = format!("/fails?access_token={QUERY_KEY}&page=2");
    let fields = [
        format!("Authorization: Bearer {BEARER}"),
        format!("Cookie: theme=dark; sid={COOKIE}"),
        format!("X-Api-Key: {API_KEY}"),
        format!("Referer: https://alice:{PASSWORD}@shop.test/?api_key={SET_COOKIE}"),
    ];
    let mut arguments = vec!["--http2"];
    arguments.extend(fields.iter().flat_map(|field| ["-H", field]));
    wayside.curl(&query, &arguments).ok();
    let exchange = wayside.ended("", 1).remove(0);
    assert_eq!((&exchange["status"], &exchange["http_version"]), (&502.into(), &"HTTP/2".into()));
    assert_eq!(exchange["path"], "/fails");
    let shown = wayside.run(["show", id(&exchange), "--raw", "--reveal"]).ok();
    for secret in [BEARER, COOKIE, API_KEY, QUERY_KEY, PASSWORD, SET_COOKIE] {
        assert!(shown.text().contains(secret), "no `{secret}` in {}", shown.text());
    }
    let listed = wayside.run(["exchanges", "--json"]).ok();
    assert_clean("the listing", &listed.stdout);
    assert_clean("the table", &wayside.run(["exchanges"]).ok().stdout);
    wayside.signal(wayside_tests::Signal::Kill);
    wayside.wait();
    assert_clean("the log", wayside.output().as_bytes());
    assert!(files_below(wayside.data(), &mut |name, bytes| assert_clean(name, bytes)) > 3);
}

#[test]
fn an_export_with_secrets_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (wayside, _echo) = recorded();
    let exchange = id(&wayside.ended("", 4)[0]).to_owned();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("mine.sh");
    let output = file.display().to_string();
    wayside.run(["export", &exchange, "--as", "curl", "--reveal", "-o", &output]).ok();
    let mode = fs::metadata(&file).expect("it was written").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(fs::read_to_string(&file).expect("it was written").contains(BEARER));
}

#[test]
fn secrets_are_shown_to_who_asks_for_them() {
    let (wayside, _echo) = recorded();
    let exchanges = wayside.ended("", 4);
    let raw: Vec<String> = exchanges
        .iter()
        .map(|exchange| {
            let shown = wayside.run(["show", id(exchange), "--raw", "--reveal"]).ok();
            shown.text().to_owned()
        })
        .collect();
    assert!(raw[0].contains(&format!("Authorization: Bearer {BEARER}\r\n")), "{}", raw[0]);
    assert!(raw[0].contains(&format!("set-cookie: sid={SET_COOKIE}; HttpOnly\r\n")), "{}", raw[0]);
    assert!(raw[1].contains(&format!("Authorization: Basic {BASIC}\r\n")), "{}", raw[1]);
    assert!(raw[2].contains(&format!("sid={COOKIE}")), "{}", raw[2]);
    assert!(raw[3].contains(&format!("X-Api-Key: {API_KEY}\r\n")), "{}", raw[3]);
    assert!(
        raw[3].starts_with(&format!("GET /key?api_key={QUERY_KEY}&page=2 HTTP/1.1\r\n")),
        "{}",
        raw[3]
    );
    let script = wayside.run(["export", id(&exchanges[0]), "--as", "curl", "--reveal"]).ok();
    assert!(script.text().contains(BEARER));
}

#[test]
fn a_secret_gives_the_same_name_each_time_and_another_gives_another() {
    let (wayside, _echo) = recorded();
    wayside_tests::curl([wayside.http_url("/again"), format!("-HAuthorization: Bearer {BEARER}")])
        .ok();
    wayside_tests::curl([wayside.http_url("/other"), "-HAuthorization: Bearer other".to_owned()])
        .ok();
    let exchanges = wayside.ended("", 6);
    assert_eq!(exchanges[0]["client"], exchanges[4]["client"]);
    assert_ne!(exchanges[0]["client"], exchanges[5]["client"]);
    assert!(exchanges[0]["client"].as_str().expect("a name").starts_with("bearer:"));
    assert_eq!(exchanges[1]["client"], "basic:alice", "a user name is no secret");
    assert!(exchanges[2]["client"].as_str().expect("a name").starts_with("cookie:"));
    assert!(exchanges[3]["client"].as_str().expect("a name").starts_with("key:"));
}

#[test]
fn keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (wayside, _echo) = recorded();
    let mut keys = 0;
    for entry in fs::read_dir(wayside.data().join("keys")).expect("there are keys") {
        let path = entry.expect("an entry").path();
        let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
        if path.extension().is_none_or(|extension| extension != "pem") {
            assert_eq!(mode, 0o600, "{}", path.display());
            keys += 1;
        }
    }
    assert!(keys >= 2, "a CA key and a sealing key");
    let socket = fs::metadata(wayside.data().join("control.sock")).expect("the control socket");
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
}

/// Four requests with secrets of every kind, the backend answering with one of its own.
fn recorded() -> (Wayside, Echo) {
    let cookie = format!("sid={SET_COOKIE}; HttpOnly");
    let echo = Echo::with_headers(&[("Set-Cookie", &cookie)]);
    let wayside = Wayside::start(&echo.url(), &[]);
    let heads = [
        format!("GET /bearer HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {BEARER}\r\n\r\n"),
        format!("GET /basic HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {BASIC}\r\n\r\n"),
        format!("GET /cookie HTTP/1.1\r\nHost: x\r\nCookie: theme=dark; sid={COOKIE}\r\n\r\n"),
        format!(
            "GET /key?api_key={QUERY_KEY}&page=2 HTTP/1.1\r\nHost: x\r\nX-Api-Key: {API_KEY}\r\n\r\n"
        ),
    ];
    for head in heads {
        let mut peer = Peer::connect(wayside.http());
        peer.send(head);
        peer.head().expect("an answer");
    }
    (wayside, echo)
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8]) {
    for secret in SECRETS {
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{what} holds `{secret}`:\n{}", String::from_utf8_lossy(bytes));
    }
}
