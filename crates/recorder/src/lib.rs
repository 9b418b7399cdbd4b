//! Takes exchanges off the hot path: identify, redact, store, announce.
//!
//! Each worker fills a [`Tape`]: a block of what happened, which is handed over when it is full or
//! some milliseconds old, since waking another thread for each exchange would cost more than the
//! exchange. One thread, the desk, plays the tapes: it puts exchanges together, takes secrets out,
//! and appends them to the store. What waits between them is bounded in bytes.

mod batch;
mod counts;
mod desk;
mod error;
mod queue;
mod resealing;
mod retelling;
mod statistics;
mod tape;
#[cfg(test)]
mod tests;
mod ticket;

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::broadcast;
use wayside_analytics::Standards;
use wayside_analytics::meters::Meters;
use wayside_exchange::view::{BoardView, OutlierView, RemovedView, StatusView};
use wayside_exchange::{Micros, Summary, Timestamp};
use wayside_identity::Rules;
pub use wayside_identity::{Pattern, WrongPattern};
use wayside_store::seal::SealingKey;
use wayside_store::{Recovery, Store, Tallies, Writer};

use counts::Counts;
use desk::Desk;
pub use error::RecorderError;
use queue::Queue;
pub use resealing::Resealer;
pub use retelling::Retelling;
use statistics::{Found, Statistics};
pub use tape::{Silence, Tape};

/// How many summaries a follower may be behind before it misses some.
const FEED: usize = 4096;

/// What a recorder is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes that may wait between the workers and the store.
    pub queue_bytes: usize,
    /// What happens when more would have to wait.
    pub on_overload: Overload,
    /// The last byte of an answer waits until the exchange would survive a power loss. Traffic waits
    /// then as well when more would have to wait than may.
    pub strict: bool,
    /// Bytes of each body that are kept; none keeps all.
    pub body_limit: Option<u64>,
    /// The gap after which a client's next exchange begins a new session.
    pub session_idle: Micros,
    /// What is taken for a secret, and replaced before it is stored.
    pub rules: Rules,
    /// Path templates that go before what is found by itself.
    pub routes: Vec<Pattern>,
    /// What clients' figures are held against; it may be replaced at any time.
    pub standards: Standards,
    /// Reads the wall clock.
    pub clock: fn() -> Timestamp,
}

/// What happens when the recorder cannot keep up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overload {
    /// Bodies, then whole exchanges are not kept; each is counted and marked. Traffic goes on.
    #[default]
    Shed,
    /// Traffic waits for the recorder.
    Wait,
}

/// A running recorder, shared by everyone who asks how it does.
#[derive(Clone)]
pub struct Recorder {
    counts: Arc<Counts>,
    queue: Arc<Queue>,
    feed: broadcast::Sender<Arc<Summary>>,
    found: Arc<Found>,
    store: Store,
}

/// The recorder's thread. Ends when every [`Tape`] and every [`TapeMaker`] is gone.
#[derive(Debug)]
pub struct Desking(JoinHandle<Result<(), RecorderError>>);

/// Makes a tape on each worker's own thread.
#[derive(Clone, Debug)]
pub struct TapeMaker {
    queue: queue::Sender,
    counts: Arc<Counts>,
    tallies: Tallies,
    strict: bool,
}

impl Recorder {
    /// Starts the recorder's thread on an open store.
    pub fn start(
        store: &Store,
        writer: Writer,
        recovery: &Recovery,
        key: SealingKey,
        options: Options,
    ) -> Result<(Recorder, TapeMaker, Desking), RecorderError> {
        let counts = Arc::new(Counts::default());
        let on_overload = if options.strict { Overload::Wait } else { options.on_overload };
        let (sender, receiver, queue) = queue::bounded(options.queue_bytes, on_overload);
        let tallies = writer.tallies();
        let (feed, _) = broadcast::channel(FEED);
        let (statistics, found) = Statistics::start(store, recovery.newest, &options)?;
        let recorder = Self {
            counts: Arc::clone(&counts),
            queue,
            feed: feed.clone(),
            found,
            store: store.clone(),
        };
        let strict = options.strict;
        let mut desk =
            Desk::new(store, writer, key, options, Arc::clone(&counts), feed, statistics);
        desk.take_up(store, recovery.newest)?;
        desk.remember(store, recovery.newest)?;
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || desk.run(&receiver))
            .map_err(RecorderError::Thread)?;
        let maker = TapeMaker { queue: sender, counts, tallies, strict };
        Ok((recorder, maker, Desking(thread)))
    }

    /// How the recorder does.
    pub fn status(&self) -> StatusView {
        let mut view = self.counts.view();
        let store = self.store.status();
        view.recording = true;
        view.queue_bytes = self.queue.waiting() as u64;
        view.recorded_through = store.recorded_through;
        view.durable_through = store.durable_through;
        view.stored = store.stored;
        view.removed =
            RemovedView { exchanges: store.removed.exchanges, bytes: store.removed.bytes };
        view.disk.budget = store.budget;
        view.disk.used = store.used;
        view.disk.free = store.free;
        view.problems.extend(store.problems);
        view
    }

    /// Every exchange that is recorded from now on.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Summary>> {
        self.feed.subscribe()
    }

    /// Who is an outlier now, worst first, as of some seconds ago.
    pub fn outliers(&self) -> Arc<Vec<OutlierView>> {
        self.found.outliers()
    }

    /// Five numbers and who fares worst, as of some seconds ago.
    pub fn board(&self) -> Arc<BoardView> {
        self.found.board()
    }

    /// What was counted by route since it started.
    pub fn meters(&self) -> Meters {
        self.found.meters()
    }

    /// How many bytes may wait to be recorded.
    pub fn queue_budget(&self) -> usize {
        self.queue.budget()
    }

    /// The store that it writes to.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl TapeMaker {
    /// A tape for the worker that calls this, on whose thread it stays.
    pub fn tape(&self) -> std::rc::Rc<Tape> {
        Tape::new(self.queue.clone(), Arc::clone(&self.counts), self.tallies.next(), self.strict)
    }
}

impl Desking {
    /// Waits until everything that was handed over is in the store, and the store is closed.
    pub fn finish(self) -> Result<(), RecorderError> {
        match self.0.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}
