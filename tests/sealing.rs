//! Forty secrets of every kind, sent through by real clients: none rests in clear anywhere, and every one comes
//! back, byte for byte, for who holds the key.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use wayside_tests::{Backend, Echo, Message, Output, Peer, Wayside, curl, files_below, id, marks};

const JWT_IN_JSON: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnktMDEifQ.Y2FuYXJ5LTAxLXNpZ25hdHVyZQ";
const JWT_IN_TEXT: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnktMDIifQ.Y2FuYXJ5LTAyLXNpZ25hdHVyZQ";
const JWT_IN_HEADER: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnktMDMifQ.Y2FuYXJ5LTAzLXNpZ25hdHVyZQ";
/// `alice:canary-04`
const BASIC: &str = "YWxpY2U6Y2FuYXJ5LTA0";
/// `bob:canary-05`
const BASIC_IN_TEXT: &str = "Ym9iOmNhbmFyeS0wNQ==";
const CARD: &str = "4539578763621486";
const CARD_IN_GROUPS: &str = "5425 2334 3010 9903";

/// Those that are words. Each is one of a kind, so that finding it anywhere is no accident.
const WORDS: [&str; 34] = [
    "canary-07-bearer",
    "canary-08-cookie",
    "canary-09-api-key",
    "canary-10-query",
    "canary-11-form",
    "canary-12-nested",
    "canary-13-multipart",
    "canary-14-userinfo",
    "canary-15-trailer",
    "canary-16-message",
    "canary-17-fragments",
    "canary-18-gzip",
    "canary-19-split",
    "canary-20-set-cookie",
    "canary-21-answer",
    "canary-22-answer-gzip",
    "canary-23-answer-split",
    "canary-24-answer-trailer",
    "canary-25-location",
    "canary-26-event",
    "canary-27-xml",
    "canary-28-private-key",
    "canary-29-json-in-json",
    "canary-30-graphql",
    "canary-31-brotli",
    "canary-32-early-hints",
    "canary-33-proxy",
    "canary-34-digest",
    "canary-35-own-header",
    "canary-36-own-field",
    "canary-37-own-pointer",
    "canary-38-own-pattern",
    "canary-39-cut",
    "canary-40-long",
];

fn canaries() -> Vec<&'static str> {
    let by_form = [JWT_IN_JSON, JWT_IN_TEXT, JWT_IN_HEADER, BASIC, BASIC_IN_TEXT, CARD];
    let all: Vec<_> = by_form.into_iter().chain(WORDS).collect();
    assert_eq!(all.len(), 40);
    all
}

const OWN_RULES: [&str; 8] = [
    "--seal-header",
    "X-Member",
    "--seal-field",
    "national-id",
    "--seal-pointer",
    "/people/*/name",
    "--seal-pattern",
    "canary-38-[a-z-]+",
];

