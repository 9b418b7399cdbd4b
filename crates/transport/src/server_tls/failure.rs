//! A handshake that came to nothing, in words for people: it is recorded with the client's address.

use std::fmt;
use std::io;
use std::time::Duration;

use rustls::{
    AlertDescription, CertificateError, Error as TlsError, InvalidMessage, PeerIncompatible,
    PeerMisbehaved,
};

/// A downstream handshake that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeFailure {
    /// The host name the client asked for, when its hello had been read and named one.
    pub sni: Option<String>,
    /// The client's JA4 fingerprint, when its hello had been read.
    pub ja4: Option<String>,
    /// What happened, as in `the client does not trust the certificate (alert unknown_ca)`.
    pub reason: String,
    /// What sort of failure it was.
    pub kind: HandshakeFailureKind,
}

/// The sorts of failed handshakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HandshakeFailureKind {
    /// The client showed no certificate where one is required, or one that we do not believe.
    ClientCertificate,
    /// The client refused our certificate: no trust in the authority, or a pinned certificate.
    CertificateRefused,
    /// The client went away before it had said a whole hello, as health checks do.
    ClosedEarly,
    /// The client went away after it had been shown the certificate.
    ClosedMidway,
    /// The client spoke plain HTTP on the port for https.
    PlainHttp,
    /// The client sent something that is neither TLS nor HTTP.
    NotTls,
    /// No protocol version, cipher, key exchange or application protocol in common.
    NothingInCommon,
    /// The client asked for a name that is no host name.
    BadName,
    /// The handshake took too long.
    TimedOut,
    /// The client broke the TLS protocol, or reported that we did.
    Protocol,
    /// The connection broke.
    Broken,
    /// No certificate could be shown: our own doing.
    Ours,
}

impl HandshakeFailureKind {
    /// A short stable name for records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientCertificate => "client-certificate",
            Self::CertificateRefused => "certificate-refused",
            Self::ClosedEarly => "closed-early",
            Self::ClosedMidway => "closed-midway",
            Self::PlainHttp => "plain-http",
            Self::NotTls => "not-tls",
            Self::NothingInCommon => "nothing-in-common",
            Self::BadName => "bad-name",
            Self::TimedOut => "timed-out",
            Self::Protocol => "protocol",
            Self::Broken => "broken",
            Self::Ours => "ours",
        }
    }
}

impl HandshakeFailure {
    fn new(kind: HandshakeFailureKind, reason: impl Into<String>) -> Self {
        Self { sni: None, ja4: None, reason: reason.into(), kind }
    }

    /// The same, of a client with this fingerprint.
    pub(super) fn by(self, ja4: Option<String>) -> Self {
        Self { ja4, ..self }
    }

    pub(super) fn closed_early() -> Self {
        Self::new(
            HandshakeFailureKind::ClosedEarly,
            "the client closed the connection before it said hello",
        )
    }

    pub(super) fn plain_http() -> Self {
        Self::new(HandshakeFailureKind::PlainHttp, "no TLS: the client spoke plain HTTP")
    }

    pub(super) fn before_hello(error: &io::Error) -> Self {
        if is_closed(error) {
            return Self::closed_early();
        }
        Self::new(HandshakeFailureKind::Broken, format!("the connection broke: {error}"))
    }

    pub(super) fn not_a_hello(error: &TlsError) -> Self {
        if let TlsError::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) = error
        {
            let reason = "no TLS: the client sent something else";
            return Self::new(HandshakeFailureKind::NotTls, reason);
        }
        let (kind, reason) = explain(error);
        Self::new(kind, reason)
    }

    pub(super) fn after_hello(sni: Option<String>, error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        let (kind, reason) = match tls {
            Some(tls) => explain(tls),
            None if is_closed(error) => (
                HandshakeFailureKind::ClosedMidway,
                "the client closed the connection after it saw the certificate".to_owned(),
            ),
            None => (HandshakeFailureKind::Broken, format!("the connection broke: {error}")),
        };
        Self { sni, ..Self::new(kind, reason) }
    }

    pub(super) fn timed_out(sni: Option<String>, limit: Duration) -> Self {
        let reason = format!("timed out after {limit:?}");
        Self { sni, ..Self::new(HandshakeFailureKind::TimedOut, reason) }
    }

    pub(super) fn ours(sni: Option<String>, error: &crate::Error) -> Self {
        Self { sni, ..Self::new(HandshakeFailureKind::Ours, error.to_string()) }
    }
}

impl fmt::Display for HandshakeFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.reason)
    }
}

impl std::error::Error for HandshakeFailure {}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
    )
}

