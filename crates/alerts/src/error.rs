//! What can go wrong with keeping alerts, and with where they are to go.

use std::io;
use std::path::PathBuf;

/// Why alerts could not be kept or sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlertsError {
    /// The book could not be read or written.
    #[error("could not {doing} the alerts in `{}`", path.display())]
    Book {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The book is of a later version, or damaged.
    #[error("the alerts in `{}` are not understood: {reason}", path.display())]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The book could not be read when it was opened.
    #[error("{reason}")]
    Unread {
        /// Why.
        reason: String,
    },
    /// There is no alert of this number.
    #[error("there is no alert `{id}`")]
    Unknown {
        /// The number.
        id: u64,
    },
    /// A webhook's URL is none. It is not repeated: it may hold a secret.
    #[error("that is no URL of a webhook: {reason}")]
    Webhook {
        /// Why.
        reason: String,
    },
    /// The thread could not be started.
    #[error("could not start the alerts' thread")]
    Thread(#[source] io::Error),
}
