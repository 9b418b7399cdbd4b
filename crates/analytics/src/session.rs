//! Sessions: one fold for each.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher as _;

use wayside_exchange::view::SessionView;
use wayside_exchange::{Glance, SessionId, Summary, Timestamp};

use crate::latency::Latencies;
use crate::tables::{FixedState, HashMap, HashSet};

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
    /// Hashes, so that long routes cost no more than short ones; alike in folds that are merged.
    routes: HashSet<u64>,
    latencies: Latencies,
    bytes: u64,
}

impl SessionFold {
    /// A session of which `first` is the first exchange seen; it is counted.
    pub fn new(first: &Glance<'_>) -> Self {
        let mut fold = Self {
            id: first.session,
            client: first.client.to_owned(),
            started_at: first.started_at,
            ended_at: first.ended_at(),
            exchanges: 0,
            errors: 0,
            routes: HashSet::default(),
            latencies: Latencies::default(),
            bytes: 0,
        };
        fold.add(first);
        fold
    }

    /// Takes one more exchange of the session.
    pub fn add(&mut self, row: &Glance<'_>) {
        self.started_at = self.started_at.min(row.started_at);
        self.ended_at = self.ended_at.max(row.ended_at());
        self.exchanges += 1;
        self.errors += u64::from(row.is_error());
        if self.routes.len() < ROUTES {
            self.routes.insert(FixedState::default().hash_one(row.route));
        }
        if has_latency(row) {
            self.latencies.add(row.latency());
        }
        self.bytes =
            self.bytes.saturating_add(row.request_bytes).saturating_add(row.response_bytes);
    }

    /// Takes what another fold knows of the same session.
    pub fn merge(&mut self, other: Self) {
        self.started_at = self.started_at.min(other.started_at);
        self.ended_at = self.ended_at.max(other.ended_at);
        self.exchanges += other.exchanges;
        self.errors += other.errors;
        let room = ROUTES.saturating_sub(self.routes.len());
        self.routes.extend(other.routes.into_iter().take(room));
        self.latencies.merge(other.latencies);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// The session's id.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// The client.
    pub fn client(&self) -> &str {
        &self.client
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
pub(crate) fn has_latency(row: &Glance<'_>) -> bool {
    use wayside_exchange::{Mark, Outcome};
    row.outcome != Outcome::Upgraded && !row.marks.contains(Mark::Open) && row.has_request()
}

/// All sessions that the exchanges belong to, each in its fold. Exchanges that were in one session while
/// nobody knew whose they are, and turned out to be several clients', make a fold for each client.
#[derive(Clone, Debug, Default)]
pub struct SessionList {
    /// By session and a hash of the client.
    folds: HashMap<(SessionId, u64), SessionFold>,
}

impl SessionList {
    /// Takes one exchange.
    pub fn add(&mut self, row: &Glance<'_>) {
        self.folds
            .entry((row.session, FixedState::default().hash_one(row.client)))
            .and_modify(|fold| fold.add(row))
            .or_insert_with(|| SessionFold::new(row));
    }

    /// Takes what another list knows.
    pub fn merge(&mut self, other: Self) {
        for (id, fold) in other.folds {
            match self.folds.entry(id) {
                Entry::Occupied(mut known) => known.get_mut().merge(fold),
                Entry::Vacant(free) => {
                    free.insert(fold);
                }
            }
        }
    }

    /// Takes the sessions above `floor` out of the list, or all without one; newest first.
    pub fn take_above(&mut self, floor: Option<SessionId>) -> Vec<SessionFold> {
        let is_above =
            |(id, _): &(SessionId, u64), _: &mut SessionFold| floor.is_none_or(|floor| *id > floor);
        let mut above: Vec<_> = self.folds.extract_if(is_above).map(|(_, fold)| fold).collect();
        above.sort_unstable_by_key(|fold| Reverse(fold.id));
        above
    }

    /// All exchanges as one session, which is the client's of whom there are most; none without any.
    pub fn total(self) -> Option<SessionView> {
        let mut folds: Vec<SessionFold> = self.folds.into_values().collect();
        folds.sort_by_key(|fold| Reverse(fold.exchanges));
        let mut folds = folds.into_iter();
        let mut total = folds.next()?;
        folds.for_each(|fold| total.merge(fold));
        Some(total.view())
    }

    /// The sessions, oldest first.
    pub fn views(&self) -> Vec<SessionView> {
        let mut views: Vec<_> = self.folds.values().map(SessionFold::view).collect();
        views.sort_by(|a, b| (a.started_at, a.id, &a.client).cmp(&(b.started_at, b.id, &b.client)));
        views
    }
}

/// The sessions of `summaries`, oldest first; the first error ends it.
pub fn sessions<E>(
    summaries: impl IntoIterator<Item = Result<Summary, E>>,
) -> Result<Vec<SessionView>, E> {
    let mut list = SessionList::default();
    for summary in summaries {
        list.add(&summary?.glance());
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
    #[test]
    fn lists_of_parts_merge_and_give_away_what_is_complete() {
        let all: Vec<Summary> =
            (0..200).map(|n| answered("a", n * 60, &format!("GET /{}", n % 3), 200, n)).collect();
        let of = |rows: &[Summary]| {
            let mut list = SessionList::default();
            for row in rows {
                list.add(&row.glance());
            }
            list
        };
        let wanted = of(&all).views();
        let mut merged = of(&all[..77]);
        merged.merge(of(&all[77..]));
        let views = merged.views();
        assert_eq!(
            views.iter().map(|v| (v.id, v.exchanges, v.routes, v.bytes)).collect::<Vec<_>>(),
            wanted.iter().map(|v| (v.id, v.exchanges, v.routes, v.bytes)).collect::<Vec<_>>()
        );
        let above = merged.take_above(Some(views[3].id));
        let newest: Vec<_> = views[4..].iter().rev().map(|view| view.id).collect();
        assert_eq!(above.iter().map(SessionFold::id).collect::<Vec<_>>(), newest);
        assert_eq!(merged.take_above(None).len(), 4);
    }
}
