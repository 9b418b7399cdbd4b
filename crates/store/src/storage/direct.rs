//! Writing past the page cache, as long as the disk keeps up.
//!
//! On a virtual machine a fresh page of the cache costs 0.6 to 2.4 ms of processor time for each MB,
//! a direct write of aligned pages 0.13. But a direct write waits for the disk, and the page cache
//! does not: while more comes than a disk can take, who writes says so, and the cache takes it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rustix::fs::OFlags;

/// Writes shorter than this are not worth the wait.
const WORTH: usize = 128 << 10;

/// Whether writes go past the page cache.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// More waits than the disk can take at once.
    hurried: AtomicBool,
    /// The file system does not take such writes.
    refused: AtomicBool,
}

/// The file at `path` once more, past the page cache; none where that cannot be had, or where another
/// file than `known` is at that path by now.
#[cfg(target_os = "linux")]
pub(super) fn open(path: &Path, known: &File) -> Option<File> {
    let flags = OFlags::DIRECT.bits() as i32;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).ok()?;
    let (this, that) = (file.metadata().ok()?, known.metadata().ok()?);
    (this.ino() == that.ino() && this.dev() == that.dev()).then_some(file)
}

/// Only Linux has it in this form.
#[cfg(not(target_os = "linux"))]
pub(super) fn open(_path: &Path, _known: &File) -> Option<File> {
    None
}

impl Pace {
    /// Whether there is no time to wait for the disk.
    pub(super) fn hurry(&self, hurried: bool) {
        self.hurried.store(hurried, Relaxed);
    }

    /// Whether a write of so many bytes should go past the page cache.
    pub(super) fn is_direct(&self, bytes: usize) -> bool {
        bytes >= WORTH && !self.hurried.load(Relaxed) && !self.refused.load(Relaxed)
    }

    /// Writes whole pages to `direct`, or to `cached`, the same file, where the first refuses.
    pub(super) fn write(
        &self,
        direct: &File,
        cached: &File,
        pages: &[u8],
        offset: u64,
    ) -> io::Result<()> {
        match direct.write_all_at(pages, offset) {
            // Some file systems find out at the first write that they cannot.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                self.refused.store(true, Relaxed);
                cached.write_all_at(pages, offset)
            }
            written => written,
        }
    }
}
