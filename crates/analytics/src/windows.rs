//! Sliding windows of 1 minute, 15 minutes and 24 hours over all clients and routes, and who is an outlier
//! in them now.
//!
//! Who records fills a [`Pouch`], a hash table that is handed over every few seconds; so recording waits
//! for no judgement. [`Windows`] keeps the cells in rings of slots and judges them when it is asked. Both
//! keep so many cells at most: of a slot with more, those with least requests go, and are counted.

mod crowd;
mod pouch;
mod promises;
mod ring;
mod standing;

use std::collections::HashMap;
use std::sync::Arc;

use wayside_exchange::view::OutlierView;
use wayside_exchange::{Glance, Micros, Timestamp};

use crate::Stars;
use crate::cell::Cell;
use crate::outlier::{self, Rules};
use crate::verdict::{self, Claim, Thresholds, Window, escalates, is_clearly_over, peers};

pub use crowd::Crowd;
use pouch::Place;
pub use pouch::Pouch;
use promises::Promises;
use ring::Ring;
use standing::Standings;

/// How long the longest window is.
pub const LONGEST: Micros = Micros(86_400_000_000);
/// How often the longest window is judged: nothing in it changes faster.
const SELDOM: Micros = Micros(60_000_000);

/// The rings, and what was found in them.
#[derive(Debug)]
pub struct Windows {
    thresholds: Thresholds,
    rings: [Ring; 3],
    promises: Promises,
    standings: Standings,
    /// What was found in the longest window, and when.
    seldom: Option<Timestamp>,
    folded: u64,
    /// When the first exchange of all began.
    begun: Option<Timestamp>,
}

impl Windows {
    /// Empty ones.
    pub fn new(thresholds: Thresholds) -> Self {
        let window = |name, words| Window { name, words };
        let seconds = |count: u64| Micros(count * 1_000_000);
        Self {
            promises: Promises::of(&thresholds),
            thresholds,
            rings: [
                Ring::new(window("1m", " in the last minute"), seconds(20), 3, 3),
                Ring::new(promises::WINDOW, promises::SLOT, promises::COUNT, 2),
                Ring::new(window("24h", " in the last 24 hours"), seconds(7200), 12, 1),
            ],
            standings: Standings::default(),
            seldom: None,
            folded: 0,
            begun: None,
        }
    }

    /// Leaves out no client with a star from now on, however many clients there are.
    pub fn star(&mut self, stars: &Stars) {
        self.rings.iter_mut().for_each(|ring| ring.star(stars.clone()));
        self.promises.star(stars);
    }

    /// Takes what was gathered until `at`.
    pub fn take(&mut self, pouch: Pouch, at: Timestamp) {
        self.folded += pouch.folded();
        self.begin_with(pouch.first());
        let (places, promises) = pouch.contents();
        for place in places {
            self.put(at, &place);
        }
        self.promises.take(&promises, at);
    }

    /// Puts clients that turned out to be others together with these: `of` gives a client's other name.
    pub fn rename(&mut self, of: &dyn Fn(&str) -> Option<Arc<str>>) {
        for ring in &mut self.rings {
            ring.rename(of);
        }
        self.promises.rename(of);
        self.standings.rename(of);
    }

    /// Takes one exchange of the past.
    pub fn add(&mut self, row: &Glance<'_>) {
        self.begin_with(Some(row.started_at));
        self.put(row.ended_at(), &Place::of(row));
        self.promises.add(row);
    }

    fn begin_with(&mut self, first: Option<Timestamp>) {
        self.begun = [self.begun, first].into_iter().flatten().min();
    }

    /// Exchanges that were left out for want of room.
    pub fn folded(&self) -> u64 {
        self.folded + self.promises.folded() + self.rings.iter().map(Ring::folded).sum::<u64>()
    }

    fn put(&mut self, at: Timestamp, place: &Place) {
        for ring in &mut self.rings {
            ring.put(at, place);
        }
    }

    /// Who is an outlier at `now`, clearly over the threshold at which to escalate, or misses what was promised,
    /// worst first. Who has become one stays one until it is clearly none.
    pub fn judge(&mut self, now: Timestamp) -> Vec<OutlierView> {
        let rules = Rules::default();
        let longest = self.seldom.is_none_or(|at| now.since(at) >= SELDOM || now < at);
        for (n, ring) in self.rings.iter_mut().enumerate() {
            ring.forget(now);
            if n == 2 && !longest {
                continue;
            }
            let seen = ring.seen();
            let mut claims: Vec<(Arc<str>, Claim, bool)> = Vec::new();
            for one in outlier::compare(seen.observations) {
                let holds = one.is_outlier(&rules);
                if !holds && !one.still_holds(&rules) {
                    continue;
                }
                let Some(client) = seen.clients.get(one.client as usize) else { continue };
                let route = one.route.and_then(|route| seen.routes.get(route as usize));
                let since = ring.begin(one.since_slot).max(ring.earliest(now));
                let since = since.max(self.begun.unwrap_or(since));
                let route = route.map(ToString::to_string);
                let claim = peers::claim(&one, route, ring.window, since);
                claims.push((Arc::clone(client), claim, holds));
            }
            self.standings.update(ring.window.name, claims, now);
        }
        if longest {
            self.seldom = Some(now);
        }
        self.hold_against_thresholds(now);
        let mut all: HashMap<Arc<str>, Vec<Claim>> = HashMap::new();
        for (client, claim) in self.standings.standing() {
            all.entry(client).or_default().push(claim);
        }
        worst_first(all)
    }

    /// What is clearly over the threshold at which to escalate, or clearly missed, comes to stand; while it is over
    /// or missed at all it stays.
    fn hold_against_thresholds(&mut self, now: Timestamp) {
        let over = self.rings.get(1).map(|ring| ring.over(&self.thresholds)).unwrap_or_default();
        let missed = self.promises.missed(now);
        let claims = over.into_iter().chain(missed).flat_map(|(client, claims)| {
            let escalated = claims.into_iter().filter(|claim| escalates(&claim.verdict));
            escalated.map(move |claim| {
                let enters = is_clearly_over(&claim.verdict);
                (Arc::clone(&client), claim, enters)
            })
        });
        self.standings.update(promises::WINDOW.name, claims.collect(), now);
    }
}

/// The claims as they are listed: the worst client first, and its claims together.
fn worst_first(all: HashMap<Arc<str>, Vec<Claim>>) -> Vec<OutlierView> {
    let mut clients: Vec<(Arc<str>, Vec<Claim>)> = all.into_iter().collect();
    for (_, claims) in &mut clients {
        verdict::sort(claims);
    }
    let severity = |claims: &[Claim]| claims.first().map_or(0.0, |claim| claim.severity);
    clients.sort_by(|(a, a_claims), (b, b_claims)| {
        severity(b_claims).total_cmp(&severity(a_claims)).then_with(|| a.cmp(b))
    });
    clients
        .into_iter()
        .flat_map(|(client, claims)| {
            claims.into_iter().map(move |claim| verdict::outlier(&client, claim.verdict))
        })
        .collect()
}

/// What one exchange adds, with its names.
impl Place {
    fn of(row: &Glance<'_>) -> Self {
        Self { client: row.client.into(), route: row.route.into(), cell: Cell::of(row) }
    }
}

#[cfg(test)]
mod tests;
