//! One window: a ring of slots, each with a cell for every client on every route.

use std::collections::BTreeMap;
use std::sync::Arc;

use wayside_exchange::{Micros, Timestamp};

use super::pouch::Place;
use crate::Stars;
use crate::cell::Cell;
use crate::client::{Errors, Tally};
use crate::least::least;
use crate::outlier::Observation;
use crate::tables::{HashMap, HashSet, moved};
use crate::verdict::threshold::{self, Tallies};
use crate::verdict::{Claim, Thresholds, Window};

/// Cells that a slot keeps; the newest has up to a quarter more until it is looked through.
const KEPT: usize = 5_000;
/// An error is worth so many requests when cells are left out.
const ERROR_WORTH: u32 = 10;

/// A window's slots.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) window: Window,
    slot: Micros,
    /// How many slots the window has.
    count: i64,
    /// How many of them are one stratum of time.
    together: i64,
    slots: BTreeMap<i64, Slot>,
    folded: u64,
    stars: Stars,
}

/// The cells of one slot, by client, then route.
pub(super) type Slot = HashMap<Names, Cell>;

/// A client and a route.
pub(super) type Names = (Arc<str>, Arc<str>);

/// One client's tallies.
type ByRoute<'a> = HashMap<&'a str, Tally>;

/// A window as a comparison needs it.
pub(super) struct Seen {
    pub(super) clients: Vec<Arc<str>>,
    pub(super) routes: Vec<Arc<str>>,
    pub(super) observations: Vec<Observation>,
}

impl Ring {
    pub(super) fn new(window: Window, slot: Micros, count: i64, together: i64) -> Self {
        let (slots, stars) = (BTreeMap::new(), Stars::default());
        Self { window, slot, count, together, slots, folded: 0, stars }
    }

    pub(super) fn folded(&self) -> u64 {
        self.folded
    }

    /// Leaves out no client with a star from now on.
    pub(super) fn star(&mut self, stars: Stars) {
        self.stars = stars;
    }

    /// Puts what happened at `at` where it belongs; what is older than the window goes at the next look.
    pub(super) fn put(&mut self, at: Timestamp, place: &Place) {
        let number = self.number(at);
        if self.slots.last_key_value().is_some_and(|(&last, _)| number < last - self.count) {
            return;
        }
        if !self.slots.contains_key(&number)
            && let Some(mut last) = self.slots.last_entry()
        {
            // Little comes to it any more.
            self.folded += make_room(last.get_mut(), &self.stars);
            pack(last.get_mut());
        }
        let slot = self.slots.entry(number).or_default();
        let key = (Arc::clone(&place.client), Arc::clone(&place.route));
        slot.entry(key).or_default().add(&place.cell);
        if slot.len() >= KEPT + KEPT / 4 {
            self.folded += make_room(slot, &self.stars);
        }
    }

    /// Puts the cells of clients that have another name with those of that name.
    pub(super) fn rename(&mut self, of: &dyn Fn(&str) -> Option<Arc<str>>) {
        for slot in self.slots.values_mut() {
            for (to, cell) in moved(slot, |(client, route)| Some((of(client)?, route.clone()))) {
                slot.entry(to).or_default().add(&cell);
            }
        }
    }

