//! A connection for each request: every request then waits for a handshake first.

use std::collections::VecDeque;

use wayside_exchange::{Glance, HttpVersion};

use super::suspicion::{Suspicion, Told};
use super::tally::{Cost, Sample, Tally};

/// Below so many requests nothing is said.
const LEAST: u64 = 20;
/// The share of the requests that open a connection from which on each does.
const MOST: f64 = 0.8;
/// Connections that are remembered: those of a pool come again within so many.
const REMEMBERED: usize = 256;

#[derive(Clone, Debug, Default)]
pub(super) struct Connections {
    requests: u64,
    known: VecDeque<u64>,
    opened: Tally,
}

impl Connections {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        if row.http_version == HttpVersion::Http2 {
            return;
        }
        self.requests += 1;
        if self.known.contains(&row.connection) {
            return;
        }
        if self.known.len() >= REMEMBERED {
            self.known.pop_front();
        }
        self.known.push_back(row.connection);
        self.opened.add(row, Cost::default(), Sample::of(row));
    }

    pub(super) fn suspicions(mut self) -> Vec<Suspicion> {
        if self.requests < LEAST || (self.opened.count as f64) < MOST * self.requests as f64 {
            return Vec::new();
        }
        self.opened.sum = self.requests;
        vec![Suspicion {
            kind: "connection_per_request",
            route: None,
            tally: self.opened,
            least: LEAST / 2,
            proof: None,
            say,
        }]
    }
}

fn say(told: &Told<'_>) -> String {
    format!(
        "opens a connection for nearly every request, {} for {:.0} requests; with one kept open they would \
         not wait for handshakes",
        told.count,
        told.average * told.count as f64
    )
}
