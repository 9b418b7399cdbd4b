//! What a process printed so far, gathered from both pipes, and a bell for those who wait for a line.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What the process printed, in the order it came, and a bell for those who wait for a line.
#[derive(Debug, Default)]
pub(super) struct Said {
    text: Mutex<Text>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) lines: String,
    /// stdout and stderr, each until its end.
    pub(super) open: u8,
}

impl Said {
    /// All of it.
    pub(super) fn lines(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }

    pub(super) fn listen(self: &Arc<Self>, pipe: impl Read + Send + 'static) {
        let said = Arc::clone(self);
        said.text.lock().unwrap_or_else(PoisonError::into_inner).open += 1;
        thread::spawn(move || {
            let mut lines = BufReader::new(pipe);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                said.change(|text| text.lines.push_str(&String::from_utf8_lossy(&line)));
                line.clear();
            }
            said.change(|text| text.open -= 1);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Text)) {
        change(&mut self.text.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// Whether `enough` came true within `limit`.
    pub(super) fn wait(&self, limit: Duration, enough: impl Fn(&Text) -> bool) -> bool {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(text, limit, |text| !enough(text));
        waited.is_ok_and(|(_, waited)| !waited.timed_out())
    }
}
