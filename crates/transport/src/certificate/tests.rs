//! What is told about certificates and keys that cannot be served.

use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};

use super::*;

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// A self-signed certificate and its key, valid throughout 2020.
    fn pair(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![format!("{name}.example")]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        let certificate = params.self_signed(&key).unwrap();
        (
            self.write(&format!("{name}.pem"), &certificate.pem()),
            self.write(&format!("{name}.key"), &key.serialize_pem()),
        )
    }
}

fn year(year: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours((year - 1970) * 8766 + 24)
}

#[test]
fn a_certificate_with_its_key_is_loaded() {
    let files = Files::new();
    let (certificate, key) = files.pair("shop");
    let given = Given::load_at(&certificate, &key, year(2020)).unwrap();
    assert_eq!(given.names(), ["shop.example"]);
    assert_eq!(utc(given.not_after()), "2021-01-01 00:00:00 UTC");
}

#[test]
fn a_key_of_another_certificate_is_told() {
    let files = Files::new();
    let (certificate, _) = files.pair("shop");
    let (_, key) = files.pair("bank");
    let error = Given::load_at(&certificate, &key, year(2020)).unwrap_err();
    assert!(matches!(error, Error::NotAPair { .. }), "{error}");
    assert!(error.to_string().ends_with("do not belong together"));
}

#[test]
fn a_certificate_out_of_its_time_says_when() {
    let files = Files::new();
    let (certificate, key) = files.pair("shop");
    let expired = Given::load_at(&certificate, &key, year(2022)).unwrap_err().to_string();
    assert!(expired.ends_with("expired on 2021-01-01 00:00:00 UTC"), "{expired}");
    let early = Given::load_at(&certificate, &key, year(2019)).unwrap_err().to_string();
    assert!(early.ends_with("is not valid before 2020-01-01 00:00:00 UTC"), "{early}");
}

#[test]
fn files_without_what_they_should_hold_are_told_apart() {
    let files = Files::new();
    let (certificate, key) = files.pair("shop");
    let missing = files.folder.path().join("missing.pem");
    let encrypted = files.write(
        "encrypted.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let broken =
        files.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let load =
        |certificate: &Path, key: &Path| Given::load_at(certificate, key, year(2020)).unwrap_err();
    assert!(matches!(load(&missing, &key), Error::Unreadable { path, .. } if path == missing));
    assert!(
        matches!(load(&certificate, &missing), Error::Unreadable { path, .. } if path == missing)
    );
    assert!(matches!(load(&key, &key), Error::NoCertificate { .. }));
    assert!(matches!(load(&certificate, &certificate), Error::NoKey { .. }));
    assert!(matches!(load(&certificate, &encrypted), Error::KeyEncrypted { .. }));
    assert!(matches!(load(&broken, &key), Error::BadCertificate { .. }));
}

#[test]
fn a_key_that_others_may_read_is_taken_as_servers_do() {
    let files = Files::new();
    let (certificate, key) = files.pair("shop");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    Given::load_at(&certificate, &key, year(2020)).unwrap();
}