    /// Forgets what is older than the window.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let first = self.number(now) - self.count;
        self.slots.retain(|&number, _| number >= first);
    }

    /// When the window begins.
    pub(super) fn earliest(&self, now: Timestamp) -> Timestamp {
        self.begin_of(self.number(now) - self.count)
    }

    /// When a stratum of time begins.
    pub(super) fn begin(&self, stratum: i64) -> Timestamp {
        self.begin_of(stratum * self.together)
    }

    fn begin_of(&self, number: i64) -> Timestamp {
        Timestamp(number.saturating_mul(self.slot.0 as i64))
    }

    fn number(&self, at: Timestamp) -> i64 {
        at.0.div_euclid(self.slot.0 as i64)
    }

    /// All cells, clients and routes numbered in the order of their names.
    pub(super) fn seen(&self) -> Seen {
        // Room from the start: what grows lies in memory twice.
        let cells = self.slots.values().map(HashMap::len).sum();
        let named = |name: fn(&Names) -> &Arc<str>| {
            let mut names: Vec<Arc<str>> = Vec::with_capacity(cells);
            names.extend(self.slots.values().flat_map(|slot| slot.keys()).map(name).cloned());
            names.sort_unstable();
            names.dedup();
            names
        };
        let (clients, routes) = (named(|(client, _)| client), named(|(_, route)| route));
        let number = |names: &[Arc<str>]| -> HashMap<Arc<str>, u32> {
            names.iter().zip(0..).map(|(name, n)| (Arc::clone(name), n)).collect()
        };
        let (client_of, route_of) = (number(&clients), number(&routes));
        let observe = |stratum: i64, ((client, route), cell): (&Names, &Cell)| {
            let (&client, &route) = (client_of.get(client)?, route_of.get(route)?);
            Some(Observation { client, route, slot: stratum, cell: *cell })
        };
        let mut observations = Vec::with_capacity(cells);
        for (number, slot) in &self.slots {
            let stratum = number.div_euclid(self.together);
            observations.extend(slot.iter().filter_map(|entry| observe(stratum, entry)));
        }
        Seen { clients, routes, observations }
    }

    /// What each client did, on all routes.
    pub(super) fn clients(&self) -> HashMap<&Arc<str>, Cell> {
        let mut clients: HashMap<&Arc<str>, Cell> = HashMap::default();
        for ((client, _), cell) in self.slots.values().flatten() {
            clients.entry(client).or_default().add(cell);
        }
        clients
    }

    /// The thresholds that clients are over.
    pub(super) fn over(&self, thresholds: &Thresholds) -> Vec<(Arc<str>, Vec<Claim>)> {
        // One client after the other: the tallies of all at once are much more than the cells.
        let mut cells = Vec::with_capacity(self.slots.values().map(HashMap::len).sum());
        for (&number, slot) in &self.slots {
            cells.extend(slot.iter().map(|((client, route), cell)| (client, route, number, cell)));
        }
        cells.sort_unstable_by(|a, b| a.0.cmp(b.0));
        let mut over = Vec::new();
        for own in cells.chunk_by(|a, b| a.0 == b.0) {
            let (mut all, mut routes) = (Tally::default(), ByRoute::default());
            for (_, route, number, cell) in own {
                let tally = tally(cell, self.begin_of(*number));
                all.merge(&tally);
                routes.entry(route.as_ref()).or_default().merge(&tally);
            }
            let Some((client, ..)) = own.first() else { continue };
            let routes: Vec<(&str, &Tally)> =
                routes.iter().map(|(route, tally)| (*route, tally)).collect();
            let tallies = Tallies { client, all: &all, routes: &routes, window: self.window };
            let claims = threshold::on(&tallies, thresholds);
            if !claims.is_empty() {
                over.push((Arc::clone(client), claims));
            }
        }
        over
    }
}

/// Gives a slot names of its own, each once, and no more room than it needs. As they came its names lie among those
/// of the many that were left out, and a few would keep whole pages of the allocator for as long as the slot lasts.
pub(super) fn pack(slot: &mut Slot) {
    let mut names: HashSet<Arc<str>> = HashSet::default();
    let mut own = |name: &Arc<str>| {
        if let Some(known) = names.get(name) {
            return Arc::clone(known);
        }
        let own: Arc<str> = Arc::from(name.as_ref());
        names.insert(Arc::clone(&own));
        own
    };
    let mut packed = Slot::default();
    packed.reserve(slot.len());
    packed.extend(slot.drain().map(|((client, route), cell)| ((own(&client), own(&route)), cell)));
    *slot = packed;
}

/// A cell as the thresholds count; what was wrong began with its slot.
fn tally(cell: &Cell, begin: Timestamp) -> Tally {
    let errors =
        |count: u32| Errors { count: u64::from(count), since: (count > 0).then_some(begin) };
    Tally {
        requests: u64::from(cell.requests),
        errors_4xx: errors(cell.errors_4xx),
        errors_5xx: errors(cell.errors_5xx),
        timed: u64::from(cell.timed),
        latency_us: u128::from(cell.sum_us),
        blame: cell.blame,
        slow_since: Some(begin),
    }
}

/// Leaves out the cells that say least; how many exchanges those were. Those of clients with a star say most, up to
/// half of all that there is room for: without others there is nothing to compare them with.
fn make_room(slot: &mut Slot, stars: &Stars) -> u64 {
    let starred = slot.keys().filter(|(client, _)| stars.has(client)).count();
    let stars = if starred <= KEPT / 2 { stars.clone() } else { Stars::default() };
    let worth = |(client, _): &Names, cell: &Cell| {
        if stars.has(client) {
            return u32::MAX;
        }
        let errors = cell.errors_4xx + cell.errors_5xx + cell.cancelled;
        cell.requests.saturating_add(errors.saturating_mul(ERROR_WORTH))
    };
    let worths = slot.iter().map(|(names, cell)| worth(names, cell)).collect();
    let Some(mut goes) = least(worths, KEPT) else { return 0 };
    let mut folded = 0;
    slot.retain(|names, cell| {
        let goes = goes(worth(names, cell));
        folded += if goes { u64::from(cell.requests) } else { 0 };
        !goes
    });
    folded
}
