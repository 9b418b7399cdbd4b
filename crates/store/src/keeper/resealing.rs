//! Sealing what was recorded in clear, as the keeper does it: the segment that is being written is closed;
//! then each segment with anything in clear, or with what no record refers to any more, is written anew.
//!
//! The newest goes first: once the record of a long body has others in the place of its pieces, those in
//! older segments are no longer referred to and go with them. A crash in between leaves such pieces, and
//! the next time finds them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::closing::Closing;
use super::erasing::search::each_block;
use crate::error::StoreError;
use crate::segment::Segment;
use crate::settle::replacing::{Replacing, Strays, kept_by, may_run};
use crate::settle::{Settling, Stuck};
use crate::store::Shared;
use crate::store::reseal::{Bodies, Clearance, Cleared};

/// The work under way.
pub(crate) struct Clearing {
    clearance: Clearance,
    stage: Stage,
    cleared: Cleared,
    running: HashSet<u64>,
}

enum Stage {
    Closing(Closing),
    /// These are to be dealt with, by number, the next last.
    Rewriting(Vec<u64>),
}

impl Clearing {
    pub(crate) fn begin(shared: &Shared, clearance: Clearance) -> Self {
        let stage = Stage::Closing(Closing::begin(shared));
        Self { clearance, stage, cleared: Cleared::default(), running: HashSet::new() }
    }

    /// Whether it can only wait.
    pub(super) fn waits(&self) -> bool {
        matches!(self.stage, Stage::Closing(_))
    }

    /// The segment that is next; none when there is none.
    pub(super) fn next(&self, shared: &Shared) -> Option<Segment> {
        let Stage::Rewriting(numbers) = &self.stage else { return None };
        segment_of(shared, *numbers.last()?)
    }

    /// Goes on; gives itself back unless it has answered.
    pub(crate) fn step(mut self, shared: &Arc<Shared>) -> Option<Self> {
        let done = match &mut self.stage {
            Stage::Closing(closing) => closing.look(shared, &shared.catalogue()).map(|closed| {
                if let Some(segments) = closed {
                    let numbers = segments.iter().map(|segment| segment.number).collect();
                    self.stage = Stage::Rewriting(numbers);
                }
                false
            }),
            Stage::Rewriting(numbers) => match numbers.pop() {
                Some(number) => self.segment(shared, number).map(|()| false),
                None => Ok(true),
            },
        };
        let answer = match done {
            Ok(false) => return Some(self),
            Ok(true) => {
                self.cleared.running = self.running.len() as u64;
                Ok(self.cleared)
            }
            Err(error) => Err(error),
        };
        // Whoever asked may have gone; what is sealed stays so.
        let _ = self.clearance.reply.try_send(answer);
        None
    }

    fn segment(&mut self, shared: &Arc<Shared>, number: u64) -> Result<(), StoreError> {
        // Retention may have been quicker.
        let Some(segment) = segment_of(shared, number) else { return Ok(()) };
        let meant = self.in_clear(shared, &segment)?;
        let mut strays = Strays::default();
        if meant.is_empty() && !strays.any(shared, &segment)? {
            return Ok(());
        }
        let resealing = &mut *self.clearance.resealing;
        let change = Replacing::new(shared, &segment, &meant, resealing, strays)?;
        match Settling::change(shared, segment, Box::new(change)) {
            Ok(_) => {}
            Err(Stuck::Store(error)) => return Err(error),
            Err(Stuck::Damaged(_)) => {
                self.cleared.damaged.push(shared.log.path(number));
                return Ok(());
            }
        }
        // Before that a power loss could bring the old file back.
        let storage = &shared.log.storage;
        storage
            .sync_folder()
            .map_err(|source| StoreError::io("sync", &storage.path(""), source))?;
        self.cleared.exchanges += meant.len() as u64;
        self.cleared.segments += 1;
        self.search(shared, number)
    }

    /// The exchanges of a segment that have something in clear, and the pieces that they keep.
    fn in_clear(
        &mut self,
        shared: &Arc<Shared>,
        segment: &Segment,
    ) -> Result<HashMap<u64, HashSet<u64>>, StoreError> {
        let catalogue = shared.catalogue();
        let mut meant = HashMap::new();
        for row in self.clearance.selection.rows(shared, &catalogue, segment)? {
            if may_run(shared, &catalogue, row.id) {
                self.running.insert(row.id.0);
                continue;
            }
            let found = shared.stored(row.id).and_then(|stored| {
                let Some(stored) = stored else { return Ok(None) };
                let mut bodies = Bodies::of(shared, &stored, None);
                let resealed = self.clearance.resealing.reseal(&stored.exchange, &mut bodies)?;
                Ok(resealed.map(|resealed| (kept_by(&stored, &resealed), resealed.secrets)))
            });
            match found {
                Ok(None) => {}
                Ok(Some((kept, secrets))) => {
                    self.cleared.secrets += secrets;
                    meant.insert(row.id.0, kept);
                }
                Err(error) => {
                    tracing::warn!(id = %row.id, %error, "an exchange cannot be sealed and stays as it is");
                    self.cleared.unreadable += 1;
                }
            }
        }
        Ok(meant)
    }

    /// Looks whether anything is left in a segment that was written anew.
    fn search(&mut self, shared: &Arc<Shared>, number: u64) -> Result<(), StoreError> {
        let Some(anew) = segment_of(shared, number) else { return Ok(()) };
        let Cleared { secrets, unreadable, .. } = self.cleared;
        self.cleared.found += self.in_clear(shared, &anew)?.len() as u64;
        // They were counted before.
        (self.cleared.secrets, self.cleared.unreadable) = (secrets, unreadable);
        let (cleared, resealing) = (&mut self.cleared, &mut self.clearance.resealing);
        each_block(shared, &anew, &mut |_, raw| {
            cleared.searched += raw.len() as u64;
            cleared.mentions += u64::from(resealing.stands_in(raw));
        })
    }
}

fn segment_of(shared: &Shared, number: u64) -> Option<Segment> {
    shared.catalogue().segments.iter().find(|known| known.number == number).cloned()
}
