//! Recordings that earlier versions left (`tests/fixtures`) are opened and read, and gone on with; those of
//! later ones are refused, and left alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use wayside_tests::{Echo, Output, Wayside};

/// Id, method, path, status and length of the response's body.
type Row = (&'static str, &'static str, &'static str, u64, u64);

const IN_CLEAR: [Row; 6] = [
    ("0t0c2c2hc80g", "GET", "/orders/1", 200, 43),
    ("0t0c2c40ex0g", "POST", "/login", 200, 40),
    ("0t0c2c4zcn0g", "GET", "/missing", 404, 42),
    ("0t0c2c76j800", "GET", "/long", 200, 216_000),
    ("0t0c2e5nyf0g", "GET", "/orders/2", 200, 43),
    ("0t0c2e67f300", "GET", "/orders/3", 200, 43),
];
const ENCRYPTED: [Row; 6] = [
    ("0t0c2fwqp300", "GET", "/orders/1", 200, 43),
    ("0t0c2fx7jq0g", "POST", "/login", 200, 40),
    ("0t0c2fyj2500", "GET", "/missing", 404, 42),
    ("0t0c2fzkvy0g", "GET", "/long", 200, 216_000),
    ("0t0c2ht0r200", "GET", "/orders/2", 200, 43),
    ("0t0c2hth4c0g", "GET", "/orders/3", 200, 43),
];
/// The next two have a client certificate, and a name in the body of the second exchange.
const CERTIFIED: [Row; 6] = [
    ("0t1339e7x50g", "GET", "/orders/1", 200, 43),
    ("0t1339f8h20g", "POST", "/login", 200, 40),
    ("0t1339h8ra00", "GET", "/missing", 404, 42),
    ("0t1339j8bp00", "GET", "/long", 200, 216_000),
    ("0t133drvks00", "GET", "/orders/2", 200, 43),
    ("0t133dsw220g", "GET", "/orders/3", 200, 43),
];
const CERTIFIED_AND_ENCRYPTED: [Row; 6] = [
    ("0t133hkek80g", "GET", "/orders/1", 200, 43),
    ("0t133hmefj00", "POST", "/login", 200, 40),
    ("0t133hnwc400", "GET", "/missing", 404, 42),
    ("0t133hrfk800", "GET", "/long", 200, 216_000),
    ("0t133p5zeb00", "GET", "/orders/2", 200, 43),
    ("0t133p7bsy0g", "GET", "/orders/3", 200, 43),
];

/// A copy of a fixture that may be written to.
fn fixture(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name), &data);
    (folder, data)
}

/// Files that their owner alone may read: git does not keep that.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a fixture") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::write(&to, fs::read(&path).expect("it is readable")).expect("it is ours");
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("it is ours");
        }
    }
}

fn run(data: &Path, arguments: &[&str]) -> Output {
    Wayside::run_on(data, arguments)
}

fn holds(data: &Path, rows: &[Row]) {
    let listed = run(data, &["exchanges", "--json"]).ok().json_lines();
    for (row, (id, method, path, status, bytes)) in listed.iter().zip(rows) {
        assert_eq!((&row["id"], &row["method"]), (&(*id).into(), &(*method).into()));
        assert_eq!((&row["path"], &row["status"]), (&(*path).into(), &(*status).into()));
        assert_eq!(row["response"]["body_bytes"], *bytes);
    }
    assert!(listed.len() >= rows.len(), "{} exchanges", listed.len());
}

#[test]
fn recordings_of_every_earlier_format_are_read_searched_revealed_and_gone_on_with() {
    let echo = Echo::start();
    let fixtures = [
        ("format-1", IN_CLEAR, 1),
        ("format-2", ENCRYPTED, 2),
        ("format-3", CERTIFIED, 3),
        ("format-4", CERTIFIED_AND_ENCRYPTED, 4),
    ];
    for (name, rows, format) in fixtures {
        let (_folder, data) = fixture(name);
        holds(&data, &rows);
        let verified = run(&data, &["verify"]).ok();
        assert!(verified.text().contains("6 exchanges in"), "{}", verified.text());
        assert!(verified.text().contains("all whole"), "{}", verified.text());
        let (login, long) = (rows[1].0, rows[3].0);
        let shown = run(&data, &["show", login, "--raw"]).ok();
        assert!(shown.text().contains("\"note\":\"kept\""), "{}", shown.text());
        assert!(!shown.text().contains("of-the-fixture"), "{}", shown.text());
        let revealed = run(&data, &["show", login, "--raw", "--reveal"]).ok();
        for secret in ["hunter2-of-the-fixture", "a-token-of-the-fixture", "key-of-the-second"] {
            assert!(revealed.text().contains(secret), "{secret}: {}", revealed.text());
        }
        let body = run(&data, &["show", long, "--raw", "--body", "response"]).ok().stdout;
        assert_eq!(body, b"a long line of a long body\n".repeat(8000));
        let found = run(&data, &["exchanges", "--json", "body:\"out of stock\""]).ok();
        assert_eq!(found.json_lines().len(), 5);
        assert!(run(&data, &["pin"]).ok().text().contains("`path:/orders/1`, 1 exchange now"));
        let first = run(&data, &["show", "--json", rows[0].0]).ok().json();
        let certified = if format < 3 { Value::Null } else { "alice".into() };
        assert_eq!(first["tls"]["client_certificate"]["name"], certified, "{name}");
        let named = run(&data, &["exchanges", "--json", "evidence:body"]);
        assert_eq!(named.json_lines().len(), usize::from(format >= 3), "{name}");
        let mut wayside = Wayside::start_on(&data, &echo.url(), &[]);
        assert!(!wayside.output().contains("exchanges lost"), "{}", wayside.output());
        wayside.curl("/from-now-on", &[]).ok();
        wayside.exchanges("", 7);
        assert_eq!(wayside.stop(), 0);
        holds(&data, &rows);
        // Nothing new goes into a segment of an earlier format, and encryption stays as it was.
        let newest = fs::read_dir(data.join("segments")).expect("segments");
        let newest = newest.map(|entry| entry.expect("an entry").path()).max().expect("one");
        let written = fs::read(newest).expect("a segment")[8];
        assert_eq!(written, if format % 2 == 0 { 4 } else { 3 }, "{name}");
    }
}

#[test]
fn a_recording_of_a_later_version_is_refused_by_every_verb_and_both_versions_are_named() {
    let (_folder, data) = fixture("format-1");
    let segment = data.join("segments/0000000002.seg");
    let mut bytes = fs::read(&segment).expect("a segment");
    bytes[8..12].copy_from_slice(&7_u32.to_le_bytes());
    let crc = crc32c(&bytes[..36]).to_le_bytes();
    bytes[36..40].copy_from_slice(&crc);
    fs::write(&segment, &bytes).expect("it is ours");
    let arguments: [&[&str]; 5] = [
        &["exchanges"],
        &["show", IN_CLEAR[0].0],
        &["verify"],
        &["erase", "client", "nobody", "--yes"],
        &["record", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--console", "off"],
    ];
    for arguments in arguments {
        let refused = run(&data, arguments).exits(3);
        let said = "has format version 7, and this program reads up to 4";
        assert!(refused.stderr.contains(said), "{arguments:?}: {}", refused.stderr);
    }
    assert_eq!(fs::read(&segment).expect("a segment"), bytes, "it is left alone");
}

/// CRC-32C (RFC 3720 appendix B.4), bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}
