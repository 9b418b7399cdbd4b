//! Looks at every downstream connection once a second: which has idled too long, and which has been
//! sending a head for too long. One look for all is cheaper than a timer for each exchange.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use crate::downstream::{Ask, Downstream};
use crate::settings::Timeouts;

/// How often the sweep looks.
pub(crate) const PERIOD: Duration = Duration::from_secs(1);

/// How long an idle connection of HTTP/2 may take to say goodbye, and its last bytes to go out.
const FAREWELL: Duration = Duration::from_secs(5);
/// Looks after which a connection that idles may rest.
const REST_AFTER: u32 = 2;

/// The connections of one worker.
#[derive(Debug, Default)]
pub(crate) struct Sweep(RefCell<Vec<Watched>>);

#[derive(Debug)]
struct Watched {
    downstream: Weak<Downstream>,
    idle: u32,
    mid_head: u32,
}

impl Sweep {
    /// Watches `downstream` for as long as it lives.
    pub(crate) fn watch(&self, downstream: &Rc<Downstream>) {
        let downstream = Rc::downgrade(downstream);
        self.0.borrow_mut().push(Watched { downstream, idle: 0, mid_head: 0 });
    }

    /// Asks every connection to end when what it carries has ended.
    pub(crate) fn close_all(&self) {
        for watched in &*self.0.borrow() {
            if let Some(downstream) = watched.downstream.upgrade() {
                downstream.ask(Ask::Close);
            }
        }
    }

    /// One look.
    pub(crate) fn look(&self, timeouts: &Timeouts) {
        let beyond = |periods: u32, limit: Duration| !limit.is_zero() && PERIOD * periods >= limit;
        self.0.borrow_mut().retain_mut(|watched| {
            let Some(downstream) = watched.downstream.upgrade() else { return false };
            let used = downstream.used.replace(false) || !downstream.is_idle();
            watched.idle = if used { 0 } else { watched.idle + 1 };
            let mid_head = downstream.wire.as_ref().is_some_and(|wire| wire.mid_head());
            watched.mid_head = if mid_head && !used { watched.mid_head + 1 } else { 0 };
            let http2 = downstream.wire.is_none();
            if http2 && beyond(watched.idle, timeouts.idle + FAREWELL) {
                // It waits for a client that says nothing, not even that it has heard.
                downstream.ask(Ask::AtOnce);
            } else if beyond(watched.mid_head, timeouts.header) {
                downstream.ask(Ask::HeaderTimeout);
            } else if beyond(watched.idle, timeouts.idle) {
                downstream.ask(Ask::Close);
            } else if watched.idle >= REST_AFTER && !downstream.resting.get() {
                downstream.ask(Ask::Rest);
            }
            true
        });
    }
}
