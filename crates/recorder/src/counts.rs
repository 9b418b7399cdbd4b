//! What was forwarded and what became of it, so that the two can be reconciled.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use wayside_exchange::view::StatusView;

/// Counters that workers and desk share.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Exchanges that have begun.
    pub(crate) forwarded: AtomicU64,
    /// Exchanges that have ended, in whatever way.
    pub(crate) ended: AtomicU64,
    /// Of those in the store, how many lack nothing.
    pub(crate) recorded: AtomicU64,
    /// Of those in the store, how many carry a mark.
    pub(crate) marked: AtomicU64,
    /// Handshakes that failed.
    pub(crate) handshakes_failed: AtomicU64,
    lost: Mutex<BTreeMap<&'static str, u64>>,
    problem: Mutex<Option<String>>,
    /// Why what has begun cannot be counted on the disk.
    uncounted: Mutex<Option<String>>,
    is_uncounted: AtomicBool,
}

impl Counts {
    /// Counts an exchange that is not in the store.
    pub(crate) fn lose(&self, reason: &'static str) {
        *self.lost.lock().entry(reason).or_default() += 1;
    }

    /// Says what is wrong now, or that nothing is any more.
    pub(crate) fn problem(&self, problem: Option<String>) {
        let mut known = self.problem.lock();
        match (&*known, &problem) {
            (None, Some(problem)) => tracing::error!("recording is failing: {problem}"),
            (Some(_), None) => tracing::info!("recording works again"),
            _ => {}
        }
        *known = problem;
    }

    /// Says that a worker could not count what it has begun, or that it can.
    pub(crate) fn uncounted(&self, error: Option<&std::io::Error>) {
        // Nearly always it could, and can.
        if error.is_none() && !self.is_uncounted.load(Relaxed) {
            return;
        }
        self.is_uncounted.store(error.is_some(), Relaxed);
        *self.uncounted.lock() = error.map(|error| {
            format!("what a crash would cost cannot be counted: `forwarded`: {error}")
        });
    }

    pub(crate) fn view(&self) -> StatusView {
        let forwarded = self.forwarded.load(Relaxed);
        let lost = self.lost.lock().iter().map(|(&why, &n)| (why.to_owned(), n)).collect();
        StatusView {
            forwarded,
            recorded: self.recorded.load(Relaxed),
            marked: self.marked.load(Relaxed),
            lost,
            open: forwarded.saturating_sub(self.ended.load(Relaxed)),
            handshakes_failed: self.handshakes_failed.load(Relaxed),
            problems: [&self.problem, &self.uncounted]
                .into_iter()
                .filter_map(|problem| problem.lock().clone())
                .collect(),
            ..StatusView::default()
        }
    }
}
