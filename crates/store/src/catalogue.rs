//! The catalogue: which segments and blocks there are, in a few dozen bytes for each.
//!
//! It is made from block headers alone, by hopping from one to the next, so it needs no index; and
//! it knows which ids were written more than once, so that the latest record wins.

use std::collections::{HashMap, HashSet};

use wayside_exchange::{ExchangeId, Mark};

use crate::block::{BlockHeader, flag};
use crate::row::Row;
use crate::segment::Segment;

pub(crate) mod load;
pub(crate) mod scan;

/// The rows of one SUMMARY block and, before it, the DATA block that they speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Position of the SUMMARY block.
    pub(crate) position: u64,
    /// How many bytes before it the DATA block begins.
    pub(crate) back: u32,
    /// Rows.
    pub(crate) count: u32,
    /// The least and the greatest id.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// When the earliest and the latest exchange started.
    pub(crate) earliest: i64,
    pub(crate) latest: i64,
    /// See [`BlockHeader`].
    pub(crate) longest: u32,
    pub(crate) statuses: u8,
    pub(crate) flags: u8,
    /// Checksum of the rows, which ties an entry of the index to this very block.
    pub(crate) crc: u32,
}

/// Where the latest record of an id is that was written more than once, or is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latest {
    pub(crate) position: u64,
    pub(crate) row: u32,
    pub(crate) open: bool,
    /// How many records of it there are that this one took the place of.
    pub(crate) before: u32,
}

/// An id of a group that [`Latest`] must know of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tracked {
    pub(crate) id: u64,
    pub(crate) row: u32,
    pub(crate) open: bool,
}

/// Where a row of an exchange stands: its group, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) id: u64,
    pub(crate) position: u64,
    pub(crate) row: u32,
}

/// Everything that a reader needs to find blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    /// In the order of positions, without those that a later one took the place of.
    pub(crate) segments: Vec<Segment>,
    /// In the order of positions.
    pub(crate) groups: Vec<Group>,
    /// Exchanges, each counted once.
    pub(crate) stored: u64,
    /// The greatest id.
    pub(crate) newest: u64,
    latest: HashMap<u64, Latest>,
}

impl Group {
    /// What a SUMMARY block's header says.
    pub(crate) fn of(header: &BlockHeader) -> Self {
        Self {
            position: header.position,
            back: header.back,
            count: header.count,
            first: header.first,
            last: header.last,
            earliest: header.earliest,
            latest: header.latest,
            longest: header.longest,
            statuses: header.statuses,
            flags: header.flags,
            crc: header.payload_crc,
        }
    }

    /// Position of the DATA block.
    pub(crate) fn data_position(&self) -> u64 {
        self.position.saturating_sub(u64::from(self.back))
    }

    /// Whether an exchange of this id may be in it.
    pub(crate) fn spans(&self, id: ExchangeId) -> bool {
        self.first <= id.0 && id.0 <= self.last
    }

    /// Whether its rows must be read to know which ids are written more than once.
    pub(crate) fn needs_tracking(&self) -> bool {
        self.flags & (flag::OPEN | flag::SUPERSEDES) != 0
    }
}

impl Catalogue {
    /// Adds a group at the end of the log. `tracked` are its ids that are open, or were before.
    pub(crate) fn push(&mut self, group: Group, tracked: &[Tracked]) {
        self.stored += u64::from(group.count);
        self.newest = self.newest.max(group.last);
        for &Tracked { id, row, open } in tracked {
            let latest = Latest { position: group.position, row, open, before: 0 };
            if let Some(old) = self.latest.insert(id, latest) {
                self.stored -= 1;
                self.latest.entry(id).and_modify(|now| now.before = old.before + 1);
            }
        }
        // A log that never ends makes a table that doubles cost twice what is in it.
        if self.groups.len() == self.groups.capacity() {
            self.groups.reserve_exact(self.groups.len() / 8 + 64);
        }
        self.groups.push(group);
    }

    /// The rows of a group that `push` must be told of when it is read from disk.
    pub(crate) fn tracked_among(&self, rows: &[Row]) -> Vec<Tracked> {
        let mut opened_here = HashSet::new();
        let of = |(row, n): (&Row, u32)| {
            let id = row.summary.id.0;
            let open = row.summary.marks.contains(Mark::Open);
            let tracked = open || self.latest.contains_key(&id) || opened_here.contains(&id);
            opened_here.extend(open.then_some(id));
            tracked.then_some(Tracked { id, row: n, open })
        };
        rows.iter().zip(0..).filter_map(of).collect()
    }

    /// Where the latest record of an id is, if it was ever open.
    pub(crate) fn latest(&self, id: u64) -> Option<Latest> {
        self.latest.get(&id).copied()
    }

    /// How many ids it knows of that were written more than once, or are open.
    #[cfg(test)]
    pub(crate) fn tracked(&self) -> usize {
        self.latest.len()
    }

