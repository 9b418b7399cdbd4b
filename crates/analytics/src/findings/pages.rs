//! Oversized pages: hundreds of items at once, which nobody looks at and everybody waits for.

use wayside_exchange::Glance;

use super::query::page_size;
use super::suspicion::{Suspicion, Told};
use super::tally::{ByRoute, Cost, Sample, Tally};
use crate::verdict::words::bytes;

/// A page of so many items is large.
const LARGE: u64 = 200;
/// What a usual page has.
const USUAL: u64 = 100;
/// However many items: less than this is no burden.
const HEAVY: u64 = 16 * 1024;
const LEAST: u64 = 5;

#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    large: ByRoute<Tally>,
}

impl Pages {
    pub(super) fn see(&mut self, row: &Glance<'_>) {
        if row.method != "GET" || row.response_bytes < HEAVY {
            return;
        }
        let Some(size) = page_size(row.target).filter(|size| *size >= LARGE) else { return };
        let beyond = 1.0 - USUAL as f64 / size as f64;
        let spared = (row.response_bytes as f64 * beyond) as u64;
        let tally = self.large.of(row.route);
        tally.add(row, Cost { bytes: spared, ..Cost::default() }, Sample::of(row));
        tally.sum = tally.sum.saturating_add(size);
    }

    pub(super) fn suspicions(self) -> Vec<Suspicion> {
        let suspicion = |(route, tally)| Suspicion {
            kind: "oversized_pages",
            route,
            tally,
            least: LEAST,
            proof: None,
            say,
        };
        self.large.all().filter(|(_, tally)| tally.count >= LEAST).map(suspicion).collect()
    }
}

fn say(told: &Told<'_>) -> String {
    format!(
        "asks for pages of {:.0} items, {} times on {}; pages of {USUAL} would be {} less to send at once",
        told.average,
        told.count,
        told.on(),
        bytes(told.bytes / told.count.max(1))
    )
}
