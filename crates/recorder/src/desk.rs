//! The recorder's thread: plays batches, keeps what has not ended yet, appends what has.

mod awaited;
mod ended;
mod running;
#[cfg(test)]
mod tests;
pub(crate) mod veil;
mod writing;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use tokio::sync::broadcast;
use wayside_exchange::cause::chain;
use wayside_exchange::filter::Filter;
use wayside_exchange::id::IdHashing;
use wayside_exchange::{
    EvidenceKind, ExchangeId, Glance, Half, Micros, SessionId, Summary, Timestamp,
};
use wayside_identity::{Credentials, Ending, Routes, Sessions, Sighting, Stitcher};
use wayside_store::seal::SealingKey;
use wayside_store::{Order, Store, StoreError, Writer};

use crate::batch::{Batch, Entry};
use crate::counts::Counts;
use crate::queue::Receiver;
use crate::statistics::Statistics;
use crate::{Options, RecorderError};
use awaited::Awaited;
use ended::Ended;
use running::Running;
use writing::{Bodies, Draft};

/// How long the store may go without a tick.
const TICK: Duration = Duration::from_millis(50);
/// How often exchanges that go on are written as they stand, as long as they are light. Heavier ones
/// wait longer: what is written of one stays under [`GLANCED_BYTES`] in this time.
const GLANCE: Micros = Micros(500_000);
const GLANCED_BYTES: usize = 64 << 10;
/// Bytes of bodies that may gather over all running exchanges.
const GATHERED: usize = 16 << 20;
/// Bytes of a body that came at once and are worth a piece of their own: they are copied once less.
const LONG_RUN: usize = 32 << 10;
/// How many exchanges of earlier runs the stitching sees at the start.
const REMEMBERED: usize = 20_000;
/// How many ended exchanges' buffers are kept for the next.
const SPARES: usize = 128;

/// When the exchanges of each session began: the first and the last.
type Spans = HashMap<SessionId, (Timestamp, Timestamp)>;

/// What an earlier run leaves behind: each client's sessions, and the routes.
#[derive(Default)]
struct Earlier {
    sessions: HashMap<String, Spans>,
    routes: HashSet<String>,
}

