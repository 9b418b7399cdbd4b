//! Backtest: what rules would have said of the past, quarter hour by quarter hour, and when.

use std::collections::BTreeMap;

use wayside_exchange::view::EpisodeView;
use wayside_exchange::{Glance, Micros, Timestamp};

use crate::client::Tally;
use crate::tables::HashMap;
use crate::verdict::objectives::Objectives;
use crate::verdict::threshold::{self, Tallies};
use crate::verdict::{self, Claim, Thresholds, Window, is_clearly_over};

/// The window that the recorder judges thresholds in.
const QUARTER: Micros = Micros(900_000_000);
const WINDOW: Window = Window { name: "15m", words: " in 15 minutes" };
/// Counts of a client on a route that are kept; what comes when there are so many is counted alone.
const CELLS: usize = 300_000;

/// The past in quarter hours.
#[derive(Clone, Debug)]
pub struct Backtest {
    thresholds: Thresholds,
    quarters: BTreeMap<i64, Quarter>,
    cells: usize,
    folded: u64,
}

/// One client's tallies by route.
type ByRoute = HashMap<String, Tally>;

#[derive(Clone, Debug, Default)]
struct Quarter {
    clients: HashMap<String, ByRoute>,
    objectives: Objectives,
}

impl Backtest {
    /// Holds the past against these.
    pub fn of(thresholds: Thresholds) -> Self {
        Self { thresholds, quarters: BTreeMap::new(), cells: 0, folded: 0 }
    }

    /// Takes one exchange, in any order.
    pub fn add(&mut self, row: &Glance<'_>) {
        if !row.has_request() {
            return;
        }
        let number = row.started_at.0.div_euclid(QUARTER.0 as i64);
        let quarter = self.quarters.entry(number).or_insert_with(|| Quarter {
            objectives: Objectives::of(&self.thresholds),
            ..Quarter::default()
        });
        quarter.objectives.add(row);
        let known = quarter.clients.get_mut(row.client).and_then(|of| of.get_mut(row.route));
        if let Some(tally) = known {
            tally.add(row);
        } else if self.cells < CELLS {
            self.cells += 1;
            let routes = quarter.clients.entry(row.client.to_owned()).or_default();
            routes.entry(row.route.to_owned()).or_default().add(row);
        } else {
            self.folded += 1;
        }
    }

    /// Takes what another one counted.
    pub fn merge(&mut self, other: Self) {
        self.folded += other.folded;
        self.cells += other.cells;
        for (number, other) in other.quarters {
            let Some(quarter) = self.quarters.get_mut(&number) else {
                self.quarters.insert(number, other);
                continue;
            };
            quarter.objectives.merge(&other.objectives);
            for (client, routes) in other.clients {
                let known = quarter.clients.entry(client).or_default();
                for (route, tally) in routes {
                    known.entry(route).or_default().merge(&tally);
                }
            }
        }
    }

    /// Exchanges that were left out for want of room.
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// What would have been said, in the order of time; quarter hours in a row are one episode.
    pub fn episodes(&self) -> Vec<EpisodeView> {
        let mut open: HashMap<(String, Option<String>), (i64, EpisodeView)> = HashMap::default();
        let mut all = Vec::new();
        for (&number, quarter) in &self.quarters {
            for (client, claim) in quarter.told(&self.thresholds) {
                let outlier = verdict::outlier(&client, claim.verdict);
                let key = (client, outlier.verdict.rule.clone());
                let (from, until) = (begin(number), begin(number + 1));
                if let Some((last, episode)) = open.get_mut(&key)
                    && *last + 1 == number
                {
                    (*last, episode.until) = (number, until);
                    episode.quarters += 1;
                    if outlier.verdict.effect > episode.worst.verdict.effect {
                        episode.worst = outlier;
                    }
                    continue;
                }
                let fresh = EpisodeView { from, until, quarters: 1, worst: outlier };
                let before = open.insert(key, (number, fresh));
                all.extend(before.map(|(_, episode)| episode));
            }
        }
        all.extend(open.into_values().map(|(_, episode)| episode));
        all.sort_by(|a, b| {
            let key = |one: &EpisodeView| {
                (one.from, one.worst.client.clone(), one.worst.verdict.sentence.clone())
            };
            key(a).cmp(&key(b))
        });
        all
    }
}

impl Quarter {
    /// What people would have been told.
    fn told(&self, thresholds: &Thresholds) -> Vec<(String, Claim)> {
        let mut told = Vec::new();
        for (client, routes) in &self.clients {
            let mut all = Tally::default();
            for tally in routes.values() {
                all.merge(tally);
            }
            let routes: Vec<(&str, &Tally)> =
                routes.iter().map(|(route, tally)| (route.as_str(), tally)).collect();
            let tallies = Tallies { client, all: &all, routes: &routes, window: WINDOW };
            let claims = threshold::on(&tallies, thresholds);
            told.extend(claims.into_iter().map(|claim| (client.clone(), claim)));
        }
        for (client, claims) in self.objectives.missed(WINDOW) {
            told.extend(claims.into_iter().map(|claim| (client.to_string(), claim)));
        }
        told.retain(|(_, claim)| is_clearly_over(&claim.verdict));
        told
    }
}

fn begin(number: i64) -> Timestamp {
    Timestamp(number.saturating_mul(QUARTER.0 as i64))
}

#[cfg(test)]
mod tests;
