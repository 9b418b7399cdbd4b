//! The thread that does for the store what can wait: it takes zone maps into the index as blocks are
//! written, and makes what is missing and settles segments while there is little else to do.

mod closing;
pub(crate) mod erasing;
mod quiet;
pub(crate) mod resealing;
pub(crate) mod retaining;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::catalogue::Group;
use crate::error::StoreError;
use crate::segment::Segment;
use crate::settle::{Settling, Stuck, backlog, is_any_in_clear};
use crate::store::Shared;
use crate::store::erase::Asked;
use crate::writer::pending::Sealed;
use crate::zone::{ZoneBuilder, ZoneSets};

use erasing::Erasing;
use quiet::Quiet;
use resealing::Clearing;
use retaining::Retaining;

/// How often the thread takes what has come, all at once: nobody wakes it for a single block.
const LOOK: Duration = Duration::from_millis(200);
/// The longest that it works between two looks at a quiet machine.
const LONG: Duration = Duration::from_millis(180);
/// The longest that it works between two looks when too much has gathered, or something is in clear that
/// should not be: a tenth of one core.
const SHORT: Duration = Duration::from_millis(20);
/// Bytes waiting to be settled at which it works beside the traffic.
const TOO_MUCH: u64 = 1 << 30;
/// With more exchanges than this since the last look the machine has better things to do.
const BUSY: u64 = 300;
/// Bytes from which a segment that is still written to is worth settling once it is quiet.
const WORTH: u64 = 8 << 20;
/// Looks that it must have been quiet for that.
const CALM: u32 = 10;
/// Looks between two tries when the disk is full or fails.
const RETRY: u32 = 50;

type Zone = (Group, Arc<ZoneSets>);

/// The writer's end of the thread.
pub(crate) struct Keeping {
    work: Option<Sender<Zone>>,
    /// Nothing is ever sent: its end is the sign to stop.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeping {
    /// Starts the thread.
    pub(crate) fn start(shared: &Arc<Shared>) -> Keeping {
        *shared.asked.lock() = Some(VecDeque::new());
        let (work, todo) = channel();
        let (stop, stopped) = channel();
        let keeper = Keeper {
            shared: shared.clone(),
            zones_from: 0,
            quiet: Quiet::default(),
            calm: 0,
            settling: None,
            damaged: Vec::new(),
            retaining: Retaining::default(),
            task: None,
            wait: 0,
            retain_wait: 0,
        };
        let thread = std::thread::Builder::new()
            .name("store-keeper".to_owned())
            .spawn(move || keeper.serve(&todo, &stopped));
        Keeping { work: Some(work), stop: Some(stop), thread: thread.ok() }
    }

    /// No thread: a test does itself what it would do.
    #[cfg(test)]
    pub(crate) fn none() -> Keeping {
        Keeping { work: None, stop: None, thread: None }
    }

    /// Hands over what is known of blocks that were just written.
    pub(crate) fn send(&self, groups: Vec<Sealed>) {
        if let Some(work) = &self.work {
            for sealed in groups {
                let _ = work.send((sealed.group, sealed.zone));
            }
        }
    }

