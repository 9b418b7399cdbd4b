//! TLS towards clients and towards the backend: certificates made on the spot, given ones chosen by name and
//! swapped while running, and failures that say their reason.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::channel;

use tempfile::TempDir;
use wayside_tests::{
    Backend, Echo, Message, Output, Peer, Signal, Wayside, curl, eventually, program, python,
};

const MAKE: &str = r#"
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
path, name, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
key = ec.generate_private_key(ec.SECP256R1())
subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    .serial_number(x509.random_serial_number())
    .not_valid_before(now + datetime.timedelta(days=first)).not_valid_after(now + datetime.timedelta(days=last))
    .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
    .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
open(path + ".pem", "wb").write(certificate.public_bytes(serialization.Encoding.PEM))
open(path + ".key", "wb").write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
__import__("os").chmod(path + ".key", 0o600)
"#;

/// A self-signed certificate for `name` as `FILE.pem` and `FILE.key`, valid between two days from now.
#[track_caller]
fn make(folder: &Path, file: &str, name: &str, days: [i32; 2]) -> (String, String) {
    let path = folder.join(file).display().to_string();
    python(MAKE, [path.as_str(), name, &days[0].to_string(), &days[1].to_string()]).ok();
    (format!("{path}.pem"), format!("{path}.key"))
}

/// What openssl says of a handshake for `name`, with no request sent.
fn handshake(wayside: &Wayside, name: &str, arguments: &[&str]) -> String {
    let address = wayside.https().to_string();
    let mut all = vec!["s_client", "-connect", &address, "-servername", name];
    all.extend(arguments);
    let said = program("openssl", all);
    String::from_utf8_lossy(&said.stdout).into_owned() + &said.stderr
}

#[test]
fn a_certificate_made_on_the_spot_is_good_for_any_name_and_for_the_address() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let (ca, port) = (wayside.ca().display().to_string(), wayside.https().port());
    for name in ["shop.test", "API.Example.com", "localhost", "a-b.c.d.e.test"] {
        let resolve = format!("{name}:{port}:127.0.0.1");
        let url = format!("https://{name}:{port}/");
        let said = curl(["--cacert", &ca, "--resolve", &resolve, &url, "-d", "x"]).ok();
        assert_eq!(said.text(), "x", "{name}");
    }
    let said = curl(["--cacert", &ca, &format!("https://127.0.0.1:{port}/"), "-d", "x"]).ok();
    assert_eq!(said.text(), "x");
    // Without the CA nobody is fooled.
    curl([format!("https://127.0.0.1:{port}/")]).exits(60);
}

#[test]
fn tls_1_2_and_1_3_and_both_protocols_are_spoken() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    for (tls, maximum) in [("TLSv1.2", "1.2"), ("TLSv1.3", "1.3")] {
        for (flag, version, alpn) in
            [("--http1.1", "HTTP/1.1", "http/1.1"), ("--http2", "HTTP/2", "h2")]
        {
            let path = format!("/{maximum}{flag}");
            wayside.curl(&path, &[flag, "--tls-max", maximum]).ok();
            let exchange = wayside.ended(&format!("path:{path}"), 1).remove(0);
            assert_eq!(exchange["http_version"], version, "{exchange}");
            assert_eq!(exchange["tls"]["alpn"], alpn, "{exchange}");
            assert_eq!(exchange["tls"]["sni"], "shop.test", "{exchange}");
            assert!(exchange["tls"]["version"].to_string().contains(maximum), "{tls}: {exchange}");
        }
    }
    let old = handshake(&wayside, "shop.test", &["-tls1_1"]);
    assert!(old.contains("no peer certificate available"), "{old}");
}

#[test]
fn given_certificates_are_chosen_by_name_and_the_rest_is_made() {
    let folder = TempDir::new().expect("a folder");
    let (a, a_key) = make(folder.path(), "a", "a.test", [-1, 10]);
    let (b, b_key) = make(folder.path(), "b", "*.b.test", [-1, 10]);
    let echo = Echo::start();
    let given = ["--cert", &a, "--key", &a_key, "--cert", &b, "--key", &b_key];
    let wayside = Wayside::start(&echo.url(), &given);
    let port = wayside.https().port();
    for (name, trusted) in [("a.test", &a), ("www.b.test", &b)] {
        let resolve = format!("{name}:{port}:127.0.0.1");
        let url = format!("https://{name}:{port}/");
        curl(["--cacert", trusted, "--resolve", &resolve, &url]).ok();
    }
}

