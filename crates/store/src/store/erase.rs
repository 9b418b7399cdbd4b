//! Erasing: exchanges go from the log for good, and then it is looked whether they did.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, sync_channel};

use super::Store;
use super::reseal::Clearance;
use super::select::Selection;
use crate::error::StoreError;

/// What was erased, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Erased {
    /// Exchanges that are gone.
    pub exchanges: u64,
    /// Exchanges that were meant and still run: they are left alone.
    pub running: u64,
    /// Segments that were written anew without them.
    pub segments: u64,
    /// Bytes that this freed.
    pub freed: u64,
    /// Pins that meant nothing else.
    pub pins: u64,
    /// Bytes of blocks, uncompressed, that were searched afterwards.
    pub searched: u64,
    /// Places where something of them was found; anything but zero is a fault of ours.
    pub found: u64,
    /// Blocks in which the client's name still stands, in exchanges of others.
    pub mentions: u64,
    /// Segments that could not be written anew because they are damaged, so that nothing in them was
    /// erased.
    pub damaged: Vec<PathBuf>,
}

/// What the keeper of a store is asked to do.
pub(crate) enum Asked {
    /// To erase.
    Erase(Erasure),
    /// To seal what rests in clear.
    Reseal(Clearance),
}

/// What the keeper of a store is asked to erase.
pub(crate) struct Erasure {
    pub(crate) selection: Selection,
    pub(crate) reply: SyncSender<Result<Erased, StoreError>>,
}

impl Store {
    /// What [`Store::erase`] would erase, found without changing anything.
    pub fn would_erase(&self, selection: &Selection) -> Result<Erased, StoreError> {
        self.shared.refresh();
        let catalogue = self.shared.catalogue();
        let selection = selection.clone().meant(&self.shared.linking.now());
        let selections = std::slice::from_ref(&selection);
        let mut erased = Erased::default();
        let mut running = std::collections::HashSet::new();
        for segment in &catalogue.segments {
            let chosen = Selection::among(selections, &self.shared, &catalogue, segment, true)?;
            running.extend(chosen.running);
            erased.exchanges += chosen.latest;
            erased.segments += u64::from(!chosen.ids.is_empty());
        }
        erased.running = running.len() as u64;
        Ok(erased)
    }

    /// Erases what is meant of all that was recorded until now, and searches what is left for it. The
    /// store must have been opened for writing, and its writer ticked meanwhile.
    pub fn erase(&self, selection: Selection) -> Result<Erased, StoreError> {
        let (reply, answer) = sync_channel(1);
        let selection = selection.meant(&self.shared.linking.now());
        self.ask_keeper(Asked::Erase(Erasure { selection, reply }))?;
        answer.recv().unwrap_or(Err(StoreError::Stopped))
    }

    pub(super) fn ask_keeper(&self, asked: Asked) -> Result<(), StoreError> {
        match &mut *self.shared.asked.lock() {
            Some(all) => all.push_back(asked),
            None if self.shared.read_only => return Err(StoreError::ReadOnly),
            None => return Err(StoreError::Stopped),
        }
        Ok(())
    }
}
