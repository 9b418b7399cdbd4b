//! The index on disk: zone maps of groups, in sled.
//!
//! Disposable. Every entry names the block that it speaks of by its checksum and has one of its own,
//! so an entry that is missing, damaged or of another log is no entry, and a block without one may
//! match anything. sled is opened by one process, the recorder's.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::catalogue::Group;
use crate::codec::Take;
use crate::zone::ZoneSets;

/// sled's cache; its default of a gigabyte is for a database, not for a few hints.
const CACHE: u64 = 8 << 20;
const FLUSH_EVERY_MS: u64 = 10_000;
/// How often, and how long, a lock that is going away is waited for: half a second in all.
const PATIENCE: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// The index, open.
#[derive(Debug)]
pub(crate) struct Index {
    _db: sled::Db,
    zones: sled::Tree,
}

/// Why there is no index.
#[derive(Debug)]
pub(crate) enum NoIndex {
    /// Another process has it open.
    Locked,
    /// It cannot be read.
    Damaged(String),
}

impl Index {
    /// Opens the index in `folder`, makes it when there is none.
    ///
    /// Whoever opens it holds the store's own lock, so another's hold on it can only be one that is
    /// ending: sled lets go of its files on threads of its own, some time after it was dropped.
    #[allow(clippy::disallowed_methods, reason = "sled cannot be waited for otherwise")]
    pub(crate) fn open(folder: &Path) -> Result<Index, NoIndex> {
        for _ in 0..PATIENCE {
            match Self::try_open(folder) {
                Err(NoIndex::Locked) => std::thread::sleep(PAUSE),
                opened => return opened,
            }
        }
        Self::try_open(folder)
    }

    fn try_open(folder: &Path) -> Result<Index, NoIndex> {
        // sled panics on some kinds of damage; none of them may keep the log from being read.
        let opened = std::panic::catch_unwind(|| -> sled::Result<Index> {
            let db = sled::Config::new()
                .path(folder)
                .cache_capacity(CACHE)
                .flush_every_ms(Some(FLUSH_EVERY_MS))
                .mode(sled::Mode::LowSpace)
                .open()?;
            let zones = db.open_tree("zones")?;
            Ok(Index { _db: db, zones })
        });
        match opened {
            Ok(Ok(index)) => Ok(index),
            Ok(Err(sled::Error::Io(error)))
                if error.kind() == std::io::ErrorKind::WouldBlock
                    || error.to_string().contains("could not acquire lock") =>
            {
                Err(NoIndex::Locked)
            }
            Ok(Err(error)) => Err(NoIndex::Damaged(error.to_string())),
            Err(_) => Err(NoIndex::Damaged("sled panicked".to_owned())),
        }
    }

    /// The zone map of a block, if it is known.
    pub(crate) fn zone(&self, group: &Group) -> Option<Arc<ZoneSets>> {
        let value = self.zones.get(group.position.to_be_bytes()).ok()??;
        let mut take = Take::new(checked(&value, group)?);
        ZoneSets::decode(&mut take).map(Arc::new)
    }

    /// Keeps the zone maps of blocks.
    pub(crate) fn put_zones(&self, zones: &[(Group, Arc<ZoneSets>)]) {
        let mut batch = sled::Batch::default();
        for (group, zone) in zones {
            let mut value = group.crc.to_le_bytes().to_vec();
            zone.encode(&mut value);
            batch.insert(&group.position.to_be_bytes(), sealed(value));
        }
        // A failure to keep an entry costs time later, nothing else.
        let _ = self.zones.apply_batch(batch);
    }

    /// Forgets the zone maps of blocks that are gone.
    pub(crate) fn remove_zones(&self, groups: &[Group]) {
        let mut batch = sled::Batch::default();
        for group in groups {
            batch.remove(&group.position.to_be_bytes());
        }
        let _ = self.zones.apply_batch(batch);
    }

    /// Writes what is in memory.
    pub(crate) fn flush(&self) {
        let _ = self.zones.flush();
    }
}

/// An entry with its checksum.
fn sealed(mut value: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c(&value);
    value.extend_from_slice(&crc.to_le_bytes());
    value
}

/// The content of an entry, if it is whole and of this very block.
fn checked<'a>(value: &'a [u8], group: &Group) -> Option<&'a [u8]> {
    let (content, crc) = value.split_last_chunk::<4>()?;
    let (block, content_only) = content.split_first_chunk::<4>()?;
    let whole = crc32c::crc32c(content) == u32::from_le_bytes(*crc);
    (whole && u32::from_le_bytes(*block) == group.crc).then_some(content_only)
}
