//! The authority as its files and its leaves show it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rcgen::PublicKeyData as _;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use super::*;
use crate::clock;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_second_start_finds_the_same_authority() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("data/keys");
    let first = Authority::open_or_create(&keys).unwrap();
    let second = Authority::open_or_create(&keys).unwrap();
    assert_eq!(first.fingerprint_sha256(), second.fingerprint_sha256());
    assert_eq!(first.fingerprint_sha256().len(), 32 * 3 - 1);
    assert_eq!(first.pem(), fs::read_to_string(keys.join("ca.pem")).unwrap());
    assert!(first.subject().starts_with("CN=Wayside CA "));
}

#[test]
fn starts_at_the_same_moment_agree_on_one_authority() {
    let folder = tempfile::tempdir().unwrap();
    let fingerprint = || Authority::open_or_create(folder.path()).unwrap().fingerprint_sha256();
    std::thread::scope(|scope| {
        let other = scope.spawn(fingerprint);
        assert_eq!(fingerprint(), other.join().unwrap());
    });
}

#[test]
fn the_key_is_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    Authority::open_or_create(&keys).unwrap();
    assert_eq!(mode(&keys), 0o700);
    assert_eq!(mode(&keys.join("ca.key")), 0o600);

    let key = keys.join("ca.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = Authority::open_or_create(&keys).unwrap_err();
    assert!(matches!(error, Error::KeyExposed { mode: 0o640, .. }), "{error}");
    assert_eq!(error.hint().unwrap(), format!("run `chmod 600 {}`", key.display()));
}

#[test]
fn a_certificate_without_its_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    Authority::open_or_create(folder.path()).unwrap();
    fs::remove_file(folder.path().join("ca.key")).unwrap();
    let error = Authority::open_or_create(folder.path()).unwrap_err();
    assert!(matches!(error, Error::AuthorityKeyMissing { .. }), "{error}");
}

#[test]
fn a_start_cut_short_after_the_key_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    Authority::open_or_create(folder.path()).unwrap();
    let key = fs::read_to_string(folder.path().join("ca.key")).unwrap();
    fs::remove_file(folder.path().join("ca.pem")).unwrap();
    let authority = Authority::open_or_create(folder.path()).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("ca.key")).unwrap(), key);
    let reading = certificate::Reading::of(&authority.der()).unwrap();
    let key = KeyPair::from_pem(&key).unwrap();
    assert_eq!(reading.public_key, key.subject_public_key_info());
}

#[test]
fn the_key_of_another_authority_is_told() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Authority::open_or_create(one.path()).unwrap();
    Authority::open_or_create(other.path()).unwrap();
    fs::copy(other.path().join("ca.key"), one.path().join("ca.key")).unwrap();
    let error = Authority::open_or_create(one.path()).unwrap_err();
    assert!(matches!(error, Error::NotAPair { .. }), "{error}");
}

#[test]
fn an_authority_lasts_ten_years_and_then_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let now = clock::now();
    let authority = Authority::open_or_create_at(folder.path(), now).unwrap();
    assert!(authority.not_after() > now + AUTHORITY_LIFE - DAY);
    let error =
        Authority::open_or_create_at(folder.path(), now + AUTHORITY_LIFE + DAY).unwrap_err();
    assert!(matches!(error, Error::Expired { .. }), "{error}");
}

#[test]
fn the_authority_may_sign_leaves_and_nothing_below_them() {
    let folder = tempfile::tempdir().unwrap();
    let der = Authority::open_or_create(folder.path()).unwrap().der();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    let constraints = certificate.basic_constraints().unwrap().unwrap();
    assert!(constraints.critical && constraints.value.ca);
    assert_eq!(constraints.value.path_len_constraint, Some(0));
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
}

#[test]
fn a_leaf_is_what_clients_accept() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(folder.path()).unwrap();
    let leaf = authority.leaf(&names(&["shop.example", "127.0.0.1", "::1"])).unwrap();
    let (der, authority_der) = (leaf.der(), authority.der());
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    let (_, issuer) = x509_parser::parse_x509_certificate(&authority_der).unwrap();

    let alternative = certificate.subject_alternative_name().unwrap().unwrap().value;
    assert_eq!(alternative.general_names[0], GeneralName::DNSName("shop.example"));
    assert_eq!(alternative.general_names[1], GeneralName::IPAddress(&[127, 0, 0, 1]));
    assert!(matches!(alternative.general_names[2], GeneralName::IPAddress(ip) if ip.len() == 16));

    let extended = certificate.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && !extended.client_auth && !extended.any);
    assert!(certificate.key_usage().unwrap().unwrap().value.digital_signature());
    assert!(!certificate.is_ca());
    assert_eq!(certificate.issuer(), issuer.subject());

    let validity = certificate.validity();
    let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
    assert!(seconds <= 197 * 24 * 60 * 60, "{seconds} s");
    assert!(validity.is_valid());
    // The highest bit may be cleared, as a serial number is positive.
    assert!((15..=17).contains(&certificate.raw_serial().len()));

    let key_identifier = |of: &x509_parser::certificate::X509Certificate<'_>| {
        of.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        })
    };
    let authority_identifier =
        certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                id.key_identifier.as_ref().map(|id| id.0.to_vec())
            }
            _ => None,
        });
    assert!(key_identifier(&certificate).is_some());
    assert_eq!(authority_identifier, key_identifier(&issuer));
}

#[test]
fn a_leaf_for_something_that_is_no_host_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::open_or_create(folder.path()).unwrap();
    for bad in ["", "two words", "a..b", "käse.example", "-.example"] {
        let error = authority.leaf(&names(&["good.example", bad])).unwrap_err();
        assert!(matches!(error, Error::BadName { name } if name == bad), "{bad}");
    }
    authority.leaf(&names(&["*.shop.example"])).unwrap();
}
