//! Client certificates: whom we ask for one, which authorities are believed, and what a certificate says of
//! its owner.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::certificate::{Owner, read_chain};
use crate::crypto::provider;
use crate::facts::ClientCertificate;
use crate::{Error, Result};

/// Characters that are kept of a name.
const LONGEST: usize = 256;

/// The authorities whose certificates clients may show, and whether they must.
#[derive(Clone, Debug)]
pub struct ClientAuthorities {
    authorities: Vec<CertificateDer<'static>>,
    required: bool,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl ClientAuthorities {
    /// Loads the authorities in a PEM file.
    pub fn load(file: &Path, required: bool) -> Result<Self> {
        let authorities = read_chain(file)?;
        let wrong = |reason: String| Error::BadCertificate { path: file.to_owned(), reason };
        let mut roots = RootCertStore::empty();
        for authority in &authorities {
            roots.add(authority.clone()).map_err(|error| wrong(error.to_string()))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
        let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
        let verifier = verifier.build().map_err(|error| wrong(error.to_string()))?;
        Ok(Self { authorities, required, verifier })
    }

    pub(super) fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        Arc::clone(&self.verifier)
    }
}

/// Whether both believe the same: a session that was begun under one may go on under the other.
impl PartialEq for ClientAuthorities {
    fn eq(&self, other: &Self) -> bool {
        (&self.authorities, self.required) == (&other.authorities, other.required)
    }
}

impl Eq for ClientAuthorities {}

/// The owner of a certificate that was believed; none where it names nobody.
pub(super) fn owner(chain: Option<&[CertificateDer<'_>]>) -> Option<ClientCertificate> {
    let Owner { name, subject } = Owner::of(chain?.first()?)?;
    let short = |text: String| text.chars().take(LONGEST).collect();
    Some(ClientCertificate { name: short(name), subject: short(subject) })
}
