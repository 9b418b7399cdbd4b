//! Findings: ways of using the API that cost someone, each named, counted, priced and with examples.
//!
//! A detector is a file in `findings/`: it sees the rows of one client in the order of their start and keeps
//! a bounded tally. What rows cannot tell (headers, bodies) is looked up afterwards for a few samples of
//! each suspicion, and the share of them that bear it out is taken for the whole.

mod compression;
mod connections;
mod duplicates;
mod n_plus_one;
mod pages;
mod pagination;
mod polling;
mod query;
mod retries;
mod retry_after;
mod suspicion;
mod tally;
mod unauthorized;

use wayside_exchange::view::FindingView;
use wayside_exchange::{Exchange, ExchangeId, Glance, Mark, Timestamp};

use crate::tables::HashMap;
pub(crate) use query::{is_page, is_page_size, parameters};
use suspicion::Suspicion;

/// Clients that are watched at once; half of them, silent for longest, are summed up when there are more.
const WATCHED: usize = 5_000;
/// Routes that a detector tells apart for one client; further ones are kept together.
const ROUTES: usize = 64;
/// States of targets that a detector keeps for one client.
const TARGETS: usize = 256;

/// Where the heads and bodies of a few exchanges are looked up.
pub trait Lookup {
    /// An exchange, as it was recorded; none when it is gone.
    fn exchange(&mut self, id: ExchangeId) -> Option<Exchange>;
    /// The request body of one, or its beginning.
    fn request_body(&mut self, id: ExchangeId) -> Option<Vec<u8>>;
}

/// All clients, each with its detectors.
#[derive(Debug, Default)]
pub struct Findings {
    clients: HashMap<String, Watch>,
    /// Of those that are watched no more.
    earlier: Vec<(String, Suspicion)>,
}

/// One client's detectors.
#[derive(Debug, Default)]
struct Watch {
    last: Timestamp,
    compression: compression::Compression,
    connections: connections::Connections,
    duplicates: duplicates::Duplicates,
    n_plus_one: n_plus_one::Bursts,
    pages: pages::Pages,
    pagination: pagination::Pagination,
    polling: polling::Polling,
    retries: retries::Retries,
    retry_after: retry_after::RetryAfter,
    unauthorized: unauthorized::Unauthorized,
}

impl Findings {
    /// Takes the next exchange, in the order of their start.
    pub fn add(&mut self, row: &Glance<'_>) {
        if !row.has_request() || row.marks.contains(Mark::Open) {
            return;
        }
        if let Some(watch) = self.clients.get_mut(row.client) {
            watch.see(row);
            return;
        }
        if self.clients.len() >= WATCHED {
            self.sum_up_the_silent();
        }
        self.clients.entry(row.client.to_owned()).or_default().see(row);
    }

    /// What was found, the costliest first. A few exchanges of each suspicion are looked up.
    pub fn found(mut self, lookup: &mut dyn Lookup) -> Vec<FindingView> {
        let watched = std::mem::take(&mut self.clients);
        self.sum_up(watched);
        let mut all: Vec<FindingView> = merged(self.earlier)
            .into_iter()
            .filter_map(|(client, suspicion)| suspicion.proved(&client, lookup))
            .collect();
        all.sort_by(|a, b| {
            let seconds = b.cost.backend_seconds.total_cmp(&a.cost.backend_seconds);
            seconds
                .then_with(|| b.cost.requests.cmp(&a.cost.requests))
                .then_with(|| b.cost.bytes.cmp(&a.cost.bytes))
                .then_with(|| (&a.client, &a.kind, &a.route).cmp(&(&b.client, &b.kind, &b.route)))
        });
        all
    }

    fn sum_up_the_silent(&mut self) {
        let mut last: Vec<Timestamp> = self.clients.values().map(|watch| watch.last).collect();
        let middle = last.len() / 2;
        let (_, &mut silent, _) = last.select_nth_unstable(middle);
        let gone = self.clients.extract_if(|_, watch| watch.last <= silent).collect();
        self.sum_up(gone);
    }

    fn sum_up(&mut self, watched: HashMap<String, Watch>) {
        for (client, watch) in watched {
            self.earlier
                .extend(watch.suspicions().into_iter().map(|found| (client.clone(), found)));
        }
    }
}

/// One suspicion for each client, kind and route.
fn merged(mut all: Vec<(String, Suspicion)>) -> Vec<(String, Suspicion)> {
    all.sort_by(|(a, one), (b, other)| (a, one.key()).cmp(&(b, other.key())));
    all.dedup_by(|(next_client, next), (client, kept)| {
        let same = client == next_client && kept.key() == next.key();
        if same {
            kept.tally.merge(&next.tally);
        }
        same
    });
    all
}

impl Watch {
    fn see(&mut self, row: &Glance<'_>) {
        self.last = self.last.max(row.started_at);
        self.compression.see(row);
        self.connections.see(row);
        self.duplicates.see(row);
        self.n_plus_one.see(row);
        self.pages.see(row);
        self.pagination.see(row);
        self.polling.see(row);
        self.retries.see(row);
        self.retry_after.see(row);
        self.unauthorized.see(row);
    }

    fn suspicions(self) -> Vec<Suspicion> {
        [
            self.compression.suspicions(),
            self.connections.suspicions(),
            self.duplicates.suspicions(),
            self.n_plus_one.suspicions(),
            self.pages.suspicions(),
            self.pagination.suspicions(),
            self.polling.suspicions(),
            self.retries.suspicions(),
            self.retry_after.suspicions(),
            self.unauthorized.suspicions(),
        ]
        .concat()
    }
}

#[cfg(test)]
pub(crate) mod tests;
