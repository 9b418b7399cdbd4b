//! What can go wrong with a recorder. None of it reaches the traffic.

use wayside_store::StoreError;

/// A recorder that could not start or could not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// The operating system gave no thread.
    #[error("could not start the recorder's thread")]
    Thread(#[source] std::io::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
