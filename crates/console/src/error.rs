//! What can go wrong in listening, and in asking another process.

use std::io;
use std::path::PathBuf;

use http::StatusCode;

/// Why the console could not do what it was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// Another recorder answers on this control socket.
    #[error("another recorder answers on `{}`", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The place of the control socket is taken by something that is no socket.
    #[error("`{}` is not a socket, so it is left alone", path.display())]
    NotASocket {
        /// What stands there.
        path: PathBuf,
    },
    /// The control socket could not be made or reached.
    #[error("could not {doing} the control socket `{}`", path.display())]
    Socket {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A token that is too easy to guess or cannot travel in a header.
    #[error("a token needs at least {least} characters out of letters, digits and `-._~`")]
    Token {
        /// How many.
        least: usize,
    },
    /// A token that everybody may read.
    #[error("everybody on this machine may read the token in `{0}`: `chmod o-rwx {0}`", path.display())]
    TokenExposed {
        /// The file.
        path: PathBuf,
    },
    /// The file of a token could not be read or made.
    #[error("could not read or make the token in `{}`", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes for a token")]
    Random,
    /// What was asked is no path and query.
    #[error("`{asked}` is not a path and query")]
    Question {
        /// What was asked.
        asked: String,
        /// Why it is none.
        #[source]
        source: http::Error,
    },
    /// The recorder broke off while it was asked.
    #[error("the recorder on `{}` broke off", path.display())]
    Lost {
        /// The socket.
        path: PathBuf,
        /// How.
        #[source]
        source: hyper::Error,
    },
    /// The API refused, in its own words.
    #[error("{error}")]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// What is wrong.
        error: String,
        /// What may help.
        hint: Option<String>,
        /// Where in the filter, counted from 1 in characters.
        column: Option<usize>,
    },
    /// An answer ended before it was complete.
    #[error("the answer broke off")]
    BrokenOff(#[source] axum::Error),
    /// An answer is not what this version of the command understands.
    #[error("the answer is not understood")]
    NotUnderstood(#[source] serde_json::Error),
}