#[test]
fn forty_canaries_rest_nowhere_in_clear_and_come_back_with_the_key() {
    let backend = backend();
    let mut wayside = Wayside::start_at_debug(&backend.url(), &OWN_RULES);
    let sent = send_all(&wayside);
    let exchanges = wayside.ended("", sent.len());
    wayside.settled();
    let by_path: BTreeMap<String, Value> = exchanges
        .into_iter()
        .map(|exchange| (exchange["path"].as_str().expect("a path").to_owned(), exchange))
        .collect();
    assert_eq!(by_path.len(), sent.len());

    // What anyone sees.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (har, script) = (file("all.har"), file("all.sh"));
    let mut shown = vec![
        wayside.run(["exchanges", "--json"]).ok(),
        wayside.run(["exchanges"]).ok(),
        wayside.run(["sessions", "--json"]).ok(),
        wayside.run(["clients", "--json"]).ok(),
        wayside.run(["status", "--json"]).ok(),
        wayside.run(["config"]).ok(),
        wayside.run(["export", "since:1h", "--as", "curl"]).ok(),
        wayside.run(["export", "since:1h", "--as", "curl", "-o", &script]).ok(),
        wayside.run(["export", "since:1h", "--as", "har", "-o", &har]).ok(),
        wayside.api("/api/exchanges").ok(),
        wayside.api("/api/clients").ok(),
        wayside.api("/api/status").ok(),
    ];
    for exchange in by_path.values() {
        let id = id(exchange);
        shown.push(wayside.run(["show", id]).ok());
        shown.push(wayside.run(["show", id, "--raw"]).ok());
        shown.push(wayside.run(["show", id, "--json"]).ok());
        for half in ["request", "response"] {
            shown.push(wayside.run(["show", id, "--body", half]));
            shown.push(wayside.api(&format!("/api/exchanges/{id}/{half}/body?decoded=1")));
        }
        shown.push(wayside.api(&format!("/api/exchanges/{id}/messages")));
    }
    for path in ["/metrics", "/api/clients", "/api/outliers?why=1", "/api/findings", "/api/routes"]
    {
        shown.push(wayside.api(path).ok());
    }
    for output in &shown {
        assert_clean("what a verb printed", &output.stdout);
        assert_clean("what a verb said", output.stderr.as_bytes());
    }
    for entry in fs::read_dir(folder.path()).expect("a folder") {
        let path = entry.expect("an entry").path();
        assert_clean(&path.display().to_string(), &fs::read(&path).expect("it is readable"));
    }

    comes_back(&wayside, &sent, &by_path);

    // What lies on the disk, and in the log: as it was recorded, in a copy, and written anew.
    let copy = folder.path().join("copy");
    wayside.run(["backup", &copy.display().to_string()]).ok();
    assert!(files_below(&copy, &mut |name, bytes| assert_clean(name, bytes)) > 2);
    assert!(files_below(wayside.data(), &mut |name, bytes| assert_clean(name, bytes)) > 3);
    wayside.curl("/to-be-erased", &[]);
    wayside.ended("path:/to-be-erased", 1);
    wayside.run(["erase", "path:/to-be-erased", "--yes"]).ok();
    wayside.run(["backup", &copy.display().to_string()]).ok();
    assert!(files_below(&copy, &mut |name, bytes| assert_clean(name, bytes)) > 2);
    for exchange in by_path.values().take(5) {
        wayside.run(["show", id(exchange), "--raw", "--reveal"]).ok();
    }
    assert_eq!(wayside.stop(), 0);
    assert_clean("the log", wayside.output().as_bytes());
    assert!(files_below(wayside.data(), &mut |name, bytes| assert_clean(name, bytes)) > 3);
}

/// What the owner of the key sees.
fn comes_back(
    wayside: &Wayside,
    sent: &BTreeMap<String, Bodies>,
    by_path: &BTreeMap<String, Value>,
) {
    let mut revealed = Vec::new();
    for (path, (request, response)) in sent {
        let id = id(&by_path[path]);
        revealed.extend(wayside.run(["show", id, "--raw", "--reveal"]).ok().stdout);
        revealed.extend(wayside.run(["show", id, "--reveal"]).ok().stdout);
        revealed.extend(wayside.run(["show", id, "--json", "--reveal"]).ok().stdout);
        for (half, wanted) in [("request", request), ("response", response)] {
            let Some(wanted) = wanted else { continue };
            let body = wayside.run(["show", id, "--body", half, "--raw", "--reveal"]).ok().stdout;
            assert!(
                body == *wanted,
                "{path}, {half}: {} is not {}",
                String::from_utf8_lossy(&body),
                String::from_utf8_lossy(wanted)
            );
            assert_eq!(by_path[path][half]["body_bytes"], wanted.len(), "{path}, {half}");
        }
    }
    for canary in canaries().iter().chain(&[CARD_IN_GROUPS]) {
        assert!(contains(&revealed, canary.as_bytes()), "`{canary}` does not come back");
    }
}

