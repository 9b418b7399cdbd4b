//! What the writer tells the keeper of the store, and what it is asked: which segments are closed, how
//! far the log is durable, what time it is, and whether the segment that is being written should be
//! closed early.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use wayside_exchange::Timestamp;

use crate::segment::Segment;

/// Shared between the two threads.
#[derive(Debug)]
pub(crate) struct Sealing {
    /// The position of the log where this recorder began: what was lost in a crash is counted from
    /// there, so no group may reach across it.
    pub(crate) began: u64,
    durable: AtomicU64,
    /// Segments of this number and lower ones are written to no more.
    closed: AtomicU64,
    /// How often the writer was asked to close its segment, and up to which time it did.
    asked: AtomicU64,
    served: AtomicU64,
    served_end: AtomicU64,
    now: AtomicI64,
}

impl Sealing {
    /// For a log that ends at `end`.
    pub(crate) fn at(end: u64) -> Self {
        Self {
            began: end,
            durable: AtomicU64::new(end),
            closed: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            served: AtomicU64::new(0),
            served_end: AtomicU64::new(0),
            now: AtomicI64::new(0),
        }
    }

    /// Everything before `position` is durable, or as durable as it will be.
    pub(crate) fn set_durable(&self, position: u64) {
        self.durable.fetch_max(position, Ordering::AcqRel);
    }

    /// Segments up to this number are written to no more.
    pub(crate) fn closed(&self, number: u64) {
        self.closed.fetch_max(number, Ordering::AcqRel);
    }

    /// Whether a segment will not change any more, not even after a failed sync.
    pub(crate) fn is_closed(&self, segment: &Segment) -> bool {
        segment.number <= self.closed.load(Ordering::Acquire)
            && segment.end <= self.durable.load(Ordering::Acquire)
    }

    /// Asks the writer to write what waits and close its segment; [`Sealing::is_served`] tells when the
    /// number that comes back is dealt with.
    pub(crate) fn ask_to_close(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// What the writer was asked and has not done yet.
    pub(crate) fn asked(&self) -> Option<u64> {
        let asked = self.asked.load(Ordering::Acquire);
        (asked > self.served.load(Ordering::Acquire)).then_some(asked)
    }

    /// The writer has done what it was asked until then; the log ended at `end`.
    pub(crate) fn serve(&self, asked: u64, end: u64) {
        self.served_end.store(end, Ordering::Release);
        self.served.fetch_max(asked, Ordering::AcqRel);
    }

    /// Where the log ended when that was done.
    pub(crate) fn served_end(&self) -> u64 {
        self.served_end.load(Ordering::Acquire)
    }

    /// Whether that was done.
    pub(crate) fn is_served(&self, asked: u64) -> bool {
        self.served.load(Ordering::Acquire) >= asked
    }

    /// Segments up to this number are written to no more.
    pub(crate) fn closed_through(&self) -> u64 {
        self.closed.load(Ordering::Acquire)
    }

    /// What the clock of the writer says.
    pub(crate) fn set_now(&self, now: Timestamp) {
        self.now.store(now.0, Ordering::Relaxed);
    }

    /// What it said last; none before the first time.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        Some(Timestamp(self.now.load(Ordering::Relaxed))).filter(|now| now.0 > 0)
    }
}
