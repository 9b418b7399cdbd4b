//! Whole blocks on their way to the disk.

use std::sync::Arc;

use crate::catalogue::{Group, Tracked};
use crate::zone::ZoneSets;

/// A group whose blocks are made.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) group: Group,
    pub(crate) zone: Arc<ZoneSets>,
    pub(crate) tracked: Vec<Tracked>,
}

/// Blocks that are not written yet; they begin where the log ends.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Position of the first of `bytes`: everything before it is written.
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) groups: Vec<Sealed>,
    /// The greatest id of any group that was ever here.
    pub(crate) newest: u64,
}

impl Pending {
    pub(crate) fn new(start: u64) -> Self {
        Self { start, bytes: Vec::new(), groups: Vec::new(), newest: 0 }
    }

    /// The position of the next block.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Everything is written: gives the groups, and begins anew behind them.
    pub(crate) fn published(&mut self) -> Vec<Sealed> {
        self.start = self.end();
        self.bytes.clear();
        let groups = std::mem::take(&mut self.groups);
        let newest = groups.iter().map(|sealed| sealed.group.last).max();
        self.newest = self.newest.max(newest.unwrap_or(0));
        groups
    }
}
