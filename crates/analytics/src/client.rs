//! Clients: one fold for each, with its routes, and what is wrong with it.

mod crowd;

use wayside_exchange::view::ClientView;
use wayside_exchange::{Glance, Outcome, SessionId, Timestamp};

use crate::blame::Blame;
use crate::cell::Cell;
use crate::latency::Latencies;
use crate::pace::Pace;
use crate::session::has_latency;
use crate::slots::Slots;
use crate::tables::{HashMap, HashSet};
use crate::verdict::threshold::Tallies;
use crate::verdict::{self, Claim, Thresholds, threshold};
pub use crowd::{Clients, clients};

/// Beyond so many different routes a client's further ones are kept together.
const ROUTES: usize = 256;
/// From here on an answer is slow enough to be the beginning of a slow time.
const SLOW_US: u64 = 500_000;
/// Beyond so many sessions a client counts no further (three years of half hours).
const SESSIONS: usize = 65_536;

/// What is known of one client from its exchanges, in any order.
#[derive(Clone, Debug)]
pub struct ClientFold {
    name: String,
    first_seen: Timestamp,
    last_seen: Timestamp,
    sessions: HashSet<SessionId>,
    /// The session of the last exchange, which most often is that of the next one, too.
    last_session: SessionId,
    latencies: Latencies,
    pace: Pace,
    pub(crate) all: Tally,
    pub(crate) routes: HashMap<String, OnRoute>,
}

/// One client on one route.
#[derive(Clone, Debug, Default)]
pub(crate) struct OnRoute {
    pub(crate) tally: Tally,
    /// By time, for the comparison with others.
    pub(crate) slots: Slots,
}

/// Counts over some exchanges.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) errors_4xx: Errors,
    pub(crate) errors_5xx: Errors,
    /// How many of the requests have a latency.
    pub(crate) timed: u64,
    pub(crate) latency_us: u128,
    /// Where that time went.
    pub(crate) blame: Blame,
    /// When the first exchange began that took longer than the lowest usual threshold.
    pub(crate) slow_since: Option<Timestamp>,
}

/// Errors of one class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Errors {
    pub(crate) count: u64,
    pub(crate) since: Option<Timestamp>,
}

impl ClientFold {
    /// A client of whose exchanges `first` is the first seen; it is counted.
    pub fn new(first: &Glance<'_>) -> Self {
        let mut fold = Self {
            name: first.client.to_owned(),
            first_seen: first.started_at,
            last_seen: first.started_at,
            sessions: HashSet::from_iter([first.session]),
            last_session: first.session,
            latencies: Latencies::default(),
            pace: Pace::default(),
            all: Tally::default(),
            routes: HashMap::default(),
        };
        fold.add(first);
        fold
    }

    /// Takes one more exchange of the client.
    pub fn add(&mut self, row: &Glance<'_>) {
        self.first_seen = self.first_seen.min(row.started_at);
        self.last_seen = self.last_seen.max(row.started_at);
        if self.last_session != row.session && self.sessions.len() < SESSIONS {
            self.last_session = row.session;
            self.sessions.insert(row.session);
        }
        if has_latency(row) {
            self.latencies.add(row.latency());
        }
        self.pace.add(row);
        self.all.add(row);
        if let Some(known) = self.routes.get_mut(row.route) {
            known.add(row);
        } else {
            self.on_route(row.route.to_owned()).add(row);
        }
    }

    /// Takes what another fold knows of the same client.
    pub fn merge(&mut self, other: Self) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        let room = SESSIONS.saturating_sub(self.sessions.len());
        self.sessions.extend(other.sessions.into_iter().take(room));
        self.latencies.merge(other.latencies);
        self.pace.merge(other.pace);
        self.all.merge(&other.all);
        for (route, other) in other.routes {
            let known = self.on_route(route);
            known.tally.merge(&other.tally);
            known.slots.merge(&other.slots);
        }
    }

    /// What is known of a route, or of those for which there is no room.
    fn on_route(&mut self, route: String) -> &mut OnRoute {
        let room = self.routes.len() < ROUTES || self.routes.contains_key(&route);
        self.routes.entry(if room { route } else { String::new() }).or_default()
    }

    /// The client's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known so far, with the claims of the thresholds: of other clients it knows nothing.
    pub fn view(&self, thresholds: &Thresholds) -> ClientView {
        let mut claims = self.over(thresholds);
        verdict::sort(&mut claims);
        self.with(claims)
    }

    /// The thresholds that it is over.
    pub(crate) fn over(&self, thresholds: &Thresholds) -> Vec<Claim> {
        let routes: Vec<(&str, &Tally)> =
            self.routes.iter().map(|(route, on)| (route.as_str(), &on.tally)).collect();
        threshold::on(
            &Tallies { client: &self.name, all: &self.all, routes: &routes, window: verdict::ALL },
            thresholds,
        )
    }

    /// The view with these claims.
    pub(crate) fn with(&self, claims: Vec<Claim>) -> ClientView {
        let [p50_ms, p95_ms, p99_ms] = self.latencies.quantiles_ms([0.5, 0.95, 0.99]);
        ClientView {
            name: self.name.clone(),
            label: None,
            star: false,
            group: None,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            requests: self.all.requests,
            errors_4xx: self.all.errors_4xx.count,
            errors_5xx: self.all.errors_5xx.count,
            p50_ms,
            p95_ms,
            p99_ms,
            pace: self.pace.view(),
            time: self.all.blame.view(self.all.timed),
            time_share: 0.0,
            harm: None,
            sessions: self.sessions.len() as u64,
            verdicts: claims.into_iter().map(|claim| claim.verdict).collect(),
        }
    }
}

impl OnRoute {
    fn add(&mut self, row: &Glance<'_>) {
        self.tally.add(row);
        self.slots.add(row.started_at, &Cell::of(row));
    }
}

impl Tally {
    pub(crate) fn add(&mut self, row: &Glance<'_>) {
        self.requests += 1;
        let status = row.status.unwrap_or_default();
        if status >= 500 || row.outcome == Outcome::UpstreamFailed {
            self.errors_5xx.add(row.started_at);
        } else if status >= 400 {
            self.errors_4xx.add(row.started_at);
        }
        if has_latency(row) {
            self.timed += 1;
            self.latency_us += u128::from(row.latency().0);
            self.blame.add(&Blame::of(&row.timing));
            if row.latency().0 > SLOW_US {
                earliest(&mut self.slow_since, Some(row.started_at));
            }
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors_4xx.merge(other.errors_4xx);
        self.errors_5xx.merge(other.errors_5xx);
        self.timed += other.timed;
        self.latency_us += other.latency_us;
        self.blame.add(&other.blame);
        earliest(&mut self.slow_since, other.slow_since);
    }

    pub(crate) fn average_ms(&self) -> f64 {
        if self.timed == 0 { 0.0 } else { self.latency_us as f64 / self.timed as f64 / 1000.0 }
    }
}

impl Errors {
    fn add(&mut self, at: Timestamp) {
        self.merge(Errors { count: 1, since: Some(at) });
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        earliest(&mut self.since, other.since);
    }
}

fn earliest(since: &mut Option<Timestamp>, other: Option<Timestamp>) {
    *since = [*since, other].into_iter().flatten().min();
}

#[cfg(test)]
pub(crate) mod tests;