fn explain(error: &TlsError) -> (HandshakeFailureKind, String) {
    use HandshakeFailureKind as Kind;
    match error {
        TlsError::AlertReceived(alert) => explain_alert(*alert),
        TlsError::NoCertificatesPresented => (
            Kind::ClientCertificate,
            "the client showed no certificate, and one is required (`--client-certificates`)"
                .to_owned(),
        ),
        TlsError::InvalidCertificate(why) => (Kind::ClientCertificate, not_believed(why)),
        TlsError::PeerIncompatible(what) => (Kind::NothingInCommon, incompatible(what)),
        TlsError::NoApplicationProtocol => (
            Kind::NothingInCommon,
            "no application protocol in common: we speak h2 and http/1.1".to_owned(),
        ),
        TlsError::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName) => {
            (Kind::BadName, "the client asked for a name that is no host name".to_owned())
        }
        other => (Kind::Protocol, format!("the client broke the TLS protocol: {other}")),
    }
}

/// Why a client's certificate is not believed.
fn not_believed(why: &CertificateError) -> String {
    use CertificateError as Why;
    match why {
        Why::UnknownIssuer => {
            "the client's certificate is of no authority in `--client-ca`".to_owned()
        }
        Why::Expired | Why::ExpiredContext { .. } => {
            "the client's certificate has expired".to_owned()
        }
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "the client's certificate is not valid yet".to_owned()
        }
        Why::BadSignature => "the client's certificate has a wrong signature".to_owned(),
        Why::InvalidPurpose | Why::InvalidPurposeContext { .. } => {
            "the client's certificate is not made for clients".to_owned()
        }
        // What `openssl x509 -req` makes where it is given no extensions.
        Why::Other(other) if other.0.to_string() == "UnsupportedCertVersion" => {
            "the client's certificate is not of X.509 version 3".to_owned()
        }
        Why::Other(other) => format!("the client's certificate is not believed: {}", other.0),
        other => format!("the client's certificate is not believed: {other}"),
    }
}

/// Alerts by which clients say that they do not like the certificate (RFC 8446 §6.2).
fn explain_alert(alert: AlertDescription) -> (HandshakeFailureKind, String) {
    use AlertDescription as Alert;
    use HandshakeFailureKind as Kind;
    let (kind, what, name) = match alert {
        Alert::UnknownCA => {
            (Kind::CertificateRefused, "the client does not trust the certificate", "unknown_ca")
        }
        Alert::BadCertificate => {
            (Kind::CertificateRefused, "the client refused the certificate", "bad_certificate")
        }
        Alert::CertificateUnknown => {
            (Kind::CertificateRefused, "the client refused the certificate", "certificate_unknown")
        }
        Alert::UnsupportedCertificate => (
            Kind::CertificateRefused,
            "the client refused the certificate",
            "unsupported_certificate",
        ),
        Alert::CertificateExpired => (
            Kind::CertificateRefused,
            "the client says the certificate expired",
            "certificate_expired",
        ),
        Alert::CertificateRevoked => (
            Kind::CertificateRefused,
            "the client says the certificate was revoked",
            "certificate_revoked",
        ),
        Alert::ProtocolVersion => {
            (Kind::NothingInCommon, "no TLS version in common", "protocol_version")
        }
        Alert::HandshakeFailure => {
            (Kind::NothingInCommon, "the client found nothing in common", "handshake_failure")
        }
        Alert::UserCanceled | Alert::CloseNotify => {
            (Kind::ClosedMidway, "the client gave up during the handshake", "close_notify")
        }
        other => {
            let name = other.as_str().unwrap_or("unknown");
            return (Kind::Protocol, format!("the client reported a TLS error (alert {name})"));
        }
    };
    (kind, format!("{what} (alert {name})"))
}

fn incompatible(what: &PeerIncompatible) -> String {
    match what {
        PeerIncompatible::NoCipherSuitesInCommon => "no cipher in common".to_owned(),
        PeerIncompatible::NoKxGroupsInCommon => "no key exchange in common".to_owned(),
        PeerIncompatible::NoSignatureSchemesInCommon
        | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon => {
            "no signature scheme in common".to_owned()
        }
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::Tls13RequiredForQuic
        | PeerIncompatible::SupportedVersionsExtensionRequired
        // Clients older than TLS 1.2 do not know of signature algorithms.
        | PeerIncompatible::SignatureAlgorithmsExtensionRequired => {
            "no TLS version in common: we speak 1.2 and 1.3".to_owned()
        }
        other => format!("nothing in common: {other:?}"),
    }
}
