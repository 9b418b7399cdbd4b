//! One worker's way to the desk: copies events into a batch, and hands the batch over.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use wayside_exchange::{Event, ExchangeId, Half, Record, Timestamp};
use wayside_store::Tally;

use crate::batch::{Batch, Entry};
use crate::counts::Counts;
use crate::queue::{Pressure, Sender};
use crate::ticket::Ticket;

/// How old a batch may get before it is handed over.
const AGE: Duration = Duration::from_millis(20);

/// Bytes that come at once and are held rather than copied: an eighth of what one read from a socket may
/// bring, so what is held keeps that much in memory at the worst.
const LONG: usize = 16 << 10;

/// Records nothing: what traffic costs by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl Record for Silence {
    fn record(&self, _event: Event<'_>) {}
}

/// Takes what happens on one worker.
#[derive(Debug)]
pub struct Tape {
    filling: RefCell<Filling>,
    queue: Sender,
    counts: Arc<Counts>,
    this: Weak<Tape>,
    /// The worker's runtime is going: nothing can be scheduled any more.
    ending: Cell<bool>,
    tally: Tally,
    /// Exchanges that have begun, and how many of them the tally has.
    begun: Cell<u64>,
    tallied: Cell<u64>,
    /// Last bytes wait until their exchange is durable.
    strict: bool,
}

#[derive(Debug, Default)]
struct Filling {
    batch: Batch,
    /// The batch will be handed over in time, full or not.
    scheduled: bool,
    /// Exchanges of which nothing is kept.
    lost: HashSet<ExchangeId>,
    /// Bodies of which nothing more is kept: what was left out must be their end.
    shed: HashSet<(ExchangeId, Half)>,
    /// Exchanges whose last byte waits.
    awaited: HashMap<ExchangeId, Arc<Ticket>>,
}

