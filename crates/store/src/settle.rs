//! Settling: a segment that is written to no more is written anew, smaller and easier to search.
//!
//! Recording writes blocks as they are, since whatever it spends the traffic waits for. Once the
//! segment is closed and the machine has time, its groups are put together into larger ones, its
//! blocks compressed where that helps, and a text filter and a directory put behind them. Positions
//! stay, so nothing that refers to a block changes. The new file takes the old one's name at once; a
//! crash before that costs the work and nothing else. A segment with any damage stays as it is.

mod draft;
mod sealing;

use std::sync::Arc;

use bytes::Bytes;

use crate::block::{BlockHeader, Kind, pack};
use crate::catalogue::scan::{Care, Met, Scan};
use crate::catalogue::{Catalogue, Group};
use crate::error::StoreError;
use crate::record::decode::record;
use crate::row::decode::rows;
use crate::segment::Segment;
use crate::store::Shared;
use crate::zone::ZoneSets;

use draft::Draft;
pub(crate) use sealing::Sealing;

/// A segment on its way to being settled, one block at a time.
pub(crate) struct Settling {
    shared: Arc<Shared>,
    segment: Segment,
    /// How far into the old file it has come.
    offset: u64,
    /// The DATA block whose SUMMARY block comes next.
    data: Option<(BlockHeader, Bytes)>,
    draft: Draft,
}

/// What settling a segment changed: groups that are gone, and those that stand for them.
pub(crate) struct Regrouped {
    pub(crate) gone: Vec<Group>,
    pub(crate) groups: Vec<(Group, Arc<ZoneSets>)>,
}

/// Why a segment was not settled.
pub(crate) enum Stuck {
    /// It is damaged, and stays as it is.
    Damaged(&'static str),
    /// The disk is full, or fails; later it may not.
    Store(StoreError),
}

impl From<StoreError> for Stuck {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Settling {
    /// Begins with the oldest segment that is closed, durable and not settled; none where all are.
    /// Those whose numbers are in `except` are passed over.
    pub(crate) fn begin(shared: &Arc<Shared>, except: &[u64]) -> Option<Result<Self, StoreError>> {
        let segment = waiting(shared, &shared.catalogue(), except).next()?;
        let draft = Draft::begin(shared, &segment);
        Some(draft.map(|draft| Self {
            shared: shared.clone(),
            offset: segment.span().start,
            segment,
            data: None,
            draft,
        }))
    }

    /// The number of the segment.
    pub(crate) fn number(&self) -> u64 {
        self.segment.number
    }

    /// Deals with one more block; false when there is none, so that it is time to finish.
    pub(crate) fn step(&mut self) -> Result<bool, Stuck> {
        let shared = self.shared.clone();
        let mut scan = Scan::new(&shared.log, &self.segment, self.offset, Care::Payloads);
        let met = scan.step()?;
        self.offset = scan.offset();
        match met {
            Some(Met::Good(header, payload)) => {
                let raw = pack::unpack(&header, payload).map_err(Stuck::Damaged)?;
                self.block(&header, raw)?;
                Ok(true)
            }
            Some(Met::Bad(_, reason)) => Err(Stuck::Damaged(reason)),
            None => Ok(false),
        }
    }

    /// Leaves the segment as it is.
    pub(crate) fn discard(&self) {
        self.draft.discard(&self.shared);
    }

    fn block(&mut self, header: &BlockHeader, raw: Vec<u8>) -> Result<(), Stuck> {
        match header.kind {
            Kind::Piece => self.draft.piece(&self.shared, header, &raw)?,
            Kind::Data => self.data = Some((*header, Bytes::from(raw))),
            Kind::Summary => self.group(header, &raw)?,
        }
        Ok(())
    }

    fn group(&mut self, header: &BlockHeader, raw: &[u8]) -> Result<(), Stuck> {
        let position = header.position.checked_sub(u64::from(header.back));
        let (data, records) = self
            .data
            .take()
            .filter(|(data, _)| Some(data.position) == position)
            .ok_or(Stuck::Damaged("a group lacks its records"))?;
        let rows = rows(raw, header.count).ok_or(Stuck::Damaged("its rows cannot be read"))?;
        self.draft.open_group(&self.shared, &data, header)?;
        for row in rows {
            let range = row.offset as usize..row.offset as usize + row.len as usize;
            let bytes = records.get(range.clone());
            let stored = record(&records, range, row.summary);
            let (Some(stored), Some(bytes)) = (stored, bytes) else {
                return Err(Stuck::Damaged("a record in it cannot be read"));
            };
            self.draft.exchange(&self.shared, &stored, bytes);
        }
        Ok(())
    }

    /// Puts the new file in the place of the old one.
    pub(crate) fn finish(self) -> Result<Regrouped, StoreError> {
        let Settling { shared, segment, draft, .. } = self;
        let settled = draft.finish(&shared, &segment)?;
        let catalogue = shared.catalogue();
        let from = catalogue.groups.partition_point(|group| group.position < segment.base);
        let to = catalogue.groups.partition_point(|group| group.position < segment.end);
        let gone = catalogue.groups.get(from..to).unwrap_or_default().to_vec();
        drop(catalogue);
        let groups = settled.groups;
        shared.change(|catalogue| {
            catalogue.settle(settled.segment, groups.clone(), |position, row| {
                let (position, first) = settled.moved.get(&position)?;
                Some((*position, first + row))
            });
        });
        Ok(Regrouped { gone, groups })
    }
}

/// The segments that can be settled, oldest first.
fn waiting<'a>(
    shared: &'a Shared,
    catalogue: &'a Catalogue,
    except: &'a [u64],
) -> impl Iterator<Item = Segment> + 'a {
    let segments = catalogue.segments.iter();
    segments
        .filter(|segment| {
            !segment.is_settled()
                && shared.sealing.is_closed(segment)
                && !except.contains(&segment.number)
        })
        .cloned()
}

/// Bytes that wait to be settled.
pub(crate) fn backlog(shared: &Shared) -> u64 {
    let catalogue = shared.catalogue();
    waiting(shared, &catalogue, &[]).map(|segment| segment.file_bytes()).sum()
}
