//! What stops a replay as a whole. What goes wrong with one exchange is a result, not an error.

use wayside_exchange::ExchangeId;
use wayside_store::StoreError;

/// Why a replay could not be planned or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The target is wrong, or TLS towards it could not be set up.
    #[error("could not prepare to send to the target")]
    Target(#[source] wayside_transport::Error),
    /// The store could not be read.
    #[error("could not read the recording")]
    Store(#[from] StoreError),
    /// A pace that is none.
    #[error("`{0}` is not a pace: `recorded`, `max`, or a factor such as `2x`")]
    BadPace(String),
    /// Credentials would go to somebody who has not had them.
    #[error(
        "the credentials of `{id}` were recorded for `{recorded}` and the target is `{target}`{because}"
    )]
    CredentialsToAnotherHost {
        /// The first exchange that is so.
        id: ExchangeId,
        /// The host that it was recorded for.
        recorded: String,
        /// The host of the target.
        target: String,
        /// More about it; empty or with a colon before it.
        because: &'static str,
    },
    /// Credentials are to be used and nothing can unseal them.
    #[error("the credentials are sealed and no sealing key was given")]
    NoSealingKey,
    /// The secrets of an exchange could not be restored.
    #[error("could not restore the credentials of `{id}`: {reason}")]
    Sealed {
        /// The exchange.
        id: ExchangeId,
        /// What is wrong.
        reason: String,
    },
    /// A thread that reads the store died.
    #[error("reading the recording was broken off")]
    ReadingStopped,
}

impl ReplayError {
    /// What the person could do about it, when that is known: a sentence for a `hint:` line.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Target(error) => error.hint(),
            Self::BadPace(_) => {
                Some("write `--pace recorded`, `--pace 2x` or `--pace max`".to_owned())
            }
            Self::CredentialsToAnotherHost { target, .. } => Some(format!(
                "if `{target}` may have them, say so with `--credentials-to {target}`"
            )),
            Self::Sealed { .. } => {
                Some("leave out `--with-credentials` to send without them".to_owned())
            }
            _ => None,
        }
    }
}
