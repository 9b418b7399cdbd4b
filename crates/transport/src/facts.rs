//! What a finished TLS handshake settled, in words that other crates may keep.

use std::fmt;

use rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion};

/// An application protocol agreed during the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Alpn {
    /// The protocol's name on the wire: `http/1.1` or `h2`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }

    pub(crate) fn wire(self) -> Vec<u8> {
        self.as_str().as_bytes().to_vec()
    }

    fn from_wire(name: &[u8]) -> Option<Self> {
        [Self::Http1, Self::Http2].into_iter().find(|alpn| alpn.as_str().as_bytes() == name)
    }
}

impl fmt::Display for Alpn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What a TLS handshake settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The host name that the connecting side asked for, in lower case.
    pub sni: Option<String>,
    /// The application protocol, when one was agreed.
    pub alpn: Option<Alpn>,
    /// The cipher suite by its registered name, as in `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    /// Whether an earlier TLS session was taken up again.
    pub resumed: bool,
    /// The number that was given to the connection whose session was taken up again, where that is known:
    /// over TLS 1.3, and from a ticket of this process.
    pub resumed_from: Option<u64>,
    /// The JA4 fingerprint of the connecting side, where that is the other one.
    pub ja4: Option<String>,
    /// Whom the certificate that the other side showed was made for.
    pub client: Option<ClientCertificate>,
}

/// Whom a client's certificate was made for, by an authority that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The common name, else the first alternative name that is a URI, a host or a mail address, else the
    /// whole subject.
    pub name: String,
    /// The whole subject, as `CN=alice, O=Acme`.
    pub subject: String,
}

impl TlsFacts {
    pub(crate) fn of(connection: &CommonState, sni: Option<String>) -> Self {
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "unknown",
            },
            sni,
            alpn: connection.alpn_protocol().and_then(Alpn::from_wire),
            cipher: connection
                .negotiated_cipher_suite()
                .map_or("unknown", |suite| registered_name(suite.suite())),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            resumed_from: None,
            ja4: None,
            client: None,
        }
    }
}

/// The IANA name: rustls writes `TLS13_` where the registry has `TLS_`.
fn registered_name(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}
