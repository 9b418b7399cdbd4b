//! The recorder's books, kept beside the log: how many exchanges it began, so that after a crash the
//! difference to what was recorded can be said; how far the log was known to be whole; and what was
//! removed from it since, so that nothing that was removed counts as lost.
//!
//! 80 bytes, overwritten in place: they lie within one disk sector, so they are written whole or
//! not at all, and a checksum tells if not. Behind them a count of eight bytes for each worker, which
//! the worker itself keeps before an answer leaves: what a killed process owes is known exactly.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::codec::Take;
use crate::error::StoreError;
use crate::storage::disk::open_private;

const MAGIC: [u8; 8] = *b"WAYFWD4\n";
/// As before anything could be removed: the first three numbers only, and tallies from byte 64 on.
const OLDER: [u8; 8] = *b"WAYFWD3\n";
const BYTES: usize = 80;
const OLDER_BYTES: usize = 40;
const OLDER_TALLIES: usize = 64;
/// Where the workers' counts begin.
const TALLIES: u64 = 96;
/// Bytes of each.
const TALLY: u64 = 8;

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Position of the log where the recorder began.
    pub(crate) since: u64,
    /// How many exchanges its workers have begun.
    pub(crate) forwarded: u64,
    /// How many were lost in crashes before.
    pub(crate) lost_before: u64,
    /// Position of the log where the recorder stopped cleanly; zero until then.
    pub(crate) ended: u64,
    /// Before this position, exchanges of this recorder that have ended are counted in `accounted`,
    /// whether the log still has them or not.
    pub(crate) accounted_to: u64,
    /// How many those are.
    pub(crate) accounted: u64,
    /// Segments that end at this position or before it hold nothing but what is pinned.
    pub(crate) kept_from: u64,
    /// Exchanges that retention has removed, over the life of the store.
    pub(crate) removed: u64,
    /// Bytes of the log that it has freed.
    pub(crate) removed_bytes: u64,
}

/// The file, open for writing.
#[derive(Debug)]
pub(crate) struct ForwardedFile {
    file: Arc<File>,
    path: PathBuf,
    counts: Counts,
    tallies: Arc<AtomicU64>,
}

/// Gives each worker a tally of its own.
#[derive(Clone, Debug)]
pub struct Tallies {
    file: Arc<File>,
    given: Arc<AtomicU64>,
}

/// One worker's count of the exchanges that it has begun, kept where the process's death leaves it.
#[derive(Debug)]
pub struct Tally {
    file: Arc<File>,
    at: u64,
}

impl Tallies {
    /// The next worker's.
    pub fn next(&self) -> Tally {
        let n = self.given.fetch_add(1, Relaxed);
        Tally { file: Arc::clone(&self.file), at: TALLIES + n * TALLY }
    }
}

impl Tally {
    /// Keeps that so many were begun: a write into the page cache, which survives the process.
    pub fn keep(&self, begun: u64) -> std::io::Result<()> {
        self.file.write_all_at(&begun.to_le_bytes(), self.at)
    }
}

impl Counts {
    /// Reads the file of the store in `dir`; zeros when there is none or it is damaged.
    pub(crate) fn read(dir: &Path) -> Counts {
        let bytes = std::fs::read(path_in(dir)).unwrap_or_default();
        Counts::decode(&bytes).map_or_else(Counts::default, |counts| {
            let at = if bytes.starts_with(&OLDER) { OLDER_TALLIES } else { TALLIES as usize };
            let (tallies, _) = bytes.get(at..).unwrap_or_default().as_chunks();
            let sum = tallies.iter().map(|tally| u64::from_le_bytes(*tally)).sum();
            // A clean stop owes nothing.
            Counts { forwarded: if counts.ended > 0 { 0 } else { sum }, ..counts }
        })
    }

    /// Before this position nothing in the log is an unfinished write.
    pub(crate) fn whole_until(&self) -> u64 {
        self.since.max(self.ended)
    }