#[test]
fn forty_canaries_recorded_in_clear_are_sealed_where_they_lie_and_come_back_with_the_key() {
    let backend = backend();
    let arguments = [&["--seal", "none"][..], &OWN_RULES].concat();
    let wayside = Wayside::start(&backend.url(), &arguments);
    let sent = send_all(&wayside);
    let exchanges = wayside.ended("", sent.len());
    wayside.settled();
    let by_path: BTreeMap<String, Value> = exchanges
        .into_iter()
        .map(|exchange| (exchange["path"].as_str().expect("a path").to_owned(), exchange))
        .collect();
    let mut in_clear = 0;
    files_below(wayside.data(), &mut |_, bytes| {
        in_clear += canaries().iter().filter(|canary| contains(bytes, canary.as_bytes())).count();
    });
    assert!(in_clear > 20, "{in_clear}");
    let said = wayside.run(["scan", "--reseal"]).ok();
    let last: Vec<&str> = said.text().lines().rev().take(2).collect();
    assert!(last[0].ends_with("of what is in them now: nothing is in clear"), "{}", said.text());
    assert!(last[1].starts_with("sealed "), "{}", said.text());
    assert_clean("what a scan printed", &said.stdout);
    assert!(files_below(wayside.data(), &mut |name, bytes| assert_clean(name, bytes)) > 3);
    comes_back(&wayside, &sent, &by_path);
    let again = wayside.run(["scan", "--reseal", "--json"]).ok().json();
    assert_eq!((&again["secrets"], &again["segments"]), (&0.into(), &0.into()));
    let verified = wayside.run(["verify", "--json"]).ok().json();
    assert_eq!(verified["exchanges"].as_u64(), Some(sent.len() as u64));
    assert_eq!((&verified["lost"], &verified["damaged"]), (&0.into(), &Value::Array(vec![])));
}

#[test]
fn what_a_later_rule_finds_is_sealed_without_a_recorder_and_what_was_sealed_stays_so() {
    let echo = Echo::start();
    let mut wayside = Wayside::start(&echo.url(), &[]);
    let body = r#"{"password":"canary-11-form","member":"canary-36-own-field","note":"harmless"}"#;
    let head = ["-H", "Content-Type: application/json", "-H", "Cookie: a=canary-08-cookie"];
    let own = ["-H", "X-Member: canary-35-own-header", "-d", body];
    wayside.curl("/in?token=canary-10-query&member=canary-12-nested", &[head, own].concat()).ok();
    let exchange = wayside.ended("", 1).remove(0);
    let id = id(&exchange);
    let data = wayside.data().to_owned();
    assert_eq!(wayside.stop(), 0);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rules = folder.path().join("rules.toml").display().to_string();
    fs::write(&rules, "seal-field = [\"member\"]\nseal-header = [\"x-member\"]\n").expect("rules");
    let run = |arguments: &[&str]| Wayside::run_on(&data, arguments);
    run(&["scan"]).exits(0);
    let found = run(&["scan", "--config", &rules]).exits(1);
    assert!(found.stderr.contains("4 secrets in clear in 1"), "{}", found.stderr);
    let said = run(&["scan", "--config", &rules, "--reseal"]).ok();
    assert!(said.text().contains("sealed 4 secrets in 1 exchange"), "{}", said.text());
    files_below(&data, &mut assert_clean);
    let shown = run(&["show", id, "--raw"]).ok();
    assert_clean("what is shown", &shown.stdout);
    assert!(shown.text().contains("harmless"), "{}", shown.text());
    let revealed = run(&["show", id, "--body", "request", "--raw", "--reveal"]).ok();
    assert_eq!(revealed.text(), body);
    let revealed = run(&["show", id, "--raw", "--reveal"]).ok();
    for canary in ["canary-10-query", "canary-12-nested", "canary-35-own-header", "canary-08"] {
        assert!(revealed.text().contains(canary), "{canary}: {}", revealed.text());
    }
    let again = Echo::start();
    let url = again.url();
    let replay = ["replay", id, "--to", &url, "--allow-writes", "--pace", "max"];
    let credentials = ["--with-credentials", "--credentials-to", "127.0.0.1"];
    run(&[&replay[..], &credentials].concat()).ok();
    assert_eq!(again.only().body, body.as_bytes());
    // It is recorded into again, and nothing is lost or done twice.
    let wayside = Wayside::start_on(&data, &echo.url(), &[]);
    assert!(!wayside.output().contains("exchanges lost"), "{}", wayside.output());
    wayside.run(["scan", "--reseal"]).ok();
}

