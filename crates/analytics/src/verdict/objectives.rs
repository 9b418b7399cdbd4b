//! Objectives: what was promised, such as `p95<300ms`, counted exactly. A percentile is under a limit just when
//! the share of those over it is no more than the rest, so counts say it all, and add up over parts.

use std::sync::Arc;

use wayside_exchange::view::Verdict;
use wayside_exchange::{Glance, Outcome, Timestamp};

use super::rules::{Misses, Objective, Rule};
use super::words::percent;
use super::{Claim, Thresholds, Window};
use crate::Stars;
use crate::least::least;
use crate::outlier::count_at_least;
use crate::session::has_latency;
use crate::tables::{HashMap, HashSet, moved};

/// Below so many requests no promise is broken.
const SAMPLE: u64 = 20;
/// Clients and their routes that are kept unless somebody says otherwise.
const PLACES: usize = 200_000;

/// Counts for every objective that some client or route has.
#[derive(Clone, Debug)]
pub(crate) struct Objectives {
    thresholds: Thresholds,
    /// Something was promised to somebody, and on some route.
    promises: bool,
    on_routes: bool,
    clients: HashMap<Arc<str>, Of>,
    /// Clients to whom nothing was promised, as far as that is known.
    others: HashSet<Box<str>>,
    /// How many clients and routes there are, and may be.
    places: usize,
    most: usize,
    folded: u64,
    stars: Stars,
}

/// One client's counts.
#[derive(Clone, Debug)]
struct Of {
    all: Held,
    routes: HashMap<Arc<str>, Held>,
}

/// A count for each objective that holds.
#[derive(Clone, Debug)]
struct Held {
    objectives: Arc<[Objective]>,
    counts: Box<[Count]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    requests: u64,
    missed: u64,
    since: Option<Timestamp>,
}

impl Default for Objectives {
    fn default() -> Self {
        Self::of(&Thresholds::default())
    }
}

impl Objectives {
    /// Those of these thresholds' rules.
    pub(crate) fn of(thresholds: &Thresholds) -> Self {
        let promising = || thresholds.rules.iter().filter(|rule| !rule.objectives.is_empty());
        Self {
            promises: promising().next().is_some(),
            on_routes: promising().any(|rule| rule.route.is_some()),
            thresholds: thresholds.clone(),
            clients: HashMap::default(),
            others: HashSet::default(),
            places: 0,
            most: PLACES,
            folded: 0,
            stars: Stars::default(),
        }
    }

    /// The same for fewer or more clients and routes: what comes when there are so many is only counted.
    pub(crate) fn keeping(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Keeps room for clients with a star from now on.
    pub(crate) fn star(&mut self, stars: Stars) {
        self.stars = stars;
    }

    /// Nothing counted yet, against the same.
    pub(crate) fn fresh(&self) -> Self {
        let stars = self.stars.clone();
        Self { stars, ..Self::of(&self.thresholds).keeping(self.most) }
    }

    /// Exchanges that were only counted.
    pub(crate) fn folded(&self) -> u64 {
        self.folded
    }

    /// Whether nothing was promised to anybody.
    pub(crate) fn is_idle(&self) -> bool {
        !self.promises
    }

    /// What they are of.
    pub(crate) fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// Takes one exchange.
    pub(crate) fn add(&mut self, row: &Glance<'_>) {
        if self.is_idle() || self.others.contains(row.client) {
            return;
        }
        if !self.clients.contains_key(row.client) {
            if !self.thresholds.promise_anything_to(row.client) {
                if self.others.len() >= self.most {
                    self.others.clear();
                }
                self.others.insert(row.client.into());
                return;
            }
            if !self.take_place(row.client) {
                self.folded += 1;
                return;
            }
            let of = Of::new(&self.thresholds, row.client);
            self.clients.insert(row.client.into(), of);
        }
        let Some(of) = self.clients.get_mut(row.client) else { return };
        of.all.add(row);
        if let Some(held) = of.routes.get_mut(row.route) {
            held.add(row);
        } else if self.on_routes {
            let mut held = Held::against(promised(&self.thresholds, row.client, Some(row.route)));
            held.add(row);
            self.put_route(row.client, row.route.into(), held);
        }
    }

    /// Says whether there is room for a client or one of its routes, and takes it.
    fn take_place(&mut self, client: &str) -> bool {
        let more = if self.stars.has(client) { self.most / 10 } else { 0 };
        let has_room = self.places < self.most.saturating_add(more);
        self.places += usize::from(has_room);
        has_room
    }

    /// Puts a route to those of a client who is there.
    fn put_route(&mut self, client: &str, route: Arc<str>, held: Held) {
        if !self.take_place(client) {
            self.folded += held.requests();
        } else if let Some(of) = self.clients.get_mut(client) {
            of.routes.insert(route, held);
        }
    }

    /// Takes what others counted, as far as it is held against the same.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.folded += other.folded;
        for (client, of) in &other.clients {
            self.merge_client(client, of);
        }
    }

