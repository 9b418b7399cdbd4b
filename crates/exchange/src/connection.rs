//! The downstream connection that an exchange came over.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// One accepted socket, as far as an exchange needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Grows with every accepted connection of a recorder; unique within a store.
    pub id: u64,
    /// The client's address.
    pub client_addr: SocketAddr,
    /// What TLS agreed on; none on the plain listener.
    pub tls: Option<Tls>,
    /// The connection whose TLS session this one goes on with, so that both are of one TLS client.
    pub resumed: Option<u64>,
}

/// What the TLS handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: String,
    /// The server name that the client asked for (RFC 6066 section 3).
    pub sni: Option<String>,
    /// The protocol that both agreed on (RFC 7301): `h2`, `http/1.1`.
    pub alpn: Option<String>,
    /// The client's JA4 fingerprint, where it was taken.
    pub ja4: Option<String>,
    /// The certificate that the client showed, and that is believed.
    #[serde(default)]
    pub client_certificate: Option<ClientCertificate>,
}

/// Whom a client's certificate was made for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    /// The common name, else the first alternative name that is a URI, a host or a mail address, else the
    /// whole subject.
    pub name: String,
    /// The whole subject, as `CN=alice, O=Acme`.
    pub subject: String,
}

/// The scheme that the client used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// Over TLS.
    #[default]
    Https,
}

/// The version of HTTP in which the client spoke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HttpVersion {
    /// RFC 1945.
    #[serde(rename = "HTTP/1.0")]
    Http10,
    /// RFC 9112.
    #[default]
    #[serde(rename = "HTTP/1.1")]
    Http11,
    /// RFC 9113.
    #[serde(rename = "HTTP/2")]
    Http2,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

impl HttpVersion {
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub fn as_str(self) -> &'static str {
        match self {
            HttpVersion::Http10 => "HTTP/1.0",
            HttpVersion::Http11 => "HTTP/1.1",
            HttpVersion::Http2 => "HTTP/2",
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for HttpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
