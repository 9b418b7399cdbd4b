//! The seam to the disk: the few things that the log asks of a folder of files.
//!
//! Tests stand other storages behind it, which fill up, refuse to sync or forget what was not synced.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

mod direct;
pub(crate) mod disk;
#[cfg(test)]
pub(crate) mod faulty;
pub(crate) mod pages;

/// A folder of segments.
pub(crate) trait Storage: Send + Sync + fmt::Debug {
    /// The names of the files in it.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Makes a file that must not exist yet.
    fn create(&self, name: &str) -> io::Result<Arc<dyn StoredFile>>;
    /// Opens a file that exists, for writing too where `write` says so.
    fn open(&self, name: &str, write: bool) -> io::Result<Arc<dyn StoredFile>>;
    /// Deletes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Puts the file `from` in the place of the file `to`, at once and whole. Who has the old one open
    /// goes on with it.
    fn replace(&self, from: &str, to: &str) -> io::Result<()>;
    /// Makes the creation, replacement and deletion of files survive a power loss.
    fn sync_folder(&self) -> io::Result<()>;
    /// Bytes free on the file system.
    fn free(&self) -> io::Result<u64>;
    /// Whether writes should not wait for the disk, since more waits than it can take at once.
    fn hurry(&self, _hurried: bool) {}
    /// The path of a file, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// One file; every call says where, so that readers and the writer share it.
pub(crate) trait StoredFile: Send + Sync + fmt::Debug {
    /// Writes all of `bytes` at `offset`. After an error any part of them may have been written.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Reads at `offset` until `buffer` is full or the file ends; says how many bytes.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// The length of the file.
    fn len(&self) -> io::Result<u64>;
    /// Cuts the file off after `len` bytes.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Makes all that was written survive a power loss (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
}
