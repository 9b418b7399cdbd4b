//! Cells by slot of time, over a range of any length: slots begin at five minutes and double whenever there
//! would be too many. Which length they end with depends on the exchanges alone, not on their order.

use wayside_exchange::{Micros, Timestamp};

use crate::cell::Cell;

/// The shortest slot.
const SHORTEST: i64 = 300_000_000;
/// The most slots.
const MOST: usize = 24;

/// A handful of slots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    doublings: u32,
    /// In no order; the last one used stands last.
    slots: Vec<(i64, Cell)>,
}

impl Slots {
    /// Adds what happened at `at`.
    pub(crate) fn add(&mut self, at: Timestamp, cell: &Cell) {
        let slot = at.0.div_euclid(length(self.doublings).0 as i64);
        self.put(slot, cell);
        while self.slots.len() > MOST {
            *self = self.doubled(self.doublings + 1);
        }
    }

    /// Takes what others hold.
    pub(crate) fn merge(&mut self, other: &Self) {
        let doublings = self.doublings.max(other.doublings);
        let mut both = self.doubled(doublings);
        other.doubled(doublings).slots.iter().for_each(|(slot, cell)| both.put(*slot, cell));
        while both.slots.len() > MOST {
            both = both.doubled(both.doublings + 1);
        }
        *self = both;
    }

    /// How often the length was doubled.
    pub(crate) fn doublings(&self) -> u32 {
        self.doublings
    }

    /// The slots as they are after so many doublings, no fewer than there were.
    pub(crate) fn at(&self, doublings: u32) -> Vec<(i64, Cell)> {
        self.doubled(doublings).slots
    }

    fn doubled(&self, doublings: u32) -> Self {
        let by = doublings.saturating_sub(self.doublings);
        let mut new = Self { doublings: self.doublings + by, slots: Vec::new() };
        self.slots.iter().for_each(|(slot, cell)| new.put(slot >> by, cell));
        new
    }

    fn put(&mut self, slot: i64, cell: &Cell) {
        if let Some(known) = self.slots.iter().rposition(|(known, _)| *known == slot) {
            let last = self.slots.len() - 1;
            self.slots.swap(known, last);
            if let Some((_, known)) = self.slots.last_mut() {
                known.add(cell);
            }
        } else {
            self.slots.push((slot, *cell));
        }
    }
}

/// How long a slot is after so many doublings.
fn length(doublings: u32) -> Micros {
    Micros((SHORTEST as u64) << doublings.min(40))
}

/// When a slot begins.
pub(crate) fn begin(slot: i64, doublings: u32) -> Timestamp {
    Timestamp(slot.saturating_mul(length(doublings).0 as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_grow_longer_with_the_range_and_the_order_changes_nothing() {
        let minutes: Vec<i64> = (0..5000).map(|n| n * 7919 % 10_000).collect();
        let fill = |minutes: &[i64]| {
            let mut slots = Slots::default();
            for minute in minutes {
                slots.add(Timestamp(minute * 60_000_000), &Cell { requests: 1, ..Cell::default() });
            }
            slots
        };
        let sorted = |slots: &Slots| {
            let mut all = slots.at(slots.doublings());
            all.sort_by_key(|(slot, _)| *slot);
            all
        };
        let forth = fill(&minutes);
        let back = fill(&minutes.iter().rev().copied().collect::<Vec<_>>());
        let (one, other) = minutes.split_at(100);
        let mut merged = fill(one);
        merged.merge(&fill(other));
        assert!(forth.slots.len() <= MOST && forth.slots.len() > MOST / 2);
        for slots in [&back, &merged] {
            assert_eq!((slots.doublings, sorted(slots)), (forth.doublings, sorted(&forth)));
        }
        assert_eq!(sorted(&forth).iter().map(|(_, cell)| cell.requests).sum::<u32>(), 5000);
    }
}