#[test]
fn pairs_that_cannot_serve_are_clear_errors() {
    let folder = TempDir::new().expect("a folder");
    let (good, good_key) = make(folder.path(), "good", "a.test", [-1, 10]);
    let (_, other_key) = make(folder.path(), "other", "a.test", [-1, 10]);
    let (old, old_key) = make(folder.path(), "old", "a.test", [-20, -10]);
    let (early, early_key) = make(folder.path(), "early", "a.test", [5, 10]);
    let missing = folder.path().join("missing.pem").display().to_string();
    let empty = folder.path().join("empty.pem").display().to_string();
    fs::write(&empty, "").expect("written");
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o600)).expect("it is ours");
    for (certificate, key, words) in [
        (&good, &other_key, "do not belong together"),
        (&old, &old_key, "expired on"),
        (&early, &early_key, "is not valid before"),
        (&missing, &good_key, "could not read"),
        (&good, &missing, "could not read"),
        (&empty, &good_key, "no certificate in"),
        (&good, &empty, "no private key in"),
    ] {
        let arguments =
            ["record", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--console", "off"];
        let pair = ["--cert", certificate, "--key", key];
        let data = folder.path().join("data");
        let said: Output = Wayside::run_on(&data, arguments.iter().chain(&pair)).exits(3);
        assert!(said.stderr.contains(words), "{words}: {}", said.stderr);
        assert!(said.stderr.contains(&folder.path().display().to_string()), "{}", said.stderr);
    }
}

#[test]
fn a_failed_handshake_is_recorded_with_its_reason_and_name() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let resolve = format!("shop.test:{}:127.0.0.1", wayside.https().port());
    curl(["--resolve", &resolve, &wayside.https_url("/")]).exits(60);
    let failed = wayside.ended("outcome:refused", 1).remove(0);
    let reason = failed["failure"]["reason"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        reason,
        "TLS handshake failed: the client does not trust the certificate (alert unknown_ca)"
    );
    assert_eq!(failed["tls"]["sni"], "shop.test", "{failed}");
    assert!(
        failed["client_addr"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:"))
    );
    handshake(&wayside, "old.test", &["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"]);
    let failed = wayside.ended("outcome:refused", 2);
    let reasons: Vec<_> = failed.iter().map(|one| one["failure"]["reason"].to_string()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("version")), "{reasons:?}");
    let listed = wayside.run(["exchanges", "outcome:refused"]).ok();
    assert!(listed.text().contains("TLS"), "{}", listed.text());
}

#[test]
fn sighup_swaps_a_certificate_and_leaves_what_runs_alone() {
    let folder = TempDir::new().expect("a folder");
    let (file, key) = make(folder.path(), "a", "shop.test", [-1, 10]);
    let (finish, told) = channel::<()>();
    let told = Mutex::new(told);
    let backend = Backend::scripted(move |peer| {
        while Message::request(peer).is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
            if told.lock().expect("same").recv().is_ok() {
                peer.send("done");
            }
        }
    });
    let wayside = Wayside::start(&backend.url(), &["--cert", &file, "--key", &key]);
    let before = folder.path().join("before.pem");
    fs::copy(&file, &before).expect("copied");
    let mut running = Peer::secure(wayside.https(), &before);
    running.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    running.head();
    make(folder.path(), "a", "shop.test", [-1, 20]);
    wayside.signal(Signal::Reload);
    let trusts = |ca: &PathBuf| {
        let ca = ca.display().to_string();
        handshake(&wayside, "shop.test", &["-CAfile", &ca]).contains("Verify return code: 0 (ok)")
    };
    eventually("the new certificate is shown", std::time::Duration::from_secs(20), || {
        trusts(&PathBuf::from(&file))
    });
    assert!(!trusts(&before));
    finish.send(()).expect("the backend waits");
    assert_eq!(running.exactly(8), b"halfdone");

    // One that is no good is not taken up.
    fs::write(&file, "nonsense").expect("written");
    wayside.signal(Signal::Reload);
    wayside.wait_for("kept what was in force");
    assert!(handshake(&wayside, "shop.test", &[]).contains("subject=CN = shop.test"));
    drop(finish);
}

#[test]
fn a_backend_over_tls_is_verified_unless_told_otherwise() {
    let echo = Echo::start();
    let inner = Wayside::start(&echo.url(), &[]);
    let url = format!("https://127.0.0.1:{}", inner.https().port());
    let ca = inner.ca().display().to_string();

    let trusting = Wayside::start(&url, &["--upstream-ca", &ca]);
    for version in ["--http1.1", "--http2"] {
        let said = trusting.curl("/echo", &[version, "-d", "body", "-H", "X-Case: 1"]).ok();
        assert_eq!(said.text(), "body");
    }
    // Where both speak HTTP/2, they do.
    assert!(inner.ended("", 2).iter().all(|exchange| exchange["http_version"] == "HTTP/2"));
    assert!(echo.seen().iter().all(|seen| seen.header("x-case") == Some("1")));

    let careless = Wayside::start(&url, &["--upstream-insecure"]);
    assert!(careless.output().contains("warning: `--upstream-insecure`"), "{}", careless.output());
    assert_eq!(careless.curl("/echo", &["-d", "body"]).ok().text(), "body");

    let strict = Wayside::start(&url, &[]);
    let said = strict.curl("/echo", &["-w", "%{http_code}"]).ok();
    assert!(said.text().ends_with("502"), "{}", said.text());
    assert!(said.text().contains("from an authority that is not trusted here"), "{}", said.text());
}
