//! Reaches the backend: resolve, connect, shake hands, all within one limit, each step timed.

mod failure;
mod fence;
mod stream;
#[cfg(test)]
mod tests;
mod upstream;

use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout_at};

pub use failure::{DialError, DialErrorKind};
pub use fence::{Fence, Fenced};
pub use stream::UpstreamStream;
pub use upstream::{Scheme, Upstream};

use crate::client_tls::ClientTls;
use crate::{Alpn, Error, Result, TlsFacts};

/// Dials one upstream.
#[derive(Debug, Clone)]
pub struct Dialer {
    upstream: Upstream,
    tls: Option<(ClientTls, ServerName<'static>)>,
    connect_timeout: Duration,
    fence: Fence,
}

/// A connection to the backend, fresh.
#[derive(Debug)]
pub struct Dialled {
    /// The connection.
    pub stream: UpstreamStream,
    /// The application protocol agreed over TLS; `None` over plain TCP or when none was agreed.
    pub alpn: Option<Alpn>,
    /// Our end.
    pub local_addr: SocketAddr,
    /// The backend's end.
    pub peer_addr: SocketAddr,
    /// What the TLS handshake settled.
    pub tls: Option<TlsFacts>,
    /// How long the name took to resolve.
    pub resolve: Duration,
    /// How long TCP took to connect, tries of other addresses included.
    pub connect: Duration,
    /// How long the TLS handshake took; `None` over plain TCP.
    pub tls_handshake: Option<Duration>,
}

impl Dialer {
    /// A dialer of `upstream`; `tls` says whom to trust and must be there for https.
    ///
    /// `connect_timeout` bounds the whole of a dial, TLS included.
    pub fn new(
        upstream: Upstream,
        tls: Option<ClientTls>,
        connect_timeout: Duration,
    ) -> Result<Self> {
        let tls = match (upstream.scheme(), tls) {
            (Scheme::Http, _) => None,
            (Scheme::Https, None) => {
                return Err(Error::Tls { reason: format!("nobody is trusted for `{upstream}`") });
            }
            (Scheme::Https, Some(tls)) => {
                let host = ServerName::try_from(upstream.host().to_owned()).map_err(|_| {
                    Error::BadUpstream {
                        seen: upstream.to_string(),
                        reason: "no certificate can be for this host name".to_owned(),
                    }
                })?;
                Some((tls, host))
            }
        };
        Ok(Self { upstream, tls, connect_timeout, fence: Fence::default() })
    }

    /// The same dialer, which never dials what `fence` keeps out.
    #[must_use]
    pub fn fenced(self, fence: Fence) -> Self {
        Self { fence, ..self }
    }

    /// Whom it dials.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// A fresh connection; over TLS, HTTP/2 is offered first, then HTTP/1.1.
    pub async fn dial(&self) -> Result<Dialled, DialError> {
        self.dial_offering(false).await
    }

    /// A fresh connection that will speak HTTP/1.1: what an upgrade (WebSocket) needs.
    pub async fn dial_http1(&self) -> Result<Dialled, DialError> {
        self.dial_offering(true).await
    }

    async fn dial_offering(&self, http1_only: bool) -> Result<Dialled, DialError> {
        let begun = Instant::now();
        let deadline = begun + self.connect_timeout;
        let addresses = self.resolve(deadline).await?;
        let resolved = Instant::now();
        let tcp = self.connect(&addresses, deadline).await?;
        let connected = Instant::now();
        let broken = |error: std::io::Error| DialError::connect(&self.upstream, None, &error);
        let local_addr = tcp.local_addr().map_err(broken)?;
        let peer_addr = tcp.peer_addr().map_err(broken)?;
        let mut dialled = Dialled {
            stream: UpstreamStream::Plain(tcp),
            alpn: None,
            local_addr,
            peer_addr,
            tls: None,
            resolve: resolved - begun,
            connect: connected - resolved,
            tls_handshake: None,
        };
        let Some((tls, host)) = &self.tls else { return Ok(dialled) };
        let UpstreamStream::Plain(tcp) = dialled.stream else { return Ok(dialled) };
        match timeout_at(deadline, tls.connect(host.clone(), tcp, http1_only)).await {
            Ok(Ok((stream, facts))) => {
                dialled.alpn = facts.alpn;
                dialled.tls = Some(facts);
                dialled.stream = UpstreamStream::Tls(Box::new(stream));
                dialled.tls_handshake = Some(connected.elapsed());
                Ok(dialled)
            }
            Ok(Err(error)) => Err(DialError::tls(&self.upstream, peer_addr, &error)),
            Err(_) => {
                Err(DialError::timed_out(&self.upstream, Some(peer_addr), self.connect_timeout))
            }
        }
    }

    async fn resolve(&self, deadline: Instant) -> Result<Vec<SocketAddr>, DialError> {
        let lookup = lookup_host((self.upstream.host(), self.upstream.port()));
        let found = timeout_at(deadline, lookup)
            .await
            .map_err(|_| DialError::timed_out(&self.upstream, None, self.connect_timeout))?
            .map_err(|error| DialError::unresolvable(&self.upstream, &error.to_string()))?;
        let addresses: Vec<_> = found.collect();
        if addresses.is_empty() {
            return Err(DialError::unresolvable(&self.upstream, "the name has no address"));
        }
        Ok(addresses)
    }

    /// Tries each address in turn; one that does not answer gets its share of the time left.
    async fn connect(
        &self,
        addresses: &[SocketAddr],
        deadline: Instant,
    ) -> Result<TcpStream, DialError> {
        let (mut failure, mut kept_out) = (None, None);
        for (tried, &address) in addresses.iter().enumerate() {
            let now = Instant::now();
            let left = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            let share = now + deadline.saturating_duration_since(now) / left;
            // Here and not earlier: a name may resolve to another address each time.
            if let Err(fenced) = self.fence.check(address) {
                kept_out = Some(DialError::fenced(&self.upstream, address, fenced));
                continue;
            }
            match timeout_at(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => match tcp.set_nodelay(true) {
                    Ok(()) => return Ok(tcp),
                    Err(error) => {
                        failure = Some(DialError::connect(&self.upstream, Some(address), &error));
                    }
                },
                Ok(Err(error)) => {
                    failure = Some(DialError::connect(&self.upstream, Some(address), &error));
                }
                Err(_) => {
                    failure = Some(DialError::timed_out(
                        &self.upstream,
                        Some(address),
                        self.connect_timeout,
                    ));
                }
            }
        }
        Err(kept_out
            .or(failure)
            .unwrap_or_else(|| DialError::unresolvable(&self.upstream, "the name has no address")))
    }
}
