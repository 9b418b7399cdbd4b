//! One thread's share of the proxy: it accepts, serves, forwards and taps without a lock.
//!
//! A worker runs on a current-thread runtime. Connections are spread over the workers when they are
//! accepted, so that a few long-lived ones do not all land on one.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use wayside_exchange::{ExchangeId, ExchangeIds, Record};
use wayside_transport::balance::{Inbox, Placed, Placement, Spread};
use wayside_transport::dial::Dialer;
use wayside_transport::drain::DrainWatch;
use wayside_transport::listen::{Bound, Listener};
use wayside_transport::server_tls::ServerTls;

use crate::handshake;
use crate::introduction;
use crate::pool::Pool;
use crate::settings::Settings;
use crate::sweep::{self, Sweep};

/// What a worker is handed at its start. Everything but `record` may come from another thread.
#[derive(Debug)]
pub struct Handed {
    /// Its number, from zero.
    pub index: usize,
    /// The sockets that it accepts from, each with its TLS side or none.
    pub listeners: Vec<(Bound, Option<Arc<ServerTls>>)>,
    /// Places what it accepts; one for each listener, in the same order, with its inbox.
    pub spreads: Vec<(Spread, Inbox)>,
    /// Reaches the backend.
    pub dialer: Dialer,
    /// How traffic is carried; a change holds from the next exchange on.
    pub settings: watch::Receiver<Arc<Settings>>,
    /// Hears when to stop.
    pub drain: DrainWatch,
    /// The newest id in the store: all new ones are greater.
    pub after: ExchangeId,
    /// Numbers the connections of all workers.
    pub connections: Arc<AtomicU64>,
}

/// One thread's share of the proxy.
#[derive(Debug)]
pub struct Worker;

/// What the exchanges of one worker share.
pub(crate) struct Carriage {
    pub(crate) pool: Rc<Pool>,
    pub(crate) record: Rc<dyn Record>,
    pub(crate) ids: RefCell<ExchangeIds>,
    pub(crate) sweep: Sweep,
    pub(crate) connections: Arc<AtomicU64>,
    settings: RefCell<Heard>,
}

/// The settings of now, and where the next ones come from.
struct Heard {
    current: Rc<Settings>,
    source: watch::Receiver<Arc<Settings>>,
}

impl Carriage {
    /// The settings of now: a look at a counter, unless they have changed.
    pub(crate) fn settings(&self) -> Rc<Settings> {
        let mut heard = self.settings.borrow_mut();
        if heard.source.has_changed().unwrap_or(false) {
            let next = heard.source.borrow_and_update().as_ref().clone();
            heard.current = Rc::new(next);
        }
        Rc::clone(&heard.current)
    }
}

impl Heard {
    fn of(mut source: watch::Receiver<Arc<Settings>>) -> Self {
        let current = Rc::new(source.borrow_and_update().as_ref().clone());
        Self { current, source }
    }
}

impl Worker {
    /// Runs until the drain begins, then until every connection has ended. Must be called within a
    /// [`tokio::runtime::LocalRuntime`].
    pub async fn run(handed: Handed, record: Rc<dyn Record>) -> wayside_transport::Result<()> {
        let carriage = Rc::new(Carriage {
            pool: Pool::new(handed.dialer),
            record,
            ids: RefCell::new(ExchangeIds::new(handed.index, handed.after)),
            sweep: Sweep::default(),
            connections: handed.connections,
            settings: RefCell::new(Heard::of(handed.settings)),
        });
        for ((bound, tls), (spread, inbox)) in handed.listeners.into_iter().zip(handed.spreads) {
            let port = Port {
                worker: handed.index,
                carriage: Rc::clone(&carriage),
                listener: bound.serve()?,
                tls,
                spread,
                drain: handed.drain.clone(),
            };
            spawn(port.serve(inbox));
        }
        let mut looks = tokio::time::interval(sweep::PERIOD);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let draining = handed.drain.draining();
        tokio::pin!(draining);
        loop {
            tokio::select! {
                _ = looks.tick() => {
                    let timeouts = &carriage.settings().timeouts;
                    carriage.sweep.look(timeouts);
                    carriage.pool.prune(timeouts.pool_idle);
                }
                () = &mut draining => break,
            }
        }
        // Connections that are shaking hands now would miss one call: repeat it until all is over.
        loop {
            carriage.sweep.close_all();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// One listening socket on one worker.
struct Port {
    worker: usize,
    carriage: Rc<Carriage>,
    listener: Listener,
    tls: Option<Arc<ServerTls>>,
    spread: Spread,
    drain: DrainWatch,
}

impl Port {
    async fn serve(self, mut inbox: Inbox) {
        let mut refused = Refused::default();
        loop {
            tokio::select! {
                (stream, client) = self.listener.accept() => {
                    let settings = self.carriage.settings();
                    let whose = introduction::expected(settings.proxied.as_deref(), client);
                    match self.spread.place(self.worker, stream, client, whose) {
                        Ok(Placement::Here(placed)) => self.take(placed),
                        Ok(Placement::HandedTo(_)) => {}
                        Err(limit) => refused.say(&limit.to_string()),
                    }
                }
                Some(placed) = inbox.next() => self.take(placed),
                () = self.drain.draining() => return,
            }
        }
    }

    fn take(&self, placed: Placed) {
        let serving = handshake::serve(Rc::clone(&self.carriage), placed, self.tls.clone());
        let in_flight = self.drain.guard();
        spawn(async move {
            serving.await;
            drop(in_flight);
        });
    }
}

/// Says that connections are refused, at most once a second.
#[derive(Debug, Default)]
struct Refused {
    said: Option<Instant>,
    unsaid: u64,
}

impl Refused {
    fn say(&mut self, limit: &str) {
        self.unsaid += 1;
        if self.said.is_none_or(|said| said.elapsed() >= Duration::from_secs(1)) {
            tracing::warn!(connections = self.unsaid, "refused: {limit}");
            (self.said, self.unsaid) = (Some(Instant::now()), 0);
        }
    }
}

/// Runs hyper's tasks on the worker's own thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        spawn(future);
    }
}

/// Runs `future` on the worker's own thread. What drain must wait for holds a guard of its own.
#[allow(clippy::disallowed_methods, reason = "the one place; connections hold drain guards")]
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    tokio::task::spawn_local(future);
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::task::{LocalSet, yield_now};

    use super::*;

    #[test]
    fn a_panic_ends_its_own_connection_and_no_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let served = Rc::new(Cell::new(0));
        let other = || {
            let served = Rc::clone(&served);
            async move {
                yield_now().await;
                served.set(served.get() + 1);
            }
        };
        LocalSet::new().block_on(&runtime, async {
            spawn(other());
            spawn(async { panic!("as it should in this test") });
            for _ in 0..4 {
                yield_now().await;
            }
            spawn(other());
            for _ in 0..4 {
                yield_now().await;
            }
        });
        assert_eq!(served.get(), 2);
    }
}