impl Tape {
    pub(crate) fn new(queue: Sender, counts: Arc<Counts>, tally: Tally, strict: bool) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            filling: RefCell::default(),
            queue,
            counts,
            this: this.clone(),
            ending: Cell::new(false),
            tally,
            begun: Cell::new(0),
            tallied: Cell::new(0),
            strict,
        })
    }

    /// Says that the worker's runtime ends now: what still comes is handed over with the tape.
    pub fn last(&self) {
        self.ending.set(true);
    }

    /// Hands over what it has.
    pub fn hand_over(&self) {
        let mut filling = self.filling.borrow_mut();
        self.hand_over_of(&mut filling);
    }

    fn hand_over_of(&self, filling: &mut Filling) {
        if !filling.batch.is_empty() {
            // What is stored without being counted would hide a loss.
            self.count();
            self.queue.send(&mut filling.batch);
        }
    }

    /// Sees to it that what the batch holds is handed over in time.
    #[allow(clippy::disallowed_methods, reason = "drain flushes by dropping the tape")]
    fn schedule(&self, filling: &mut Filling) {
        if filling.scheduled || filling.batch.is_empty() || self.ending.get() {
            return;
        }
        filling.scheduled = true;
        let this = self.this.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(AGE).await;
            if let Some(tape) = this.upgrade() {
                tape.filling.borrow_mut().scheduled = false;
                tape.hand_over();
            }
        });
    }

    /// Counts what has begun where a killed process leaves it; called before a byte of an answer leaves.
    fn count(&self) {
        let begun = self.begun.get();
        if begun == self.tallied.get() {
            return;
        }
        match self.tally.keep(begun) {
            Ok(()) => {
                self.tallied.set(begun);
                self.counts.uncounted(None);
            }
            Err(error) => self.counts.uncounted(Some(&error)),
        }
    }

    fn take(&self, filling: &mut Filling, event: &Event<'_>) {
        let batch = &mut filling.batch;
        let entry = match *event {
            Event::Started { id, at, connection, version, head } => {
                self.counts.forwarded.fetch_add(1, Relaxed);
                self.begun.set(self.begun.get() + 1);
                if self.queue.queue().pressure() == Pressure::All {
                    filling.lost.insert(id);
                    self.counts.lose("overload");
                    return;
                }
                let head = batch.keep(head);
                Entry::Started { id, at, connection: Arc::clone(connection), version, head }
            }
            Event::Informed { id, head } => Entry::Informed { id, head: batch.keep(head) },
            Event::Answered { id, head } => {
                self.count();
                Entry::Answered { id, head: batch.keep(head) }
            }
            Event::Passed { id, half, at, data } => {
                let under_pressure = self.queue.queue().pressure() != Pressure::None;
                if under_pressure || !filling.shed.is_empty() && filling.shed.contains(&(id, half))
                {
                    filling.shed.insert((id, half));
                    Entry::Shed { id, half, bytes: data.len() as u64 }
                } else {
                    return self.take_body(filling, id, half, at, data);
                }
            }
            Event::BodyEnded { id, half, end, trailers } => {
                filling.shed.remove(&(id, half));
                Entry::BodyEnded { id, half, end, trailers: batch.keep(trailers) }
            }
            Event::Ended { id, outcome, failure, timing } => {
                self.counts.ended.fetch_add(1, Relaxed);
                self.count();
                if self.strict {
                    filling.awaited.remove(&id);
                }
                let failure = failure.cloned().map(Box::new);
                Entry::Ended { id, outcome, failure, timing }
            }
            Event::HandshakeFailed { id, at, connection, failure } => {
                self.counts.handshakes_failed.fetch_add(1, Relaxed);
                self.begun.set(self.begun.get() + 1);
                self.count();
                let failure = Box::new(failure.clone());
                Entry::HandshakeFailed { id, at, connection: Arc::clone(connection), failure }
            }
        };
        filling.batch.entries.push(entry);
    }

    /// Takes body bytes: a long run as it is, others copied, over as many batches as they need.
    fn take_body(
        &self,
        filling: &mut Filling,
        id: ExchangeId,
        half: Half,
        at: Option<Timestamp>,
        data: &Bytes,
    ) {
        if data.len() >= LONG {
            return filling.batch.hold(id, half, at, data.clone());
        }
        let mut data = data.as_ref();
        while !data.is_empty() {
            let room = filling.batch.room();
            if room < data.len().min(1024) {
                self.hand_over_of(filling);
                continue;
            }
            let (now, later) = data.split_at_checked(room).unwrap_or((data, &[]));
            filling.batch.pass(id, half, at, now);
            data = later;
        }
    }
}

impl Record for Tape {
    fn record(&self, event: Event<'_>) {
        let mut filling = self.filling.borrow_mut();
        if !filling.lost.is_empty() && is_of_lost(&mut filling.lost, &event) {
            if matches!(event, Event::Ended { .. }) {
                self.counts.ended.fetch_add(1, Relaxed);
            }
            return;
        }
        self.take(&mut filling, &event);
        if filling.batch.is_full() {
            self.hand_over_of(&mut filling);
        }
        self.schedule(&mut filling);
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.queue.queue().holds(context.waker()) { Poll::Pending } else { Poll::Ready(()) }
    }

    fn poll_kept(&self, id: ExchangeId, context: &mut Context<'_>) -> Poll<()> {
        if !self.strict {
            return Poll::Ready(());
        }
        let mut filling = self.filling.borrow_mut();
        if let Some(ticket) = filling.awaited.get(&id) {
            return ticket.poll(context);
        }
        let ticket = Arc::new(Ticket::default());
        let polled = ticket.poll(context);
        filling.batch.entries.push(Entry::Awaited { id, ticket: Arc::clone(&ticket) });
        filling.awaited.insert(id, ticket);
        self.hand_over_of(&mut filling);
        polled
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.hand_over();
    }
}

fn is_of_lost(lost: &mut HashSet<ExchangeId>, event: &Event<'_>) -> bool {
    match event {
        Event::Started { .. } | Event::HandshakeFailed { .. } => false,
        Event::Informed { id, .. }
        | Event::Answered { id, .. }
        | Event::Passed { id, .. }
        | Event::BodyEnded { id, .. } => lost.contains(id),
        Event::Ended { id, .. } => lost.remove(id),
    }
}
