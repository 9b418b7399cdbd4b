//! Pagination restarts: a list is read from its first page again before a minute has passed.

use wayside_exchange::{Glance, Micros, Timestamp};

use super::query::{hash_of_list, page};
use super::suspicion::{Suspicion, Told};
use super::tally::{ByRoute, ByTarget, Cost, Sample, Tally};

/// After so long the list may be another one.
const APART: Micros = Micros(60_000_000);
const LEAST: u64 = 10;

#[derive(Clone, Debug, Default)]
pub(super) struct Pagination {
    lists: ByTarget<Reading>,
    again: ByRoute<Tally>,
}

#[derive(Clone, Debug, Default)]
struct Reading {
    last: Timestamp,
    /// Pages of this pass that were read.
    pages: u32,
    /// Pages that the pass before had read, which are read again.
    known: u32,
}

impl Pagination {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        if row.method != "GET" || row.is_error() || !row.target.contains('?') {
            return;
        }
        let Some(page) = page(row.target) else { return };
        let reading = self.lists.of(hash_of_list(row), row.started_at);
        let soon = row.started_at.since(reading.last) <= APART;
        reading.last = row.started_at;
        let first = matches!(page, "" | "0" | "1");
        if first || !soon {
            reading.known = if soon && reading.pages >= 2 { reading.pages } else { 0 };
            reading.pages = 0;
        }
        reading.pages += 1;
        if reading.pages <= reading.known {
            let tally = self.again.of(row.route);
            tally.add(row, Cost::of(row), Sample::of(row));
            tally.sum += u64::from(first);
        }
    }

    pub(super) fn suspicions(self) -> Vec<Suspicion> {
        let suspicion = |(route, tally)| Suspicion {
            kind: "pagination_restarts",
            route,
            tally,
            least: LEAST,
            proof: None,
            say,
        };
        self.again.all().filter(|(_, tally)| tally.count >= LEAST).map(suspicion).collect()
    }
}

fn say(told: &Told<'_>) -> String {
    format!(
        "reads a list from its first page again within a minute: {} times on {}, {} pages that it had read",
        (told.average * told.count as f64).round(),
        told.on(),
        told.count
    )
}
