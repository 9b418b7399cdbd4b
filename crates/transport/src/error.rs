//! What can go wrong before traffic flows: files, certificates, addresses.
//!
//! What goes wrong with one connection has types of its own (`HandshakeFailure`, `DialError`,
//! `LimitReached`): those are facts to record about that connection, not reasons to stop.

use std::io;
use std::path::PathBuf;

/// The result of anything in this crate that is not about a single connection.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why sockets, certificates or trust could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read.
    #[error("could not read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("could not write `{}`", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A private key that others on this machine can read.
    #[error("private key `{}` is readable by others (mode {mode:04o})", path.display())]
    KeyExposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A CA certificate without its key.
    #[error("CA certificate `{}` has no key beside it: `{}` is missing", certificate.display(), key.display())]
    AuthorityKeyMissing {
        /// The certificate that was found.
        certificate: PathBuf,
        /// The key that was not.
        key: PathBuf,
    },
    /// A certificate file with no certificate in it.
    #[error("no certificate in `{}`", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A key file with no private key in it.
    #[error("no private key in `{}`", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A key file protected by a passphrase.
    #[error("private key `{}` is encrypted", path.display())]
    KeyEncrypted {
        /// The file.
        path: PathBuf,
    },
    /// A certificate that cannot be understood or used.
    #[error("certificate `{}` is not usable: {reason}", path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A private key that cannot be understood or used.
    #[error("private key `{}` is not usable: {reason}", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate and a key that are not a pair.
    #[error("certificate `{}` and key `{}` do not belong together", certificate.display(), key.display())]
    NotAPair {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// A certificate that is past its end.
    #[error("certificate `{}` expired on {at}", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// When, in UTC.
        at: String,
    },
    /// A certificate whose time has not come.
    #[error("certificate `{}` is not valid before {from}", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// From when, in UTC.
        from: String,
    },
    /// A name that cannot stand in a certificate.
    #[error("`{name}` is neither a host name nor an IP address")]
    BadName {
        /// The name as given.
        name: String,
    },
    /// A certificate could not be made.
    #[error("could not make a certificate: {reason}")]
    Issue {
        /// What the certificate library said.
        reason: String,
    },
    /// TLS asked for with nothing to show.
    #[error("no certificate to serve https with: neither a given one nor an authority")]
    NothingToServe,
    /// The TLS library refused its settings.
    #[error("could not set up TLS: {reason}")]
    Tls {
        /// What it said.
        reason: String,
    },
    /// No certificate authority is known to this system.
    #[error("this system has no trusted certificate authorities{}", if reason.is_empty() { String::new() } else { format!(": {reason}") })]
    NoSystemRoots {
        /// What was tried, if anything went wrong on the way.
        reason: String,
    },
    /// An upstream address that is not an http or https URL.
    #[error("`{seen}` is not an upstream URL: {reason}")]
    BadUpstream {
        /// The text as given.
        seen: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A URL that cannot be posted to. It is not repeated: it may hold a secret.
    #[error("{reason}")]
    BadEndpoint {
        /// What is wrong with it.
        reason: String,
    },
    /// A listen address that is not `HOST:PORT`.
    #[error("`{seen}` is not an address to listen on")]
    BadListenAddress {
        /// The text as given.
        seen: String,
    },
    /// An address that could not be listened on.
    #[error("could not listen on `{address}`")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// What the person could do about it, when that is known: a sentence for a `hint:` line.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::KeyExposed { path, .. } => Some(format!("run `chmod 600 {}`", path.display())),
            Self::AuthorityKeyMissing { certificate, .. } => Some(format!(
                "put the key back, or remove `{}` to have a new authority made",
                certificate.display()
            )),
            Self::KeyEncrypted { path } => Some(format!(
                "decrypt it with `openssl pkey -in {} -out decrypted.key`",
                path.display()
            )),
            Self::NoSystemRoots { .. } => {
                Some("install `ca-certificates`, or name a CA with `--upstream-ca FILE`".to_owned())
            }
            Self::BadListenAddress { .. } => {
                Some("write it as `127.0.0.1:8443` or `[::1]:8443`".to_owned())
            }
            Self::BadUpstream { .. } => {
                Some("write it as `http://127.0.0.1:3000` or `https://api.example.com`".to_owned())
            }
            Self::Listen { .. } => Some("choose another with `--listen ADDR`".to_owned()),
            _ => None,
        }
    }
}
