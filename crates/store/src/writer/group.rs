//! The records that wait for their block, and the rows and facts that go with them.

use std::collections::HashSet;
use std::sync::Arc;

use wayside_exchange::{Mark, Summary};

use super::pending::{Pending, Sealed};
use crate::block::{BlockHeader, Kind, Packing, flag, pack::Packer};
use crate::catalogue::{Group, Tracked};
use crate::row::encode::RowEncoder;
use crate::zone::{ZoneBuilder, status_bit};

/// A group in the making; its buffers serve group after group.
pub(super) struct GroupBuilder {
    /// The records, uncompressed.
    pub(super) data: Vec<u8>,
    rows: RowEncoder,
    zone: ZoneBuilder,
    tracked: Vec<Tracked>,
    facts: BlockHeader,
    /// Ids whose latest record says that they still run.
    running: HashSet<u64>,
}

impl GroupBuilder {
    pub(super) fn new(running: HashSet<u64>) -> Self {
        Self {
            data: Vec::new(),
            rows: RowEncoder::default(),
            zone: ZoneBuilder::default(),
            tracked: Vec::new(),
            facts: no_facts(),
            running,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.facts.count == 0
    }

    /// Adds the row of a record whose `len` bytes were just appended to `data`.
    pub(super) fn add(&mut self, row: &Summary, len: usize) {
        let open = row.marks.contains(Mark::Open);
        let was_running =
            if open { !self.running.insert(row.id.0) } else { self.running.remove(&row.id.0) };
        let facts = &mut self.facts;
        if open || was_running {
            self.tracked.push(Tracked { id: row.id.0, row: facts.count, open });
        }
        facts.flags |= if open { flag::OPEN } else { 0 };
        facts.flags |= if was_running { flag::SUPERSEDES } else { 0 };
        facts.count += 1;
        facts.first = facts.first.min(row.id.0);
        facts.last = facts.last.max(row.id.0);
        facts.earliest = facts.earliest.min(row.started_at.0);
        facts.latest = facts.latest.max(row.started_at.0);
        facts.longest = facts.longest.max(u32::try_from(row.latency().0).unwrap_or(u32::MAX));
        facts.statuses |= status_bit(row.status);
        self.rows.push(row, len);
        self.zone.add(row);
    }

    /// Appends the group's two blocks to what is to be written; none when there are no records.
    pub(super) fn seal(&mut self, packer: &mut Packer, pending: &mut Pending) -> Option<Sealed> {
        if self.is_empty() {
            return None;
        }
        let data = BlockHeader { kind: Kind::Data, position: pending.end(), ..self.facts };
        let data = packer.pack(data, &self.data, true, &mut pending.bytes);
        let rows = BlockHeader {
            kind: Kind::Summary,
            position: pending.end(),
            back: data.len() as u32,
            ..self.facts
        };
        let rows = packer.pack(rows, self.rows.bytes(), true, &mut pending.bytes);
        self.data.clear();
        self.rows.clear();
        self.facts = no_facts();
        Some(Sealed {
            group: Group::of(&rows),
            zone: Arc::new(self.zone.take()),
            tracked: std::mem::take(&mut self.tracked),
        })
    }
}

fn no_facts() -> BlockHeader {
    BlockHeader {
        kind: Kind::Data,
        packing: Packing::Raw,
        flags: 0,
        statuses: 0,
        stored: 0,
        raw: 0,
        count: 0,
        back: 0,
        position: 0,
        first: u64::MAX,
        last: 0,
        earliest: i64::MAX,
        latest: i64::MIN,
        longest: 0,
        payload_crc: 0,
    }
}
