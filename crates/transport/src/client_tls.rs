//! TLS towards the backend: whom to trust, and the handshake.

mod insecure;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub use stream::ClientStream;

use crate::certificate::read_chain;
use crate::crypto::provider;
use crate::read_ahead::ReadAhead;
use crate::{Alpn, Error, Result, TlsFacts};

/// Whose certificates an upstream may show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UpstreamTrust {
    /// Those that this system trusts.
    #[default]
    System,
    /// Those of the authorities in this PEM file as well.
    Authority(PathBuf),
    /// Anyone's. Whoever sits between can read and change everything; the caller says so loudly.
    Insecure,
}

/// The TLS side that upstreams meet. Cheap to clone; clones share TLS sessions to resume.
#[derive(Clone)]
pub struct ClientTls {
    either: TlsConnector,
    http1: TlsConnector,
}

impl ClientTls {
    /// Loads the trusted authorities.
    pub fn new(trust: &UpstreamTrust) -> Result<Self> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Tls { reason: error.to_string() })?;
        let config = match trust {
            UpstreamTrust::System => builder.with_root_certificates(system_roots()?),
            UpstreamTrust::Authority(path) => {
                // A system without roots is no obstacle to trusting the one that was named.
                let mut roots = system_roots().unwrap_or_else(|_| RootCertStore::empty());
                for certificate in read_chain(path)? {
                    roots.add(certificate).map_err(|error| Error::BadCertificate {
                        path: path.clone(),
                        reason: error.to_string(),
                    })?;
                }
                builder.with_root_certificates(roots)
            }
            UpstreamTrust::Insecure => builder.dangerous().with_custom_certificate_verifier(
                Arc::new(insecure::AnyCertificate::new(&provider)),
            ),
        };
        let mut either = config.with_no_client_auth();
        let mut http1 = either.clone();
        either.alpn_protocols = vec![Alpn::Http2.wire(), Alpn::Http1.wire()];
        http1.alpn_protocols = vec![Alpn::Http1.wire()];
        Ok(Self { either: Arc::new(either).into(), http1: Arc::new(http1).into() })
    }

    /// Shakes hands as a client of `host`, offering only HTTP/1.1 when `http1_only`.
    pub(crate) async fn connect(
        &self,
        host: ServerName<'static>,
        tcp: TcpStream,
        http1_only: bool,
    ) -> std::io::Result<(ClientStream, TlsFacts)> {
        let sni = match &host {
            ServerName::DnsName(name) => Some(name.as_ref().to_ascii_lowercase()),
            _ => None,
        };
        let connector = if http1_only { &self.http1 } else { &self.either };
        let stream = connector.connect(host, ReadAhead::new(tcp)).await?;
        let facts = TlsFacts::of(stream.get_ref().1, sni);
        Ok((ClientStream::new(stream), facts))
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ClientTls").finish_non_exhaustive()
    }
}

fn system_roots() -> Result<RootCertStore> {
    let loaded = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Systems carry a few certificates that no verifier understands; the others still count.
    roots.add_parsable_certificates(loaded.certs);
    if roots.is_empty() {
        let reason = loaded.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(Error::NoSystemRoots { reason });
    }
    Ok(roots)
}
