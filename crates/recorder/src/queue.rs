//! From the workers to the desk: bounded in bytes, and the batches come back to be filled again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;

use crate::Overload;
use crate::batch::Batch;

/// Empty batches kept for reuse.
const SPARES: usize = 8;

/// What both ends share.
#[derive(Debug)]
pub(crate) struct Queue {
    budget: usize,
    waiting: AtomicUsize,
    on_overload: Overload,
    spares: Mutex<Vec<Batch>>,
    held: Mutex<Vec<Waker>>,
}

/// The workers' end.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    channel: mpsc::Sender<Batch>,
    queue: Arc<Queue>,
}

/// The desk's end.
#[derive(Debug)]
pub(crate) struct Receiver {
    channel: mpsc::Receiver<Batch>,
    queue: Arc<Queue>,
}

/// How much the queue can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// Everything.
    None,
    /// Heads, but no bodies.
    Bodies,
    /// Nothing.
    All,
}

/// A queue of at most `budget` bytes.
pub(crate) fn bounded(budget: usize, on_overload: Overload) -> (Sender, Receiver, Arc<Queue>) {
    let (sender, receiver) = mpsc::channel();
    let queue = Arc::new(Queue {
        budget,
        waiting: AtomicUsize::new(0),
        on_overload,
        spares: Mutex::default(),
        held: Mutex::default(),
    });
    (
        Sender { channel: sender, queue: Arc::clone(&queue) },
        Receiver { channel: receiver, queue: Arc::clone(&queue) },
        queue,
    )
}

impl Queue {
    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// How many bytes may wait.
    pub(crate) fn budget(&self) -> usize {
        self.budget
    }

    /// Whether more waits than a store that keeps up lets wait.
    pub(crate) fn is_long(&self) -> bool {
        self.waiting() >= self.budget / 4
    }

    /// What must be shed now. Nothing, where traffic waits instead.
    pub(crate) fn pressure(&self) -> Pressure {
        let waiting = self.waiting();
        if self.on_overload == Overload::Wait || waiting < self.budget / 4 * 3 {
            Pressure::None
        } else if waiting < self.budget {
            Pressure::Bodies
        } else {
            Pressure::All
        }
    }

    /// Whether the traffic must wait; then `waker` is woken when it need not any more.
    pub(crate) fn holds(&self, waker: &Waker) -> bool {
        if self.on_overload == Overload::Shed || self.waiting() < self.budget {
            return false;
        }
        self.held.lock().push(waker.clone());
        // The desk may have caught up between the look and the push, and not seen the waker.
        self.waiting() >= self.budget
    }
}

impl Sender {
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Hands `batch` over and puts an empty one in its place.
    pub(crate) fn send(&self, batch: &mut Batch) {
        self.queue.waiting.fetch_add(batch.size(), Relaxed);
        let empty = self.queue.spares.lock().pop().unwrap_or_default();
        // A desk that is gone has ended with the process; nobody is left to tell.
        let _ = self.channel.send(std::mem::replace(batch, empty));
    }
}

impl Receiver {
    /// The next batch within `limit`.
    pub(crate) fn next(&self, limit: Duration) -> Result<Batch, mpsc::RecvTimeoutError> {
        self.channel.recv_timeout(limit)
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The next batch, if one waits.
    pub(crate) fn next_waiting(&self) -> Option<Batch> {
        self.channel.try_recv().ok()
    }

    /// A batch has been dealt with.
    pub(crate) fn done(&self, mut batch: Batch) {
        let size = batch.size();
        batch.clear();
        let waiting = self.queue.waiting.fetch_sub(size, Relaxed) - size;
        let mut spares = self.queue.spares.lock();
        if spares.len() < SPARES {
            spares.push(batch);
        }
        drop(spares);
        if self.queue.on_overload == Overload::Wait && waiting < self.queue.budget {
            for waker in self.queue.held.lock().drain(..) {
                waker.wake();
            }
        }
    }
}
