//! The recorder's thread: plays batches, keeps what has not ended yet, appends what has.

mod awaited;
mod earlier;
mod ended;
mod gathering;
mod rows;
mod running;
#[cfg(test)]
mod tests;
pub(crate) mod veil;
mod writing;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use tokio::sync::broadcast;
use wayside_exchange::cause::chain;
use wayside_exchange::id::IdHashing;
use wayside_exchange::{ExchangeId, Micros, Summary, Timestamp};
use wayside_identity::{Credentials, Ending, Routes, Sessions, Stitcher};
use wayside_store::seal::SealingKey;
use wayside_store::{Store, Writer};

use crate::batch::{Batch, Entry};
use crate::counts::Counts;
use crate::queue::Receiver;
use crate::statistics::Statistics;
use crate::{Options, RecorderError};
use awaited::Awaited;
pub(crate) use earlier::is_relayed;
use ended::Ended;
use rows::Row;
use running::Running;
pub(crate) use writing::agent;

/// How long the store may go without a tick.
const TICK: Duration = Duration::from_millis(50);
/// How often exchanges that go on are written as they stand, as long as they are light. Heavier ones
/// wait longer: what is written of one stays under [`GLANCED_BYTES`] in this time.
const GLANCE: Micros = Micros(500_000);
const GLANCED_BYTES: usize = 64 << 10;
/// Bytes of bodies that may gather over all running exchanges.
const GATHERED: usize = 16 << 20;
/// How many ended exchanges' buffers are kept for the next.
const SPARES: usize = 128;

/// The state of the recorder's thread.
pub(crate) struct Desk {
    writer: Writer,
    key: SealingKey,
    credentials: Credentials,
    sessions: Sessions,
    routes: Routes,
    stitcher: Stitcher,
    /// What it had forgotten when that was last told.
    told: u64,
    store: Store,
    options: Options,
    counts: Arc<Counts>,
    feed: broadcast::Sender<Arc<Summary>>,
    statistics: Statistics,
    running: HashMap<ExchangeId, Running, IdHashing>,
    spares: Vec<Running>,
    /// Exchanges that ended in the batch that is played.
    ended: Vec<Ended>,
    /// Rows that are written and not counted yet.
    written: Vec<Row>,
    /// Exchanges whose answer's last byte waits.
    awaited: Vec<Awaited>,
    /// An exchange that goes on is out of `running`.
    in_hand: bool,
    /// The store is being written to; still so after a panic, what it holds in memory is in doubt.
    writing: bool,
    gathered: usize,
    /// Gathered bytes at which room is made.
    crowded: usize,
    glanced: Timestamp,
}

impl Desk {
    pub(crate) fn new(
        store: &Store,
        writer: Writer,
        key: SealingKey,
        options: Options,
        counts: Arc<Counts>,
        feed: broadcast::Sender<Arc<Summary>>,
        statistics: Statistics,
    ) -> Self {
        Self {
            credentials: Credentials::new(key.fingerprint_key(), options.rules.clone()),
            sessions: Sessions::new(options.session_idle),
            routes: Routes::new(&options.routes),
            stitcher: Stitcher::default(),
            told: 0,
            store: store.clone(),
            glanced: (options.clock)(),
            running: HashMap::default(),
            spares: Vec::new(),
            ended: Vec::new(),
            written: Vec::new(),
            awaited: Vec::new(),
            in_hand: false,
            writing: false,
            gathered: 0,
            crowded: GATHERED,
            writer,
            key,
            options,
            counts,
            feed,
            statistics,
        }
    }