#[test]
fn secrets_in_a_long_body_are_sealed_in_every_segment_that_holds_a_piece_of_it() {
    let echo = Echo::start();
    let small = ["--seal", "none", "--keep-bytes", "32MiB"];
    let wayside = Wayside::start(&echo.url(), &small);
    let mut body = String::new();
    for n in 0..30_000 {
        let _ = writeln!(body, "line {n} of a long text, password=canary-40-long, and so on");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("body");
    fs::write(&file, &body).expect("it is written");
    let upload = format!("@{}", file.display());
    wayside.curl("/long", &["-H", "Content-Type: text/plain", "--data-binary", &upload]).ok();
    let exchange = wayside.ended("", 1).remove(0);
    let verified = wayside.run(["verify", "--json"]).ok().json();
    assert!(verified["segments"].as_u64() > Some(1), "{verified}");
    let said = wayside.run(["scan", "--reseal"]).ok();
    assert!(said.text().contains("sealed 60,000 secrets in 1 exchange"), "{}", said.text());
    files_below(wayside.data(), &mut assert_clean);
    let arguments = ["show", id(&exchange), "--body", "request", "--raw"];
    let stored = wayside.run(arguments).ok();
    assert_eq!(stored.text().matches("password=wayside-sealed-").count(), 30_000);
    let revealed = wayside.run(arguments.iter().copied().chain(["--reveal"])).ok();
    assert!(revealed.stdout == body.as_bytes(), "{} bytes", revealed.stdout.len());
    let verified = wayside.run(["verify", "--json"]).ok().json();
    assert_eq!((&verified["exchanges"], &verified["damaged"]), (&1.into(), &Value::Array(vec![])));
}

#[test]
fn a_body_is_told_to_be_redacted_and_its_hash_comes_with_the_secrets() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let body = r#"{"user":"ann","password":"canary-11-form"}"#;
    wayside.curl("/login", &["-H", "Content-Type: application/json", "-d", body]).ok();
    let exchange = wayside.ended("", 1).remove(0);
    let id = id(&exchange);
    let request = &exchange["request"];
    assert_eq!((&request["body_bytes"], &request["body_redacted"]), (&42.into(), &true.into()));
    assert_eq!(request["body_sha256"], Value::Null);
    assert_eq!(marks(&exchange), [""; 0], "nothing is missing");
    let revealed = wayside.run(["show", id, "--json", "--reveal"]).ok().json();
    let hash = sha256(body.as_bytes());
    assert_eq!(revealed["request"]["body_sha256"], hash);
    assert_eq!(revealed["request"]["body_redacted"], false);
    let page = wayside.run(["show", id]).ok();
    assert!(page.text().contains("--reveal"), "{}", page.text());
    // A search finds what surrounds the secret, and the secret itself only by its token.
    assert_eq!(wayside.exchanges("body:ann", 1).len(), 1);
    assert!(wayside.run(["exchanges", "--json", "body:canary-11"]).text().is_empty());
}

#[test]
fn a_replay_sends_tokens_unless_it_is_told_to_send_the_secrets() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let form = "user=ann&password=canary-11-form&x=1";
    wayside.curl("/login", &["--http1.1", "-d", form]).ok();
    let exchange = wayside.ended("", 1).remove(0);
    let again = Echo::start();
    let url = again.url();
    let replay = ["replay", id(&exchange), "--to", &url, "--allow-writes", "--pace", "max"];
    let said = wayside.run(replay);
    assert_clean("what a replay printed", &said.stdout);
    assert!(said.text().contains("the secrets in its body"), "{}", said.text());
    let credentials = ["--with-credentials", "--credentials-to", "127.0.0.1"];
    let said = wayside.run(replay.into_iter().chain(credentials)).ok();
    assert!(said.text().contains("1 the same"), "{}", said.text());
    let seen = again.seen();
    let first = String::from_utf8_lossy(&seen[0].body).into_owned();
    assert!(first.starts_with("user=ann&password=wayside-sealed-"), "{first}");
    assert!(first.ends_with("&x=1"), "{first}");
    assert_eq!(seen[1].body, form);
}

