//! TLS towards clients: reads the hello, picks or makes the certificate, finishes the handshake.
//!
//! One value serves all workers. Certificates are replaced as a whole (SIGHUP): a handshake takes
//! its choice when the hello has arrived and is not disturbed after that; established connections
//! never look here again. TLS sessions can be resumed across a replacement.

mod choice;
mod failure;
mod hello;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::server::ResolvesServerCertUsingSni;
use rustls::{CipherSuite, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::StartHandshake;

pub use failure::{HandshakeFailure, HandshakeFailureKind};
pub use stream::ServerStream;

use crate::authority::Authority;
use crate::certificate::Given;
use crate::crypto::provider;
use crate::read_ahead::ReadAhead;
use crate::{Alpn, Error, Result, TlsFacts};
use choice::Choice;

/// The TLS side that clients meet.
pub struct ServerTls {
    template: ServerConfig,
    choice: RwLock<Arc<Choice>>,
}

impl ServerTls {
    /// Serves `given` by name, the first being the default; the authority makes what is missing.
    ///
    /// A name that no given certificate covers gets a leaf of the authority when there is one,
    /// else the default. A client that names no host gets the default, else a leaf for the address
    /// it connected to.
    pub fn new(given: &[Given], authority: Option<Arc<Authority>>) -> Result<Self> {
        let provider = provider();
        let failed = |error: rustls::Error| Error::Tls { reason: error.to_string() };
        let mut template = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
        template.alpn_protocols = vec![Alpn::Http2.wire(), Alpn::Http1.wire()];
        template.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(failed)?;
        template.send_tls13_tickets = 2;
        template.ignore_client_order = true;
        let choice = Choice::new(&template, given, authority)?;
        Ok(Self { template, choice: RwLock::new(Arc::new(choice)) })
    }

    /// Takes other certificates from the next handshake on.
    pub fn replace(&self, given: &[Given], authority: Option<Arc<Authority>>) -> Result<()> {
        let choice = Arc::new(Choice::new(&self.template, given, authority)?);
        *self.choice.write().unwrap_or_else(PoisonError::into_inner) = choice;
        Ok(())
    }

    /// Shakes hands on a fresh connection, within `handshake_timeout` from hello to finish.
    ///
    /// A client that speaks plain HTTP is told so in plain HTTP.
    pub async fn accept(
        &self,
        tcp: TcpStream,
        handshake_timeout: Duration,
    ) -> Result<(ServerStream, TlsFacts), HandshakeFailure> {
        let deadline = Instant::now() + handshake_timeout;
        let (accepted, tcp) = match timeout_at(deadline, hello::read(tcp)).await {
            Ok(read) => read?,
            Err(_) => return Err(HandshakeFailure::timed_out(None, handshake_timeout)),
        };
        let (sni, config) = {
            let hello = accepted.client_hello();
            let sni = hello.server_name().map(str::to_ascii_lowercase);
            let choice = Arc::clone(&self.choice.read().unwrap_or_else(PoisonError::into_inner));
            let config = choice.pick(sni.as_deref(), &tcp);
            (sni, config.map(|config| honour_order(config, hello.cipher_suites())))
        };
        let config = match config {
            Ok(config) => config,
            Err(error) => return Err(HandshakeFailure::ours(sni, &error)),
        };
        let handshake = StartHandshake::from_parts(accepted, ReadAhead::new(tcp));
        let handshake = handshake.into_stream(config);
        match timeout_at(deadline, handshake).await {
            Ok(Ok(stream)) => {
                let facts = TlsFacts::of(stream.get_ref().1, sni);
                Ok((ServerStream::new(stream), facts))
            }
            Ok(Err(error)) => Err(HandshakeFailure::after_hello(sni, &error)),
            Err(_) => Err(HandshakeFailure::timed_out(sni, handshake_timeout)),
        }
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// Our order puts AES first; a client that puts `ChaCha20` first has no AES in hardware, and knows.
fn honour_order(config: Arc<ServerConfig>, offered: &[CipherSuite]) -> Arc<ServerConfig> {
    // Some clients open with a meaningless suite (GREASE, RFC 8701), which has no name.
    let first = offered.iter().find(|suite| suite.as_str().is_some());
    if first != Some(&CipherSuite::TLS13_CHACHA20_POLY1305_SHA256) {
        return config;
    }
    let mut config = (*config).clone();
    config.ignore_client_order = false;
    Arc::new(config)
}