    /// Ids whose latest record says that they still run.
    pub(crate) fn open_ids(&self) -> impl Iterator<Item = u64> {
        self.latest.iter().filter(|(_, latest)| latest.open).map(|(&id, _)| id)
    }

    /// The segment that holds `position`.
    pub(crate) fn segment_at(&self, position: u64) -> Option<Segment> {
        let after = self.segments.partition_point(|segment| segment.base <= position);
        let segment = self.segments.get(after.checked_sub(1)?)?;
        (position < segment.end).then(|| segment.clone())
    }

    /// The position after the last good block.
    pub(crate) fn end(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.end)
    }

    /// The group at `position`.
    pub(crate) fn group_at(&self, position: u64) -> Option<Group> {
        let n = self.groups.binary_search_by_key(&position, |group| group.position).ok()?;
        self.groups.get(n).copied()
    }

    /// The first group from `position` on.
    pub(crate) fn group_from(&self, position: u64) -> Option<Group> {
        let n = self.groups.partition_point(|group| group.position < position);
        self.groups.get(n).copied()
    }

    /// Puts a segment that was written anew in the place of the one of the same number. `moved` tells for
    /// a row of an old group, by position and number, where it stands now; none where it is gone.
    /// `dropped` are the rows that are gone, of those that [`Latest`] knows of; `others` is how many more
    /// there are. Says how many exchanges are gone.
    pub(crate) fn settle(
        &mut self,
        segment: Segment,
        groups: impl IntoIterator<Item = Group>,
        moved: impl Fn(u64, u32) -> Option<(u64, u32)>,
        dropped: &[Place],
        others: u64,
    ) -> u64 {
        let gone = others + self.latest_among(dropped);
        let superseded = self.superseded_among(dropped);
        self.stored = self.stored.saturating_sub(gone);
        let (from, to) = self.groups_of(&segment);
        self.latest.retain(|_, latest| {
            if !(segment.base..segment.end).contains(&latest.position) {
                return true;
            }
            let now = moved(latest.position, latest.row);
            (latest.position, latest.row) = now.unwrap_or_default();
            now.is_some()
        });
        self.forget_before(&superseded);
        self.groups.splice(from..to, groups);
        if let Some(slot) = self.segments.iter_mut().find(|old| old.number == segment.number) {
            *slot = segment;
        }
        gone
    }

    /// Takes a segment out that is deleted. `tracked` are those of its rows that [`Latest`] knows of.
    /// Says how many exchanges are gone.
    pub(crate) fn remove(&mut self, segment: &Segment, tracked: &[Place]) -> u64 {
        let superseded = self.superseded_among(tracked);
        let (from, to) = self.groups_of(segment);
        let rows: u64 = self.groups.drain(from..to).map(|group| u64::from(group.count)).sum();
        let range = segment.base..segment.end;
        self.latest.retain(|_, latest| !range.contains(&latest.position));
        self.forget_before(&superseded);
        self.segments.retain(|old| old.number != segment.number);
        let gone = rows.saturating_sub(superseded.len() as u64);
        self.stored = self.stored.saturating_sub(gone);
        gone
    }

    /// How many of these rows are the latest of their exchange.
    fn latest_among(&self, places: &[Place]) -> u64 {
        (places.len() - self.superseded_among(places).len()) as u64
    }

    /// The ids of those of these rows that a later one took the place of.
    fn superseded_among(&self, places: &[Place]) -> Vec<u64> {
        let superseded = |place: &&Place| !self.is_latest(place.id, place.position, place.row);
        places.iter().filter(superseded).map(|place| place.id).collect()
    }

    /// Records of these ids are gone that a later one took the place of. An exchange that is over, and has
    /// one record, is like any other.
    fn forget_before(&mut self, ids: &[u64]) {
        for id in ids {
            let Some(latest) = self.latest.get_mut(id) else { continue };
            latest.before = latest.before.saturating_sub(1);
            if latest.before == 0 && !latest.open {
                self.latest.remove(id);
            }
        }
    }

    /// Whether a row is the latest of its exchange.
    pub(crate) fn is_latest(&self, id: u64, position: u64, row: u32) -> bool {
        let latest = self.latest.get(&id);
        latest.is_none_or(|latest| (latest.position, latest.row) == (position, row))
    }

    /// The place of a group among those of its segment: its column in the text filter.
    pub(crate) fn column(&self, segment: &Segment, group: &Group) -> Option<usize> {
        let (from, to) = self.groups_of(segment);
        let groups = self.groups.get(from..to)?;
        groups.binary_search_by_key(&group.position, |group| group.position).ok()
    }

    /// Which of the groups are a segment's: the first, and the one after the last.
    pub(crate) fn groups_of(&self, segment: &Segment) -> (usize, usize) {
        let from = self.groups.partition_point(|group| group.position < segment.base);
        let to = self.groups.partition_point(|group| group.position < segment.end);
        (from, to)
    }
}
