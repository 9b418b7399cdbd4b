//! `certs`: what is in use, how to have it trusted, and certificates for development that openssl takes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use wayside_tests::{Echo, Wayside, program};

#[test]
fn the_ca_is_shown_and_exported_as_pem_and_der() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    let shown = wayside.run(["certs"]).ok();
    let ca = wayside.ca().display().to_string();
    for words in ["authority", "valid until", "SHA-256", ca.as_str()] {
        assert!(shown.text().contains(words), "no `{words}` in {}", shown.text());
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (pem, der) = (folder.path().join("ca.pem"), folder.path().join("ca.der"));
    fs::write(&pem, wayside.run(["certs", "--pem"]).ok().stdout).expect("it is written");
    wayside.run(["certs", "export", "--der", "-o", &der.display().to_string()]).ok();
    let told = |file: &std::path::Path, form: &str| {
        let file = file.display().to_string();
        let x509 =
            ["x509", "-in", &file, "-inform", form, "-noout", "-fingerprint", "-sha256", "-text"];
        program("openssl", x509).ok().text().to_owned()
    };
    assert_eq!(told(&pem, "PEM"), told(&der, "DER"));
    assert!(told(&pem, "PEM").contains("CA:TRUE"), "{}", told(&pem, "PEM"));
    let (_, fingerprint) = told(&pem, "PEM")
        .lines()
        .next()
        .and_then(|line| {
            line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        })
        .expect("a fingerprint");
    assert!(
        shown.text().to_uppercase().contains(&fingerprint),
        "{fingerprint} in {}",
        shown.text()
    );
    assert_eq!(fs::read(&pem).expect("it was written"), fs::read(wayside.ca()).expect("the CA"));
    let all = wayside.run(["certs", "--pem"]).ok().text().to_owned();
    assert!(!all.contains("PRIVATE KEY"), "never the key");
}

#[test]
fn every_platform_is_told_how_to_trust_it() {
    let data = tempfile::tempdir().expect("a temporary folder");
    let data = data.path().join("data");
    for (platform, words) in [
        ("linux", "update-ca-certificates"),
        ("debian", "update-ca-certificates"),
        ("fedora", "update-ca-trust"),
        ("macos", "security add-trusted-cert"),
        ("windows", "certutil"),
        ("ios", "Certificate Trust Settings"),
        ("android", "network_security_config"),
        ("firefox", "Authorities"),
        ("java", "keytool"),
        ("python", "REQUESTS_CA_BUNDLE"),
        ("node", "NODE_EXTRA_CA_CERTS"),
        ("curl", "--cacert"),
    ] {
        let told = Wayside::run_on(&data, ["certs", "trust", platform]).ok();
        assert!(told.text().contains(words), "no `{words}` in {}", told.text());
    }
    let all = Wayside::run_on(&data, ["certs", "trust"]).ok();
    assert!(all.text().matches("\n# ").count() > 10, "all of them: {}", all.text());
    let unknown = Wayside::run_on(&data, ["certs", "trust", "amiga"]).exits(2);
    assert!(unknown.stderr.contains("amiga") && unknown.stderr.contains("firefox"));
}

#[test]
fn certificates_for_development_hold_together_and_serve() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let certs = folder.path().join("certs");
    let path = |name: &str| certs.join(name).display().to_string();
    let make = [
        "certs",
        "make",
        &certs.display().to_string(),
        "--name",
        "dev.test",
        "--name",
        "127.0.0.1",
    ];
    Wayside::run_on(&folder.path().join("data"), make).ok();
    program(
        "openssl",
        ["verify", "-CAfile", &path("ca.pem"), "-purpose", "sslserver", &path("leaf.pem")],
    )
    .ok();
    for name in ["dev.test", "127.0.0.1"] {
        let check = if name.starts_with('1') { "-checkip" } else { "-checkhost" };
        let said =
            program("openssl", ["x509", "-in", &path("leaf.pem"), "-noout", check, name]).ok();
        assert!(said.text().contains("does match"), "{}", said.text());
    }
    let public = |arguments: &[&str]| program("openssl", arguments).ok().text().to_owned();
    assert_eq!(
        public(&["x509", "-in", &path("leaf.pem"), "-noout", "-pubkey"]),
        public(&["pkey", "-in", &path("leaf.key"), "-pubout"]),
    );
    let mode = fs::metadata(certs.join("leaf.key")).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let echo = Echo::start();
    let given = ["--cert", &path("leaf.pem"), "--key", &path("leaf.key")];
    let wayside = Wayside::start(&echo.url(), &given);
    let url = format!("https://{}/x", wayside.https());
    wayside_tests::curl(["--cacert", &path("ca.pem"), &url]).ok();
    assert_eq!(wayside.exchanges("", 1)[0]["path"], "/x");
}

#[test]
fn a_certificate_and_a_key_that_do_not_belong_together_are_a_clear_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let make = |name: &str| {
        let certs = folder.path().join(name).display().to_string();
        Wayside::run_on(&data, ["certs", "make", &certs]).ok();
        (format!("{certs}/leaf.pem"), format!("{certs}/leaf.key"))
    };
    let ((certificate, _), (_, key)) = (make("one"), make("two"));
    let record = ["record", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--console", "off"];
    let wrong =
        Wayside::run_on(&data, record.iter().chain(&["--cert", &certificate, "--key", &key]));
    assert_eq!(wrong.code, 3, "{}", wrong.stderr);
    assert!(wrong.stderr.contains(&certificate) && wrong.stderr.contains(&key), "{}", wrong.stderr);
    let missing =
        Wayside::run_on(&data, record.iter().chain(&["--cert", "/nowhere.pem", "--key", &key]));
    assert_eq!(missing.code, 3, "{}", missing.stderr);
    assert!(missing.stderr.contains("/nowhere.pem"), "{}", missing.stderr);
}
