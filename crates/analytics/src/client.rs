//! Clients: one fold for each, with its routes, and what is wrong with it.

mod crowd;

use std::collections::{HashMap, HashSet};

use wayside_exchange::view::ClientView;
use wayside_exchange::{Outcome, SessionId, Summary, Timestamp};

use crate::latency::Latencies;
use crate::session::has_latency;
use crate::verdict;
pub use crowd::{Clients, clients};

/// Beyond so many different routes a client's further ones are kept together.
const ROUTES: usize = 256;
/// Beyond so many sessions a client counts no further (three years of half hours).
const SESSIONS: usize = 65_536;

/// What is known of one client from its exchanges, in any order.
#[derive(Clone, Debug)]
pub struct ClientFold {
    name: String,
    first_seen: Timestamp,
    last_seen: Timestamp,
    sessions: HashSet<SessionId>,
    latencies: Latencies,
    pub(crate) all: Tally,
    pub(crate) routes: HashMap<String, Tally>,
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
    /// When the first exchange began that took longer than the lowest threshold.
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
    pub fn new(first: &Summary) -> Self {
        let mut fold = Self {
            name: first.client.clone(),
            first_seen: first.started_at,
            last_seen: first.started_at,
            sessions: HashSet::new(),
            latencies: Latencies::default(),
            all: Tally::default(),
            routes: HashMap::new(),
        };
        fold.add(first);
        fold
    }

    /// Takes one more exchange of the client.
    pub fn add(&mut self, summary: &Summary) {
        self.first_seen = self.first_seen.min(summary.started_at);
        self.last_seen = self.last_seen.max(summary.started_at);
        if self.sessions.len() < SESSIONS {
            self.sessions.insert(summary.session);
        }
        if has_latency(summary) {
            self.latencies.add(summary.latency());
        }
        self.all.add(summary);
        if let Some(tally) = self.routes.get_mut(&summary.route) {
            tally.add(summary);
        } else {
            let room = self.routes.len() < ROUTES;
            let route = if room { summary.route.clone() } else { String::new() };
            self.routes.entry(route).or_default().add(summary);
        }
    }

    /// Takes over what is known of `other`, as far as both fit together.
    fn absorb(&mut self, other: &Self) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        let room = SESSIONS.saturating_sub(self.sessions.len());
        self.sessions.extend(other.sessions.iter().take(room));
        self.latencies.absorb(&other.latencies);
        self.all.absorb(&other.all);
        for (route, tally) in &other.routes {
            let known = self.routes.contains_key(route) || self.routes.len() < ROUTES;
            let route = if known { route.clone() } else { String::new() };
            self.routes.entry(route).or_default().absorb(tally);
        }
    }

    /// The client's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known so far, with the verdicts on it.
    pub fn view(&self) -> ClientView {
        self.judged().1
    }

    /// The view, and how bad the worst verdict on it is.
    fn judged(&self) -> (f64, ClientView) {
        let claims = verdict::on(self);
        let severity = claims.first().map_or(0.0, |worst| worst.severity);
        let [p50_ms, p95_ms, p99_ms] = self.latencies.quantiles_ms([0.5, 0.95, 0.99]);
        let view = ClientView {
            name: self.name.clone(),
            label: None,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            requests: self.all.requests,
            errors_4xx: self.all.errors_4xx.count,
            errors_5xx: self.all.errors_5xx.count,
            p50_ms,
            p95_ms,
            p99_ms,
            sessions: self.sessions.len() as u64,
            verdicts: claims.into_iter().map(|claim| claim.verdict).collect(),
        };
        (severity, view)
    }
}

impl Tally {
    fn add(&mut self, summary: &Summary) {
        self.requests += 1;
        let status = summary.status.unwrap_or_default();
        if status >= 500 || summary.outcome == Outcome::UpstreamFailed {
            self.errors_5xx.add(summary.started_at);
        } else if status >= 400 {
            self.errors_4xx.add(summary.started_at);
        }
        if has_latency(summary) {
            self.timed += 1;
            self.latency_us += u128::from(summary.latency().0);
            if summary.latency().as_millis() > verdict::LATENCY_MS.investigate {
                earliest(&mut self.slow_since, summary.started_at);
            }
        }
    }

    fn absorb(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors_4xx.absorb(other.errors_4xx);
        self.errors_5xx.absorb(other.errors_5xx);
        self.timed += other.timed;
        self.latency_us += other.latency_us;
        if let Some(since) = other.slow_since {
            earliest(&mut self.slow_since, since);
        }
    }

    pub(crate) fn average_ms(&self) -> f64 {
        if self.timed == 0 { 0.0 } else { self.latency_us as f64 / self.timed as f64 / 1000.0 }
    }
}

impl Errors {
    fn add(&mut self, at: Timestamp) {
        self.count += 1;
        earliest(&mut self.since, at);
    }

    fn absorb(&mut self, other: Self) {
        self.count += other.count;
        if let Some(since) = other.since {
            earliest(&mut self.since, since);
        }
    }
}

fn earliest(since: &mut Option<Timestamp>, at: Timestamp) {
    *since = Some(since.map_or(at, |known| known.min(at)));
}

#[cfg(test)]
pub(crate) mod tests;
