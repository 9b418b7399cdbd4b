//! Whose connection it is that a proxy passes on as it came: the proxy introduces it, by a header of the PROXY
//! protocol. Only trusted proxies are believed, and with them in front nobody else is served.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use wayside_exchange::Network;
use wayside_exchange::cause::chain;
use wayside_transport::balance::{ConnectionGuard, LimitReached, Whose};
use wayside_transport::proxy_protocol::{self, ProxyProtocolError};

/// Why a connection is not served.
pub(crate) enum Stranger {
    /// Who opened it is no trusted proxy.
    Direct,
    Header(ProxyProtocolError),
    /// Its client has too many.
    Limit(LimitReached),
}

/// Whose a connection from `peer` is, before it has said anything.
pub(crate) fn expected(proxies: Option<&[Network]>, peer: SocketAddr) -> Whose {
    if proxies.is_some_and(|proxies| has(proxies, peer)) { Whose::Unknown } else { Whose::Peer }
}

/// The client whose connection a trusted proxy passes on; the proxy itself where it speaks for itself.
pub(crate) async fn hear(
    proxies: &[Network],
    stream: &mut TcpStream,
    peer: SocketAddr,
    guard: &mut ConnectionGuard,
    timeout: Duration,
) -> Result<SocketAddr, Stranger> {
    if !has(proxies, peer) {
        return Err(Stranger::Direct);
    }
    let said = proxy_protocol::read(stream, timeout).await.map_err(Stranger::Header)?;
    let client = said.unwrap_or(peer);
    guard.turns_out(client).map(|()| client).map_err(Stranger::Limit)
}

fn has(proxies: &[Network], peer: SocketAddr) -> bool {
    proxies.iter().any(|proxy| proxy.has(peer.ip()))
}

impl Stranger {
    /// What is recorded of it; none where a proxy only looked whether the port is open.
    pub(crate) fn reason(&self) -> Option<String> {
        Some(match self {
            Self::Header(ProxyProtocolError::ClosedEarly) => return None,
            Self::Header(error) => format!("refused: {}", chain(error)),
            Self::Limit(limit) => limit.to_string(),
            Self::Direct => "refused: with `--proxy-protocol`, connections are taken from a \
                             `--trusted-proxy` alone"
                .to_owned(),
        })
    }
}