    /// Where exchanges that the log has begin to be counted in the log itself.
    pub(crate) fn counted_from(&self) -> u64 {
        self.since.max(self.accounted_to)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for number in [
            self.since,
            self.lost_before,
            self.ended,
            self.accounted_to,
            self.accounted,
            self.kept_from,
            self.removed,
            self.removed_bytes,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.resize(BYTES, 0);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Counts> {
        let mut take = Take::new(bytes);
        let (content, older) = match take.array()? {
            MAGIC => (bytes.get(..BYTES - 8)?, false),
            OLDER => (bytes.get(..OLDER_BYTES - 8)?, true),
            _ => return None,
        };
        let mut counts = Counts {
            since: take.u64()?,
            forwarded: 0,
            lost_before: take.u64()?,
            ended: take.u64()?,
            ..Counts::default()
        };
        if !older {
            counts.accounted_to = take.u64()?;
            counts.accounted = take.u64()?;
            counts.kept_from = take.u64()?;
            counts.removed = take.u64()?;
            counts.removed_bytes = take.u64()?;
        }
        (take.u32()? == crc32c::crc32c(content)).then_some(counts)
    }
}

impl ForwardedFile {
    /// Begins counting anew, from position `since` of the log. The old counts stand until the new ones
    /// do, whenever the process dies. `before` is what was said until then, and `lost` how many exchanges
    /// more a crash has cost.
    pub(crate) fn begin(
        dir: &Path,
        before: &Counts,
        since: u64,
        lost: u64,
    ) -> Result<Self, StoreError> {
        let path = path_in(dir);
        let draft = path.with_extension("tmp");
        let _ = std::fs::remove_file(&draft);
        let file = open_private(&draft).map_err(|source| StoreError::io("open", &draft, source))?;
        let counts = Counts {
            since,
            lost_before: before.lost_before + lost,
            kept_from: before.kept_from.min(since),
            removed: before.removed,
            removed_bytes: before.removed_bytes,
            ..Counts::default()
        };
        let begun = Self { file: Arc::new(file), path, counts, tallies: Arc::default() };
        begun.write()?;
        std::fs::rename(&draft, &begun.path)
            .map_err(|source| StoreError::io("replace", &begun.path, source))?;
        Ok(begun)
    }

    /// Where the workers get their tallies.
    pub(crate) fn tallies(&self) -> Tallies {
        Tallies { file: Arc::clone(&self.file), given: Arc::clone(&self.tallies) }
    }

    /// What it says, without what the workers count.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Keeps what else `change` says. The file that comes back is to be synced before anything is done
    /// that rests on it.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Counts)) -> Result<File, StoreError> {
        let before = self.counts;
        change(&mut self.counts);
        let written = self.write().and_then(|()| {
            self.file.try_clone().map_err(|source| StoreError::io("sync", &self.path, source))
        });
        if written.is_err() {
            self.counts = before;
        }
        written
    }

    /// Nothing is lost, and the log ends at `position`.
    pub(crate) fn end(&mut self, position: u64) -> Result<(), StoreError> {
        self.counts.ended = position;
        self.write()
    }

    fn write(&self) -> Result<(), StoreError> {
        self.file
            .write_all_at(&self.counts.encode(), 0)
            .map_err(|source| StoreError::io("write", &self.path, source))
    }
}

/// Writes the books of a copy of a store that nobody has recorded into since: its log ends at `end`.
pub(crate) fn write_copy(dir: &Path, counts: &Counts, end: u64) -> Result<(), StoreError> {
    let mut file = ForwardedFile::begin(dir, counts, end, 0)?;
    file.end(end)?;
    file.file.sync_data().map_err(|source| StoreError::io("sync", &file.path, source))
}

fn path_in(dir: &Path) -> PathBuf {
    dir.join("forwarded")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn what_an_earlier_version_wrote_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = OLDER.to_vec();
        for number in [7_u64, 3, 0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes.resize(OLDER_TALLIES, 0);
        bytes.extend_from_slice(&12_u64.to_le_bytes());
        std::fs::write(path_in(dir.path()), &bytes).unwrap();
        let counts = Counts { since: 7, forwarded: 12, lost_before: 3, ..Counts::default() };
        assert_eq!(Counts::read(dir.path()), counts);
        bytes.swap(8, 16);
        std::fs::write(path_in(dir.path()), &bytes).unwrap();
        assert_eq!(Counts::read(dir.path()), Counts::default());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let before = Counts { lost_before: 1, removed: 5, kept_from: 900, ..Counts::default() };
        let mut file = ForwardedFile::begin(dir.path(), &before, 1000, 2).unwrap();
        file.tallies().next().keep(44).unwrap();
        let synced = file.change(|counts| counts.accounted = 9).unwrap();
        synced.sync_data().unwrap();
        assert_eq!(Counts::read(dir.path()), Counts { forwarded: 44, ..file.counts() });
        assert_eq!((file.counts().lost_before, file.counts().removed), (3, 5));
    }
}