#[test]
fn the_key_can_live_outside_the_data_folder() {
    let echo = Echo::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = folder.path().join("seal.key").display().to_string();
    let mut wayside = Wayside::start(&echo.url(), &["--seal-key", &key]);
    wayside.curl("/", &["-d", "password=canary-11-form"]).ok();
    let exchange = wayside.ended("", 1).remove(0);
    let id = id(&exchange);
    assert!(!wayside.data().join("keys/sealing.key").exists());
    let refused = wayside.run(["show", id, "--raw", "--reveal"]).exits(3);
    assert!(refused.stderr.contains("--seal-key FILE"), "{}", refused.stderr);
    let revealed = wayside.run(["show", id, "--raw", "--reveal", "--seal-key", &key]).ok();
    assert!(revealed.text().contains("password=canary-11-form"), "{}", revealed.text());
    let script = wayside.run(["export", id, "--as", "curl", "--reveal", "--seal-key", &key]).ok();
    assert!(script.text().contains("password=canary-11-form"), "{}", script.text());
    assert_eq!(wayside.stop(), 0);
    let other = folder.path().join("other.key");
    fs::write(&other, [7; 32]).expect("it is written");
    let exposed = ["show", id, "--reveal", "--seal-key", &other.display().to_string()];
    let refused = wayside.run(exposed).exits(3);
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
}

#[test]
fn a_recorder_does_not_start_with_a_key_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    drop(Wayside::start_on(&data, "http://127.0.0.1:1", &[]));
    for key in ["sealing.key", "ca.key"] {
        let path = data.join("keys").join(key);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("it is ours");
        let mut starting = Command::new(Wayside::binary());
        starting.args([
            "record",
            "http://127.0.0.1:1",
            "--listen",
            "127.0.0.1:0",
            "--console",
            "off",
        ]);
        let refused = Output::of(starting.arg("--data").arg(&data)).exits(3);
        let hint = format!("hint: run `chmod 600 {}`", path.display());
        assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
}

#[test]
fn sealing_can_be_off_or_strict() {
    let echo = Echo::start();
    let none = Wayside::start(&echo.url(), &["--seal", "none"]);
    none.wait_for("recorded in clear");
    none.curl("/", &["-d", "password=canary-11-form", "-H", "X-Api-Key: canary-09-api-key"]).ok();
    let exchange = none.ended("", 1).remove(0);
    let raw = none.run(["show", id(&exchange), "--raw"]).ok();
    assert!(raw.text().contains("password=canary-11-form"), "{}", raw.text());
    assert!(
        raw.text().contains("X-Api-Key: canary-09-api-key")
            || raw.text().contains("x-api-key: canary-09-api-key")
    );
    assert!(exchange["client"].as_str().expect("a name").starts_with("key:"));

    let strict = Wayside::start(&echo.url(), &["--seal", "strict"]);
    let file = ["-H", "Content-Type: application/x-own", "-H", "X-Tenant: canary-35-own-header"];
    strict.curl("/", &[&file[..], &["--data-binary", "\u{1}canary-36-own-field"]].concat()).ok();
    let exchange = strict.ended("", 1).remove(0);
    let raw = strict.run(["show", id(&exchange), "--raw"]).ok();
    assert_clean("what is shown", &raw.stdout);
    let revealed = strict.run(["show", id(&exchange), "--raw", "--reveal"]).ok();
    assert!(revealed.text().contains("canary-35-own-header"), "{}", revealed.text());
    assert!(revealed.text().contains("canary-36-own-field"), "{}", revealed.text());
}

