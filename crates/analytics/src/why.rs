//! Why an outlier fares as it does: what sets its bad exchanges apart from its other ones, and from those of
//! its peers on the same routes.
//!
//! [`Cases`] picks a bounded sample while rows pass, the same whatever their order; heads and bodies are
//! looked up for that alone. Contrasts are drawn within routes, so that what merely belongs to a route is no
//! reason, and their confidence counts how many were tried.

mod contrast;
mod pick;
mod split;
mod traits;
mod words;

use wayside_exchange::view::{OutlierView, Reason};
use wayside_exchange::{Glance, Mark, Timestamp};

use crate::findings::Lookup;
use crate::outlier::discovery;
use crate::session::has_latency;
use crate::verdict::trouble::Trouble;
use contrast::{Contrast, Side};
use pick::{Connections, One, Picked, Pools};
use traits::{Looked, Table};

/// Reasons of each kind that are told.
const TOLD: usize = 5;

/// One outlier, and the exchanges that are to explain it.
#[derive(Clone, Debug)]
struct Case {
    client: String,
    trouble: Trouble,
    route: Option<String>,
    since: Timestamp,
    bad: Picked,
    well: Picked,
    peers: Pools,
}

/// Several outliers at once, for one pass over the rows.
#[derive(Clone, Debug)]
pub struct Cases {
    all: Vec<Case>,
    connections: Connections,
}

impl Cases {
    /// What is to be found out about these outliers.
    pub fn of<'a>(outliers: impl IntoIterator<Item = &'a OutlierView>) -> Self {
        let all = outliers.into_iter().map(Case::of).collect();
        Self { all, connections: Connections::default() }
    }

    /// From when on exchanges are of interest.
    pub fn since(&self) -> Timestamp {
        self.all.iter().map(|case| case.since).min().unwrap_or_default()
    }

    /// Takes one exchange, in any order.
    pub fn add(&mut self, row: &Glance<'_>) {
        if !row.has_request() || row.marks.contains(Mark::Open) {
            return;
        }
        self.connections.add(row);
        for case in &mut self.all {
            case.add(row);
        }
    }

    /// Takes what others picked for the same outliers.
    pub fn merge(&mut self, other: Self) {
        self.connections.merge(&other.connections);
        for (case, other) in self.all.iter_mut().zip(other.all) {
            case.bad.merge(other.bad);
            case.well.merge(other.well);
            case.peers.merge(other.peers);
        }
    }

    /// The reasons, for each outlier in the order in which they were given.
    pub fn reasons(&self, lookup: &mut dyn Lookup) -> Vec<Vec<Reason>> {
        self.all.iter().map(|case| case.reasons(&self.connections, lookup)).collect()
    }
}

impl Case {
    fn of(outlier: &OutlierView) -> Self {
        let verdict = &outlier.verdict;
        // Over everything that was asked for: what led to it may have begun before it showed.
        let everything = verdict.window == crate::verdict::ALL.name;
        Self {
            client: outlier.client.clone(),
            trouble: Trouble::of(verdict),
            route: verdict.route.clone(),
            since: if everything { Timestamp::default() } else { verdict.since },
            bad: Picked::default(),
            well: Picked::default(),
            peers: Pools::default(),
        }
    }

    fn add(&mut self, row: &Glance<'_>) {
        let elsewhere = self.route.as_deref().is_some_and(|route| route != row.route);
        if row.started_at < self.since || elsewhere {
            return;
        }
        if self.trouble == Trouble::Slow && !has_latency(row) {
            return;
        }
        if row.client != self.client {
            self.peers.add(row);
        } else if self.trouble.is_bad(row) {
            self.bad.add(row);
        } else {
            self.well.add(row);
        }
    }

    fn reasons(&self, connections: &Connections, lookup: &mut dyn Lookup) -> Vec<Reason> {
        let mut words = self.trouble.words();
        let (bad, well) = match self.trouble {
            Trouble::Slow => {
                let halves = split::slow_and_fast(self.well.all());
                if !halves.clear {
                    words = "slower requests";
                }
                (halves.slow, halves.fast)
            }
            _ => (self.bad.all().collect(), self.well.all().collect()),
        };
        // Who is slow throughout is held against its peers with all that it sent.
        let throughout = words == "slower requests";
        let own: Vec<One> = if throughout { self.well.all().collect() } else { bad.clone() };
        let peers = self.peers.like(&own);
        let mut table = Table::new(connections);
        let [bad, well, own, peers] = [&bad, &well, &own, &peers].map(|group| {
            group.iter().filter_map(|one| table.add(one, lookup)).collect::<Vec<Looked>>()
        });
        table.keep_the_telling();
        let among = contrast::among_own(&table, &bad, &well);
        let mut reasons = tell(&table, among, words, Side::Own);
        let against = contrast::against_peers(&table, &own, &peers);
        let words = if throughout { "requests" } else { words };
        reasons.extend(tell(&table, against, words, Side::Peers));
        reasons
    }
}

/// The contrasts that stand out most, in words, each with those that tell the same exchanges apart.
fn tell(table: &Table<'_>, mut all: Vec<Contrast>, words: &str, side: Side) -> Vec<Reason> {
    let mut chances: Vec<f64> = all.iter().map(|one| one.chance).collect();
    discovery::adjust(&mut chances);
    for (one, chance) in all.iter_mut().zip(chances) {
        one.chance = chance;
    }
    all.retain(Contrast::is_clear);
    all.sort_by(Contrast::order);
    let mut told: Vec<(Contrast, Vec<String>)> = Vec::new();
    for one in all {
        if let Some((_, also)) = told.iter_mut().find(|(first, _)| first.tells_the_same(&one)) {
            also.push(words::of(table.name(one.quality)));
        } else if told.len() < TOLD {
            told.push((one, Vec::new()));
        }
    }
    told.into_iter().map(|(one, also)| words::reason(table, &one, also, words, side)).collect()
}

#[cfg(test)]
mod tests;