/// What is told of an exchange that was written, or should have been.
struct Row {
    summary: Summary,
    /// It goes on.
    open: bool,
    /// The store has it.
    taken: bool,
}

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

    /// Takes up the sessions that may still go on, from an earlier run's exchanges, and what it had
    /// learned of routes.
    pub(crate) fn take_up(
        &mut self,
        store: &Store,
        newest: ExchangeId,
    ) -> Result<(), RecorderError> {
        let since = newest.started_at().minus(self.options.session_idle);
        let mut scan = store.scan(Filter::all(), Order::NewestFirst);
        let mut parts: Vec<Earlier> = scan.parts();
        let add = |part: &mut Earlier, row: &Glance<'_>| {
            if row.started_at < since {
                return;
            }
            if row.route.contains("/{id}") && !part.routes.contains(row.route) {
                part.routes.insert(row.route.to_owned());
            }
            let spans = match part.sessions.get_mut(row.client) {
                Some(spans) => spans,
                None => part.sessions.entry(row.client.to_owned()).or_default(),
            };
            let (from, to) = spans.entry(row.session).or_insert((row.started_at, row.started_at));
            (*from, *to) = ((*from).min(row.started_at), (*to).max(row.started_at));
        };
        while scan.horizon().is_some_and(|horizon| horizon.started_at() >= since)
            && scan.fold(&mut parts, add)?
        {}
        for Earlier { sessions, routes } in parts {
            for (client, spans) in sessions {
                for (session, (from, to)) in spans {
                    self.sessions.seed(&client, session, from);
                    self.sessions.seed(&client, session, to);
                }
            }
            for route in &routes {
                self.routes.take_up(route);
            }
        }
        Ok(())
    }

    /// Lets the stitching see the newest exchanges of an earlier run.
    pub(crate) fn remember(
        &mut self,
        store: &Store,
        newest: ExchangeId,
    ) -> Result<(), RecorderError> {
        let rows = store.find(Filter::all(), Order::NewestFirst).take(REMEMBERED);
        let rows: Vec<Summary> = rows.collect::<Result<_, _>>()?;
        for row in rows.iter().rev().filter(|row| row.id <= newest && row.has_request()) {
            let Some(name) = row.evidence.first().map(ToString::to_string) else { continue };
            let seen = Sighting {
                id: row.id,
                at: row.started_at,
                connection: row.connection,
                name: &name,
                evidence: &row.evidence,
                agent: 0,
                status: row.status,
                relayed: is_relayed(row),
            };
            self.stitch(&seen);
        }
        Ok(())
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

    /// Takes bytes of a body: a long run goes to the store at once, the others gather.
    fn passed(&mut self, id: ExchangeId, half: Half, at: Option<Timestamp>, data: &[u8]) {
        let Some(running) = self.running.get_mut(&id) else { return };
        running.look_at(half, &self.credentials);
        let kept = running.passed(half, at, data, self.options.body_limit);
        let data = data.get(..kept).unwrap_or_default();
        if running.is_plain(half) && running.gathered(half) == 0 && data.len() >= LONG_RUN {
            let written =
                guarding(&mut self.writing, || running.write_run(half, data, &mut self.writer));
            if let Err(error) = written {
                self.counts.problem(Some(chain(&error)));
            }
            return;
        }
        running.gather(half, data);
        self.gathered += data.len();
        if running.is_large(half) {
            self.take_out(id, |desk, running| desk.write_ahead(running, half, Ending::More));
        }
        if self.gathered > self.crowded {
            self.make_room();
        }
    }

    /// Writes what has gathered of a body ahead of its exchange's record. What cannot be told from
    /// what follows it stays.
    fn write_ahead(&mut self, running: &mut Running, half: Half, ending: Ending) {
        self.gathered = self.gathered.saturating_sub(running.gathered(half));
        running.settle(half, ending, &mut self.credentials);
        let written =
            guarding(&mut self.writing, || running.write_ahead(half, &mut self.writer, &self.key));
        if let Err(error) = written {
            self.counts.problem(Some(chain(&error)));
        }
        self.gathered += running.gathered(half);
    }

    /// Writes ahead whatever is worth it of an exchange.
    fn write_ahead_of(&mut self, running: &mut Running, ending: Ending) {
        for half in [Half::Request, Half::Response] {
            if running.is_worth_writing(half) {
                self.write_ahead(running, half, ending);
            }
        }
    }

    /// Works on an exchange that goes on; should a fault of ours break that off, it is counted as lost.
    fn take_out<T>(
        &mut self,
        id: ExchangeId,
        work: impl FnOnce(&mut Self, &mut Running) -> T,
    ) -> Option<T> {
        let mut running = self.running.remove(&id)?;
        self.in_hand = true;
        let result = work(self, &mut running);
        self.in_hand = false;
        self.running.insert(id, running);
        Some(result)
    }

    /// Many bodies that grow at once: writes ahead whatever is worth it.
    fn make_room(&mut self) {
        let ids: Vec<ExchangeId> = self.running.keys().copied().collect();
        for id in ids {
            self.take_out(id, |desk, running| desk.write_ahead_of(running, Ending::Crowded));
        }
        // What is left is many small ones; looking again at once would find the same.
        self.crowded = GATHERED.max(2 * self.gathered);
    }

    /// Appends an exchange for the last time.
    fn append(&mut self, mut running: Running, open: bool) {
        self.forget_gathered(&running);
        self.write(&mut running, open);
        self.spare(running);
    }

    /// What has gathered of an exchange does no more.
    fn forget_gathered(&mut self, running: &Running) {
        for half in [Half::Request, Half::Response] {
            self.gathered = self.gathered.saturating_sub(running.gathered(half));
        }
    }

    /// Keeps an exchange's buffers for another.
    fn spare(&mut self, mut running: Running) {
        if self.spares.len() < SPARES {
            running.clear();
            self.spares.push(running);
        }
    }

    /// Writes an exchange as it stands. Says whether the store has taken it.
    fn write(&mut self, running: &mut Running, open: bool) -> bool {
        let bodies = self.bodies(running, open);
        let draft = self.draft(running, open);
        let taken = self.write_with(running, &bodies, draft, open);
        self.tell();
        taken
    }

    /// Writes what was made of an exchange. Says whether the store has taken it.
    fn write_with(&mut self, running: &Running, bodies: &Bodies, draft: Draft, open: bool) -> bool {
        let (summary, result) = self.append_record(running, bodies, draft, open);
        let taken = result.is_ok();
        match result {
            Ok(()) if !open && !summary.method.is_empty() => {
                let count = if summary.marks.is_empty() {
                    &self.counts.recorded
                } else {
                    &self.counts.marked
                };
                count.fetch_add(1, Relaxed);
            }
            Ok(()) => {}
            Err(error) => {
                if !open {
                    self.counts.lose(reason(&error));
                }
                self.counts.problem(Some(chain(&error)));
            }
        }
        self.written.push(Row { summary, open, taken });
        taken
    }

    /// Counts what was written, and tells of it whoever follows.
    fn tell(&mut self) {
        let ended = self.written.iter().filter(|row| !row.open);
        self.statistics.add(ended.map(|row| &row.summary));
        let is_followed = self.feed.receiver_count() > 0;
        for row in self.written.drain(..).filter(|row| is_followed && row.taken) {
            // Nobody listening any more is as good as nobody listening.
            let _ = self.feed.send(Arc::new(row.summary));
        }
    }
}

/// Whether an exchange was a trusted proxy's: its evidence names another address than it came from.
fn is_relayed(row: &Summary) -> bool {
    let own = row.client_addr.ip().to_canonical().to_string();
    let address = row.evidence.iter().find(|piece| piece.kind == EvidenceKind::Address);
    address.is_some_and(|piece| piece.token.split('/').next() != Some(&own))
}

/// Marks that the store is written to for as long as `write` does: should that panic, the mark stays.
fn guarding<T>(writing: &mut bool, write: impl FnOnce() -> T) -> T {
    *writing = true;
    let result = write();
    *writing = false;
    result
}

/// The word under which a loss is counted.
fn reason(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full { .. } => "disk_full",
        _ => "store_failed",
    }
}
