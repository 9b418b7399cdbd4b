//! Sessions: one fold for each.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use wayside_exchange::view::SessionView;
use wayside_exchange::{SessionId, Summary, Timestamp};

use crate::latency::Latencies;

/// Beyond so many different routes a session counts no further.
const ROUTES: usize = 1024;

/// What is known of one session from its exchanges, in any order.
#[derive(Clone, Debug)]
pub struct SessionFold {
    id: SessionId,
    client: String,
    started_at: Timestamp,
    ended_at: Timestamp,
    exchanges: u64,
    errors: u64,
    /// Hashes, so that long routes cost no more than short ones.
    routes: HashSet<u64>,
    latencies: Latencies,
    bytes: u64,
}

impl SessionFold {
    /// A session of which `first` is the first exchange seen; it is counted.
    pub fn new(first: &Summary) -> Self {
        let mut fold = Self {
            id: first.session,
            client: first.client.clone(),
            started_at: first.started_at,
            ended_at: first.ended_at(),
            exchanges: 0,
            errors: 0,
            routes: HashSet::new(),
            latencies: Latencies::default(),
            bytes: 0,
        };
        fold.add(first);
        fold
    }

    /// Takes one more exchange of the session.
    pub fn add(&mut self, summary: &Summary) {
        self.started_at = self.started_at.min(summary.started_at);
        self.ended_at = self.ended_at.max(summary.ended_at());
        self.exchanges += 1;
        self.errors += u64::from(summary.is_error());
        if self.routes.len() < ROUTES {
            let hasher = BuildHasherDefault::<DefaultHasher>::default();
            self.routes.insert(hasher.hash_one(&summary.route));
        }
        if has_latency(summary) {
            self.latencies.add(summary.latency());
        }
        self.bytes =
            self.bytes.saturating_add(summary.request_bytes).saturating_add(summary.response_bytes);
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// What is known so far.
    pub fn view(&self) -> SessionView {
        let [p50_ms, p95_ms] = self.latencies.quantiles_ms([0.5, 0.95]);
        SessionView {
            id: self.id,
            client: self.client.clone(),
            started_at: self.started_at,
            ended_at: self.ended_at,
            exchanges: self.exchanges,
            errors: self.errors,
            routes: self.routes.len() as u64,
            p50_ms,
            p95_ms,
            bytes: self.bytes,
        }
    }
}

/// Whether the time that an exchange took is a wait for its answer: not for a connection that became
/// something else, not while it still runs, not where nothing was asked (a failed TLS handshake).
pub(crate) fn has_latency(summary: &Summary) -> bool {
    use wayside_exchange::{Mark, Outcome};
    summary.outcome != Outcome::Upgraded
        && !summary.marks.contains(Mark::Open)
        && !summary.method.is_empty()
}

/// All sessions that the exchanges belong to, each in its fold.
#[derive(Clone, Debug, Default)]
pub struct SessionList {
    folds: HashMap<SessionId, SessionFold>,
}

impl SessionList {
    /// Takes one exchange.
    pub fn add(&mut self, summary: &Summary) {
        self.folds
            .entry(summary.session)
            .and_modify(|fold| fold.add(summary))
            .or_insert_with(|| SessionFold::new(summary));
    }

    /// The sessions, oldest first.
    pub fn views(&self) -> Vec<SessionView> {
        let mut views: Vec<_> = self.folds.values().map(SessionFold::view).collect();
        views.sort_by_key(|view| (view.started_at, view.id));
        views
    }
}

/// The sessions of `summaries`, oldest first; the first error ends it.
pub fn sessions<E>(
    summaries: impl IntoIterator<Item = Result<Summary, E>>,
) -> Result<Vec<SessionView>, E> {
    let mut list = SessionList::default();
    for summary in summaries {
        list.add(&summary?);
    }
    Ok(list.views())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
    use super::*;
    use crate::client::tests::answered;

    #[test]
    fn a_session_counts_its_exchanges_whatever_their_order() {
        let mut all: Vec<Summary> =
            (0..10).map(|n| answered("a", n, "GET /x", 200, 10 + n)).collect();
        all[3].status = Some(404);
        all[4].route = "GET /y".into();
        let forth = sessions(all.iter().cloned().map(Ok::<_, ()>)).unwrap();
        let back = sessions(all.iter().rev().cloned().map(Ok::<_, ()>)).unwrap();
        for view in [&forth[0], &back[0]] {
            assert_eq!((view.exchanges, view.errors, view.routes), (10, 1, 2));
            assert_eq!((view.started_at, view.ended_at), (all[0].started_at, all[9].ended_at()));
            assert_eq!(view.bytes, 30);
            assert!((view.p50_ms - 14.0).abs() < 1e-9);
        }
    }

    #[test]
    fn sessions_stand_oldest_first_and_an_error_ends_the_listing() {
        let list = [answered("b", 7_000, "GET /", 200, 1), answered("a", 0, "GET /", 200, 1)];
        let views = sessions(list.iter().cloned().map(Ok::<_, ()>)).unwrap();
        assert_eq!(views.iter().map(|v| v.client.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(sessions([Ok(list[0].clone()), Err("broken")]).unwrap_err(), "broken");
    }
}