#[test]
fn a_scan_finds_what_was_recorded_in_clear_and_says_where_it_is() {
    let echo = Echo::start();
    let clear = Wayside::start(&echo.url(), &["--seal", "none"]);
    let fields = ["-H", "X-Api-Key: canary-09-api-key", "-H", "Content-Type: application/json"];
    let body = ["-d", r#"{"a":1,"password":"canary-11-form"}"#];
    clear.curl("/in?token=canary-10-query", &[&fields[..], &body[..]].concat()).ok();
    let exchange = clear.ended("", 1).remove(0);
    let found = clear.run(["scan", "--json"]).exits(1);
    assert_clean("what a scan printed", &found.stdout);
    let places: Vec<String> = found
        .json_lines()
        .iter()
        .map(|place| {
            format!("{} {} {}", place["half"], place["place"], place["offset"]).replace('"', "")
        })
        .collect();
    for wanted in ["request target null", "request x-api-key null", "request body 19"] {
        assert!(places.iter().any(|place| place == wanted), "no `{wanted}` in {places:?}");
    }
    assert_eq!(found.json_lines()[0]["id"], exchange["id"]);
    assert!(found.stderr.contains("1 exchange scanned"), "{}", found.stderr);
    clear.run(["scan", "path:/elsewhere"]).exits(0);

    let sealed = Wayside::start(&echo.url(), &[]);
    sealed.curl("/in?token=canary-10-query", &[&fields[..], &body[..]].concat()).ok();
    sealed.ended("", 1);
    let none = sealed.run(["scan"]).exits(0);
    assert!(none.stderr.contains("no secret in clear"), "{}", none.stderr);
}

#[test]
fn a_wrong_rule_says_what_is_wrong_with_it() {
    for (flag, value, reason) in [
        ("--seal", "some", "`some` is none of `none`, `default` and `strict`"),
        ("--seal-header", "x y", "cannot be the name of a header field"),
        ("--seal-pointer", "user/pin", "is no JSON pointer: it begins with `/`"),
        ("--seal-pattern", "acct_(", "is no regular expression: unclosed group"),
    ] {
        let mut starting = Command::new(Wayside::binary());
        let refused =
            Output::of(starting.args(["record", "http://127.0.0.1:1", flag, value])).exits(2);
        assert!(
            refused.stderr.contains(flag) && refused.stderr.contains(reason),
            "{}",
            refused.stderr
        );
    }
}

type Bodies = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Sends every canary that a client sends; gives for each path the bodies that passed, where they are known to
/// the byte.
fn send_all(wayside: &Wayside) -> BTreeMap<String, Bodies> {
    let mut sent = BTreeMap::new();
    let mut note = |path: &str, request: Option<&[u8]>, response: Option<Vec<u8>>| {
        sent.insert(path.to_owned(), (request.map(<[u8]>::to_vec), response));
    };
    let get = |target: &str, fields: &[&str]| {
        let mut arguments = vec!["--http1.1"];
        arguments.extend(fields.iter().flat_map(|field| ["-H", field]));
        wayside.curl(target, &arguments).ok();
    };
    let post = |path: &str, kind: &str, body: &[u8], more: &[&str]| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("body");
        fs::write(&file, body).expect("it is written");
        let (kind, data) = (format!("Content-Type: {kind}"), format!("@{}", file.display()));
        let mut arguments = vec!["-H", &kind, "--data-binary", &data];
        arguments.extend(more);
        wayside.curl(path, &arguments).ok();
    };
    get(
        "/heads?api_key=canary-10-query&page=2",
        &[
            "Authorization: Bearer canary-07-bearer",
            "Cookie: theme=dark; sid=canary-08-cookie",
            "X-Api-Key: canary-09-api-key",
            "Referer: https://alice:canary-14-userinfo@shop.test/",
            "Proxy-Authorization: Basic canary-33-proxy",
            &format!("X-User: {JWT_IN_HEADER}"),
            "X-Member: canary-35-own-header",
        ],
    );
    note("/heads", None, None);
    get("/basic", &[&format!("Authorization: Basic {BASIC}")]);
    note("/basic", None, None);
    get("/digest", &["Authorization: Digest username=\"ann\", response=\"canary-34-digest\""]);
    note("/digest", None, None);
    let form = b"user=ann&password=canary-11-form&note=x%20y";
    post("/form", "application/x-www-form-urlencoded", form, &[]);
    note("/form", Some(form), None);
    let json = format!(
        r#"{{"a":[{{"client_secret":"canary-12-nested"}}],"note":"is {JWT_IN_JSON}","card":{CARD},"c":"{CARD_IN_GROUPS}","inner":"{{\"token\":\"canary-29-json-in-json\"}}","query":"mutation{{login(password:\"canary-30-graphql\"){{id}}}}","nationalId":"canary-36-own-field","people":[{{"name":"canary-37-own-pointer"}}],"x":"canary-38-own-pattern"}}"#
    );
    // Over HTTP/2.
    post("/json", "application/json", json.as_bytes(), &["--http2"]);
    note("/json", Some(json.as_bytes()), None);
    wayside.curl("/parts", &["-F", "user=ann", "-F", "password=canary-13-multipart"]).ok();
    note("/parts", None, None);
    let text = format!(
        "Authorization: Basic {BASIC_IN_TEXT}\n{JWT_IN_TEXT}\n-----BEGIN PRIVATE KEY-----\ncanary-28-private-key\n-----END PRIVATE KEY-----\n"
    );
    post("/text", "text/plain", text.as_bytes(), &[]);
    note("/text", Some(text.as_bytes()), None);
    let xml = b"<login><user>ann</user><password>canary-27-xml</password></login>";
    post("/xml", "text/xml", xml, &[]);
    note("/xml", Some(xml), None);
    let packed = gzip(br#"{"user":"ann","password":"canary-18-gzip"}"#);
    post("/gzip", "application/json", &packed, &["-H", "Content-Encoding: gzip"]);
    note("/gzip", Some(&packed), None);
    let packed = brotli(br#"{"user":"ann","password":"canary-31-brotli"}"#);
    post("/brotli", "application/json", &packed, &["-H", "Content-Encoding: br"]);
    note("/brotli", Some(&packed), None);
    let long = long();
    post("/long", "application/json", &long, &[]);
    note("/long", Some(&long), None);

    // In two chunks with the secret across them, and in a trailer.
    let mut peer = Peer::connect(wayside.http());
    peer.send("POST /split HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Auth-Token\r\n\r\n");
    peer.send("17\r\n{\"password\":\"canary-19-\r\n");
    peer.send("7\r\nsplit\"}\r\n0\r\nX-Auth-Token: canary-15-trailer\r\n\r\n");
    Message::response(&mut peer, "POST").expect("an answer");
    note("/split", Some(b"{\"password\":\"canary-19-split\"}"), None);

    // What the backend answers.
    for path in ["/answer", "/answer-gzip", "/answer-split", "/early", "/events"] {
        let answer = curl([wayside.http_url(path), "--raw".to_owned()]).ok();
        let body = match path {
            "/answer-split" => b"{\"x\":1,\"refresh_token\":\"canary-23-answer-split\"}".to_vec(),
            _ => answer.stdout,
        };
        note(path, None, Some(body));
    }
    // The backend breaks off in the middle of the secret.
    curl([wayside.http_url("/cut")]);
    note("/cut", None, Some(b"{\"password\":\"canary-39-cut".to_vec()));

    // WebSocket: a message, and one in fragments.
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    peer.head();
    peer.send(messages());
    let answered = peer.rest();
    note("/socket", Some(&messages()), Some(answered));
    sent
}

fn backend() -> Backend {
    Backend::scripted(|peer| {
        while let Some(request) = Message::request(peer) {
            let target = request.start.split(' ').nth(1).unwrap_or_default().to_owned();
            let path = target.split('?').next().unwrap_or_default();
            let with = |fields: &str, body: &[u8]| {
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{fields}\r\n", body.len());
                [head.as_bytes(), body].concat()
            };
            match path {
                "/answer" => {
                    let fields = "Content-Type: application/json\r\nSet-Cookie: sid=canary-20-set-cookie; Path=/\r\n\
                        Location: /next?token=canary-25-location\r\n";
                    peer.send(with(
                        fields,
                        br#"{"access_token":"canary-21-answer","expires_in":3600}"#,
                    ));
                }
                "/answer-gzip" => {
                    let body = gzip(br#"{"access_token":"canary-22-answer-gzip"}"#);
                    peer.send(with(
                        "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
                        &body,
                    ));
                }
                "/answer-split" => {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-Auth-Token\r\n\r\n");
                    peer.send("7\r\n{\"x\":1,\r\n1a\r\n\"refresh_token\":\"canary-23\r\n");
                    peer.send("f\r\n-answer-split\"}\r\n0\r\nX-Auth-Token: canary-24-answer-trailer\r\n\r\n");
                }
                "/early" => {
                    peer.send("HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=canary-32-early-hints\r\n\r\n");
                    peer.send(with("", b""));
                }
                "/events" => {
                    let body =
                        b"event: login\ndata: {\"token\":\"canary-26-event\"}\n\ndata: bye\n\n";
                    peer.send(with("Content-Type: text/event-stream\r\n", body));
                }
                "/cut" => {
                    peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"password\":\"canary-39-cut");
                    return;
                }
                "/socket" => {
                    peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLBMTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
                    let text = br#"{"session":"ok","token":"canary-16-message"}"#;
                    peer.exactly(messages().len());
                    peer.send([&[0x81, text.len() as u8], &text[..]].concat());
                    peer.send([0x88, 0]);
                    return;
                }
                _ => {
                    peer.send(with("", b""));
                }
            }
        }
    })
}

/// What a client says over WebSocket: a message, another in fragments, and goodbye.
fn messages() -> Vec<u8> {
    [
        masked(0x81, br#"{"type":"auth","token":"canary-16-message"}"#),
        masked(0x01, br#"{"type":"auth","token":"canary-17-"#),
        masked(0x80, br#"fragments"}"#),
        masked(0x88, &[]),
    ]
    .concat()
}

/// Longer than a body that waits in memory, with secrets throughout.
fn long() -> Vec<u8> {
    let mut body = b"{\"rows\":[".to_vec();
    while body.len() < 700_000 {
        let row = format!(
            "{{\"n\":{},\"password\":\"canary-40-long\",\"text\":\"{}\"}},",
            body.len(),
            "x".repeat(body.len() % 997)
        );
        body.extend_from_slice(row.as_bytes());
    }
    body.extend_from_slice(b"0]}");
    body
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).expect("memory");
    encoder.finish().expect("memory")
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    brotli::CompressorWriter::new(&mut coded, 4096, 5, 20).write_all(body).expect("memory");
    coded
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [1, 2, 3, 4];
    let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key);
    let payload: Vec<u8> = payload.collect();
    [&[first, 0x80 | payload.len() as u8], &key[..], &payload].concat()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[track_caller]
fn assert_clean(what: &str, bytes: &[u8]) {
    // Compressed by us, a secret would be as well hidden as sealed: what is packed is unpacked, too.
    let unpacked = unpacked(bytes);
    for canary in canaries().iter().chain(&[CARD_IN_GROUPS, "canary-"]) {
        for bytes in [bytes, &unpacked] {
            if let Some(at) =
                bytes.windows(canary.len()).position(|window| window == canary.as_bytes())
            {
                let around = &bytes[at.saturating_sub(200)..bytes.len().min(at + 60)];
                panic!("{what} holds `{canary}`: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

/// Everything in `bytes` that is a gzip member.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut all = Vec::new();
    for at in 0..bytes.len().saturating_sub(10) {
        if bytes[at..].starts_with(&[0x1f, 0x8b, 8]) {
            let mut decoder = flate2::read::GzDecoder::new(&bytes[at..]);
            let _ = (&mut decoder).take(1 << 20).read_to_end(&mut all);
        }
    }
    all
}
