//! Samples of bounded size: of all exchanges those whose ids hash lowest, which are the same ones whatever
//! the order in which they come and however many took part.

use std::collections::BinaryHeap;
use std::hash::BuildHasher as _;

use wayside_exchange::{ExchangeId, Glance, Micros};

use crate::tables::{FixedState, HashMap};

/// Exchanges of the outlier, bad ones and well ones.
const OWN: usize = 200;
/// Exchanges of its peers on one route, and in all.
const PEERS_ON_ROUTE: usize = 80;
const PEERS: usize = 400;
/// Routes of peers that are told apart.
const ROUTES: usize = 512;
/// Connections of which the first exchange is remembered.
const CONNECTIONS: usize = 100_000;

/// An exchange that was picked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct One {
    hash: u64,
    pub(super) id: ExchangeId,
    pub(super) route: String,
    pub(super) latency: Micros,
}

/// A sample.
#[derive(Clone, Debug, Default)]
pub(super) struct Picked(BinaryHeap<One>);

impl Picked {
    pub(super) fn add(&mut self, row: &Glance<'_>) {
        self.put(row, OWN);
    }

    fn put(&mut self, row: &Glance<'_>, most: usize) {
        let hash = FixedState::default().hash_one(row.id.0);
        if self.0.len() >= most {
            if self.0.peek().is_some_and(|last| (last.hash, last.id) < (hash, row.id)) {
                return;
            }
            self.0.pop();
        }
        let route = row.route.to_owned();
        self.0.push(One { hash, id: row.id, route, latency: row.latency() });
    }

    pub(super) fn merge(&mut self, other: Self) {
        let most = self.0.len().max(other.0.len()).max(OWN);
        self.0.extend(other.0);
        while self.0.len() > most {
            self.0.pop();
        }
    }

    /// In the order of their ids, so that neighbours are looked up together.
    pub(super) fn all(&self) -> impl Iterator<Item = One> {
        let mut all = self.0.clone().into_vec();
        all.sort_unstable_by_key(|one| one.id);
        all.into_iter()
    }
}

/// Samples of the peers, for each route.
#[derive(Clone, Debug, Default)]
pub(super) struct Pools(HashMap<String, Picked>);

impl Pools {
    pub(super) fn add(&mut self, row: &Glance<'_>) {
        if let Some(pool) = self.0.get_mut(row.route) {
            pool.put(row, PEERS_ON_ROUTE);
        } else if self.0.len() < ROUTES {
            self.0.entry(row.route.to_owned()).or_default().put(row, PEERS_ON_ROUTE);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (route, picked) in other.0 {
            let pool = self.0.entry(route).or_default();
            pool.0.extend(picked.0);
            while pool.0.len() > PEERS_ON_ROUTE {
                pool.0.pop();
            }
        }
    }

    /// Peers' exchanges on the routes of `own`, in the order of their ids.
    pub(super) fn like(&self, own: &[One]) -> Vec<One> {
        let mut routes: Vec<&str> = own.iter().map(|one| one.route.as_str()).collect();
        routes.sort_unstable();
        routes.dedup();
        let each = (PEERS / routes.len().max(1)).max(5);
        let mut all: Vec<One> = routes
            .into_iter()
            .filter_map(|route| self.0.get(route))
            .flat_map(|pool| pool.0.clone().into_sorted_vec().into_iter().take(each))
            .collect();
        all.sort_unstable_by_key(|one| one.id);
        all
    }
}

/// The first exchange of each connection, as far as there is room.
#[derive(Clone, Debug, Default)]
pub(super) struct Connections(HashMap<u64, ExchangeId>);

impl Connections {
    pub(super) fn add(&mut self, row: &Glance<'_>) {
        self.put(row.connection, row.id);
    }

    fn put(&mut self, connection: u64, id: ExchangeId) {
        if let Some(first) = self.0.get_mut(&connection) {
            *first = id.min(*first);
        } else if self.0.len() < CONNECTIONS {
            self.0.insert(connection, id);
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (&connection, &id) in &other.0 {
            self.put(connection, id);
        }
    }

    /// Whether an exchange is the first of its connection; none when that is not known.
    pub(super) fn is_first(&self, connection: u64, id: ExchangeId) -> Option<bool> {
        self.0.get(&connection).map(|first| *first == id)
    }
}