    /// Plays what comes until nobody is left to send, then closes the store.
    pub(crate) fn run(mut self, receiver: &Receiver) -> Result<(), RecorderError> {
        loop {
            match receiver.next(TICK) {
                Ok(batch) => {
                    self.writer.hurry(receiver.queue().is_long());
                    self.play(&batch);
                    receiver.done(batch);
                    // One sync serves all whose last byte waits by now.
                    while !self.awaited.is_empty()
                        && let Some(batch) = receiver.next_waiting()
                    {
                        self.play(&batch);
                        receiver.done(batch);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.guarded(Self::keep_awaited);
            self.guarded(Self::tick);
        }
        for (_, running) in std::mem::take(&mut self.running) {
            self.guarded(|desk| desk.append(running, true));
        }
        if self.is_in_doubt() {
            self.writer.abandon();
            return Err(RecorderError::InDoubt);
        }
        self.statistics.stop();
        self.writer.close()?;
        Ok(())
    }

    /// Does `work`, which a fault of ours may break off without ending the recorder. Says whether it was
    /// done.
    fn guarded(&mut self, work: impl FnOnce(&mut Self)) -> bool {
        let done = catch_unwind(AssertUnwindSafe(|| work(self))).is_ok();
        if std::mem::take(&mut self.in_hand) {
            self.counts.lose("fault");
        }
        done
    }

    /// Whether a fault of ours broke off a write, so that what the store's writer has in memory may be
    /// anything. Nothing is written any more then; what is on the disk is as good as ever.
    fn is_in_doubt(&self) -> bool {
        self.writing
    }

    fn tick(&mut self) {
        let forgotten = self.stitcher.forgotten();
        if forgotten > self.told * 2 {
            self.told = forgotten;
            tracing::info!(
                "of many connections, tokens and addresses {forgotten} are forgotten: who uses them later is not known by them"
            );
        }
        if self.is_in_doubt() {
            self.counts.problem(Some(chain(&RecorderError::InDoubt)));
            return;
        }
        let now = (self.options.clock)();
        if now.since(self.glanced) >= GLANCE || now < self.glanced {
            self.glanced = now;
            self.glance(now);
        }
        let ticked = self.with_writer(|writer| writer.tick(now));
        // Only the store's own round tells that it works: a record may be taken and wait.
        self.counts.problem(ticked.err().map(|error| chain(&error)));
    }

    /// Writes to the store; should that panic, it stays in doubt.
    fn with_writer<T>(&mut self, write: impl FnOnce(&mut Writer) -> T) -> T {
        guarding(&mut self.writing, || write(&mut self.writer))
    }

    /// Writes exchanges that have gone on for a while as they stand, so that they can be seen.
    fn glance(&mut self, now: Timestamp) {
        let old: Vec<ExchangeId> = self
            .running
            .iter()
            .filter(|(_, running)| {
                let wait = GLANCE.0 * (1 + running.weight() / GLANCED_BYTES) as u64;
                running.fresh && now.since(running.glanced).0 >= wait
            })
            .map(|(&id, _)| id)
            .collect();
        for id in old {
            self.write_as_it_stands(id);
        }
    }

    /// Writes an exchange that goes on. Says whether the store has it now; one that is over it has.
    fn write_as_it_stands(&mut self, id: ExchangeId) -> bool {
        let taken = self.take_out(id, |desk, running| {
            let now = (desk.options.clock)();
            running.fresh = false;
            running.glanced = now;
            running.timing.total = now.since(running.started_at);
            desk.write_ahead_of(running, Ending::More);
            desk.write(running, true)
        });
        taken.unwrap_or(true)
    }

    /// Plays a batch. A fault of ours costs the exchange that it happened in, and is counted.
    fn play(&mut self, batch: &Batch) {
        for entry in &batch.entries {
            if self.is_in_doubt() {
                self.give_up(entry);
            } else if !self.guarded(|desk| desk.take(batch, entry)) {
                self.running.remove(&entry.id());
                self.counts.lose("fault");
            }
        }
        self.write_ended();
    }

    /// Nothing is written any more: what runs and what begins is lost, and counted.
    fn give_up(&mut self, entry: &Entry) {
        for _ in self.running.drain() {
            self.counts.lose("fault");
        }
        self.gathered = 0;
        if matches!(entry, Entry::Started { .. } | Entry::HandshakeFailed { .. }) {
            self.counts.lose("fault");
        }
    }

    fn take(&mut self, batch: &Batch, entry: &Entry) {
        match entry {
            Entry::Started { id, at, connection, version, head } => {
                let mut running = self.spares.pop().unwrap_or_default();
                running.begin(*id, *at, connection, *version, batch.bytes(*head));
                self.running.insert(*id, running);
            }
            Entry::HandshakeFailed { id, at, connection, failure } => {
                let mut running = self.spares.pop().unwrap_or_default();
                running.begin_failed(*id, *at, connection, failure);
                self.append(running, false);
            }
            Entry::Informed { id, head } => {
                if let Some(running) = self.running.get_mut(id) {
                    running.informed.push(bytes::Bytes::copy_from_slice(batch.bytes(*head)));
                }
            }
            Entry::Answered { id, head } => {
                if let Some(running) = self.running.get_mut(id) {
                    running.answered(batch.bytes(*head));
                }
            }
            Entry::Passed { id, half, at, data } => {
                self.passed(*id, *half, *at, batch.bytes(*data));
            }
            Entry::Held { id, half, at, data } => self.passed(*id, *half, *at, data),
            Entry::Shed { id, half, bytes } => {
                if let Some(running) = self.running.get_mut(id) {
                    running.shed(*half, *bytes);
                }
            }
            Entry::BodyEnded { id, half, end, trailers } => {
                if let Some(running) = self.running.get_mut(id) {
                    running.body_ended(*half, *end, batch.bytes(*trailers));
                }
            }
            Entry::Ended { id, outcome, failure, timing } => {
                if let Some(mut running) = self.running.remove(id) {
                    running.end(*outcome, failure.as_deref(), *timing);
                    self.ended.push(Ended::new(running));
                }
            }
            Entry::Awaited { id, ticket } => self.awaited.push(Awaited::new(*id, ticket)),
        }
    }

    /// Appends an exchange for the last time.
    fn append(&mut self, mut running: Running, open: bool) {
        self.forget_gathered(&running);
        self.write(&mut running, open);
        self.spare(running);
    }

    /// Keeps an exchange's buffers for another.
    fn spare(&mut self, mut running: Running) {
        if self.spares.len() < SPARES {
            running.clear();
            self.spares.push(running);
        }
    }
}

/// Marks that the store is written to for as long as `write` does: should that panic, the mark stays.
fn guarding<T>(writing: &mut bool, write: impl FnOnce() -> T) -> T {
    *writing = true;
    let result = write();
    *writing = false;
    result
}