    /// Returns when everything handed over is in the index. What is being settled stays as it was.
    pub(crate) fn finish(&mut self) {
        self.work = None;
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Keeper {
    shared: Arc<Shared>,
    /// Groups before this position have their zone map.
    zones_from: u64,
    quiet: Quiet,
    /// For how many looks it has been quiet.
    calm: u32,
    settling: Option<Box<Settling<'static>>>,
    /// Numbers of segments that stay as they are.
    damaged: Vec<u64>,
    retaining: Retaining,
    task: Option<Task>,
    /// Looks to wait before settling is tried again.
    wait: u32,
    /// The same for retention.
    retain_wait: u32,
}

/// What was asked, under way.
enum Task {
    Erasing(Erasing),
    Clearing(Clearing),
}

impl Task {
    fn begin(shared: &Shared, asked: Asked) -> Self {
        match asked {
            Asked::Erase(erasure) => Self::Erasing(Erasing::begin(shared, erasure)),
            Asked::Reseal(clearance) => Self::Clearing(Clearing::begin(shared, clearance)),
        }
    }

    fn next(&self, shared: &Shared) -> Option<Segment> {
        match self {
            Self::Erasing(erasing) => erasing.next(shared),
            Self::Clearing(clearing) => clearing.next(shared),
        }
    }

    fn step(self, shared: &Arc<Shared>) -> Option<Self> {
        match self {
            Self::Erasing(erasing) => erasing.step(shared).map(Self::Erasing),
            Self::Clearing(clearing) => clearing.step(shared).map(Self::Clearing),
        }
    }

    fn waits(&self) -> bool {
        match self {
            Self::Erasing(erasing) => erasing.waits(),
            Self::Clearing(clearing) => clearing.waits(),
        }
    }
}

impl Keeper {
    fn serve(mut self, todo: &Receiver<Zone>, stop: &Receiver<()>) {
        let mut worked = Duration::ZERO;
        loop {
            let pause = LOOK.saturating_sub(worked);
            let stopping = stop.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected);
            let zones: Vec<Zone> = todo.try_iter().collect();
            if let Some(index) = &self.shared.index {
                index.put_zones(&zones);
            }
            self.shared.log.let_go();
            if stopping {
                break;
            }
            let came = zones.iter().map(|(group, _)| u64::from(group.count)).sum::<u64>();
            let began = Instant::now();
            let quiet = self.quiet.look(worked) && came <= BUSY;
            self.retain();
            self.do_asked();
            self.work(quiet);
            worked = began.elapsed();
        }
        if let Some(settling) = &self.settling {
            settling.discard();
        }
        // Whoever waits for an answer gets none.
        *self.shared.asked.lock() = None;
        if let Some(index) = &self.shared.index {
            index.flush();
        }
    }

    /// Lets segments go that are older, or more, than what is kept: whatever else there is to do.
    fn retain(&mut self) {
        if self.retain_wait > 0 {
            self.retain_wait -= 1;
            return;
        }
        loop {
            let gone = match self.retaining.next(&self.shared) {
                Ok(None) => return,
                Ok(Some(segment)) => {
                    self.leave(&segment);
                    self.retaining.remove(&self.shared, &segment)
                }
                Err(error) => Err(error.into()),
            };
            if let Err(stuck) = gone {
                let error = stuck.into_error(&self.shared);
                if matches!(error, StoreError::Pins { .. }) {
                    self.shared.note_lasting(error.to_string());
                }
                tracing::warn!(%error, "retention cannot go on now; it is tried again");
                self.retain_wait = RETRY;
                return;
            }
        }
    }

    /// Goes on with what was asked, as long as there is more to do than wait.
    fn do_asked(&mut self) {
        let until = Instant::now() + LONG;
        while Instant::now() < until {
            let next = || self.shared.asked.lock().as_mut().and_then(VecDeque::pop_front);
            let begin = |asked| Task::begin(&self.shared, asked);
            let Some(task) = self.task.take().or_else(|| next().map(begin)) else { return };
            if let Some(segment) = task.next(&self.shared) {
                self.leave(&segment);
            }
            self.task = task.step(&self.shared);
            if self.task.as_ref().is_some_and(Task::waits) {
                return;
            }
        }
    }

    /// Gives up on settling a segment that is about to change.
    fn leave(&mut self, segment: &Segment) {
        let is_it = |settling: &mut Box<Settling<'_>>| settling.number() == segment.number;
        if let Some(settling) = self.settling.take_if(is_it) {
            settling.discard();
        }
    }

    fn work(&mut self, quiet: bool) {
        self.calm = if quiet { self.calm + 1 } else { 0 };
        self.wait = self.wait.saturating_sub(1);
        let limit = match quiet {
            true => LONG,
            false if backlog(&self.shared) > TOO_MUCH || is_any_in_clear(&self.shared) => SHORT,
            false => return,
        };
        if self.calm > CALM {
            self.close_when_worth_it();
        }
        let until = Instant::now() + limit;
        while Instant::now() < until && (self.make_zone() || self.settle()) {}
    }

    /// Has the segment that is being written closed: what it holds would otherwise wait for more.
    fn close_when_worth_it(&self) {
        let catalogue = self.shared.catalogue();
        let last = catalogue.segments.last();
        if last.is_some_and(|last| !last.is_settled() && last.file_bytes() >= WORTH) {
            self.shared.sealing.ask_to_close();
        }
    }

    /// Makes one zone map that is missing; false when none is.
    fn make_zone(&mut self) -> bool {
        let Some(index) = &self.shared.index else { return false };
        let catalogue = self.shared.catalogue();
        let Some(group) = catalogue.group_from(self.zones_from) else { return false };
        self.zones_from = group.position + 1;
        if index.zone(&group).is_none()
            && let Ok(zone) = zone_of(&self.shared, &group)
        {
            index.put_zones(&[(group, zone)]);
        }
        true
    }

    /// Goes on with settling; false when there is nothing to settle, or it cannot be done now.
    fn settle(&mut self) -> bool {
        if self.wait > 0 {
            return false;
        }
        let Some(mut settling) = self.settling.take() else { return self.begin() };
        let stuck = match settling.step() {
            Ok(true) => {
                self.settling = Some(settling);
                return true;
            }
            Ok(false) => return self.finish(*settling),
            Err(stuck) => stuck,
        };
        settling.discard();
        self.stuck(settling.number(), stuck);
        true
    }

    fn begin(&mut self) -> bool {
        match Settling::begin(&self.shared, &self.damaged) {
            None => return false,
            Some(Ok(settling)) => self.settling = Some(Box::new(settling)),
            Some(Err(error)) => self.put_off(&error),
        }
        true
    }

    fn finish(&mut self, settling: Settling<'_>) -> bool {
        match settling.finish() {
            Ok(_) => {}
            Err(error) => self.put_off(&error),
        }
        true
    }

    fn stuck(&mut self, number: u64, stuck: Stuck) {
        match stuck {
            Stuck::Damaged(reason) => {
                let segment = self.shared.log.path(number);
                tracing::warn!(segment = %segment.display(), reason, "a segment is damaged and stays as it is; `wayside verify` says where");
                self.damaged.push(number);
            }
            Stuck::Store(error) => self.put_off(&error),
        }
    }

    fn put_off(&mut self, error: &StoreError) {
        tracing::warn!(%error, "a segment cannot be settled now; it is tried again");
        self.wait = RETRY;
    }
}

/// The zone map of a group, from its rows.
pub(crate) fn zone_of(shared: &Shared, group: &Group) -> Result<Arc<ZoneSets>, StoreError> {
    let mut zone = ZoneBuilder::default();
    for row in shared.rows(&shared.catalogue(), group)? {
        zone.add(&row.summary);
    }
    Ok(Arc::new(zone.take()))
}
