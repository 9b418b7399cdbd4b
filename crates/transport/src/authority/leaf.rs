//! One leaf certificate: what a client of ours is shown for a host name.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::CertifiedKey;

use super::{DAY, issue, random_serial, valid_between};
use crate::crypto::provider;
use crate::{Error, Result};

/// From a day ago to here: 197 days in all, below every limit that clients are known to set.
const LIFE_FROM_NOW: Duration = Duration::from_hours(196 * 24);

/// X.520 allows no longer common name; the subject alternative names carry the truth anyway.
const COMMON_NAME_LIMIT: usize = 64;

/// A leaf certificate with its key.
pub struct Leaf {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key: KeyPair,
    not_after: SystemTime,
}

impl Leaf {
    pub(super) fn issue(
        issuer: &Issuer<'_, KeyPair>,
        names: &[String],
        now: SystemTime,
    ) -> Result<Self> {
        if let Some(name) = names.iter().find(|name| !is_host(name)) {
            return Err(Error::BadName { name: name.clone() });
        }
        let key = KeyPair::generate().map_err(|error| issue(&error))?;
        let not_after = now + LIFE_FROM_NOW;
        let mut params = CertificateParams::new(names).map_err(|error| issue(&error))?;
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = names.first().filter(|name| name.len() <= COMMON_NAME_LIMIT) {
            params.distinguished_name.push(DnType::CommonName, name.as_str());
        }
        params.serial_number = Some(random_serial()?);
        valid_between(&mut params, now - DAY, not_after);
        // Explicit: rcgen leaves the subject key identifier out of certificates that say nothing.
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, issuer).map_err(|error| issue(&error))?;
        Ok(Self {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key,
            not_after,
        })
    }

    /// The certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The certificate as DER.
    pub fn der(&self) -> Vec<u8> {
        self.certificate.to_vec()
    }

    /// The private key as PKCS#8 PEM. A secret: to a file with mode 0600, nowhere else.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// When the certificate ends.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    pub(crate) fn certified(&self) -> Result<Arc<CertifiedKey>> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let key = provider()
            .key_provider
            .load_private_key(key)
            .map_err(|error| Error::Issue { reason: error.to_string() })?;
        Ok(Arc::new(CertifiedKey::new(vec![self.certificate.clone()], key)))
    }
}

impl std::fmt::Debug for Leaf {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Leaf").field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

fn is_host(name: &str) -> bool {
    let host = name.strip_prefix("*.").unwrap_or(name);
    name.parse::<IpAddr>().is_ok()
        || matches!(ServerName::try_from(host), Ok(ServerName::DnsName(_)))
}
