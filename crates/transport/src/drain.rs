//! Stop, but finish: one signal that every worker hears, and a wait for what is in flight.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Makes the two ends of a drain.
#[derive(Debug)]
pub struct Drain;

impl Drain {
    /// The end that starts the drain, and the end that hears of it.
    pub fn channel() -> (DrainTrigger, DrainWatch) {
        let (signal, heard) = watch::channel(false);
        let (in_flight, _) = watch::channel(());
        let in_flight = Arc::new(in_flight);
        (
            DrainTrigger { signal, in_flight: Arc::clone(&in_flight) },
            DrainWatch { heard, in_flight },
        )
    }
}

/// Starts a drain and waits for its end. Dropped, it counts as started.
#[derive(Debug)]
pub struct DrainTrigger {
    signal: watch::Sender<bool>,
    /// Each guard is a receiver of this channel, so "no receivers" is "nothing in flight".
    in_flight: Arc<watch::Sender<()>>,
}

/// Hears of a drain. Cheap to clone, and to send to other threads.
#[derive(Debug, Clone)]
pub struct DrainWatch {
    heard: watch::Receiver<bool>,
    in_flight: Arc<watch::Sender<()>>,
}

/// Something in flight that a drain waits for, until dropped.
#[derive(Debug)]
pub struct DrainGuard {
    _counted: watch::Receiver<()>,
}

impl DrainTrigger {
    /// Tells every watch to drain.
    pub fn start(&self) {
        self.signal.send_replace(true);
    }

    /// Waits until every guard has been dropped: `true`; or until `limit` has passed: `false`.
    pub async fn drained(&self, limit: Duration) -> bool {
        timeout(limit, self.in_flight.closed()).await.is_ok()
    }

    /// How many guards are held now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.receiver_count()
    }
}

impl DrainWatch {
    /// Returns once the drain has started, at once if it has.
    pub async fn draining(&self) {
        // An error says that the trigger is gone, and the process about to be.
        let _ = self.heard.clone().wait_for(|draining| *draining).await;
    }

    /// Whether the drain has started.
    pub fn is_draining(&self) -> bool {
        *self.heard.borrow() || self.heard.has_changed().is_err()
    }

    /// Counts something as in flight until the guard is dropped.
    pub fn guard(&self) -> DrainGuard {
        DrainGuard { _counted: self.in_flight.subscribe() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[tokio::test]
    async fn every_watch_hears_of_the_drain() {
        let (trigger, watch) = Drain::channel();
        let other = watch.clone();
        assert!(!watch.is_draining());
        let start = async { trigger.start() };
        tokio::join!(other.draining(), start);
        watch.draining().await;
        assert!(watch.is_draining());
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_waits_for_what_is_in_flight_but_not_beyond_its_limit() {
        let (trigger, watch) = Drain::channel();
        let guard = watch.guard();
        assert_eq!(trigger.in_flight(), 1);
        assert!(!trigger.drained(Duration::from_secs(30)).await);
        drop(guard);
        assert!(trigger.drained(Duration::from_secs(30)).await);
    }

    #[tokio::test]
    async fn a_lost_trigger_drains() {
        let (trigger, watch) = Drain::channel();
        drop(trigger);
        watch.draining().await;
        assert!(watch.is_draining());
    }

    #[test]
    fn guards_are_counted_across_threads() {
        let (trigger, watch) = Drain::channel();
        let guard = std::thread::spawn(move || watch.guard()).join().unwrap();
        assert_eq!(trigger.in_flight(), 1);
        drop(guard);
        assert_eq!(trigger.in_flight(), 0);
    }
}
