//! Syncing on a thread of its own, so that appends go on meanwhile.
//!
//! After a failure nothing is synced until the writer has written the bytes in question anew: what
//! the system says of a second sync of the same bytes means nothing.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use wayside_exchange::{ExchangeId, Micros, Timestamp};

use super::tail::Tail;
use crate::storage::StoredFile;
use crate::store::Shared;

/// Asked for this often, with a tick each 100 ms, syncs are at most a second apart.
const EVERY: Micros = Micros(880_000);

/// The writer's end of the thread.
pub(super) struct SyncThread {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
    last_request: Timestamp,
}

/// Where writer and thread meet.
#[derive(Debug)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    request: Option<Request>,
    busy: bool,
    stop: bool,
    durable_position: u64,
    failure: Option<io::Error>,
}

/// Make everything before `position` durable, which lies in these files.
#[derive(Debug)]
struct Request {
    files: Vec<Arc<dyn StoredFile>>,
    folder: bool,
    position: u64,
    through: ExchangeId,
}

impl SyncThread {
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let durable_position = shared.catalogue().end();
        let state =
            State { request: None, busy: false, stop: false, durable_position, failure: None };
        let desk = Arc::new(Desk { state: Mutex::new(state), changed: Condvar::new() });
        let theirs = desk.clone();
        let thread = std::thread::Builder::new()
            .name("store-sync".to_owned())
            .spawn(move || theirs.serve(&shared))?;
        Ok(Self { desk, thread: Some(thread), last_request: Timestamp(0) })
    }

    /// Asks for a sync when there is something to sync and the last one is long enough ago.
    pub(super) fn request_when_due(
        &mut self,
        now: Timestamp,
        tail: &mut Tail,
        through: ExchangeId,
    ) {
        if tail.unsynced.is_empty() || now.since(self.last_request) < EVERY {
            return;
        }
        if self.desk.state.lock().busy {
            return;
        }
        self.last_request = now;
        self.request(tail, through);
    }

    /// Asks for a sync of everything that is written.
    pub(super) fn request(&self, tail: &mut Tail, through: ExchangeId) {
        let mut state = self.desk.state.lock();
        if state.failure.is_some() || tail.unsynced.is_empty() {
            return;
        }
        let mut request = state.request.take().unwrap_or_else(|| Request {
            files: Vec::new(),
            folder: false,
            position: 0,
            through,
        });
        request.files.append(&mut tail.unsynced);
        request.folder |= std::mem::take(&mut tail.folder_unsynced);
        request.position = tail.end;
        request.through = through;
        state.request = Some(request);
        drop(state);
        self.desk.changed.notify_all();
    }

    /// Returns when what was asked for is done, or has failed.
    pub(super) fn wait(&self) -> io::Result<()> {
        let mut state = self.desk.state.lock();
        while state.failure.is_none() && (state.busy || state.request.is_some()) {
            self.desk.changed.wait(&mut state);
        }
        match &state.failure {
            Some(failure) => Err(io::Error::new(failure.kind(), failure.to_string())),
            None => Ok(()),
        }
    }

    /// Everything before this position survives a power loss.
    pub(super) fn durable_position(&self) -> u64 {
        self.desk.state.lock().durable_position
    }

    /// The failure since the last call, if there was one; what waited for a sync is forgotten.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        let mut state = self.desk.state.lock();
        let failure = state.failure.take()?;
        state.request = None;
        Some(failure)
    }

    /// The bytes could not be written anew yet.
    pub(super) fn put_failure_back(&self, failure: io::Error) {
        self.desk.state.lock().failure = Some(failure);
    }
}

impl Desk {
    fn serve(&self, shared: &Shared) {
        loop {
            let mut state = self.state.lock();
            while !state.stop && (state.request.is_none() || state.failure.is_some()) {
                self.changed.wait(&mut state);
            }
            if state.stop {
                return;
            }
            let Some(request) = state.request.take() else { continue };
            state.busy = true;
            drop(state);
            let done = request.run(shared);
            let mut state = self.state.lock();
            state.busy = false;
            match done {
                Ok(()) => {
                    state.durable_position = request.position;
                    shared.sealing.set_durable(request.position);
                    shared.set_durable(request.through);
                }
                Err(failure) => state.failure = Some(failure),
            }
            drop(state);
            self.changed.notify_all();
        }
    }
}

impl Request {
    fn run(&self, shared: &Shared) -> io::Result<()> {
        for file in &self.files {
            file.sync()?;
        }
        if let Err(error) = shared.linking.sync() {
            shared.note_lasting(error.to_string());
        }
        if self.folder { shared.log.storage.sync_folder() } else { Ok(()) }
    }
}

impl Drop for SyncThread {
    fn drop(&mut self) {
        self.desk.state.lock().stop = true;
        self.desk.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
