//! Certificates that were given: a PEM chain and its private key, checked when they are loaded so
//! that a mistake is told at the start (or at a reload) and not by the first client.

mod reading;
#[cfg(test)]
mod tests;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

pub(crate) use reading::{Owner, Reading, utc};

use crate::crypto::provider;
use crate::{Error, Result, clock};

/// A certificate chain with its private key, ready to be shown to clients.
#[derive(Debug, Clone)]
pub struct Given {
    path: PathBuf,
    names: Vec<String>,
    subject: String,
    not_after: SystemTime,
    certified: Arc<CertifiedKey>,
}

impl Given {
    /// Loads a PEM chain (leaf first) and a PEM key in PKCS#8, SEC1 or PKCS#1.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self> {
        Self::load_at(certificate, key, clock::now())
    }

    fn load_at(certificate: &Path, key: &Path, now: SystemTime) -> Result<Self> {
        let chain = read_chain(certificate)?;
        let leaf =
            chain.first().ok_or_else(|| Error::NoCertificate { path: certificate.to_owned() })?;
        let reading = Reading::of(leaf)
            .map_err(|reason| Error::BadCertificate { path: certificate.to_owned(), reason })?;
        let private = read_key(key)?;
        let private = provider()
            .key_provider
            .load_private_key(private)
            .map_err(|error| Error::BadKey { path: key.to_owned(), reason: error.to_string() })?;
        if private.public_key().is_some_and(|public| *public != *reading.public_key) {
            return Err(Error::NotAPair {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
            });
        }
        if reading.not_after < now {
            return Err(Error::Expired {
                path: certificate.to_owned(),
                at: utc(reading.not_after),
            });
        }
        if reading.not_before > now {
            return Err(Error::NotYetValid {
                path: certificate.to_owned(),
                from: utc(reading.not_before),
            });
        }
        if reading.names.is_empty() {
            tracing::warn!(
                certificate = %certificate.display(),
                "certificate has no subject alternative name: today's clients will refuse it"
            );
        }
        Ok(Self {
            path: certificate.to_owned(),
            names: reading.names,
            subject: reading.subject,
            not_after: reading.not_after,
            certified: Arc::new(CertifiedKey::new(chain, private)),
        })
    }

    /// The certificate's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The host names and addresses it is for, in lower case; empty when it names none.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The certificate's subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// When the certificate ends.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

/// Every certificate of a PEM file, in its order.
pub(crate) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(path)?;
    let chain =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().map_err(|error| {
            Error::BadCertificate { path: path.to_owned(), reason: error.to_string() }
        })?;
    if chain.is_empty() {
        return Err(Error::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let pem = read(path)?;
    if let Ok(metadata) = fs::metadata(path) {
        let mode = metadata.permissions().mode() & 0o777;
        // Not refused, as ours are: what mounts a secret into a container often leaves it like that.
        if mode & 0o077 != 0 {
            let key = path.display();
            tracing::warn!(%key, mode = format!("{mode:04o}"), "the private key is readable by others");
        }
    }
    // Two formats of encryption, two tells: the label (PKCS#8) or a header line (RFC 1421).
    let text = String::from_utf8_lossy(&pem);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(Error::KeyEncrypted { path: path.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => Error::NoKey { path: path.to_owned() },
        other => Error::BadKey { path: path.to_owned(), reason: other.to_string() },
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Unreadable { path: path.to_owned(), source })
}
