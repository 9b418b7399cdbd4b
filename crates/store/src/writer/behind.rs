//! The thread that writes long runs while the writer fills the next: a disk that takes its time then takes none
//! of recording's.
//!
//! One write is on its way at a time, and who hands over the next waits for the one before. So positions follow
//! each other, what is written is what a single thread would have written, and memory is bounded by two runs.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};

use crate::storage::StoredFile;
use crate::storage::pages::PageBuffer;

/// The writer's end of the thread.
pub(super) struct WriteThread {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

/// Where writer and thread meet.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Asked(Write),
    Writing,
    Done(PageBuffer, io::Result<()>),
    Stopped,
}

/// All of `bytes` belong at `offset` of `file`.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) file: Arc<dyn StoredFile>,
    pub(super) offset: u64,
    pub(super) bytes: PageBuffer,
}

impl WriteThread {
    pub(super) fn start() -> io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let theirs = desk.clone();
        let thread = std::thread::Builder::new()
            .name("store-write".to_owned())
            .spawn(move || theirs.serve())?;
        Ok(Self { desk, thread: Some(thread) })
    }

    /// Begins a write; none may be on its way.
    pub(super) fn begin(&self, write: Write) {
        *self.desk.state.lock() = State::Asked(write);
        self.desk.changed.notify_all();
    }

    /// Whether what was begun has ended.
    pub(super) fn is_done(&self) -> bool {
        matches!(*self.desk.state.lock(), State::Done(..))
    }

    /// Waits for what was begun; gives the bytes back.
    pub(super) fn end(&self) -> (PageBuffer, io::Result<()>) {
        let mut state = self.desk.state.lock();
        loop {
            match std::mem::take(&mut *state) {
                State::Done(bytes, written) => return (bytes, written),
                State::Idle => return (PageBuffer::default(), Ok(())),
                other => *state = other,
            }
            self.desk.changed.wait(&mut state);
        }
    }
}

impl Desk {
    fn serve(&self) {
        let mut state = self.state.lock();
        loop {
            match std::mem::replace(&mut *state, State::Writing) {
                State::Asked(Write { file, offset, bytes }) => {
                    drop(state);
                    let written = file.write_at(&bytes, offset);
                    state = self.state.lock();
                    *state = State::Done(bytes, written);
                    self.changed.notify_all();
                }
                State::Stopped => return,
                other => *state = other,
            }
            if !matches!(*state, State::Asked(_) | State::Stopped) {
                self.changed.wait(&mut state);
            }
        }
    }
}

impl Drop for WriteThread {
    fn drop(&mut self) {
        let _ = self.end();
        *self.desk.state.lock() = State::Stopped;
        self.desk.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
