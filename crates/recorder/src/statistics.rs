//! The live statistics: the recorder's thread only fills a pouch; a thread of its own takes it every few
//! seconds, keeps the sliding windows and judges them. It begins with what the store holds of the last day.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use wayside_analytics::meters::Meters;
use wayside_analytics::windows::{LONGEST, Pouch, Windows};
use wayside_analytics::{Lately, Recent, Standards, Stars, Thresholds};
use wayside_exchange::cause::chain;
use wayside_exchange::filter::Filter;
use wayside_exchange::view::{BoardView, OutlierView, WorstView};
use wayside_exchange::{ExchangeId, Glance, Links, Summary, Timestamp};
use wayside_store::{Order, Store, StoreError};

use crate::{Options, RecorderError};

/// How often clients are judged: what has become an outlier is told within ten seconds.
const ROUND: Duration = Duration::from_secs(3);

/// How many exchanges of earlier runs are read at the start: more would keep a processor from the
/// traffic for long.
const REMEMBERED: u64 = 5_000_000;

/// How many of the clients that fare worst are told of.
const WORST: usize = 20;

/// What was found last, for whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Found {
    outliers: Mutex<Arc<Vec<OutlierView>>>,
    board: Mutex<Arc<BoardView>>,
    gathered: Arc<Mutex<Gathered>>,
}

/// What the recorder's thread counts into.
#[derive(Debug, Default)]
struct Gathered {
    pouch: Pouch,
    recent: Recent,
    meters: Meters,
}

/// The recorder's end.
#[derive(Debug)]
pub(crate) struct Statistics {
    gathered: Arc<Mutex<Gathered>>,
    stopping: Arc<AtomicBool>,
    /// Dropped, it wakes the thread for the last time.
    awake: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The thread's end.
struct Judge {
    found: Arc<Found>,
    windows: Windows,
    lately: Lately,
    clock: fn() -> Timestamp,
    /// Exchanges of clients that are not compared, when that was last told.
    told: u64,
    store: Store,
    standards: Standards,
    /// What the windows hold clients against.
    held: Thresholds,
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
    ) -> Result<(Self, Arc<Found>), RecorderError> {
        let found = Arc::<Found>::default();
        let gathered = Arc::clone(&found.gathered);
        let stopping = Arc::new(AtomicBool::new(false));
        let (awake, asleep) = channel();
        let judge = Judge {
            found: Arc::clone(&found),
            windows: Windows::new(Thresholds::default()),
            lately: Lately::new((options.clock)()),
            clock: options.clock,
            told: 0,
            store: store.clone(),
            held: Thresholds::default(),
            standards: options.standards.clone(),
            stopping: Arc::clone(&stopping),
            joined: 0,
            changes: store.links(Links::changes),
        };
        let thread = std::thread::Builder::new()
            .name("statistics".to_owned())
            .spawn(move || judge.run(newest, &asleep))
            .map_err(RecorderError::Thread)?;
        Ok((Self { gathered, stopping, awake: Some(awake), thread: Some(thread) }, found))
    }

    /// Counts exchanges that have ended.
    pub(crate) fn add<'a>(&self, ended: impl Iterator<Item = &'a Summary>) {
        let mut gathered = self.gathered.lock();
        for summary in ended.filter(|summary| !summary.method.is_empty()) {
            let row = summary.glance();
            gathered.pouch.add(&row);
            gathered.recent.add(&row);
            gathered.meters.add(&row);
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
        let (stars, held) = self
            .store
            .links(|links| (Stars::of(links.labels()), self.standards.for_clients_of(links)));
        self.held = held;
        {
            let pouch = &mut self.found.gathered.lock().pouch;
            pouch.star(stars.clone());
            pouch.hold_against(&self.held);
        }
        let fresh = || {
            let mut windows = Windows::new(self.held.clone());
            windows.star(&stars);
            windows
        };
        let remembered = remembered(&self.store, newest, fresh(), Arc::clone(&self.stopping));
        self.windows = remembered.unwrap_or_else(|error| {
            tracing::error!("the statistics begin with nothing: {}", chain(&error));
            // What comes from now on is judged all the same.
            fresh()
        });
    }

    /// Counts what turned out to be another client's as that one's.
    fn keep_up(&mut self) {
        let (joined, changes, held) = self
            .store
            .links(|links| (links.joined(), links.changes(), self.standards.for_clients_of(links)));
        if std::mem::replace(&mut self.changes, changes) != changes || held != self.held {
            // What was put together, or held against something else, cannot be taken apart: it is counted anew.
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
        let (pouch, recent) = {
            let mut gathered = self.found.gathered.lock();
            (gathered.pouch.empty(), std::mem::take(&mut gathered.recent))
        };
        self.windows.take(pouch, now);
        self.keep_up();
        self.lately.take(recent, now);
        let outliers = Arc::new(self.windows.judge(now));
        let board = Arc::new(self.board(&outliers));
        let folded = board.uncompared;
        *self.found.outliers.lock() = outliers;
        *self.found.board.lock() = board;
        if folded > self.told * 2 {
            self.told = folded;
            tracing::info!("of many clients the least busy are not compared: {folded} exchanges");
        }
    }

    fn board(&self, outliers: &[OutlierView]) -> BoardView {
        let told: Vec<&str> = outliers.iter().map(|view| view.client.as_str()).collect();
        let crowd = self.windows.crowd(&told, WORST);
        let worst = crowd.worst.into_iter().map(|(client, cell)| WorstView {
            requests: u64::from(cell.requests),
            errors_4xx: u64::from(cell.errors_4xx),
            errors_5xx: u64::from(cell.errors_5xx),
            cancelled: u64::from(cell.cancelled),
            average_ms: cell.average_ms(),
            verdicts: told.iter().filter(|name| **name == &*client).count() as u64,
            client: client.as_ref().to_owned(),
        });
        BoardView {
            lately: self.lately.view(),
            clients: crowd.active,
            verdicts: told.len() as u64,
            worst: worst.collect(),
            uncompared: self.windows.folded(),
        }
    }
}

impl Found {
    /// Who is an outlier, worst first.
    pub(crate) fn outliers(&self) -> Arc<Vec<OutlierView>> {
        Arc::clone(&self.outliers.lock())
    }

    /// Five numbers and who fares worst.
    pub(crate) fn board(&self) -> Arc<BoardView> {
        Arc::clone(&self.board.lock())
    }

    /// What has been counted so far. The recorder's thread waits meanwhile, for some microseconds.
    pub(crate) fn meters(&self) -> Meters {
        self.gathered.lock().meters.clone()
    }
}

/// The windows of an earlier run.
fn remembered(
    store: &Store,
    newest: ExchangeId,
    fresh: Windows,
    gone: Arc<AtomicBool>,
) -> Result<Windows, StoreError> {
    let since = newest.started_at().minus(LONGEST);
    let mut scan = store.scan(Filter::all(), Order::NewestFirst).until(gone);
    // Windows are made by one core: in parts they would have to be put together.
    let mut parts = [(fresh, 0)];
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
