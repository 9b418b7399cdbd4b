//! Listings in the order of ids: the rows that a scan lets through, merged.
//!
//! Exchanges are written as they end, so the ids of neighbouring blocks overlap. A block is read
//! once the merge comes to the first id it may have; of its rows only ids wait in the merge, and
//! the rows themselves within a bound, so a store of any size is listed in little memory.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wayside_exchange::Summary;
use wayside_exchange::filter::Filter;

use super::Shared;
use super::scan::{Order, ROWS_AT_ONCE, Scan, key};
use super::sieve::Buffers;
use crate::catalogue::Group;
use crate::error::StoreError;

/// Rows that wait in memory; beyond this a block is read again when its turn comes.
const MOST_ROWS: usize = 2 * ROWS_AT_ONCE;

/// A listing under way. Damaged blocks are left out and told in the store's status; an error of
/// the system ends the listing.
pub struct Found {
    scan: Scan,
    merge: BinaryHeap<Reverse<Waiting>>,
    /// What was let through, the block that was asked last in front.
    read: VecDeque<ReadGroup>,
    rows_read: usize,
    failed: bool,
}

/// A row in the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    /// Ascends in the order of the listing.
    key: u64,
    position: u64,
    row: u32,
}

/// The rows of a block that were let through, by number.
struct ReadGroup {
    group: Group,
    rows: Vec<(u32, Option<Summary>)>,
}

impl Found {
    pub(crate) fn new(shared: Arc<Shared>, filter: Filter, order: Order) -> Self {
        Self {
            scan: Scan::new(shared, filter, order),
            merge: BinaryHeap::new(),
            read: VecDeque::new(),
            rows_read: 0,
            failed: false,
        }
    }

    /// Ends the listing soon after `abandoned` turns true, also while nothing matches. The end looks
    /// like any other, so the flag is for an asker who no longer waits for it.
    #[must_use]
    pub fn until(mut self, abandoned: Arc<AtomicBool>) -> Self {
        self.scan = self.scan.until(abandoned);
        self
    }

    /// The next row that is let through.
    fn step(&mut self) -> Result<Option<Summary>, StoreError> {
        loop {
            while let Some(bound) = self.scan.bound() {
                let first = self.merge.peek().map(|Reverse(waiting)| waiting.key);
                if first.is_some_and(|first| first < bound) || self.scan.is_abandoned() {
                    break;
                }
                self.read_on()?;
            }
            if self.scan.is_abandoned() {
                return Ok(None);
            }
            let Some(Reverse(waiting)) = self.merge.pop() else { return Ok(None) };
            if let Some(row) = self.take(waiting)? {
                return Ok(Some(row));
            }
        }
    }

    /// Reads blocks and puts those of their rows that are let through into the merge.
    fn read_on(&mut self) -> Result<(), StoreError> {
        let mut parts: Vec<Vec<ReadGroup>> = self.scan.parts();
        self.scan.run(&mut parts, |part, group, n, row, _| {
            let row = (n, Some(row.glance.summary(&row.details)));
            match part.last_mut().filter(|last| last.group.position == group.position) {
                Some(last) => last.rows.push(row),
                None => part.push(ReadGroup { group: *group, rows: vec![row] }),
            }
        })?;
        for read in parts.into_iter().flatten() {
            for (n, summary) in &read.rows {
                let Some(summary) = summary else { continue };
                let key = key(self.scan.order, summary.id.0);
                let waiting = Waiting { key, position: read.group.position, row: *n };
                self.merge.push(Reverse(waiting));
            }
            self.keep(read);
        }
        Ok(())
    }

    fn keep(&mut self, read: ReadGroup) {
        self.rows_read += read.rows.len();
        self.read.push_front(read);
        while self.rows_read > MOST_ROWS && self.read.len() > 1 {
            let Some(oldest) = self.read.pop_back() else { break };
            self.rows_read -= oldest.rows.len();
        }
    }

    fn take(&mut self, waiting: Waiting) -> Result<Option<Summary>, StoreError> {
        let at = |read: &ReadGroup| read.group.position == waiting.position;
        match self.read.iter().position(at) {
            Some(0) => {}
            Some(n) => {
                if let Some(read) = self.read.remove(n) {
                    self.read.push_front(read);
                }
            }
            None => {
                let Some(read) = self.read_again(waiting.position)? else { return Ok(None) };
                self.keep(read);
            }
        }
        let Some(read) = self.read.front_mut() else { return Ok(None) };
        let n = read.rows.binary_search_by_key(&waiting.row, |(n, _)| *n);
        Ok(n.ok().and_then(|n| read.rows.get_mut(n)?.1.take()))
    }

    /// A block whose rows could not wait in memory.
    fn read_again(&self, position: u64) -> Result<Option<ReadGroup>, StoreError> {
        let Some(group) = self.scan.catalogue.group_at(position) else { return Ok(None) };
        let mut rows = Vec::new();
        let sieve = self.scan.sieve();
        sieve.pass(&group, &mut Buffers::default(), |n, row, _| {
            rows.push((n, Some(row.glance.summary(&row.details))));
        })?;
        Ok(Some(ReadGroup { group, rows }))
    }
}

impl Iterator for Found {
    type Item = Result<Summary, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}
