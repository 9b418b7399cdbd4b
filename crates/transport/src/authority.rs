//! Our own certificate authority: made at first start, kept in a folder, signing leaves at will.
//!
//! The key never leaves its file but through this type. Which leaf a connection is shown, and how
//! long one is reused, is [`crate::server_tls`]'s business.

mod files;
mod leaf;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

pub use leaf::Leaf;

use crate::certificate::{self, utc};
use crate::{Error, Result, clock};
use files::Files;

const DAY: Duration = Duration::from_hours(24);
const AUTHORITY_LIFE: Duration = Duration::from_hours(10 * 365 * 24);

/// A certificate authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    subject: String,
    not_after: SystemTime,
}

impl Authority {
    /// The authority kept in `keys_folder` as `ca.pem` and `ca.key`, made there when there is none.
    ///
    /// Two processes that start at once agree on one: the folder is locked meanwhile.
    pub fn open_or_create(keys_folder: &Path) -> Result<Self> {
        Self::open_or_create_at(keys_folder, clock::now())
    }

    fn open_or_create_at(keys_folder: &Path, now: SystemTime) -> Result<Self> {
        let files = Files::lock(keys_folder)?;
        let key = match files.key()? {
            Some(pem) => Some(KeyPair::from_pem(&pem).map_err(|error| Error::BadKey {
                path: files.key_path(),
                reason: error.to_string(),
            })?),
            None => None,
        };
        match (files.certificate()?, key) {
            (Some(pem), Some(key)) => Self::open(&files, pem, key, now),
            (Some(_), None) => Err(Error::AuthorityKeyMissing {
                certificate: files.certificate_path(),
                key: files.key_path(),
            }),
            (None, key) => Self::create(&files, key, now),
        }
    }

    fn open(files: &Files, pem: String, key: KeyPair, now: SystemTime) -> Result<Self> {
        let path = files.certificate_path();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| Error::NoCertificate { path: path.clone() })?
            .into_owned();
        let reading = certificate::Reading::of(&certificate)
            .map_err(|reason| Error::BadCertificate { path: path.clone(), reason })?;
        if !reading.is_authority {
            return Err(Error::BadCertificate {
                path,
                reason: "it is not the certificate of an authority".to_owned(),
            });
        }
        if reading.public_key != rcgen::PublicKeyData::subject_public_key_info(&key) {
            return Err(Error::NotAPair { certificate: path, key: files.key_path() });
        }
        if reading.not_after < now {
            return Err(Error::Expired { path, at: utc(reading.not_after) });
        }
        Ok(Self {
            issuer: Issuer::from_ca_cert_der(&certificate, key)
                .map_err(|error| Error::BadCertificate { path, reason: error.to_string() })?,
            certificate,
            pem,
            subject: reading.subject,
            not_after: reading.not_after,
        })
    }

    /// A key found without a certificate (a start that was cut short) gets its certificate now.
    fn create(files: &Files, key: Option<KeyPair>, now: SystemTime) -> Result<Self> {
        let key = if let Some(key) = key {
            key
        } else {
            let key = KeyPair::generate().map_err(|error| issue(&error))?;
            files.write_key(&key.serialize_pem())?;
            key
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name()?);
        params.serial_number = Some(random_serial()?);
        valid_between(&mut params, now - DAY, now + AUTHORITY_LIFE);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).map_err(|error| issue(&error))?.pem();
        files.write_certificate(&pem)?;
        Self::open(files, pem, key, now)
    }

    /// A leaf certificate for `names` (host names or IP addresses), signed now.
    pub fn leaf(&self, names: &[String]) -> Result<Leaf> {
        self.leaf_at(names, clock::now())
    }

    pub(crate) fn leaf_at(&self, names: &[String], now: SystemTime) -> Result<Leaf> {
        Leaf::issue(&self.issuer, names, now)
    }

    /// The CA certificate as PEM, for those who are to trust it.
    pub fn pem(&self) -> String {
        self.pem.clone()
    }

    /// The CA certificate as DER.
    pub fn der(&self) -> Vec<u8> {
        self.certificate.to_vec()
    }

    /// SHA-256 of the DER certificate, as systems show it: `AB:CD:...`.
    pub fn fingerprint_sha256(&self) -> String {
        let octets = digest::digest(&digest::SHA256, &self.certificate);
        octets.as_ref().iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
    }

    /// When the CA certificate ends.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// The CA's subject, as in `CN=Wayside CA myhost 3fa9c1`.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Authority").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// The host makes it findable in a list of trusted authorities, the id keeps two data folders apart.
fn common_name() -> Result<String> {
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .map(|name| name.trim().chars().filter(char::is_ascii_graphic).take(32).collect::<String>())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned());
    let [a, b, c] = random::<3>()?;
    Ok(format!("Wayside CA {host} {a:02x}{b:02x}{c:02x}"))
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets)
        .map_err(|_| Error::Issue { reason: "the system gave no random bytes".to_owned() })?;
    Ok(octets)
}

fn random_serial() -> Result<SerialNumber> {
    Ok(SerialNumber::from_slice(&random::<16>()?))
}

fn issue(error: &rcgen::Error) -> Error {
    Error::Issue { reason: error.to_string() }
}

/// Sets the span of validity without naming rcgen's time type, which is another crate's.
fn valid_between(params: &mut CertificateParams, from: SystemTime, until: SystemTime) {
    let since_epoch = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(from);
    params.not_after = epoch + since_epoch(until);
}
