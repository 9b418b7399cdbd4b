//! Pins: exchanges that retention leaves alone, each a filter in the words in which it was given.
//!
//! They stand in a small file of their own, `DATA/pins`, which another takes the place of, whole and
//! synced, whenever something changes. Without it nothing is pinned; one that cannot be read keeps
//! retention from removing anything. Beside encrypted segments it is encrypted, too.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use wayside_exchange::Timestamp;
use wayside_exchange::filter::Filter;

use super::select::Selection;
use crate::codec::{Take, put, put_bytes, put_signed};
use crate::error::StoreError;
use crate::storage::disk::open_private;
use crate::vault::Vault;

const MAGIC: [u8; 8] = *b"WAYPIN1\n";
/// What follows is encrypted.
const SEALED: [u8; 8] = *b"WAYPIN2\n";

/// Exchanges that stay: those that match a filter, now and later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The filter, as it was given.
    pub filter: String,
    /// When it was given: what its times count from.
    pub since: Timestamp,
}

impl Pin {
    /// The exchanges that it means; none where this version does not understand it.
    pub(crate) fn selection(&self) -> Option<Selection> {
        Filter::parse(&self.filter, self.since).ok().map(Selection::matching)
    }
}

/// Reads the pins of the store in `dir`.
pub(crate) fn read(dir: &Path, vault: &Vault) -> Result<Vec<Pin>, StoreError> {
    let path = path_in(dir);
    match fs::read(&path) {
        Ok(bytes) => match bytes.strip_prefix(&SEALED) {
            Some(sealed) => vault.unwrap(&SEALED, sealed).and_then(|bytes| decode(&bytes)),
            None => decode(&bytes),
        }
        .ok_or(StoreError::Pins { path }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(StoreError::io("read", &path, source)),
    }
}

/// Puts `pins` in the place of those of the store in `dir`, encrypted by `vault` where there is one; when it
/// returns they survive a power loss.
pub(crate) fn write(dir: &Path, pins: &[Pin], vault: Option<&Vault>) -> Result<(), StoreError> {
    let (path, draft) = (path_in(dir), dir.join("pins.new"));
    let failed = |source| StoreError::io("write", &draft, source);
    let mut bytes = encode(pins);
    if let Some(vault) = vault {
        let sealed = vault.wrap(&SEALED, &bytes)?;
        bytes = [SEALED.as_slice(), &sealed].concat();
    }
    let _ = fs::remove_file(&draft);
    let mut file = open_private(&draft).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&draft, &path)
        .and_then(|()| File::open(dir)?.sync_all())
        .map_err(|source| StoreError::io("replace", &path, source))
}

fn encode(pins: &[Pin]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    put(&mut out, pins.len() as u64);
    for pin in pins {
        put_signed(&mut out, pin.since.0);
        put_bytes(&mut out, pin.filter.as_bytes());
    }
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

fn decode(bytes: &[u8]) -> Option<Vec<Pin>> {
    let (content, crc) = bytes.split_last_chunk::<4>()?;
    let mut take = Take::new(content);
    if crc32c::crc32c(content) != u32::from_le_bytes(*crc) || take.array()? != MAGIC {
        return None;
    }
    let mut pins = Vec::new();
    for _ in 0..take.number()? {
        let since = Timestamp(take.signed()?);
        let filter = String::from_utf8(take.bytes()?.to_vec()).ok()?;
        pins.push(Pin { filter, since });
    }
    take.is_empty().then_some(pins)
}

fn path_in(dir: &Path) -> PathBuf {
    dir.join("pins")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::seal::SealingKey;

    #[test]
    fn pins_are_read_back_and_damaged_ones_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        SealingKey::open_or_create(&dir.path().join("keys")).unwrap();
        let vault = Vault::of(&dir.path().into());
        let read = || read(dir.path(), &vault);
        assert_eq!(read().unwrap(), []);
        let pin = |filter: &str| Pin { filter: filter.to_owned(), since: Timestamp(-5) };
        let pins = [pin("session:s0q7x00000001"), pin("body:\"out of stock\" since:2h")];
        for sealer in [None, Some(&vault)] {
            write(dir.path(), &pins, sealer).unwrap();
            assert_eq!(read().unwrap(), pins);
            let whole = fs::read(path_in(dir.path())).unwrap();
            assert_eq!(whole.windows(5).any(|part| part == b"stock"), sealer.is_none());
            for n in 0..whole.len() {
                let mut changed = whole.clone();
                changed.iter_mut().skip(n).take(1).for_each(|byte| *byte ^= 4);
                fs::write(path_in(dir.path()), &changed).unwrap();
                assert!(matches!(read(), Err(StoreError::Pins { .. })), "byte {n}");
            }
            write(dir.path(), &[], sealer).unwrap();
            assert_eq!(read().unwrap(), []);
        }
    }
}
