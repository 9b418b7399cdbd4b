//! Routes: one fold for each.

use std::hash::BuildHasher as _;

use wayside_exchange::view::RouteView;
use wayside_exchange::{Glance, Outcome};

use crate::blame::Blame;
use crate::latency::Latencies;
use crate::pace::Pace;
use crate::session::has_latency;
use crate::tables::{FixedState, HashMap, HashSet};

/// Beyond so many different routes further ones are kept together.
const ROUTES: usize = 10_000;
/// Beyond so many different clients a route counts no further.
const CLIENTS: usize = 1024;
/// Under this name those for which there was no room stand.
const OTHERS: &str = "(others)";

/// All routes of some exchanges, each in its fold.
#[derive(Clone, Debug, Default)]
pub struct RouteList {
    folds: HashMap<String, RouteFold>,
}

#[derive(Clone, Debug, Default)]
struct RouteFold {
    requests: u64,
    /// Hashes of their names, alike in folds that are merged.
    clients: HashSet<u64>,
    errors_4xx: u64,
    errors_5xx: u64,
    cancelled: u64,
    latencies: Latencies,
    blame: Blame,
    pace: Pace,
}

impl RouteList {
    /// Takes one exchange.
    pub fn add(&mut self, row: &Glance<'_>) {
        if let Some(fold) = self.folds.get_mut(row.route) {
            fold.add(row);
        } else {
            self.fold(row.route.to_owned()).add(row);
        }
    }

    /// Takes what another list knows.
    pub fn merge(&mut self, other: Self) {
        for (route, fold) in other.folds {
            self.fold(route).merge(fold);
        }
    }

    /// The routes, those first on which most time is spent.
    pub fn views(&self) -> Vec<RouteView> {
        let whole: f64 = self.folds.values().map(|fold| fold.latencies.sum_ms()).sum();
        let mut views: Vec<RouteView> =
            self.folds.iter().map(|(route, fold)| fold.view(route, whole)).collect();
        views.sort_by(|a, b| {
            b.time_share.total_cmp(&a.time_share).then_with(|| a.route.cmp(&b.route))
        });
        views
    }

    fn fold(&mut self, route: String) -> &mut RouteFold {
        let room = self.folds.len() < ROUTES || self.folds.contains_key(&route);
        self.folds.entry(if room { route } else { OTHERS.to_owned() }).or_default()
    }
}

impl RouteFold {
    fn add(&mut self, row: &Glance<'_>) {
        self.requests += 1;
        if self.clients.len() < CLIENTS {
            self.clients.insert(FixedState::default().hash_one(row.client));
        }
        let status = row.status.unwrap_or_default();
        if row.outcome == Outcome::ClientCancelled {
            self.cancelled += 1;
        }
        if status >= 500 || row.outcome == Outcome::UpstreamFailed {
            self.errors_5xx += 1;
        } else if status >= 400 {
            self.errors_4xx += 1;
        }
        if has_latency(row) {
            self.latencies.add(row.latency());
            self.blame.add(&Blame::of(&row.timing));
        }
        self.pace.add(row);
    }

    fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        let room = CLIENTS.saturating_sub(self.clients.len());
        self.clients.extend(other.clients.into_iter().take(room));
        self.errors_4xx += other.errors_4xx;
        self.errors_5xx += other.errors_5xx;
        self.cancelled += other.cancelled;
        self.latencies.merge(other.latencies);
        self.blame.add(&other.blame);
        self.pace.merge(other.pace);
    }

    fn view(&self, route: &str, whole_ms: f64) -> RouteView {
        let [p50_ms, p95_ms, p99_ms] = self.latencies.quantiles_ms([0.5, 0.95, 0.99]);
        RouteView {
            route: route.to_owned(),
            requests: self.requests,
            clients: self.clients.len() as u64,
            errors_4xx: self.errors_4xx,
            errors_5xx: self.errors_5xx,
            cancelled: self.cancelled,
            p50_ms,
            p95_ms,
            p99_ms,
            time: self.blame.view(self.latencies.count()),
            time_share: if whole_ms > 0.0 { self.latencies.sum_ms() / whole_ms } else { 0.0 },
            pace: self.pace.view(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test may panic")]
    use super::*;
    use crate::client::tests::answered;

    #[test]
    fn routes_stand_by_the_time_spent_on_them_and_parts_merge() {
        let all: Vec<_> = (0..100)
            .map(|n| {
                let (route, ms) = if n % 10 == 0 { ("GET /slow", 900) } else { ("GET /fast", 10) };
                answered(&format!("c{}", n % 5), n, route, 200 + (n % 3 / 2) as u16 * 204, ms)
            })
            .collect();
        let of = |rows: &[wayside_exchange::Summary]| {
            let mut list = RouteList::default();
            for row in rows {
                list.add(&row.glance());
            }
            list
        };
        let mut list = of(&all[..37]);
        list.merge(of(&all[37..]));
        let views = list.views();
        let names: Vec<_> = views.iter().map(|view| (view.route.as_str(), view.requests)).collect();
        assert_eq!(names, [("GET /slow", 10), ("GET /fast", 90)]);
        assert!((views[0].time_share - 9000.0 / 9900.0).abs() < 1e-9);
        assert_eq!((views[0].clients, views[1].clients), (1, 5));
        assert_eq!(views[0].errors_4xx + views[1].errors_4xx, 33);
    }

    #[test]
    fn memory_is_bounded_however_many_routes_there_are() {
        let mut list = RouteList::default();
        for n in 0..(ROUTES as u64 + 500) {
            list.add(&answered("a", n, &format!("GET /{n}x"), 404, 1).glance());
        }
        assert_eq!(list.folds.len(), ROUTES + 1);
        assert_eq!(list.folds[OTHERS].requests, 500);
    }
}
