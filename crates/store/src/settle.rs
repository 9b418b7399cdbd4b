//! Settling: a segment that is written to no more is written anew, smaller and easier to search; and
//! where something is to go, without it.
//!
//! Recording writes blocks as they are, since whatever it spends the traffic waits for. Once the
//! segment is closed and the machine has time, its groups are put together into larger ones, its
//! blocks compressed where that helps, and a text filter and a directory put behind them. Positions
//! stay, so nothing that refers to a block changes. The new file takes the old one's name at once; a
//! crash before that costs the work and nothing else. A segment with any damage stays as it is.

mod draft;
pub(crate) mod replacing;
mod sealing;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use wayside_exchange::{ExchangeId, Summary};

use crate::block::{BlockHeader, Kind, pack};
use crate::catalogue::scan::{Care, Met, Scan};
use crate::catalogue::{Catalogue, Group, Place};
use crate::error::StoreError;
use crate::record::decode::{Stored, record};
use crate::row::decode::rows;
use crate::segment::{Segment, draft_of};
use crate::store::Shared;

use draft::Draft;
use replacing::is_superseded;
pub(crate) use sealing::Sealing;

/// Says which exchanges a segment keeps that is written anew: their records and the pieces of their
/// bodies.
pub(crate) type Keep = Box<dyn Fn(ExchangeId) -> bool + Send>;

/// What becomes of what is in a segment that is written anew.
pub(crate) trait Change: Send {
    /// Whether the piece at `position` comes along.
    fn keeps_piece(&mut self, id: ExchangeId, position: u64) -> bool;
    /// Whether the `n`-th row of a group, and its record, come along.
    fn keeps_row(&mut self, row: &Summary, group: u64, n: u32) -> bool;
    /// What takes the place of a record; none where it stays.
    fn replace(
        &mut self,
        _stored: &Stored,
        _draft: &mut Draft,
    ) -> Result<Option<(Stored, Vec<u8>)>, Stuck> {
        Ok(None)
    }
}

/// Some exchanges come along as they are, and others not at all.
struct Only(Keep);

impl Change for Only {
    fn keeps_piece(&mut self, id: ExchangeId, _position: u64) -> bool {
        self.0(id)
    }

    fn keeps_row(&mut self, row: &Summary, _group: u64, _n: u32) -> bool {
        self.0(row.id)
    }
}

/// A segment on its way to being written anew, one block at a time.
pub(crate) struct Settling<'a> {
    shared: Arc<Shared>,
    segment: Segment,
    /// None leaves everything as it is, but for records that a later one took the place of.
    change: Option<Box<dyn Change + 'a>>,
    /// How far into the old file it has come.
    offset: u64,
    /// The DATA block whose SUMMARY block comes next.
    data: Option<(BlockHeader, Bytes)>,
    draft: Draft,
    /// Rows that do not come along: those that the catalogue tracks, and how many more.
    dropped: Vec<Place>,
    others: u64,
}

/// Why a segment was not written anew.
#[derive(Debug)]
pub(crate) enum Stuck {
    /// It is damaged, and stays as it is.
    Damaged(&'static str),
    /// The disk is full, or fails; later it may not.
    Store(StoreError),
}

impl Stuck {
    /// As an error.
    pub(crate) fn into_error(self, shared: &Shared) -> StoreError {
        match self {
            Stuck::Store(error) => error,
            Stuck::Damaged(reason) => {
                StoreError::Damaged { path: shared.log.storage.path(""), offset: 0, reason }
            }
        }
    }
}

impl From<StoreError> for Stuck {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<'a> Settling<'a> {
    /// Begins with the oldest segment that is closed, durable and not settled; none where all are.
    /// Those whose numbers are in `except` are passed over.
    pub(crate) fn begin(shared: &Arc<Shared>, except: &[u64]) -> Option<Result<Self, StoreError>> {
        let segment = waiting(shared, &shared.catalogue(), except).next()?;
        Some(Self::of(shared, segment, None))
    }

    /// Begins with this segment, which is closed and durable.
    fn of(
        shared: &Arc<Shared>,
        segment: Segment,
        change: Option<Box<dyn Change + 'a>>,
    ) -> Result<Self, StoreError> {
        let draft = Draft::begin(shared, &segment)?;
        Ok(Self {
            shared: shared.clone(),
            offset: segment.span().start,
            segment,
            change,
            data: None,
            draft,
            dropped: Vec::new(),
            others: 0,
        })
    }

    /// Writes a segment anew with only the exchanges that `keep` says. Says how many are gone.
    pub(crate) fn rewrite(
        shared: &Arc<Shared>,
        segment: Segment,
        keep: Keep,
    ) -> Result<u64, Stuck> {
        Settling::change(shared, segment, Box::new(Only(keep)))
    }

