//! The count of exchanges that a recorder began, kept beside the log, so that after a crash the
//! difference to what was recorded can be said; and how far the log was known to be whole.
//!
//! 40 bytes, overwritten in place: they lie within one disk sector, so they are written whole or
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

const MAGIC: [u8; 8] = *b"WAYFWD3\n";
const BYTES: usize = 40;
/// Where the workers' counts begin.
const TALLIES: u64 = 64;
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
        bytes.get(..BYTES).and_then(Counts::decode).map_or_else(Counts::default, |counts| {
            let (tallies, _) = bytes.get(TALLIES as usize..).unwrap_or_default().as_chunks();
            let sum = tallies.iter().map(|tally| u64::from_le_bytes(*tally)).sum();
            // A clean stop owes nothing.
            Counts { forwarded: if counts.ended > 0 { 0 } else { sum }, ..counts }
        })
    }

    /// Before this position nothing in the log is an unfinished write.
    pub(crate) fn whole_until(&self) -> u64 {
        self.since.max(self.ended)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for number in [self.since, self.lost_before, self.ended] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out.resize(BYTES, 0);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Counts> {
        let mut take = Take::new(bytes);
        if take.array()? != MAGIC {
            return None;
        }
        let counts = Counts {
            since: take.u64()?,
            forwarded: 0,
            lost_before: take.u64()?,
            ended: take.u64()?,
        };
        (take.u32()? == crc32c::crc32c(bytes.get(..BYTES - 8)?)).then_some(counts)
    }
}

impl ForwardedFile {
    /// Begins counting anew, from position `since` of the log. The old counts stand until the new ones
    /// do, whenever the process dies.
    pub(crate) fn begin(dir: &Path, since: u64, lost_before: u64) -> Result<Self, StoreError> {
        let path = path_in(dir);
        let draft = path.with_extension("tmp");
        let _ = std::fs::remove_file(&draft);
        let file = open_private(&draft).map_err(|source| StoreError::io("open", &draft, source))?;
        let counts = Counts { since, lost_before, ..Counts::default() };
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

fn path_in(dir: &Path) -> PathBuf {
    dir.join("forwarded")
}
