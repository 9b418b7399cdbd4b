//! The reading side of a store, and what can be said about it.

use std::fmt;
use std::sync::Arc;

use wayside_exchange::filter::Filter;
use wayside_exchange::stored::Arrival;
use wayside_exchange::{Exchange, ExchangeId, Half, Label, Link, Links, Mark};

use crate::cover::Cover;
use crate::error::StoreError;
use crate::record::Extent;
use crate::record::decode::{Kept, Stored};
use crate::seal::SealingKey;
use crate::vault::Location;
use crate::writer::Writer;

use body::BodyReader;
use find::Found;
use pins::Pin;
use resolve::Named;
use retention::{Removed, Retention};
use revealed::{PatchReader, Revealed};
use scan::{Order, Scan};
pub(crate) use shared::Shared;

pub(crate) mod body;
mod buffer;
pub(crate) mod erase;
pub(crate) mod find;
pub(crate) mod open;
pub(crate) mod pins;
mod problems;
pub(crate) mod reseal;
pub(crate) mod resolve;
pub(crate) mod retention;
pub(crate) mod revealed;
pub(crate) mod scan;
pub(crate) mod select;
pub(crate) mod shared;
mod sieve;
pub(crate) mod tally;

/// Which failure a record survives once `recorded_through` or `durable_through` has passed it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The death of this process, at most 100 ms behind. A power loss costs what the system had not
    /// yet written back.
    Process,
    /// A power loss, at most a second behind: written data is synced in groups.
    #[default]
    Power,
    /// As [`Durability::Power`]; the recorder syncs before the last byte of each answer leaves.
    Strict,
}

/// Whether segments, pins and the index are encrypted under the sealing key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// If anything in the store is.
    #[default]
    AsBefore,
    /// They are, and what is there in clear will be when there is time.
    On,
    /// What is recorded from now on is not.
    Off,
}

/// How a store is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which failure a record survives.
    pub durability: Durability,
    /// Bytes after which a new segment begins.
    pub segment_bytes: u64,
    /// Uncompressed bytes of records after which a block is closed.
    pub block_bytes: usize,
    /// How long and how much is kept.
    pub retention: Retention,
    /// Whether it is encrypted.
    pub encryption: Encryption,
}

/// What opening a store for writing found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovery {
    /// Bytes of an unfinished write that were cut from the end of the log.
    pub torn_bytes: u64,
    /// Exchanges that the last recorder had begun and that are not in the store.
    pub lost: u64,
    /// Exchanges that still ran when the last recorder stopped; they keep their mark.
    pub open: u64,
    /// Whether what is recorded is encrypted.
    pub encrypted: bool,
    /// Whether the index was missing or damaged and is being made anew.
    pub rebuilt: bool,
    /// The greatest id in the store; zero when it is empty.
    pub newest: ExchangeId,
    /// The greatest connection number in the newest records.
    pub last_connection: u64,
    /// Exchanges in the store.
    pub stored: u64,
}

/// How a store does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStatus {
    /// Exchanges in the store, each counted once.
    pub stored: u64,
    /// Bytes that the store takes.
    pub used: u64,
    /// The bytes that it may take; none without a bound.
    pub budget: Option<u64>,
    /// What retention has removed so far.
    pub removed: Removed,
    /// Bytes free on its file system.
    pub free: u64,
    /// The greatest id among the records written so far, where every record that was appended
    /// before the last of them is written too (records are appended as exchanges end, so ids are
    /// not in order). What is written survives the death of the process. None when nothing is.
    pub recorded_through: Option<ExchangeId>,
    /// The same for what survives a power loss.
    pub durable_through: Option<ExchangeId>,
    /// Segments.
    pub segments: u64,
    /// Blocks of exchanges, without those of long bodies.
    pub blocks: u64,
    /// What is wrong now, in plain words.
    pub problems: Vec<String>,
}

/// The reading side of a store: cheap to clone, shared between threads. Every read works on what
/// was written when it began.
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Power,
            segment_bytes: 256 << 20,
            block_bytes: 256 << 10,
            retention: Retention::default(),
            encryption: Encryption::default(),
        }
    }
}

impl Store {
    /// Opens the store at `location` for writing, makes it when there is none, and cuts what a crash left
    /// unfinished. Fails when another process writes to it, or its key is needed and not there.
    pub fn open(
        location: impl Into<Location>,
        options: Options,
    ) -> Result<(Store, Writer, Recovery), StoreError> {
        let (shared, writer, recovery) = open::for_writing(&location.into(), options)?;
        Ok((Store { shared }, writer, recovery))
    }

    /// Opens the store at `location` for reading only. Works beside a writer and any number of readers;
    /// each read sees what was written when it began.
    pub fn read_only(location: impl Into<Location>) -> Result<Store, StoreError> {
        Ok(Store { shared: open::for_reading(&location.into())? })
    }

    /// The rows that `filter` lets through, by id. Nothing is read before it is asked for.
    pub fn find(&self, filter: Filter, order: Order) -> Found {
        self.shared.refresh();
        Found::new(self.shared.clone(), filter, order)
    }

    /// The rows that `filter` lets through, for who needs them neither in order nor kept: statistics
    /// of a whole store, on several cores. Nothing is read before it is asked for.
    pub fn scan(&self, filter: Filter, order: Order) -> Scan {
        self.shared.refresh();
        Scan::new(self.shared.clone(), filter, order)
    }

    /// One exchange, without its bodies; none when there is none of this id.
    pub fn exchange(&self, id: ExchangeId) -> Result<Option<Exchange>, StoreError> {
        Ok(self.stored(id)?.map(|stored| stored.exchange))
    }

