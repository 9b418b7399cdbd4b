//! The live statistics: the recorder's thread only fills a pouch; a thread of its own takes it every few
//! seconds, keeps the sliding windows and judges them. It begins with what the store holds of the last day.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use wayside_analytics::Thresholds;
use wayside_analytics::windows::{LONGEST, Pouch, Windows};
use wayside_exchange::cause::chain;
use wayside_exchange::filter::Filter;
use wayside_exchange::view::OutlierView;
use wayside_exchange::{ExchangeId, Glance, Links, Summary, Timestamp};
use wayside_store::{Order, Store, StoreError};

use crate::{Options, RecorderError};

/// How often clients are judged: what has become an outlier is told within ten seconds.
const ROUND: Duration = Duration::from_secs(3);

/// How many exchanges of earlier runs are read at the start: more would keep a processor from the
/// traffic for long.
const REMEMBERED: u64 = 5_000_000;

/// What was found last, for whoever asks.
pub(crate) type Found = Arc<Mutex<Arc<Vec<OutlierView>>>>;

/// The recorder's end.
#[derive(Debug)]
pub(crate) struct Statistics {
    pouch: Arc<Mutex<Pouch>>,
    stopping: Arc<AtomicBool>,
    /// Dropped, it wakes the thread for the last time.
    awake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The thread's end.
struct Judge {
    pouch: Arc<Mutex<Pouch>>,
    found: Found,
    windows: Windows,
    clock: fn() -> Timestamp,
    /// Exchanges of clients that are not compared, when that was last told.
    told: u64,
    store: Store,
    thresholds: Thresholds,
    stopping: Arc<AtomicBool>,
    /// What was known of who is who when that was last looked at.
    joined: u64,
    changes: u64,
}

impl Statistics {
    /// Starts the thread; exchanges up to `newest` are those of earlier runs.
    pub(crate) fn start(
        store: &Store,
        newest: ExchangeId,
        options: &Options,
    ) -> Result<(Self, Found), RecorderError> {
        let (pouch, found) = (Arc::default(), Found::default());
        let stopping = Arc::new(AtomicBool::new(false));
        let (awake, asleep) = channel();
        let judge = Judge {
            pouch: Arc::clone(&pouch),
            found: Arc::clone(&found),
            windows: Windows::new(options.thresholds),
            clock: options.clock,
            told: 0,
            store: store.clone(),
            thresholds: options.thresholds,
            stopping: Arc::clone(&stopping),
            joined: 0,
            changes: store.links(Links::changes),
        };
        let thread = std::thread::Builder::new()
            .name("statistics".to_owned())
            .spawn(move || judge.run(newest, &asleep))
            .map_err(RecorderError::Thread)?;
        Ok((Self { pouch, stopping, awake: Some(awake), thread: Some(thread) }, found))
    }

    /// Counts an exchange that has ended.
    pub(crate) fn add(&self, summary: &Summary) {
        if !summary.method.is_empty() {
            self.pouch.lock().add(&summary.glance());
        }
    }

    /// Ends the thread.
    pub(crate) fn stop(&mut self) {
        self.stopping.store(true, Relaxed);
        self.awake = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            // The recording does not depend on it, and is to be closed.
            tracing::error!("the statistics broke off");
        }
    }
}

impl Judge {
    fn run(mut self, newest: ExchangeId, asleep: &Receiver<()>) {
        self.read_back(newest);
        loop {
            // A fault of ours is counted where panics are, and costs this round.
            let _ = catch_unwind(AssertUnwindSafe(|| self.judge()));
            if asleep.recv_timeout(ROUND) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Makes the windows from what the store holds of the last day.
    fn read_back(&mut self, newest: ExchangeId) {
        match remembered(&self.store, newest, self.thresholds, Arc::clone(&self.stopping)) {
            Ok(windows) => self.windows = windows,
            // What comes from now on is judged all the same.
            Err(error) => tracing::error!("the statistics begin with nothing: {}", chain(&error)),
        }
    }

    /// Counts what turned out to be another client's as that one's.
    fn keep_up(&mut self) {
        let (joined, changes) = self.store.links(|links| (links.joined(), links.changes()));
        if std::mem::replace(&mut self.changes, changes) != changes {
            // What was put together cannot be taken apart: it is counted anew.
            let newest = self.store.status().recorded_through;
            self.read_back(newest.unwrap_or_default());
        } else if std::mem::replace(&mut self.joined, joined) != joined {
            let store = &self.store;
            self.windows.rename(&|name| {
                store.links(|links| {
                    let meant = links.meaning(name);
                    (meant != name).then(|| meant.into())
                })
            });
        }
    }

    fn judge(&mut self) {
        let now = (self.clock)();
        let pouch = self.pouch.lock().empty();
        self.windows.take(pouch, now);
        self.keep_up();
        let found = Arc::new(self.windows.judge(now));
        *self.found.lock() = found;
        let folded = self.windows.folded();
        if folded > self.told * 2 {
            self.told = folded;
            tracing::info!("of many clients the least busy are not compared: {folded} exchanges");
        }
    }
}

/// The windows of an earlier run.
fn remembered(
    store: &Store,
    newest: ExchangeId,
    thresholds: Thresholds,
    gone: Arc<AtomicBool>,
) -> Result<Windows, StoreError> {
    let since = newest.started_at().minus(LONGEST);
    let mut scan = store.scan(Filter::all(), Order::NewestFirst).until(gone);
    // Windows are made by one core: in parts they would have to be put together.
    let mut parts = [(Windows::new(thresholds), 0)];
    let add = |(windows, read): &mut (Windows, u64), row: &Glance<'_>| {
        *read += 1;
        if row.id <= newest && row.has_request() && row.started_at >= since {
            windows.add(row);
        }
    };
    while scan.horizon().is_some_and(|horizon| horizon.started_at() >= since) {
        if parts.iter().any(|(_, read)| *read >= REMEMBERED) {
            tracing::info!("the statistics begin with the newest {REMEMBERED} exchanges");
            break;
        }
        if !scan.fold(&mut parts, add)? {
            break;
        }
    }
    let [(windows, _)] = parts;
    Ok(windows)
}
