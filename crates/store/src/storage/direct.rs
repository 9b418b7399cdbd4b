//! Writing past the page cache, as long as the disk keeps up.
//!
//! On a virtual machine a fresh page of the cache costs 0.6 to 2.4 ms of processor time for each MB,
//! a direct write of aligned pages 0.13. But a direct write waits for the disk, and the page cache
//! does not: a disk that is slower than the traffic is left to the cache for a while.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use rustix::fs::OFlags;

/// Writes shorter than this are not worth the wait.
const WORTH: usize = 128 << 10;
/// Bytes a second below which the disk does not keep up. Far below what disks do, since a write's time
/// has in it what the thread waits for its processor afterwards.
const SLOW: u64 = 40 << 20;
/// Bytes, or microseconds, over which the pace is judged: one write that stalls says nothing of a disk.
const JUDGED: u64 = 16 << 20;
const JUDGED_MICROS: u64 = 500_000;
/// Bytes that go through the page cache before the disk is tried again.
const RESPITE: u64 = 64 << 20;

/// Whether the disk keeps up with direct writes.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Bytes that are still to go through the page cache.
    respite: AtomicU64,
    /// What was written directly since the pace was last judged, and how long that took.
    bytes: AtomicU64,
    micros: AtomicU64,
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
    /// Whether a write of so many bytes should go past the page cache.
    pub(super) fn is_direct(&self, bytes: usize) -> bool {
        let respite = self.respite.load(Relaxed);
        self.respite.store(respite.saturating_sub(bytes as u64), Relaxed);
        respite == 0 && bytes >= WORTH
    }

    /// Writes whole pages to `direct`, or to `cached`, the same file, where the first refuses.
    pub(super) fn write(
        &self,
        direct: &File,
        cached: &File,
        pages: &[u8],
        offset: u64,
    ) -> io::Result<()> {
        let began = Instant::now();
        match direct.write_all_at(pages, offset) {
            // Some file systems find out at the first write that they cannot.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {
                self.respite.store(u64::MAX, Relaxed);
                return cached.write_all_at(pages, offset);
            }
            written => written?,
        }
        self.judge(pages.len() as u64, began.elapsed().as_micros() as u64);
        Ok(())
    }

    /// Takes account of a direct write; a disk that was slow for a while gets a respite.
    fn judge(&self, bytes: u64, micros: u64) {
        let bytes = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        let micros = self.micros.fetch_add(micros, Relaxed) + micros;
        if bytes < JUDGED && micros < JUDGED_MICROS {
            return;
        }
        self.bytes.store(0, Relaxed);
        self.micros.store(0, Relaxed);
        if bytes.saturating_mul(1_000_000) < SLOW * micros {
            self.respite.store(RESPITE, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: u64 = 1 << 20;

    #[test]
    fn one_write_that_stalls_leaves_the_disk_its_writes() {
        let pace = Pace::default();
        for n in 0..100 {
            pace.judge(WRITE, if n % 20 == 0 { 250_000 } else { 2_000 });
            assert!(pace.is_direct(WRITE as usize), "write {n}");
        }
    }

    #[test]
    fn a_slow_disk_gets_a_respite_and_is_tried_again() {
        let pace = Pace::default();
        for _ in 0..5 {
            pace.judge(WRITE, 100_000);
        }
        for _ in 0..RESPITE / WRITE {
            assert!(!pace.is_direct(WRITE as usize));
        }
        assert!(pace.is_direct(WRITE as usize));
    }
}
