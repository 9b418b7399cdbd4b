//! Retention: whole segments go, the oldest first, when they are older than what is kept, or when the
//! store takes more than it may.
//!
//! A segment goes in an order that a crash cannot hurt: the books say first that what is before its end
//! is gone, and how much that was; then it is deleted, and only when that is on the disk comes the next.
//! The newest segment is never deleted, since it tells where the log goes on: it is emptied.

use std::collections::HashSet;
use std::sync::Arc;

use wayside_exchange::{ExchangeId, Timestamp};

use crate::block::Kind;
use crate::catalogue::load::rows_of;
use crate::catalogue::scan::{Care, Met, Scan};
use crate::catalogue::{Catalogue, Place};
use crate::error::{StoreError, unless_damaged};
use crate::segment::{Segment, name_of};
use crate::settle::{Settling, Stuck};
use crate::store::Shared;
use crate::store::open::index_bytes;
use crate::store::pins::Pin;
use crate::store::select::{Chosen, Selection};
use crate::store::tally::Tally;

/// Looks between two measurements of the index.
const MEASURE: u32 = 25;

/// What the thread remembers of what it has looked at.
#[derive(Debug, Default)]
pub(crate) struct Retaining {
    looks: u32,
    index_bytes: u64,
    /// When the newest exchange of the oldest segment started, by its number.
    oldest: Option<(u64, Option<Timestamp>)>,
    /// Segments that hold nothing but what is pinned, and how often the pins had changed then.
    pinned: HashSet<u64>,
    pins_changed: u64,
    pins_are_over: bool,
    /// The segment that the writer was asked to close.
    asked: Option<u64>,
}

impl Retaining {
    /// The segment that has to go next; none when none has.
    pub(crate) fn next(&mut self, shared: &Shared) -> Result<Option<Segment>, StoreError> {
        let catalogue = shared.catalogue();
        self.close_when_old(shared, &catalogue)?;
        let changed = shared.pins_changed();
        if self.pins_changed != changed {
            self.pins_changed = changed;
            self.pinned.clear();
        }
        self.watch_pins(shared, &catalogue);
        let mut candidates =
            catalogue.segments.iter().filter(|segment| !self.pinned.contains(&segment.number));
        let Some(oldest) = candidates.next() else { return Ok(None) };
        let is_last = candidates.next().is_none();
        if !shared.sealing.is_closed(oldest) || is_last && oldest.span().is_empty() {
            return Ok(None);
        }
        // The first are those that a crash kept from going, and those of which less is pinned now.
        let goes = oldest.end <= shared.counts().kept_from
            || self.is_over(shared, &catalogue)
            || self.is_old(shared, oldest)?;
        Ok(goes.then(|| oldest.clone()))
    }

    /// Lets a segment go, or all of it that is not pinned.
    pub(crate) fn remove(&mut self, shared: &Arc<Shared>, segment: &Segment) -> Result<(), Stuck> {
        let catalogue = shared.catalogue();
        self.oldest = None;
        let pins: Vec<Selection> = shared.pins()?.iter().filter_map(Pin::selection).collect();
        let pinned = if pins.is_empty() {
            Chosen::default()
        } else {
            Selection::among(&pins, shared, &catalogue, segment, false)?
        };
        note(shared, &catalogue, segment, pinned.latest)?;
        if !pinned.ids.is_empty() {
            // A damaged segment stays whole: what is pinned in it may be readable still.
            if pinned.others {
                let keep = move |id: ExchangeId| pinned.ids.contains(&id.0);
                match Settling::rewrite(shared, segment.clone(), Box::new(keep)) {
                    Ok(_) | Err(Stuck::Damaged(_)) => {}
                    Err(stuck) => return Err(stuck),
                }
            }
            self.pinned.insert(segment.number);
            return Ok(());
        }
        if catalogue.segments.last().is_some_and(|last| last.number == segment.number) {
            Settling::rewrite(shared, segment.clone(), Box::new(|_| false))?;
            return Ok(());
        }
        Ok(delete(shared, &catalogue, segment)?)
    }

    /// Says when what is pinned alone takes more than the store may, so that nothing more can go.
    fn watch_pins(&mut self, shared: &Shared, catalogue: &Catalogue) {
        let is_pinned = |segment: &&Segment| self.pinned.contains(&segment.number);
        let bytes = catalogue.segments.iter().filter(is_pinned).map(Segment::file_bytes).sum();
        let is_over = shared.retention.is_over(bytes);
        if is_over == self.pins_are_over {
            return;
        }
        self.pins_are_over = is_over;
        shared.note_pins(is_over.then_some(bytes));
        if is_over {
            tracing::warn!(
                bytes,
                "what is pinned alone takes more than may be kept; `wayside unpin` lets it go"
            );
        }
    }

