//! The index on disk: zone maps of groups, in sled.
//!
//! Disposable. Every entry names the block that it speaks of by its checksum and has one of its own,
//! so an entry that is missing, damaged or of another log is no entry, and a block without one may
//! match anything. sled is opened by one process, the recorder's. Beside encrypted segments the values are
//! encrypted; the keys are positions.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::catalogue::Group;
use crate::codec::Take;
use crate::storage::disk::make_folder;
use crate::vault::Vault;
use crate::zone::ZoneSets;

/// sled's cache; its default of a gigabyte is for a database, not for a few hints.
const CACHE: u64 = 8 << 20;
const FLUSH_EVERY_MS: u64 = 10_000;
/// How often, and how long, a lock that is going away is waited for: half a second in all.
const PATIENCE: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);
/// The key under which it is noted that values are encrypted.
const SEALED: &[u8] = b"sealed";

/// The index, open.
#[derive(Debug)]
pub(crate) struct Index {
    _db: sled::Db,
    zones: sled::Tree,
    /// Encrypts values; none where they are in clear.
    vault: Option<Arc<Vault>>,
}

/// Why there is no index.
#[derive(Debug)]
pub(crate) enum NoIndex {
    /// Another process has it open.
    Locked,
    /// It cannot be read.
    Damaged(String),
    /// It is encrypted and should not be, or the other way round.
    OtherForm,
}

impl Index {
    /// Opens the index in `folder`, makes it when there is none. `vault` encrypts it.
    ///
    /// Whoever opens it holds the store's own lock, so another's hold on it can only be one that is
    /// ending: sled lets go of its files on threads of its own, some time after it was dropped.
    #[allow(clippy::disallowed_methods, reason = "sled cannot be waited for otherwise")]
    pub(crate) fn open(folder: &Path, vault: Option<&Arc<Vault>>) -> Result<Index, NoIndex> {
        for _ in 0..PATIENCE {
            match Self::try_open(folder, vault) {
                Err(NoIndex::Locked) => std::thread::sleep(PAUSE),
                opened => return opened,
            }
        }
        Self::try_open(folder, vault)
    }

    fn try_open(folder: &Path, vault: Option<&Arc<Vault>>) -> Result<Index, NoIndex> {
        // sled panics on some kinds of damage; none of them may keep the log from being read.
        let seals = vault.is_some();
        // sled would let others list it.
        let _ = make_folder(folder);
        let opened = std::panic::catch_unwind(|| -> sled::Result<(sled::Db, sled::Tree, bool)> {
            let db = sled::Config::new()
                .path(folder)
                .cache_capacity(CACHE)
                .flush_every_ms(Some(FLUSH_EVERY_MS))
                .mode(sled::Mode::LowSpace)
                .open()?;
            let zones = db.open_tree("zones")?;
            if seals && zones.is_empty() {
                db.insert(SEALED, &[])?;
            }
            let is_sealed = db.contains_key(SEALED)?;
            Ok((db, zones, is_sealed))
        });
        match opened {
            Ok(Ok((db, zones, is_sealed))) if is_sealed == seals => {
                Ok(Index { _db: db, zones, vault: vault.cloned() })
            }
            Ok(Ok(_)) => Err(NoIndex::OtherForm),
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
    pub(crate) fn zone(&self, group: &Group) -> Option<ZoneSets> {
        let value = self.zones.get(group.position.to_be_bytes()).ok()??;
        let opened = match &self.vault {
            Some(vault) => vault.unwrap(&about(group), &value)?,
            None => value.to_vec(),
        };
        let mut take = Take::new(checked(&opened, group)?);
        ZoneSets::decode(&mut take)
    }

    /// Keeps the zone maps of blocks.
    pub(crate) fn put_zones(&self, zones: &[(Group, Arc<ZoneSets>)]) {
        let mut batch = sled::Batch::default();
        for (group, zone) in zones {
            let mut value = group.crc.to_le_bytes().to_vec();
            zone.encode(&mut value);
            let value = with_checksum(value);
            let value = match &self.vault {
                Some(vault) => vault.wrap(&about(group), &value),
                None => Ok(value),
            };
            if let Ok(value) = value {
                batch.insert(&group.position.to_be_bytes(), value);
            }
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

/// What an entry is encrypted as.
fn about(group: &Group) -> [u8; 8] {
    group.position.to_be_bytes()
}

/// An entry with its checksum.
fn with_checksum(mut value: Vec<u8>) -> Vec<u8> {
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
