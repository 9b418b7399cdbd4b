//! What was promised, over the last 15 minutes: the counts of a pouch in slots of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use wayside_exchange::{Glance, Micros, Timestamp};

use crate::Stars;
use crate::tables::HashMap;
use crate::verdict::objectives::Objectives;
use crate::verdict::{Claim, Thresholds, Window};

/// The window that thresholds are judged in, too; its slots.
pub(super) const WINDOW: Window = Window { name: "15m", words: " in the last 15 minutes" };
pub(super) const SLOT: Micros = Micros(90_000_000);
pub(super) const COUNT: i64 = 10;
/// Clients that a slot keeps.
const KEPT: usize = 5_000;
/// Clients and routes that it has until it is looked through.
const PLACES: usize = 50_000;

#[derive(Debug)]
pub(super) struct Promises {
    none: Objectives,
    slots: BTreeMap<i64, Objectives>,
    folded: u64,
}

impl Promises {
    pub(super) fn of(thresholds: &Thresholds) -> Self {
        let none = Objectives::of(thresholds).keeping(PLACES);
        Self { none, slots: BTreeMap::new(), folded: 0 }
    }

    /// Leaves out no client with a star from now on.
    pub(super) fn star(&mut self, stars: &Stars) {
        self.none.star(stars.clone());
        self.slots.values_mut().for_each(|slot| slot.star(stars.clone()));
    }

    pub(super) fn folded(&self) -> u64 {
        self.folded + self.slots.values().map(Objectives::folded).sum::<u64>()
    }

    /// Takes what was counted until `at`.
    pub(super) fn take(&mut self, counted: &Objectives, at: Timestamp) {
        if !self.none.is_idle() {
            let slot = self.slot(at);
            slot.merge(counted);
            slot.make_room(KEPT);
        }
    }

    /// Takes one exchange of the past.
    pub(super) fn add(&mut self, row: &Glance<'_>) {
        let (at, newest) = (number(row.ended_at()), self.slots.last_key_value());
        if !self.none.is_idle() && newest.is_none_or(|(&newest, _)| at >= newest - COUNT) {
            self.slot(row.ended_at()).add(row);
        }
    }

    fn slot(&mut self, at: Timestamp) -> &mut Objectives {
        let number = number(at);
        if !self.slots.contains_key(&number) {
            // Little comes to the others any more.
            self.slots.values_mut().for_each(|slot| slot.make_room(KEPT));
        }
        self.slots.entry(number).or_insert_with(|| self.none.fresh())
    }

    pub(super) fn rename(&mut self, of: &dyn Fn(&str) -> Option<Arc<str>>) {
        self.slots.values_mut().for_each(|slot| slot.rename(of));
    }

    /// The promises that are missed at `now`, by client.
    pub(super) fn missed(&mut self, now: Timestamp) -> HashMap<Arc<str>, Vec<Claim>> {
        let first = number(now) - COUNT;
        let later = self.slots.split_off(&first);
        let gone = std::mem::replace(&mut self.slots, later);
        self.folded += gone.values().map(Objectives::folded).sum::<u64>();
        // The slots are bounded.
        let mut all = Objectives::of(self.none.thresholds()).keeping(usize::MAX);
        for slot in self.slots.values() {
            all.merge(slot);
        }
        all.missed(WINDOW)
    }
}

fn number(at: Timestamp) -> i64 {
    at.0.div_euclid(SLOT.0 as i64)
}
