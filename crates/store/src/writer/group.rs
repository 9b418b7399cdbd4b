//! The rows of one group in the making, and the facts that go with them. Its records are kept by who
//! makes it.

use std::collections::HashSet;
use std::sync::Arc;

use wayside_exchange::{Mark, Summary};

use super::pending::Sealed;
use crate::block::{BlockHeader, Kind, Packing, flag};
use crate::catalogue::{Group, Tracked};
use crate::row::encode::RowEncoder;
use crate::zone::{ZoneBuilder, status_bit};

/// A group in the making; its buffers serve group after group.
pub(crate) struct GroupBuilder {
    rows: RowEncoder,
    zone: ZoneBuilder,
    tracked: Vec<Tracked>,
    facts: BlockHeader,
    /// Ids whose latest record says that they still run.
    running: HashSet<u64>,
}

impl GroupBuilder {
    pub(crate) fn new(running: HashSet<u64>) -> Self {
        Self {
            rows: RowEncoder::default(),
            zone: ZoneBuilder::default(),
            tracked: Vec::new(),
            facts: no_facts(),
            running,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.facts.count == 0
    }

    /// How many rows it has.
    pub(crate) fn count(&self) -> u32 {
        self.facts.count
    }

    /// Adds the row of a record that takes `len` bytes.
    pub(crate) fn add(&mut self, row: &Summary, len: usize) {
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

    /// Adds the flags of a group whose rows were added: what they were told of other rows.
    pub(crate) fn inherit(&mut self, flags: u8) {
        self.facts.flags |= flags;
    }

    /// Hands what the headers of its two blocks say, and the rows, to `put`, which gives both blocks their
    /// place and says what was written of the second; none when there are no records.
    pub(crate) fn seal(
        &mut self,
        put: impl FnOnce(BlockHeader, BlockHeader, &[u8]) -> BlockHeader,
    ) -> Option<Sealed> {
        if self.is_empty() {
            return None;
        }
        let data = BlockHeader { kind: Kind::Data, ..self.facts };
        let summary = BlockHeader { kind: Kind::Summary, ..self.facts };
        let summary = put(data, summary, self.rows.bytes());
        self.rows.clear();
        self.facts = no_facts();
        Some(Sealed {
            group: Group::of(&summary),
            zone: Arc::new(self.zone.take()),
            tracked: std::mem::take(&mut self.tracked),
        })
    }
}

fn no_facts() -> BlockHeader {
    BlockHeader {
        kind: Kind::Data,
        packing: Packing::Raw,
        nonce: None,
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