    /// The kept bytes of a body, secrets redacted; none when there is no such exchange or no such half.
    pub fn body(&self, id: ExchangeId, half: Half) -> Result<Option<BodyReader>, StoreError> {
        // Before the record is looked for: what goes in between is still there for this reader.
        let catalogue = self.shared.catalogue();
        let Some(stored) = self.stored(id)? else { return Ok(None) };
        Ok(stored.kept(half).map(|kept| BodyReader::new(self.shared.clone(), catalogue, id, kept)))
    }

    /// The kept bytes of a body as transferred, secrets and all; none when there is no such exchange
    /// or no such half.
    pub fn revealed(
        &self,
        id: ExchangeId,
        half: Half,
        key: &SealingKey,
    ) -> Result<Option<Revealed>, StoreError> {
        let Some(stored) = self.stored(id)? else { return Ok(None) };
        Ok(stored.kept(half).map(|kept| self.revealing((id, half), kept, key)))
    }

    /// When the runs of a body arrived, by their places in it as transferred.
    pub fn revealed_arrivals(
        &self,
        id: ExchangeId,
        half: Half,
        key: &SealingKey,
    ) -> Result<Vec<Arrival>, StoreError> {
        let Some(stored) = self.stored(id)? else { return Ok(Vec::new()) };
        let (Some(kept), Some(message)) = (stored.kept(half), stored.exchange.message(half)) else {
            return Ok(Vec::new());
        };
        self.revealing((id, half), kept, key).arrivals(&message.body.arrivals)
    }

    fn revealing(&self, of: (ExchangeId, Half), kept: &Kept, key: &SealingKey) -> Revealed {
        let catalogue = self.shared.catalogue();
        let body = BodyReader::new(self.shared.clone(), catalogue.clone(), of.0, kept);
        let patches = PatchReader::new(&self.shared, &catalogue, of, &kept.veil, key.clone());
        Revealed::new(body, patches)
    }

    /// Whether all that was taken out of a body can be put back. Retention may have deleted some of it
    /// with an older segment: then [`Store::revealed`] gives what is stored from there on.
    pub fn is_revealable(&self, id: ExchangeId, half: Half) -> Result<bool, StoreError> {
        let Some(stored) = self.stored(id)? else { return Ok(true) };
        let catalogue = self.shared.catalogue();
        let is_gone = |piece: &Extent| self.shared.is_removed(&catalogue, piece);
        Ok(!stored.kept(half).is_some_and(|kept| kept.veil.pieces.iter().any(is_gone)))
    }

    /// An exchange that is known and over stays as it is: only for others is it worth a look at what
    /// came since.
    fn stored(&self, id: ExchangeId) -> Result<Option<Stored>, StoreError> {
        match self.shared.stored(id)? {
            Some(stored) if !stored.exchange.summary.marks.contains(Mark::Open) => Ok(Some(stored)),
            _ => {
                self.shared.refresh();
                self.shared.stored(id)
            }
        }
    }

    /// What the beginning of an id names: an exchange, or a session when it begins with `s`.
    pub fn resolve(&self, prefix: &str) -> Result<Named, StoreError> {
        self.shared.refresh();
        resolve::resolve(&self.shared, prefix)
    }

    /// What is pinned.
    pub fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.shared.pins()
    }

    /// Pins what `filter` matches, now and later: retention leaves it alone. The store must have been
    /// opened for writing. When it returns the pin survives a power loss.
    pub fn pin(&self, pin: Pin) -> Result<(), StoreError> {
        self.shared.change_pins(|pins| {
            pins.retain(|known| known.filter != pin.filter);
            pins.push(pin);
        })
    }

    /// Takes the pins away that `is_meant`; says how many.
    pub fn unpin(&self, is_meant: impl Fn(&Pin) -> bool) -> Result<u64, StoreError> {
        let mut gone = 0;
        self.shared.change_pins(|pins| {
            let before = pins.len();
            pins.retain(|pin| !is_meant(pin));
            gone = (before - pins.len()) as u64;
        })?;
        Ok(gone)
    }

    /// Asks the links that say whose exchanges are whose. Whoever adds to them waits meanwhile.
    pub fn links<T>(&self, ask: impl FnOnce(&Links) -> T) -> T {
        self.shared.refresh();
        ask(&self.shared.linking.now())
    }

    /// Takes links up: from now on every read goes by them. They are written with the writer's next tick.
    pub fn link(&self, found: &[Link]) {
        self.shared.linking.add(found);
    }

    /// Keeps what goes by `name` apart from the client that it was linked to, or, with `apart` false, lets
    /// the links hold again. Says whether that changed anything; survives a power loss when it returns.
    pub fn set_apart(&self, name: &str, apart: bool) -> Result<bool, StoreError> {
        if self.shared.read_only {
            return Err(StoreError::ReadOnly);
        }
        self.shared.linking.set_apart(name, apart)
    }

    /// Puts labels in the place of those that there are.
    pub fn relabel(&self, labels: Vec<Label>) -> Result<(), StoreError> {
        if self.shared.read_only {
            return Err(StoreError::ReadOnly);
        }
        self.shared.linking.relabel(labels)
    }

    /// Covers files beside the segments as these are.
    pub fn cover(&self) -> Cover {
        let shared = &self.shared;
        let encrypts = if shared.read_only {
            open::is_encrypted(&shared.catalogue())
        } else {
            shared.sealer.is_some()
        };
        Cover::new(&shared.log.vault, encrypts)
    }

    /// How the store does now.
    pub fn status(&self) -> StoreStatus {
        self.shared.refresh();
        self.shared.status()
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}
