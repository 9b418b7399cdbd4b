//! What the writer and all readers of a store share.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use wayside_exchange::{ExchangeId, Summary};

use super::StoreStatus;
use super::erase::Asked;
use super::pins::{self, Pin};
use super::problems::Problems;
use super::retention::{Removed, Retention};
use crate::block::Kind;
use crate::catalogue::load::{self, rows_of};
use crate::catalogue::scan::Care;
use crate::catalogue::{Catalogue, Group};
use crate::cipher::Sealer;
use crate::error::StoreError;
use crate::forwarded::{Counts, ForwardedFile};
use crate::index::Index;
use crate::linking::Linking;
use crate::log::Log;
use crate::record::Extent;
use crate::record::decode::{Stored, record};
use crate::row::Row;
use crate::segment::{self, Segment, number_of};
use crate::settle::Sealing;
use crate::writer::pending::Sealed;

/// How many blocks' rows are kept decoded.
const LOOKED_IN: usize = 8;

/// A block, by position and checksum, and its rows.
type LookedIn = ((u64, u32), Arc<Vec<Row>>);

/// One store, as this process has it open.
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) log: Log,
    catalogue: RwLock<Arc<Catalogue>>,
    pub(crate) index: Option<Arc<Index>>,
    /// Encrypts what is recorded; none where that is in clear, or nothing is recorded.
    pub(crate) sealer: Option<Arc<Sealer>>,
    /// Whether another process may append.
    pub(crate) read_only: bool,
    recorded: AtomicU64,
    durable: AtomicU64,
    /// What the writer and the settling tell each other.
    pub(crate) sealing: Sealing,
    problems: Mutex<Problems>,
    /// What is pinned, once it was read.
    pins: Mutex<Option<Vec<Pin>>>,
    /// How often that has changed.
    pins_changed: AtomicU64,
    /// Whose exchanges are whose, beside what they say themselves.
    pub(crate) linking: Linking,
    /// What the keeper is to do, in turn; none where there is no keeper, or it has ended.
    pub(crate) asked: Mutex<Option<VecDeque<Asked>>>,
    /// None where another process may write.
    books: Option<Mutex<ForwardedFile>>,
    /// What the keeper goes by.
    pub(crate) retention: Retention,
    /// The rows that exchanges were last looked for in, newest last: neighbours are asked for next,
    /// and those that ran at once ended in blocks side by side.
    looked_in: Mutex<Vec<LookedIn>>,
}

/// What a new segment that begins before the end of the log leaves of the others.
pub(crate) struct Replaced {
    pub(crate) emptied: Vec<Segment>,
    pub(crate) cut: Option<Segment>,
}

impl Shared {
    #[allow(clippy::too_many_arguments, reason = "each is a part that was opened before")]
    pub(crate) fn new(
        dir: PathBuf,
        log: Log,
        catalogue: Catalogue,
        index: Option<Arc<Index>>,
        sealer: Option<Arc<Sealer>>,
        books: Option<ForwardedFile>,
        retention: Retention,
        linking: Linking,
    ) -> Self {
        let recorded = AtomicU64::new(catalogue.newest);
        Self {
            dir,
            log,
            sealing: Sealing::at(catalogue.end()),
            catalogue: RwLock::new(Arc::new(catalogue)),
            index,
            sealer,
            read_only: books.is_none(),
            recorded,
            durable: AtomicU64::new(0),
            problems: Mutex::default(),
            pins: Mutex::default(),
            pins_changed: AtomicU64::new(0),
            linking,
            asked: Mutex::default(),
            books: books.map(Mutex::new),
            retention,
            looked_in: Mutex::default(),
        }
    }

    /// Whether a recorder that begins goes on with this segment, the last of the log: a settled one is
    /// never written to again, the keys of an encrypted one are used by one run only, and what we write would
    /// be beyond who wrote an earlier format.
    pub(crate) fn goes_on(&self, last: &Segment) -> bool {
        let ours = last.version == segment::written(false);
        ours && !last.is_settled() && last.opener.is_none() && self.sealer.is_none()
    }

    /// See [`StoreStatus::recorded_through`]; zero for none.
    pub(crate) fn recorded(&self) -> ExchangeId {
        ExchangeId(self.recorded.load(Ordering::Acquire))
    }

    pub(crate) fn set_durable(&self, through: ExchangeId) {
        self.durable.fetch_max(through.0, Ordering::AcqRel);
    }

