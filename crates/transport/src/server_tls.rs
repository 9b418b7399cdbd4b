//! TLS towards clients: reads the hello, picks or makes the certificate, finishes the handshake.
//!
//! One value serves all workers. Certificates are replaced as a whole (SIGHUP): a handshake takes
//! its choice when the hello has arrived and is not disturbed after that; established connections
//! never look here again. TLS sessions can be resumed across a replacement, unless other client
//! certificates are believed then: a resumed session shows none.

mod choice;
mod clients;
mod failure;
mod hello;
mod ja4;
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

pub use clients::ClientAuthorities;
pub use failure::{HandshakeFailure, HandshakeFailureKind};
pub use stream::ServerStream;

use crate::authority::Authority;
use crate::certificate::Given;
use crate::crypto::provider;
use crate::read_ahead::ReadAhead;
use crate::{Alpn, Error, Result, TlsFacts};
use choice::Choice;
use hello::Arrived;

/// The TLS side that clients meet.
pub struct ServerTls {
    now: RwLock<Arc<Now>>,
}

/// What the next handshake goes by.
struct Now {
    template: ServerConfig,
    clients: Option<ClientAuthorities>,
    choice: Choice,
}

impl ServerTls {
    /// Serves `given` by name, the first being the default; the authority makes what is missing.
    ///
    /// A name that no given certificate covers gets a leaf of the authority when there is one,
    /// else the default. A client that names no host gets the default, else a leaf for the address
    /// it connected to.
    ///
    /// Clients are asked for a certificate where there are `clients`.
    pub fn new(
        given: &[Given],
        authority: Option<Arc<Authority>>,
        clients: Option<ClientAuthorities>,
    ) -> Result<Self> {
        let template = template(clients.as_ref())?;
        let choice = Choice::new(&template, given, authority)?;
        Ok(Self { now: RwLock::new(Arc::new(Now { template, clients, choice })) })
    }

    /// Takes other certificates from the next handshake on.
    pub fn replace(
        &self,
        given: &[Given],
        authority: Option<Arc<Authority>>,
        clients: Option<ClientAuthorities>,
    ) -> Result<()> {
        let before = self.now();
        let template = if before.clients == clients {
            before.template.clone()
        } else {
            template(clients.as_ref())?
        };
        let choice = Choice::new(&template, given, authority)?;
        let now = Arc::new(Now { template, clients, choice });
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    fn now(&self) -> Arc<Now> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shakes hands on a fresh connection, within `handshake_timeout` from hello to finish.
    ///
    /// A client that speaks plain HTTP is told so in plain HTTP. `number` goes into the tickets that the
    /// client is given, and comes back with whoever uses one.
    pub async fn accept(
        &self,
        tcp: TcpStream,
        handshake_timeout: Duration,
        number: u64,
    ) -> Result<(ServerStream, TlsFacts), HandshakeFailure> {
        let deadline = Instant::now() + handshake_timeout;
        let Arrived { accepted, tcp, ja4 } = match timeout_at(deadline, hello::read(tcp)).await {
            Ok(read) => read?,
            Err(_) => return Err(HandshakeFailure::timed_out(None, handshake_timeout)),
        };
        let (sni, config) = {
            let hello = accepted.client_hello();
            let sni = hello.server_name().map(str::to_ascii_lowercase);
            let config = self.now().choice.pick(sni.as_deref(), &tcp);
            (sni, config.map(|config| honour_order(config, hello.cipher_suites())))
        };
        let config = match config {
            Ok(config) => config,
            Err(error) => return Err(HandshakeFailure::ours(sni, &error).by(ja4)),
        };
        let handshake = StartHandshake::from_parts(accepted, ReadAhead::new(tcp));
        let handshake = handshake.into_stream_with(config, |connection| {
            connection.set_resumption_data(&number.to_be_bytes());
        });
        match timeout_at(deadline, handshake).await {
            Ok(Ok(stream)) => {
                let connection = stream.get_ref().1;
                let client = clients::owner(connection.peer_certificates());
                let ticket = connection.received_resumption_data().map(<[u8; 8]>::try_from);
                let resumed_from = ticket.and_then(Result::ok).map(u64::from_be_bytes);
                let facts = TlsFacts::of(connection, sni);
                let facts = TlsFacts { resumed_from, ja4, client, ..facts };
                Ok((ServerStream::new(stream), facts))
            }
            Ok(Err(error)) => Err(HandshakeFailure::after_hello(sni, &error).by(ja4)),
            Err(_) => Err(HandshakeFailure::timed_out(sni, handshake_timeout).by(ja4)),
        }
    }
}

impl std::fmt::Debug for ServerTls {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// What all handshakes have in common; each template has tickets of its own.
fn template(clients: Option<&ClientAuthorities>) -> Result<ServerConfig> {
    let failed = |error: rustls::Error| Error::Tls { reason: error.to_string() };
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    let builder = match clients {
        Some(clients) => builder.with_client_cert_verifier(clients.verifier()),
        None => builder.with_no_client_auth(),
    };
    let mut template = builder.with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
    template.alpn_protocols = vec![Alpn::Http2.wire(), Alpn::Http1.wire()];
    template.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(failed)?;
    template.send_tls13_tickets = 2;
    template.ignore_client_order = true;
    Ok(template)
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