    fn merge_client(&mut self, client: &Arc<str>, of: &Of) {
        if !self.clients.contains_key(client) {
            if !self.thresholds.promise_anything_to(client) {
                return;
            }
            if !self.take_place(client) {
                self.folded += of.requests();
                return;
            }
            self.clients.insert(Arc::clone(client), Of::new(&self.thresholds, client));
        }
        let Some(known) = self.clients.get_mut(client) else { return };
        known.all.merge(&of.all);
        let mut further = Vec::new();
        for (route, held) in &of.routes {
            match known.routes.get_mut(route) {
                Some(known) => known.merge(held),
                None => further.push((Arc::clone(route), held)),
            }
        }
        for (route, held) in further {
            let mut fresh = Held::against(promised(&self.thresholds, client, Some(&route)));
            fresh.merge(held);
            self.put_route(client, route, fresh);
        }
    }

    /// Puts clients that turned out to be others together with these.
    pub(crate) fn rename(&mut self, of: &dyn Fn(&str) -> Option<Arc<str>>) {
        for (to, counts) in moved(&mut self.clients, |name| of(name)) {
            self.places = self.places.saturating_sub(1 + counts.routes.len());
            self.merge_client(&to, &counts);
        }
    }

    /// Leaves out what nothing was promised to, and, where more than `most` clients are left, those who asked least.
    pub(crate) fn make_room(&mut self, most: usize) {
        self.others = HashSet::default();
        self.clients.retain(|_, of| {
            of.routes.retain(|_, held| !held.counts.is_empty());
            !of.all.counts.is_empty() || !of.routes.is_empty()
        });
        let stars = &self.stars;
        let worth =
            |client: &str, of: &Of| if stars.has(client) { u64::MAX } else { of.requests() };
        let worths = self.clients.iter().map(|(client, of)| worth(client, of)).collect();
        if let Some(mut goes) = least(worths, most) {
            let mut folded = 0;
            self.clients.retain(|client, of| {
                let goes = goes(worth(client, of));
                folded += if goes { of.requests() } else { 0 };
                !goes
            });
            self.folded += folded;
        }
        self.places = self.clients.values().map(|of| 1 + of.routes.len()).sum();
    }

    /// The promises that are missed, by client.
    pub(crate) fn missed(&self, window: Window) -> HashMap<Arc<str>, Vec<Claim>> {
        let mut missed: HashMap<Arc<str>, Vec<Claim>> = HashMap::default();
        for (client, of) in &self.clients {
            let on_routes = of.routes.iter().map(|(route, held)| (Some(&**route), held));
            let all = std::iter::once((None, &of.all)).chain(on_routes);
            let claims: Vec<Claim> =
                all.flat_map(|(route, held)| held.claims(route, window)).collect();
            if !claims.is_empty() {
                missed.insert(Arc::clone(client), claims);
            }
        }
        missed
    }
}