    /// The catalogue as it is now. Whoever holds it sees the store of this moment, and can read all that
    /// it names, whatever is written or settled meanwhile.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.read().clone()
    }

    /// Changes the catalogue; those who hold the old one keep it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Catalogue) -> T) -> T {
        change(Arc::make_mut(&mut self.catalogue.write()))
    }

    /// Looks into the recorder's books, or writes in them; nothing is done where another process may.
    pub(crate) fn books(
        &self,
        write: impl FnOnce(&mut ForwardedFile) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.books.as_ref().map_or(Ok(()), |books| write(&mut books.lock()))
    }

    /// What is pinned.
    pub(crate) fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        let mut known = self.pins.lock();
        match &*known {
            Some(pins) if !self.read_only => Ok(pins.clone()),
            _ => Ok(known.insert(pins::read(&self.dir, &self.log.vault)?).clone()),
        }
    }

    /// Changes what is pinned, for good.
    pub(crate) fn change_pins(&self, change: impl FnOnce(&mut Vec<Pin>)) -> Result<(), StoreError> {
        if self.read_only {
            return Err(StoreError::ReadOnly);
        }
        let mut known = self.pins.lock();
        // Damaged pins are replaced by the first change.
        let mut pins = match &*known {
            Some(pins) => pins.clone(),
            None => match pins::read(&self.dir, &self.log.vault) {
                Err(StoreError::Pins { .. }) => Vec::new(),
                pins => pins?,
            },
        };
        change(&mut pins);
        let vault = self.sealer.is_some().then_some(&*self.log.vault);
        pins::write(&self.dir, &pins, vault)?;
        *known = Some(pins);
        self.pins_changed.fetch_add(1, Ordering::AcqRel);
        Ok(())
    }

    /// Grows whenever something else is pinned.
    pub(crate) fn pins_changed(&self) -> u64 {
        self.pins_changed.load(Ordering::Acquire)
    }

    /// What the books say.
    pub(crate) fn counts(&self) -> Counts {
        match &self.books {
            Some(books) => books.lock().counts(),
            None => Counts::read(&self.dir),
        }
    }

    /// Writes in the books, and returns when it survives a power loss.
    pub(crate) fn change_books(&self, change: impl FnOnce(&mut Counts)) -> Result<(), StoreError> {
        let Some(books) = &self.books else { return Ok(()) };
        let file = books.lock().change(change)?;
        // Not under the lock: the recorder's thread writes in them, too, and waits for no disk.
        file.sync_data()
            .map_err(|source| StoreError::io("sync", &self.dir.join("forwarded"), source))
    }

    /// Makes groups that are written known to readers.
    pub(crate) fn publish(&self, groups: &[Sealed], segment: Option<Segment>, newest: u64) {
        self.change(|catalogue| {
            match (catalogue.segments.last_mut(), segment) {
                (Some(last), Some(segment)) if last.number == segment.number => *last = segment,
                (_, Some(segment)) => catalogue.segments.push(segment),
                _ => {}
            }
            for sealed in groups {
                catalogue.push(sealed.group, &sealed.tracked);
            }
        });
        self.recorded.fetch_max(newest, Ordering::AcqRel);
    }

    /// Puts a segment in the place of everything from its base on.
    pub(crate) fn replace_from(&self, new: Segment) -> Replaced {
        self.change(|catalogue| {
            let segments = std::mem::take(&mut catalogue.segments);
            let (kept, emptied) =
                segments.into_iter().partition::<Vec<Segment>, _>(|old| old.base < new.base);
            catalogue.segments = kept;
            let mut cut = None;
            if let Some(last) = catalogue.segments.last_mut().filter(|last| last.end > new.base) {
                last.end = new.base;
                cut = Some(last.clone());
            }
            catalogue.segments.push(new);
            Replaced { emptied, cut }
        })
    }

    /// In a store that another process may append to: learns of what came since.
    pub(crate) fn refresh(&self) {
        if !self.read_only {
            return;
        }
        if let Err(error) = self.learn().and_then(|()| self.linking.learn(&self.dir)) {
            self.note_lasting(error.to_string());
        }
    }

    fn learn(&self) -> Result<(), StoreError> {
        let catalogue = self.catalogue();
        let known = catalogue.segments.last();
        let names = self.log.storage.list().unwrap_or_default();
        let newest = names.iter().filter_map(|name| number_of(name)).max();
        if newest == known.map(|segment| segment.number) {
            let Some(known) = known.filter(|known| !known.is_settled()) else { return Ok(()) };
            match self.learn_of_more(&catalogue, known) {
                // It was settled meanwhile.
                Err(StoreError::Replaced { .. }) => {}
                learned => return learned,
            }
        }
        let whole_until = Counts::read(&self.dir).whole_until();
        let loaded = load::load(&self.log, Care::Headers, whole_until)?;
        self.take_over(loaded);
        Ok(())
    }

    /// Learns what came since in the last segment of a catalogue, a raw one.
    fn learn_of_more(&self, catalogue: &Catalogue, known: &Segment) -> Result<(), StoreError> {
        let len = self
            .log
            .file(known)?
            .len()
            .map_err(|source| StoreError::io("read", &self.log.path(known.number), source))?;
        if len <= known.span().end {
            return Ok(());
        }
        let mut loaded = load::Loaded { catalogue: catalogue.clone(), ..Default::default() };
        if let Some(last) = loaded.catalogue.segments.last_mut() {
            last.end = last.position(len);
        }
        load::extend(&self.log, &mut loaded, known.end, Care::Headers, Some(known.end))?;
        self.take_over(loaded);
        Ok(())
    }

    fn take_over(&self, loaded: load::Loaded) {
        for problem in &loaded.problems {
            self.note_damage(problem);
        }
        self.recorded.fetch_max(loaded.catalogue.newest, Ordering::AcqRel);
        *self.catalogue.write() = Arc::new(loaded.catalogue);
    }

    /// The rows of a group of `catalogue`.
    pub(crate) fn rows(
        &self,
        catalogue: &Catalogue,
        group: &Group,
    ) -> Result<Vec<Row>, StoreError> {
        let segment = self.segment_at(catalogue, group.position)?;
        rows_of(&self.log, &segment, group).inspect_err(|error| self.note_damage(error))
    }

    /// The record of a row of a group of `catalogue`.
    pub(crate) fn record(
        &self,
        catalogue: &Catalogue,
        group: &Group,
        row: Row,
    ) -> Result<Stored, StoreError> {
        let position = group.data_position();
        let (segment, _, block) = self.block(catalogue, position, Kind::Data)?;
        let start = row.offset as usize;
        let stored = record(&block, start..start + row.len as usize, row.summary);
        let mut stored = stored.ok_or_else(|| {
            let error = self.log.damaged(&segment, position, "a record in it cannot be read");
            self.note_damage(&error);
            error
        })?;
        stored.cut_where(|piece| self.is_removed(catalogue, piece));
        Ok(stored)
    }

    /// Whether a piece went with a segment that retention removed.
    pub(crate) fn is_removed(&self, catalogue: &Catalogue, piece: &Extent) -> bool {
        catalogue.segment_at(piece.position).is_none() && piece.position < self.counts().kept_from
    }

    /// A piece of the body of `id`, as `known` has it, or as it is now.
    pub(crate) fn piece(
        &self,
        known: &Arc<Catalogue>,
        id: ExchangeId,
        extent: Extent,
    ) -> Result<Bytes, StoreError> {
        let catalogue = match known.segment_at(extent.position) {
            Some(_) => known.clone(),
            None => self.catalogue(),
        };
        if self.is_removed(&catalogue, &extent) {
            return Err(StoreError::Removed);
        }
        let (segment, first, block) = self.block(&catalogue, extent.position, Kind::Piece)?;
        if first == id.0 && block.len() as u64 == extent.bytes {
            return Ok(block);
        }
        Err(self.log.damaged(&segment, extent.position, "it is not the piece that is named"))
    }

    /// The block at `position`, if it is of this kind, with the first id in it.
    fn block(
        &self,
        catalogue: &Catalogue,
        position: u64,
        kind: Kind,
    ) -> Result<(Segment, u64, Bytes), StoreError> {
        let segment = self.segment_at(catalogue, position)?;
        let read = self.log.block(&segment, position);
        let (header, block) = read.inspect_err(|error| self.note_damage(error))?;
        if header.kind == kind {
            return Ok((segment, header.first, block));
        }
        Err(self.log.damaged(&segment, position, "it is a block of another kind"))
    }

    /// The latest record of an id.
    pub(crate) fn stored(&self, id: ExchangeId) -> Result<Option<Stored>, StoreError> {
        let catalogue = self.catalogue();
        match self.locate(&catalogue, id)? {
            Some((group, mut row)) => {
                self.name_client(&mut row.summary);
                self.record(&catalogue, &group, row).map(Some)
            }
            None => Ok(None),
        }
    }

    /// Puts the client in a row that it belongs to, in the place of the one that its evidence names.
    pub(crate) fn name_client(&self, row: &mut Summary) {
        let links = self.linking.now();
        let client = links.client_of(&row.client, row.connection, row.id);
        if client != row.client {
            row.client = client.to_owned();
        }
    }

    /// Where the latest record of an id is.
    pub(crate) fn locate(
        &self,
        catalogue: &Catalogue,
        id: ExchangeId,
    ) -> Result<Option<(Group, Row)>, StoreError> {
        let latest = catalogue.latest(id.0);
        let fits = |group: &&Group| match latest {
            Some(latest) => group.position == latest.position,
            None => group.spans(id),
        };
        let mut trouble = None;
        for group in catalogue.groups.iter().rev().filter(fits) {
            match self.rows_to_look_in(catalogue, group) {
                // Within a block, too, the last record of an id is the latest.
                Ok(rows) => {
                    if let Some(row) = rows.iter().rev().find(|row| row.summary.id == id) {
                        return Ok(Some((*group, row.clone())));
                    }
                }
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(None), Err)
    }

    fn rows_to_look_in(
        &self,
        catalogue: &Catalogue,
        group: &Group,
    ) -> Result<Arc<Vec<Row>>, StoreError> {
        let key = (group.position, group.crc);
        if let Some((_, rows)) = self.looked_in.lock().iter().find(|(known, _)| *known == key) {
            return Ok(rows.clone());
        }
        let rows = Arc::new(self.rows(catalogue, group)?);
        let mut looked_in = self.looked_in.lock();
        if looked_in.len() >= LOOKED_IN {
            looked_in.remove(0);
        }
        looked_in.push((key, rows.clone()));
        Ok(rows)
    }

    pub(crate) fn status(&self) -> StoreStatus {
        let index = super::open::index_bytes(&self.dir);
        let free = self.log.storage.free().unwrap_or(0);
        let (catalogue, counts) = (self.catalogue(), self.counts());
        let log: u64 = catalogue.segments.iter().map(Segment::file_bytes).sum();
        let some = |id: &AtomicU64| match id.load(Ordering::Acquire) {
            0 => None,
            id => Some(ExchangeId(id)),
        };
        StoreStatus {
            stored: catalogue.stored,
            used: log + index,
            budget: self.retention.keep_bytes,
            removed: Removed { exchanges: counts.removed, bytes: counts.removed_bytes },
            free,
            recorded_through: some(&self.recorded),
            durable_through: some(&self.durable),
            segments: catalogue.segments.len() as u64,
            blocks: catalogue.groups.len() as u64,
            problems: self.problems_in_words(),
        }
    }

    fn problems_in_words(&self) -> Vec<String> {
        let mut problems = self.problems.lock().in_words();
        let folded = self.linking.now().folded();
        if folded > 0 {
            problems.push(format!(
                "{folded} links between clients went for want of room: what they joined is apart"
            ));
        }
        problems
    }

    pub(crate) fn note_trouble(&self, error: &StoreError) {
        self.problems.lock().trouble(Some(error));
    }

    pub(crate) fn trouble_is_over(&self) {
        self.problems.lock().trouble(None);
    }

    pub(crate) fn note_lasting(&self, problem: String) {
        self.problems.lock().lasting(problem);
    }

    /// What is pinned takes so many bytes, more than may be kept; or not any more.
    pub(crate) fn note_pins(&self, bytes: Option<u64>) {
        self.problems.lock().pins(bytes);
    }

    pub(crate) fn note_damage(&self, error: &StoreError) {
        self.problems.lock().damage(error);
    }

    pub(super) fn segment_at(
        &self,
        catalogue: &Catalogue,
        position: u64,
    ) -> Result<Segment, StoreError> {
        catalogue.segment_at(position).ok_or_else(|| StoreError::Damaged {
            path: self.log.storage.path(""),
            offset: position,
            reason: "no segment holds it",
        })
    }
}
