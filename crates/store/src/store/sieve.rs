//! One block of rows against a filter. Rows are looked at where they lie; records are read only of
//! those that the rows leave open, and they, too, are searched where they lie.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLockReadGuard;
use wayside_exchange::filter::{Answer, Filter, Part, Subject};
use wayside_exchange::{Glance, Half, HeadView};

use super::buffer::BlockBuffer;
use super::{Shared, body};
use crate::block::Kind;
use crate::catalogue::{Catalogue, Group};
use crate::error::StoreError;
use crate::record::decode::{Kept, MessageView, RecordView};
use crate::row::decode::{RowDecoder, RowView};
use crate::segment::Segment;

/// After so many rows whoever adds links gets its turn.
const ROWS_AT_A_TIME: u32 = 256;

/// Room for the blocks of one group.
#[derive(Default)]
pub(super) struct Buffers {
    rows: BlockBuffer,
    records: BlockBuffer,
}

/// What lets rows through.
#[derive(Clone, Copy)]
pub(super) struct Sieve<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) catalogue: &'a Catalogue,
    pub(super) filter: &'a Filter,
    /// Whether records are read of rows that say enough, too.
    pub(super) whole: bool,
}

/// The records of a group, read when the first of them is looked into.
struct Records<'a> {
    unread: Option<&'a mut BlockBuffer>,
    block: Option<&'a [u8]>,
    segment: &'a Segment,
    position: u64,
}

impl Sieve<'_> {
    /// Gives `take` the rows of `group` that the filter lets through, each with its number, and its record where that was
    /// read. What is damaged is told in the store's status, and left out.
    pub(super) fn pass(
        self,
        group: &Group,
        buffers: &mut Buffers,
        mut take: impl FnMut(u32, &RowView<'_>, Option<&RecordView<'_>>),
    ) -> Result<(), StoreError> {
        let passed = self.try_pass(group, buffers, &mut take);
        self.unless_damaged(passed).map(|_| ())
    }

    fn try_pass(
        self,
        group: &Group,
        buffers: &mut Buffers,
        take: &mut impl FnMut(u32, &RowView<'_>, Option<&RecordView<'_>>),
    ) -> Result<(), StoreError> {
        let segment = self.shared.segment_at(self.catalogue, group.position)?;
        let rows = &mut buffers.rows;
        let rows = rows.read(&self.shared.log, &segment, group.position, Kind::Summary)?;
        let mut decoder = RowDecoder::new(rows);
        let mut records = Records {
            unread: Some(&mut buffers.records),
            block: None,
            segment: &segment,
            position: group.data_position(),
        };
        let linking = &self.shared.linking;
        let mut links = Some(linking.now());
        for n in 0..group.count {
            let Some(lying) = decoder.row() else {
                return Err(self.shared.log.damaged(
                    &segment,
                    group.position,
                    "its rows cannot be read",
                ));
            };
            let known = links.get_or_insert_with(|| linking.now());
            if n % ROWS_AT_A_TIME == 0 {
                RwLockReadGuard::bump(known);
            }
            let Glance { client, connection, id, .. } = lying.glance;
            let row = lying.called(known.client_of(client, connection, id));
            match self.filter.on_row(&row.glance, &row.details) {
                Answer::Yes if !self.whole => take(n, &row, None),
                Answer::No => {}
                answer => {
                    let client = row.glance.client.to_owned();
                    let row = lying.called(&client);
                    // Who adds to them waits for no body that is searched.
                    links = None;
                    if let Some(record) = self.record(&row, &mut records)?
                        && (answer == Answer::Yes || self.matches(&row, &record))
                    {
                        take(n, &row, Some(&record));
                    }
                }
            }
        }
        Ok(())
    }

    /// The record of a row; none where it is damaged.
    fn record<'r>(
        self,
        row: &RowView<'_>,
        records: &mut Records<'r>,
    ) -> Result<Option<RecordView<'r>>, StoreError> {
        if let Some(buffer) = records.unread.take() {
            let log = &self.shared.log;
            let read = buffer.read(log, records.segment, records.position, Kind::Data);
            records.block = self.unless_damaged(read)?;
        }
        let Some(block) = records.block else { return Ok(None) };
        let start = row.offset as usize;
        let bytes = block.get(start..start + row.len as usize);
        if let Some(record) = bytes.and_then(|bytes| RecordView::read(bytes, row.glance.id)) {
            return Ok(Some(record));
        }
        let reason = "a record in it cannot be read";
        let damage = self.shared.log.damaged(records.segment, records.position, reason);
        self.unless_damaged(Err(damage))
    }

    fn matches(self, row: &RowView<'_>, record: &RecordView<'_>) -> bool {
        let subject = Subject {
            row: row.glance,
            details: &row.details,
            request: part(&record.request),
            informed: record.informed.iter().map(|&head| HeadView(head)).collect(),
            response: record.response.as_ref().map(part),
        };
        let mut body = |half: Half| {
            let message = record.message(half)?;
            if message.pieces.is_empty() {
                return Some(Cow::Borrowed(message.rest));
            }
            let rest = Bytes::copy_from_slice(message.rest);
            let kept = Kept { pieces: message.pieces.clone(), rest, ..Kept::default() };
            body::joined(self.shared, row.glance.id, &kept).map(Cow::Owned)
        };
        self.filter.on_exchange(&subject, &mut body)
    }

    /// What cannot be read because it is damaged is left out; the status tells of it.
    fn unless_damaged<T>(self, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error @ StoreError::Damaged { .. }) => {
                self.shared.note_damage(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn part<'a>(message: &MessageView<'a>) -> Part<'a> {
    Part { head: HeadView(message.head), trailers: message.trailers, body_bytes: message.bytes }
}
