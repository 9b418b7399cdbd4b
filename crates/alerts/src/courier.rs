//! Couriers: each takes messages from a short queue of its own and tries a few times, waiting longer each time.
//! What it must drop or give up is counted and said.

pub(crate) mod exec;
pub(crate) mod webhook;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Messages that may wait for one courier; of more the oldest are dropped.
const QUEUE: usize = 64;
/// How long it waits after each failure; after the last one the message is given up.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
];

/// What became of messages, for each way, as `/api/alerts/delivery` gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// To the webhook.
    pub webhook: Tally,
    /// To the program.
    pub exec: Tally,
    /// Verdicts that came while too many stood, and were told to nobody.
    pub untold: u64,
}

/// What became of the messages for one courier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Those that arrived.
    pub delivered: u64,
    /// Those that were given up after some tries.
    pub failed: u64,
    /// Those that were dropped since too many waited.
    pub dropped: u64,
    /// Those that wait.
    pub waiting: u64,
    /// What went wrong last; null when the last try was a success.
    pub error: Option<String>,
}

/// The tallies of both couriers.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    pub(crate) webhook: Arc<Mutex<Tally>>,
    pub(crate) exec: Arc<Mutex<Tally>>,
}

/// Why a try failed.
pub(crate) enum Failure {
    /// It may work later.
    Later(String),
    /// It never will.
    Never(String),
}

/// Where a courier's messages wait.
pub(crate) struct Inbox {
    name: &'static str,
    waiting: Mutex<VecDeque<Bytes>>,
    arrived: Notify,
    tally: Arc<Mutex<Tally>>,
}

impl Tallies {
    pub(crate) fn view(&self, untold: u64) -> Delivery {
        Delivery { webhook: self.webhook.lock().clone(), exec: self.exec.lock().clone(), untold }
    }
}

impl Inbox {
    pub(crate) fn new(name: &'static str, tally: &Arc<Mutex<Tally>>) -> Self {
        let (waiting, arrived, tally) = (Mutex::default(), Notify::new(), Arc::clone(tally));
        Self { name, waiting, arrived, tally }
    }

    /// Leaves a message. Returns at once.
    pub(crate) fn put(&self, message: Bytes) {
        let mut waiting = self.waiting.lock();
        if waiting.len() >= QUEUE && waiting.pop_front().is_some() {
            self.tally.lock().dropped += 1;
            tracing::error!(
                "the {} is too slow for alerts: the oldest message was dropped",
                self.name
            );
        }
        waiting.push_back(message);
        self.tally.lock().waiting = waiting.len() as u64;
        self.arrived.notify_one();
    }

    /// Whether everything has been dealt with.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// Delivers what comes by `deliver`, for ever.
    pub(crate) async fn serve(&self, deliver: impl AsyncFn(Bytes) -> Result<(), Failure>) {
        loop {
            let next = self.waiting.lock().front().cloned();
            let Some(message) = next else {
                self.arrived.notified().await;
                continue;
            };
            self.try_all(&message, &deliver).await;
            let mut waiting = self.waiting.lock();
            // While it was tried it may have been dropped for another.
            if waiting.front().is_some_and(|first| first.as_ptr() == message.as_ptr()) {
                waiting.pop_front();
            }
            self.tally.lock().waiting = waiting.len() as u64;
        }
    }

    async fn try_all(&self, message: &Bytes, deliver: &impl AsyncFn(Bytes) -> Result<(), Failure>) {
        let mut pauses = PAUSES.into_iter();
        loop {
            let (reason, pause) = match deliver(message.clone()).await {
                Ok(()) => {
                    let mut tally = self.tally.lock();
                    tally.delivered += 1;
                    tally.error = None;
                    return;
                }
                Err(Failure::Later(reason)) => (reason, pauses.next()),
                Err(Failure::Never(reason)) => (reason, None),
            };
            self.tally.lock().error = Some(reason.clone());
            let Some(pause) = pause else {
                self.tally.lock().failed += 1;
                tracing::error!(
                    "the {} did not take an alert, which is given up: {reason}",
                    self.name
                );
                return;
            };
            tracing::warn!("the {} did not take an alert: {reason}; again in {pause:?}", self.name);
            tokio::time::sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(tries: usize, deliver: impl AsyncFn(usize) -> Result<(), Failure>) -> Tally {
        let tally = Arc::<Mutex<Tally>>::default();
        let inbox = Inbox::new("webhook", &tally);
        (0..tries).for_each(|n| inbox.put(Bytes::from(vec![0; n + 1])));
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().expect("a runtime");
        let serving = async {
            let done = async {
                while !inbox.is_empty() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            };
            tokio::select! {
                () = inbox.serve(async |message: Bytes| deliver(message.len() - 1).await) => {}
                () = done => {}
            }
        };
        runtime.block_on(serving);
        Tally::clone(&tally.lock())
    }

    #[test]
    fn a_message_is_tried_until_it_arrives_or_is_given_up() {
        let count = std::cell::Cell::new(0);
        let tally = served(1, async |_| {
            count.set(count.get() + 1);
            if count.get() < 3 { Err(Failure::Later("busy".to_owned())) } else { Ok(()) }
        });
        assert_eq!(tally, Tally { delivered: 1, ..Tally::default() });
        let tally = served(1, async |_| {
            count.set(count.get() + 1);
            Err(Failure::Later("busy".to_owned()))
        });
        assert_eq!(count.get(), 3 + 1 + PAUSES.len());
        let error = Some("busy".to_owned());
        assert_eq!(tally, Tally { failed: 1, error, ..Tally::default() });
        let tally = served(
            2,
            async |n| {
                if n == 0 { Err(Failure::Never("gone".to_owned())) } else { Ok(()) }
            },
        );
        assert_eq!(tally, Tally { delivered: 1, failed: 1, ..Tally::default() });
    }

    #[test]
    fn of_too_many_the_oldest_are_dropped_and_counted() {
        let tally = served(QUEUE + 5, async |_| Ok(()));
        let delivered = QUEUE as u64;
        assert_eq!(tally, Tally { delivered, dropped: 5, ..Tally::default() });
    }
}
