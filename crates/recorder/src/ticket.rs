//! What an answer's last byte waits with, where durability is strict: the worker polls it, the desk
//! says when the exchange is kept.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// One exchange's.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    kept: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Ticket {
    /// Ready once the exchange is kept.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        if !self.kept.load(SeqCst) {
            *self.waker.lock() = Some(context.waker().clone());
        }
        // The desk may have been done between the look and the waker.
        if self.kept.load(SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The exchange is kept.
    pub(crate) fn release(&self) {
        self.kept.store(true, SeqCst);
        if let Some(waker) = self.waker.lock().take() {
            waker.wake();
        }
    }
}