    /// Whether the store takes more than it may.
    fn is_over(&mut self, shared: &Shared, catalogue: &Catalogue) -> bool {
        if shared.retention.keep_bytes.is_none() {
            return false;
        }
        if self.looks.is_multiple_of(MEASURE) {
            self.index_bytes = index_bytes(&shared.dir);
        }
        self.looks = self.looks.wrapping_add(1);
        let log: u64 = catalogue.segments.iter().map(Segment::file_bytes).sum();
        shared.retention.is_over(log + self.index_bytes)
    }

    /// Whether all in a segment is older than what is kept.
    fn is_old(&mut self, shared: &Shared, oldest: &Segment) -> Result<bool, StoreError> {
        let (Some(time), Some(now)) = (shared.retention.keep_for, shared.sealing.now()) else {
            return Ok(false);
        };
        let newest = match self.oldest {
            Some((number, newest)) if number == oldest.number => newest,
            _ => newest_start(shared, oldest)?,
        };
        self.oldest = Some((oldest.number, newest));
        Ok(newest.is_none_or(|newest| newest.plus(time) < now))
    }

    /// Has the segment that is being written closed when it has waited long enough for more.
    fn close_when_old(&mut self, shared: &Shared, catalogue: &Catalogue) -> Result<(), StoreError> {
        let (Some(age), Some(now)) = (shared.retention.segment_age(), shared.sealing.now()) else {
            return Ok(());
        };
        let Some(last) = catalogue.segments.last().filter(|last| !last.is_settled()) else {
            return Ok(());
        };
        let is_new = self.asked != Some(last.number) && !shared.sealing.is_closed(last);
        if is_new && now.since(shared.log.created(last)?) >= age {
            shared.sealing.ask_to_close();
            self.asked = Some(last.number);
        }
        Ok(())
    }
}

fn delete(shared: &Shared, catalogue: &Catalogue, segment: &Segment) -> Result<(), StoreError> {
    let tracked = tracked_in(shared, catalogue, segment)?;
    let (from, to) = catalogue.groups_of(segment);
    let storage = &shared.log.storage;
    shared.log.retire(segment)?;
    let path = shared.log.path(segment.number);
    storage
        .remove(&name_of(segment.number))
        .map_err(|source| StoreError::io("delete", &path, source))?;
    shared.change(|catalogue| catalogue.remove(segment, &tracked));
    if let (Some(index), Some(gone)) = (&shared.index, catalogue.groups.get(from..to)) {
        index.remove_zones(gone);
    }
    storage.sync_folder().map_err(|source| StoreError::io("sync", &storage.path(""), source))
}

/// Writes into the books that a segment is to go, but for so many exchanges, unless that stands there
/// already.
fn note(
    shared: &Shared,
    catalogue: &Catalogue,
    segment: &Segment,
    pinned: u64,
) -> Result<(), StoreError> {
    if segment.end <= shared.counts().kept_from {
        return Ok(());
    }
    let from = shared.counts().counted_from();
    let ended = Tally::of(&shared.log, catalogue, from..segment.end.max(from))?.ended;
    let gone = Tally::of(&shared.log, catalogue, segment.base..segment.end)?;
    shared.change_books(|books| {
        books.accounted += ended;
        books.accounted_to = books.accounted_to.max(segment.end);
        books.kept_from = books.kept_from.max(segment.end);
        books.removed += (gone.ended + gone.open).saturating_sub(pinned);
        books.removed_bytes += segment.file_bytes();
    })
}

/// When the newest of the exchanges started of which anything is in a segment; none when nothing is.
fn newest_start(shared: &Shared, segment: &Segment) -> Result<Option<Timestamp>, StoreError> {
    let mut scan = Scan::new(&shared.log, segment, segment.span().start, Care::Headers);
    let mut newest = None;
    while let Some(met) = scan.step()? {
        let Met::Good(header, _) = met else { continue };
        newest = newest.max(match header.kind {
            Kind::Summary => Some(Timestamp(header.latest)),
            Kind::Piece => Some(ExchangeId(header.first).started_at()),
            Kind::Data => None,
        });
    }
    Ok(newest)
}

/// The rows of a segment whose exchanges were written more than once.
fn tracked_in(
    shared: &Shared,
    catalogue: &Catalogue,
    segment: &Segment,
) -> Result<Vec<Place>, StoreError> {
    let (from, to) = catalogue.groups_of(segment);
    let groups = catalogue.groups.get(from..to).unwrap_or_default();
    let mut places = Vec::new();
    for group in groups.iter().filter(|group| group.needs_tracking()) {
        let rows = unless_damaged(rows_of(&shared.log, segment, group))?.unwrap_or_default();
        for (row, known) in (0..).zip(rows) {
            let id = known.summary.id.0;
            if catalogue.latest(id).is_some() {
                places.push(Place { id, position: group.position, row });
            }
        }
    }
    Ok(places)
}
