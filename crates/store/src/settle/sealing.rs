//! What the writer tells the settling, and what it is asked: which segments are closed, how far the
//! log is durable, and whether the one that is being written should be closed early.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
    asked: AtomicBool,
}

impl Sealing {
    /// For a log that ends at `end`.
    pub(crate) fn at(end: u64) -> Self {
        Self {
            began: end,
            durable: AtomicU64::new(end),
            closed: AtomicU64::new(0),
            asked: AtomicBool::new(false),
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

    /// Asks the writer to close its segment.
    pub(crate) fn ask_to_close(&self) {
        self.asked.store(true, Ordering::Release);
    }

    /// Whether the writer was asked since it last looked.
    pub(crate) fn is_asked_to_close(&self) -> bool {
        self.asked.swap(false, Ordering::AcqRel)
    }
}
