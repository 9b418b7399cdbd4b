//! Why a backend could not be reached, said with the address that was tried.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::{CertificateError, Error as TlsError};

use super::{Fenced, Upstream};

/// A dial that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialError {
    /// What happened.
    pub kind: DialErrorKind,
    /// `HOST:PORT` of the upstream.
    pub upstream: String,
    /// The address that was tried last, once there was one.
    pub address: Option<SocketAddr>,
    /// The cause in words, as in `connection refused`.
    pub reason: String,
}

/// The ways in which a dial fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DialErrorKind {
    /// Nobody listens there.
    Refused,
    /// The limit passed.
    TimedOut,
    /// The name has no address.
    Unresolvable,
    /// The TLS handshake failed.
    Tls,
    /// It would be one of our own listeners, or an address that is not to be dialled.
    Fenced,
    /// There is no way there: no route, network down, out of ports or files.
    Unreachable,
}

impl DialErrorKind {
    /// A short stable name for records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimedOut => "timed-out",
            Self::Unresolvable => "unresolvable",
            Self::Tls => "tls",
            Self::Fenced => "fenced",
            Self::Unreachable => "unreachable",
        }
    }
}

impl DialError {
    fn new(
        kind: DialErrorKind,
        upstream: &Upstream,
        address: Option<SocketAddr>,
        reason: String,
    ) -> Self {
        Self { kind, upstream: upstream.address(), address, reason }
    }

    pub(super) fn unresolvable(upstream: &Upstream, reason: &str) -> Self {
        Self::new(DialErrorKind::Unresolvable, upstream, None, reason.to_owned())
    }

    pub(super) fn timed_out(
        upstream: &Upstream,
        address: Option<SocketAddr>,
        limit: Duration,
    ) -> Self {
        Self::new(DialErrorKind::TimedOut, upstream, address, format!("no answer within {limit:?}"))
    }

    pub(super) fn connect(
        upstream: &Upstream,
        address: Option<SocketAddr>,
        error: &io::Error,
    ) -> Self {
        let (kind, reason) = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                (DialErrorKind::Refused, "connection refused".to_owned())
            }
            // The kernel's own patience (ETIMEDOUT) can end before ours.
            io::ErrorKind::TimedOut => (DialErrorKind::TimedOut, "no answer".to_owned()),
            _ => (DialErrorKind::Unreachable, error.to_string()),
        };
        Self::new(kind, upstream, address, reason)
    }

    pub(super) fn fenced(upstream: &Upstream, address: SocketAddr, fenced: Fenced) -> Self {
        Self::new(DialErrorKind::Fenced, upstream, Some(address), fenced.to_string())
    }

    pub(super) fn tls(upstream: &Upstream, address: SocketAddr, error: &io::Error) -> Self {
        let reason = match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            Some(TlsError::InvalidCertificate(certificate)) => refused(certificate),
            Some(TlsError::InvalidMessage(_)) => "the other side does not speak TLS".to_owned(),
            Some(TlsError::AlertReceived(alert)) => format!(
                "the other side refused the handshake (alert {})",
                alert.as_str().unwrap_or("unknown")
            ),
            Some(other) => other.to_string(),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                "the other side closed the connection during the handshake".to_owned()
            }
            None => error.to_string(),
        };
        Self::new(DialErrorKind::Tls, upstream, Some(address), reason)
    }
}

impl DialError {
    fn write_fenced(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "did not connect to `{}`: {}", self.upstream, self.reason)
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.kind {
            DialErrorKind::Unresolvable => "resolve",
            DialErrorKind::Tls => "shake hands with",
            DialErrorKind::Fenced => return self.write_fenced(out),
            _ => "connect to",
        };
        write!(out, "could not {verb} `{}`", self.upstream)?;
        if let Some(address) = self.address.filter(|address| address.to_string() != self.upstream) {
            write!(out, " at `{address}`")?;
        }
        write!(out, ": {}", self.reason)
    }
}

impl std::error::Error for DialError {}

fn refused(certificate: &CertificateError) -> String {
    match certificate {
        CertificateError::UnknownIssuer => {
            "its certificate is from an authority that is not trusted here".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        other => format!("its certificate is not acceptable: {other}"),
    }
}
