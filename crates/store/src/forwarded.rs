//! The count of exchanges that a recorder began, kept beside the log, so that after a crash the
//! difference to what was recorded can be said; and how far the log was known to be whole.
//!
//! 48 bytes, overwritten in place: they lie within one disk sector, so they are written whole or
//! not at all, and a checksum tells if not.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::codec::Take;
use crate::error::StoreError;
use crate::storage::disk::open_private;

const MAGIC: [u8; 8] = *b"WAYFWD2\n";
const BYTES: usize = 48;

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Position of the log where the recorder began.
    pub(crate) since: u64,
    /// How many exchanges it has begun.
    pub(crate) forwarded: u64,
    /// How many were lost in crashes before.
    pub(crate) lost_before: u64,
    /// Position of the log where the recorder stopped cleanly; zero until then.
    pub(crate) ended: u64,
}

/// The file, open for writing.
#[derive(Debug)]
pub(crate) struct ForwardedFile {
    file: File,
    path: PathBuf,
    counts: Counts,
}

impl Counts {
    /// Reads the file of the store in `dir`; zeros when there is none or it is damaged.
    pub(crate) fn read(dir: &Path) -> Counts {
        let mut bytes = [0; BYTES];
        let read = File::open(path_in(dir)).and_then(|file| file.read_exact_at(&mut bytes, 0));
        read.ok().and_then(|()| Counts::decode(&bytes)).unwrap_or_default()
    }

    /// Before this position nothing in the log is an unfinished write.
    pub(crate) fn whole_until(&self) -> u64 {
        self.since.max(self.ended)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for number in [self.since, self.forwarded, self.lost_before, self.ended] {
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
            forwarded: take.u64()?,
            lost_before: take.u64()?,
            ended: take.u64()?,
        };
        (take.u32()? == crc32c::crc32c(bytes.get(..BYTES - 8)?)).then_some(counts)
    }
}

impl ForwardedFile {
    /// Begins counting anew, from position `since` of the log.
    pub(crate) fn begin(dir: &Path, since: u64, lost_before: u64) -> Result<Self, StoreError> {
        let path = path_in(dir);
        let file = open_private(&path).map_err(|source| StoreError::io("open", &path, source))?;
        let counts = Counts { since, lost_before, ..Counts::default() };
        let mut begun = Self { file, path, counts };
        begun.write()?;
        Ok(begun)
    }

    /// Keeps a new count.
    pub(crate) fn note(&mut self, forwarded: u64) -> Result<(), StoreError> {
        if self.counts.forwarded == forwarded {
            return Ok(());
        }
        self.counts.forwarded = forwarded;
        self.write()
    }

    /// Nothing is lost, and the log ends at `position`.
    pub(crate) fn end(&mut self, position: u64) -> Result<(), StoreError> {
        self.counts.forwarded = 0;
        self.counts.ended = position;
        self.write()
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.file
            .write_all_at(&self.counts.encode(), 0)
            .map_err(|source| StoreError::io("write", &self.path, source))
    }
}

fn path_in(dir: &Path) -> PathBuf {
    dir.join("forwarded")
}