    /// Writes a segment anew from its first block to its last, and puts it in its place. After an error
    /// it is as it was. Says how many exchanges are gone.
    pub(crate) fn change(
        shared: &Arc<Shared>,
        segment: Segment,
        change: Box<dyn Change + 'a>,
    ) -> Result<u64, Stuck> {
        let mut settling = Self::of(shared, segment, Some(change))?;
        loop {
            match settling.step() {
                Ok(true) => {}
                Ok(false) => return Ok(settling.finish()?),
                Err(stuck) => {
                    settling.discard();
                    return Err(stuck);
                }
            }
        }
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
                let opener = self.segment.opener();
                let raw = pack::unpack(&header, payload, opener).map_err(Stuck::Damaged)?;
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
            Kind::Piece => {
                let id = ExchangeId(header.first);
                let change = self.change.as_mut();
                if change.is_none_or(|change| change.keeps_piece(id, header.position)) {
                    self.draft.piece(&self.shared, header, &raw)?;
                }
            }
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
        let catalogue = Group::of(header).needs_tracking().then(|| self.shared.catalogue());
        let (kept, dropped): (Vec<_>, Vec<_>) =
            (0_u32..).zip(rows).partition(|(n, row)| match (self.change.as_mut(), &catalogue) {
                (Some(change), _) => change.keeps_row(&row.summary, header.position, *n),
                (None, Some(catalogue)) => {
                    !is_replaced(&self.shared, catalogue, row.summary.id, (header.position, *n))
                }
                (None, None) => true,
            });
        let dropped: Vec<Place> = dropped
            .into_iter()
            .map(|(row, gone)| Place { id: gone.summary.id.0, position: header.position, row })
            .collect();
        if !kept.is_empty() {
            let dropped = dropped.iter().map(|place| place.row).collect();
            self.draft.open_group(&self.shared, &data, header, dropped)?;
        }
        self.drop_rows(dropped);
        for (_, row) in kept {
            let range = row.offset as usize..row.offset as usize + row.len as usize;
            let bytes = records.get(range.clone());
            let stored = record(&records, range, row.summary);
            let (Some(stored), Some(bytes)) = (stored, bytes) else {
                return Err(Stuck::Damaged("a record in it cannot be read"));
            };
            let change = self.change.as_mut();
            let anew = change.map(|change| change.replace(&stored, &mut self.draft)).transpose()?;
            match anew.flatten() {
                Some((stored, bytes)) => self.draft.exchange(&self.shared, &stored, &bytes),
                None => self.draft.exchange(&self.shared, &stored, bytes),
            }
        }
        Ok(())
    }

    fn drop_rows(&mut self, dropped: Vec<Place>) {
        let catalogue = self.shared.catalogue();
        let (tracked, others): (Vec<_>, Vec<_>) =
            dropped.into_iter().partition(|place| catalogue.latest(place.id).is_some());
        self.dropped.extend(tracked);
        self.others += others.len() as u64;
    }

    /// Puts the new file in the place of the old one. Says how many exchanges are gone.
    pub(crate) fn finish(self) -> Result<u64, StoreError> {
        let Settling { shared, segment, draft, dropped, others, .. } = self;
        shared.log.retire(&segment)?;
        let settled = draft.finish(&shared, &segment).inspect_err(|_| {
            let _ = shared.log.storage.remove(&draft_of(segment.number));
        })?;
        let catalogue = shared.catalogue();
        let (from, to) = catalogue.groups_of(&segment);
        let gone = catalogue.groups.get(from..to).unwrap_or_default().to_vec();
        drop(catalogue);
        let (segment, groups) = (settled.segment, settled.groups);
        let exchanges = shared.change(|catalogue| {
            let moved = |position, row| settled.moved.get(&position)?.place(row);
            catalogue.settle(
                segment,
                groups.iter().map(|(group, _)| *group),
                moved,
                &dropped,
                others,
            )
        });
        if let Some(index) = &shared.index {
            index.remove_zones(&gone);
            index.put_zones(&groups);
        }
        Ok(exchanges)
    }
}

impl fmt::Debug for Settling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settling").field("segment", &self.segment.number).finish_non_exhaustive()
    }
}

/// Whether a later row took the place of one for good: a power loss leaves it.
fn is_replaced(shared: &Shared, catalogue: &Catalogue, id: ExchangeId, place: (u64, u32)) -> bool {
    let is_durable = || {
        let latest = catalogue.latest(id.0)?;
        Some(shared.sealing.is_closed(&catalogue.segment_at(latest.position)?))
    };
    is_superseded(shared, catalogue, id, place) && is_durable() == Some(true)
}

/// The segments that can be settled, oldest first; those in clear, too, that should not be.
fn waiting<'a>(
    shared: &'a Shared,
    catalogue: &'a Catalogue,
    except: &'a [u64],
) -> impl Iterator<Item = Segment> + 'a {
    let segments = catalogue.segments.iter();
    segments
        .filter(|segment| {
            (!segment.is_settled() || should_be_encrypted(shared, segment))
                && shared.sealing.is_closed(segment)
                && !except.contains(&segment.number)
        })
        .cloned()
}

fn should_be_encrypted(shared: &Shared, segment: &Segment) -> bool {
    shared.sealer.is_some() && segment.opener.is_none()
}

/// Whether anything in clear waits to be encrypted.
pub(crate) fn is_any_in_clear(shared: &Shared) -> bool {
    let catalogue = shared.catalogue();
    waiting(shared, &catalogue, &[]).any(|segment| should_be_encrypted(shared, &segment))
}

/// Bytes that wait to be settled.
pub(crate) fn backlog(shared: &Shared) -> u64 {
    let catalogue = shared.catalogue();
    waiting(shared, &catalogue, &[]).map(|segment| segment.file_bytes()).sum()
}
