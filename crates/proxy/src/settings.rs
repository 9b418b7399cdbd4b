//! What a worker is told: limits, timeouts and what to add to messages.

use std::time::Duration;

use wayside_exchange::Network;

use crate::additions::Additions;

/// Everything that shapes how traffic is carried. The same for every worker.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What one client may ask of us.
    pub limits: Limits,
    /// How long we wait for others.
    pub timeouts: Timeouts,
    /// What is added to messages; nothing by default.
    pub additions: Additions,
    /// Where the proxies are that begin each connection with a header of the PROXY protocol, and nobody else
    /// connects from; none where clients connect by themselves.
    pub proxied: Option<Vec<Network>>,
}

/// What one message or connection may ask of us. Each is named in the answer that refuses.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request head.
    pub header_bytes: usize,
    /// Header fields of a request.
    pub headers: usize,
    /// HTTP/2 streams open at once on one connection (RFC 9113 section 5.1.2).
    pub streams: u32,
    /// HTTP/2 streams that a client may reset before we have dealt with them.
    pub resets: usize,
}

/// How long we wait for others.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For the rest of a request head once its first byte has come.
    pub header: Duration,
    /// For more of a request body that has no answer yet; zero waits for ever.
    pub body: Duration,
    /// For the next request on a connection that carries none.
    pub idle: Duration,
    /// For the response head once the request has been sent, and for more of it to be taken; zero
    /// waits for ever.
    pub response: Duration,
    /// For an unused upstream connection, until it is closed.
    pub pool_idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header_bytes: 64 << 10, headers: 200, streams: 256, resets: 64 }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            header: Duration::from_secs(30),
            body: Duration::from_mins(5),
            idle: Duration::from_mins(5),
            response: Duration::from_mins(2),
            pool_idle: Duration::from_mins(1),
        }
    }
}
