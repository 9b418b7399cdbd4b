//! What can go wrong in the store, with the file it went wrong in.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process writes to this store.
    #[error("the store `{}` is being written by {}", path.display(), holder_in_words(*holder))]
    Locked {
        /// The folder of the store.
        path: PathBuf,
        /// The process that holds the lock, where the lock file names one.
        holder: Option<u32>,
    },
    /// The operating system refused.
    #[error("could not {doing} `{}`", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no room: nothing was written, and what was written before is whole.
    #[error("no space left for the store `{}`", path.display())]
    Full {
        /// The folder of the store.
        path: PathBuf,
    },
    /// A block does not hold what its checksums say, so it is not served.
    #[error("the block at byte {offset} of `{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where its header begins in the file.
        offset: u64,
        /// What does not fit.
        reason: &'static str,
    },
    /// The store was written by a later version of Wayside.
    #[error("`{}` has format version {version}, and this program reads up to {known}", path.display())]
    Newer {
        /// The segment.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The latest version that this program reads.
        known: u32,
    },
    /// Another file took the segment's place while it was read.
    #[error("`{}` was written anew meanwhile; ask again", path.display())]
    Replaced {
        /// The segment.
        path: PathBuf,
    },
    /// What was recorded last could not be made to survive a power loss, so it cannot be changed yet.
    #[error("what was recorded last is not on the disk yet, so it cannot be erased now")]
    NotDurable,
    /// The store was opened for reading only.
    #[error("the store is open for reading only")]
    ReadOnly,
    /// A copy cannot be made into the store itself.
    #[error("`{}` is the store itself", path.display())]
    IntoItself {
        /// The folder.
        path: PathBuf,
    },
    /// The recorder ended meanwhile.
    #[error("the recorder ended before this was done; what it had done stays so")]
    Stopped,
    /// The file of pins cannot be read.
    #[error("the pins in `{}` are damaged, so retention removes nothing", path.display())]
    Pins {
        /// The file.
        path: PathBuf,
    },
    /// What is asked for was deleted with its segment, since it was older than what is kept.
    #[error("this part was recorded in a segment that retention has deleted since")]
    Removed,
    /// A record does not fit into a block.
    #[error("a record of {bytes} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// How large it is, uncompressed, without the pieces written ahead of it.
        bytes: u64,
        /// What a block can hold.
        limit: u64,
    },
    /// What is stored is encrypted, and its key is not there.
    #[error("`{}` is encrypted, and there is no key at `{}`", path.display(), key.display())]
    Encrypted {
        /// The segment, or the store.
        path: PathBuf,
        /// Where the key should be.
        key: PathBuf,
    },
    /// What is stored is encrypted with another key.
    #[error("`{}` is encrypted with another key than `{}`", path.display(), key.display())]
    OtherKey {
        /// The segment.
        path: PathBuf,
        /// The key that was tried.
        key: PathBuf,
    },
    /// The sealing key cannot be used.
    #[error("the sealing key `{}` cannot be used: {reason}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// Others than its owner may read the sealing key.
    #[error("the sealing key `{}` is readable by others", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// Sealed bytes do not open with this key for this exchange.
    #[error("sealed secrets cannot be opened: they were changed, or sealed with another key")]
    Unsealable,
}

impl StoreError {
    /// Makes the error of a system call that tried `doing` on `path`; a full disk is told apart.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        if is_full(&source) {
            return StoreError::Full { path: path.to_owned() };
        }
        StoreError::Io { doing, path: path.to_owned(), source }
    }
}

/// What was read; none where it is damaged. What the disk would not give is an error: with nothing in its
/// place a count would be wrong, or something be left that should go.
pub(crate) fn unless_damaged<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the system says that there is no room (file system, quota or file size limit).
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

fn holder_in_words(holder: Option<u32>) -> String {
    match holder {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}
