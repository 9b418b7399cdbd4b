//! Whoever waits for work that blocks. Gone, it leaves word for a search that may find nothing for
//! long, which no queue that closes would tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Held by what waits for the answer, and dropped with it.
#[derive(Default)]
pub(crate) struct Asker(Arc<AtomicBool>);

impl Asker {
    /// Turns true when it has gone.
    pub(crate) fn gone(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
