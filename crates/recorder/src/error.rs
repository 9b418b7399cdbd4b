//! What can go wrong with a recorder. None of it reaches the traffic.

use wayside_store::StoreError;

/// A recorder that could not start or could not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// The operating system gave no thread.
    #[error("could not start the recorder's thread")]
    Thread(#[source] std::io::Error),
    /// A panic in the midst of a write.
    #[error("a fault of wayside's own broke off a write: recording has stopped until a restart")]
    InDoubt,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