/// The objectives of the most specific rule that has any.
fn promised(thresholds: &Thresholds, client: &str, route: Option<&str>) -> Arc<[Objective]> {
    let of = |rule: &Rule| (!rule.objectives.is_empty()).then(|| Arc::clone(&rule.objectives));
    let found = match route {
        Some(route) => thresholds.on_route(client, route, of),
        None => thresholds.for_client(client, of),
    };
    found.unwrap_or_default()
}

impl Of {
    fn new(thresholds: &Thresholds, client: &str) -> Self {
        let all = Held::against(promised(thresholds, client, None));
        Self { all, routes: HashMap::default() }
    }

    fn requests(&self) -> u64 {
        let on_routes = self.routes.values().map(Held::requests).sum();
        self.all.requests().max(on_routes)
    }
}

impl Held {
    fn against(objectives: Arc<[Objective]>) -> Self {
        let counts = vec![Count::default(); objectives.len()].into_boxed_slice();
        Self { objectives, counts }
    }

    fn requests(&self) -> u64 {
        self.counts.iter().map(|count| count.requests).max().unwrap_or_default()
    }

    fn add(&mut self, row: &Glance<'_>) {
        for (objective, count) in self.objectives.iter().zip(&mut self.counts) {
            count.add(objective, row);
        }
    }

    fn merge(&mut self, other: &Self) {
        if self.objectives == other.objectives {
            for (known, count) in self.counts.iter_mut().zip(&other.counts) {
                known.merge(*count);
            }
        }
    }

    fn claims(&self, route: Option<&str>, window: Window) -> impl Iterator<Item = Claim> {
        let held = self.objectives.iter().zip(&self.counts);
        held.filter_map(move |(objective, count)| count.claim(objective, route, window))
    }
}

impl Count {
    fn add(&mut self, objective: &Objective, row: &Glance<'_>) {
        let status = row.status.unwrap_or_default();
        let failed = status >= 500 || row.outcome == Outcome::UpstreamFailed;
        let (counts, missed) = match objective.misses {
            Misses::Slower(ms) => (
                has_latency(row) && row.outcome != Outcome::ClientCancelled,
                row.latency().as_millis() > ms,
            ),
            Misses::Errors => (true, failed || status >= 400),
            Misses::Errors4xx => (true, !failed && status >= 400),
            Misses::Errors5xx => (true, failed),
        };
        if counts {
            let (missed, since) = (u64::from(missed), missed.then_some(row.started_at));
            self.merge(Count { requests: 1, missed, since });
        }
    }

    fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.missed += other.missed;
        self.since = [self.since, other.since].into_iter().flatten().min();
    }

    fn claim(&self, objective: &Objective, route: Option<&str>, window: Window) -> Option<Claim> {
        let allowed = objective.allowed;
        let share = self.missed as f64 / self.requests.max(1) as f64;
        if self.requests < SAMPLE || share <= allowed {
            return None;
        }
        let (what, baseline) = match objective.misses {
            Misses::Slower(ms) => ("took longer", ms),
            _ => ("failed", allowed),
        };
        let on = super::place(route);
        let sentence = format!(
            "misses `{}`{on}: {} of {} requests{} {what}, where {} may",
            objective.written,
            percent(share),
            self.requests,
            window.words,
            percent(allowed),
        );
        let chance = count_at_least(self.missed, allowed * self.requests as f64, 0.0);
        let verdict = Verdict {
            kind: "threshold".to_owned(),
            rule: Some(super::rule(&objective.written, route)),
            route: route.map(str::to_owned),
            sentence,
            effect: share / allowed.max(1e-6),
            baseline,
            window: window.name.to_owned(),
            sample: self.requests,
            confidence: Some((1.0 - chance).clamp(0.0, 0.9999)),
            since: self.since.unwrap_or_default(),
        };
        // A promise is where somebody is called.
        Some(Claim { severity: (share / allowed.max(1e-6)).min(10.0), verdict })
    }
}
