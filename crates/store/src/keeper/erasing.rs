//! Erasing, as the keeper does it: the segment that is being written is closed; then each segment that
//! holds anything of what is meant is written anew without it, the oldest first, and searched.

pub(super) mod search;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use wayside_exchange::ExchangeId;

use super::closing::Closing;
use crate::catalogue::Catalogue;
use crate::error::StoreError;
use crate::segment::Segment;
use crate::settle::{Settling, Stuck};
use crate::store::Shared;
use crate::store::erase::{Erased, Erasure};
use crate::store::pins::Pin;
use crate::store::select::Selection;
use crate::store::tally::Tally;

use search::Search;

/// An erasure under way.
pub(crate) struct Erasing {
    erasure: Erasure,
    stage: Stage,
    erased: Erased,
    running: HashSet<u64>,
}

enum Stage {
    Closing(Closing),
    /// These are to be dealt with, by number.
    Rewriting(VecDeque<u64>),
}

impl Erasing {
    pub(crate) fn begin(shared: &Shared, erasure: Erasure) -> Self {
        Self {
            erasure,
            stage: Stage::Closing(Closing::begin(shared)),
            erased: Erased::default(),
            running: HashSet::new(),
        }
    }

    /// Whether it can only wait.
    pub(crate) fn waits(&self) -> bool {
        matches!(self.stage, Stage::Closing(_))
    }

    /// The segment that is next; none when there is none.
    pub(crate) fn next(&self, shared: &Shared) -> Option<Segment> {
        let Stage::Rewriting(numbers) = &self.stage else { return None };
        let number = numbers.front()?;
        shared.catalogue().segments.iter().find(|known| known.number == *number).cloned()
    }

    /// Goes on; gives itself back unless it has answered.
    pub(crate) fn step(mut self, shared: &Arc<Shared>) -> Option<Self> {
        let done = match &mut self.stage {
            Stage::Closing(_) => self.close(shared).map(|()| false),
            Stage::Rewriting(numbers) => match numbers.pop_front() {
                Some(number) => self.segment(shared, number).map(|()| false),
                None => self.end(shared).map(|()| true),
            },
        };
        let answer = match done {
            Ok(false) => return Some(self),
            Ok(true) => Ok(self.erased),
            Err(error) => Err(error),
        };
        // Whoever asked may have gone; what is erased stays so.
        let _ = self.erasure.reply.try_send(answer);
        None
    }

    fn close(&mut self, shared: &Shared) -> Result<(), StoreError> {
        let Stage::Closing(closing) = &mut self.stage else { return Ok(()) };
        let catalogue = shared.catalogue();
        let Some(meant) = closing.look(shared, &catalogue)? else { return Ok(()) };
        if let Some(last) = meant.last() {
            account(shared, &catalogue, last.end)?;
        }
        self.stage = Stage::Rewriting(meant.iter().map(|segment| segment.number).collect());
        Ok(())
    }

    fn segment(&mut self, shared: &Arc<Shared>, number: u64) -> Result<(), StoreError> {
        let catalogue = shared.catalogue();
        let known = |catalogue: &Catalogue| {
            catalogue.segments.iter().find(|known| known.number == number).cloned()
        };
        // Retention may have been quicker.
        let Some(segment) = known(&catalogue) else { return Ok(()) };
        let selections = std::slice::from_ref(&self.erasure.selection);
        let chosen = Selection::among(selections, shared, &catalogue, &segment, true)?;
        self.running.extend(&chosen.running);
        drop(catalogue);
        if chosen.ids.is_empty() {
            return Ok(());
        }
        let ids = Arc::new(chosen.ids);
        let theirs = ids.clone();
        let keep = move |id: ExchangeId| !theirs.contains(&id.0);
        let gone = match Settling::rewrite(shared, segment.clone(), Box::new(keep)) {
            Ok(gone) => gone,
            Err(Stuck::Store(error)) => return Err(error),
            Err(Stuck::Damaged(_)) => {
                self.erased.damaged.push(shared.log.path(number));
                return Ok(());
            }
        };
        // Before that a power loss could bring the old file back.
        let storage = &shared.log.storage;
        storage
            .sync_folder()
            .map_err(|source| StoreError::io("sync", &storage.path(""), source))?;
        self.erased.exchanges += gone;
        self.erased.segments += 1;
        let Some(anew) = known(&shared.catalogue()) else { return Ok(()) };
        self.erased.freed += segment.file_bytes().saturating_sub(anew.file_bytes());
        let mut search = Search::new(&ids, self.erasure.selection.client());
        search.segment(shared, &anew)?;
        self.erased.searched += search.searched;
        self.erased.found += search.found;
        self.erased.mentions += search.mentions;
        Ok(())
    }

    fn end(&mut self, shared: &Arc<Shared>) -> Result<(), StoreError> {
        self.erased.running = self.running.len() as u64;
        if let Some(index) = &shared.index {
            index.flush();
        }
        let client = self.erasure.selection.client();
        let gone: Vec<Pin> = shared
            .pins()?
            .into_iter()
            .filter(|pin| {
                client.is_some_and(|client| pin.filter.contains(client)) || is_spent(shared, pin)
            })
            .collect();
        if !gone.is_empty() && self.running.is_empty() {
            shared.change_pins(|pins| pins.retain(|pin| !gone.contains(pin)))?;
            self.erased.pins = gone.len() as u64;
        }
        if let Some(client) = client.filter(|_| self.running.is_empty()) {
            shared.linking.forget(client)?;
        }
        let ids = HashSet::new();
        let mut search = Search::new(&ids, client);
        search.beside(shared);
        self.erased.found += search.found;
        Ok(())
    }
}

/// Whether a pin names one session or exchange of which nothing is left.
fn is_spent(shared: &Arc<Shared>, pin: &Pin) -> bool {
    let names = ["session:", "id:"].iter().any(|field| pin.filter.starts_with(field));
    let Some(selection) = pin.selection().filter(|_| names) else { return false };
    let catalogue = shared.catalogue();
    let mut segments = catalogue.segments.iter();
    segments.all(|segment| {
        selection.rows(shared, &catalogue, segment).is_ok_and(|rows| rows.is_empty())
    })
}

/// Writes into the books what this recorder has recorded up to `edge`, so that none of it counts as lost
/// when it is gone.
fn account(shared: &Shared, catalogue: &Catalogue, edge: u64) -> Result<(), StoreError> {
    let from = shared.counts().counted_from();
    let ended = Tally::of(&shared.log, catalogue, from..edge.max(from))?.ended;
    shared.change_books(|books| {
        books.accounted += ended;
        books.accounted_to = books.accounted_to.max(edge);
    })
}
