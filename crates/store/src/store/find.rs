//! Listings: blocks that may match are read as they are needed, and their rows merged by id.
//!
//! Exchanges are written as they end, so the ids of neighbouring blocks overlap. A block is read
//! once the merge comes to the first id it may have; of its rows only ids wait in the merge, and
//! the rows themselves within a bound, so a store of any size is listed in little memory.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wayside_exchange::Summary;
use wayside_exchange::filter::{Answer, Filter};

use super::{Shared, body};
use crate::catalogue::{Catalogue, Group};
use crate::error::StoreError;
use crate::row::Row;
use crate::text::hints::TextHints;
use crate::zone::BlockZone;

/// Rows that wait in memory; beyond this a block is read again when its turn comes.
const MOST_ROWS: usize = 20_000;

/// In which order a listing comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Ascending ids.
    #[default]
    OldestFirst,
    /// Descending ids.
    NewestFirst,
}

/// A listing under way. Damaged blocks are left out and told in the store's status; an error of
/// the system ends the listing.
pub struct Found {
    shared: Arc<Shared>,
    /// The store as it was when the listing began.
    catalogue: Arc<Catalogue>,
    texts: TextHints,
    filter: Filter,
    order: Order,
    /// Blocks to come, the next one last.
    groups: Vec<Group>,
    merge: BinaryHeap<Reverse<Waiting>>,
    read: VecDeque<ReadGroup>,
    rows_read: usize,
    failed: bool,
    /// Turns true when nobody wants the rest.
    abandoned: Option<Arc<AtomicBool>>,
}

/// A row in the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    /// Ascends in the order of the listing.
    key: u64,
    position: u64,
    row: u32,
    /// Heads or bodies must be read to know whether it is let through.
    unknown: bool,
}

struct ReadGroup {
    group: Group,
    rows: Vec<Option<Row>>,
}

impl Found {
    pub(crate) fn new(shared: Arc<Shared>, filter: Filter, order: Order) -> Self {
        let catalogue = shared.catalogue();
        let mut groups = catalogue.groups.clone();
        groups.sort_unstable_by_key(|group| Reverse((bound(order, group), group.position)));
        Self {
            shared,
            catalogue,
            texts: TextHints::default(),
            filter,
            order,
            groups,
            merge: BinaryHeap::new(),
            read: VecDeque::new(),
            rows_read: 0,
            failed: false,
            abandoned: None,
        }
    }

    /// Ends the listing soon after `abandoned` turns true, also while nothing matches. The end looks
    /// like any other, so the flag is for an asker who no longer waits for it.
    #[must_use]
    pub fn until(mut self, abandoned: Arc<AtomicBool>) -> Self {
        self.abandoned = Some(abandoned);
        self
    }

    /// The next row that is let through.
    fn step(&mut self) -> Result<Option<Summary>, StoreError> {
        loop {
            while let Some(group) = self.groups.last().copied() {
                let first = self.merge.peek().map(|Reverse(waiting)| waiting.key);
                if first.is_some_and(|first| first < bound(self.order, &group)) {
                    break;
                }
                if self.is_abandoned() {
                    return Ok(None);
                }
                self.groups.pop();
                if self.may_match(&group) {
                    skip_damage(self.enter(&group))?;
                }
            }
            if self.is_abandoned() {
                return Ok(None);
            }
            let Some(Reverse(waiting)) = self.merge.pop() else { return Ok(None) };
            let Some(Some((group, row))) = skip_damage(self.take(waiting))? else { continue };
            if !waiting.unknown {
                return Ok(Some(row.summary));
            }
            let Some(stored) = skip_damage(self.shared.record(&self.catalogue, &group, row))?
            else {
                continue;
            };
            let mut read = |half| body::in_memory(&self.shared, &stored, half);
            if self.filter.on_exchange(&stored.exchange, &mut read) {
                return Ok(Some(stored.exchange.summary));
            }
        }
    }

    fn is_abandoned(&self) -> bool {
        self.abandoned.as_ref().is_some_and(|abandoned| abandoned.load(Ordering::Relaxed))
    }

    fn may_match(&self, group: &Group) -> bool {
        if self.filter.is_all() {
            return true;
        }
        let sets = self.catalogue.group_at(group.position).and_then(|(_, zone)| zone);
        let texts = self.texts.of(&self.shared.log, &self.catalogue, group);
        self.filter.may_match(&BlockZone { group, sets: sets.map(Arc::as_ref), texts })
    }

    /// Reads a block and puts those of its rows that may be let through into the merge.
    fn enter(&mut self, group: &Group) -> Result<(), StoreError> {
        let rows = self.shared.rows(&self.catalogue, group)?;
        for (row, n) in rows.iter().zip(0..) {
            let id = row.summary.id.0;
            let is_latest = self
                .catalogue
                .latest(id)
                .is_none_or(|latest| latest.position == group.position && latest.row == n);
            let answer = self.filter.on_summary(&row.summary);
            if is_latest && answer != Answer::No {
                let key = key(self.order, id);
                let unknown = answer == Answer::Unknown;
                let position = group.position;
                self.merge.push(Reverse(Waiting { key, position, row: n, unknown }));
            }
        }
        self.keep(*group, rows);
        Ok(())
    }

    fn keep(&mut self, group: Group, rows: Vec<Row>) {
        self.rows_read += rows.len();
        self.read.push_front(ReadGroup { group, rows: rows.into_iter().map(Some).collect() });
        while self.rows_read > MOST_ROWS && self.read.len() > 1 {
            let Some(oldest) = self.read.pop_back() else { break };
            self.rows_read -= oldest.rows.len();
        }
    }

    fn take(&mut self, waiting: Waiting) -> Result<Option<(Group, Row)>, StoreError> {
        let at = |read: &ReadGroup| read.group.position == waiting.position;
        match self.read.iter().position(at) {
            Some(0) => {}
            Some(n) => {
                if let Some(read) = self.read.remove(n) {
                    self.read.push_front(read);
                }
            }
            None => {
                let Some((group, _)) = self.catalogue.group_at(waiting.position) else {
                    return Ok(None);
                };
                let rows = self.shared.rows(&self.catalogue, &group)?;
                self.keep(group, rows);
            }
        }
        let Some(read) = self.read.front_mut() else { return Ok(None) };
        let row = read.rows.get_mut(waiting.row as usize).and_then(Option::take);
        Ok(row.map(|row| (read.group, row)))
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

/// What cannot be read because it is damaged is left out; the status tells of it.
fn skip_damage<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn key(order: Order, id: u64) -> u64 {
    match order {
        Order::OldestFirst => id,
        Order::NewestFirst => !id,
    }
}

/// The least key that a row of the block can have.
fn bound(order: Order, group: &Group) -> u64 {
    match order {
        Order::OldestFirst => group.first,
        Order::NewestFirst => !group.last,
    }
}
