//! Exchanges that are written: each is counted by what became of it, and told to whoever follows.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use wayside_exchange::Summary;
use wayside_exchange::cause::chain;
use wayside_store::StoreError;

use super::Desk;
use super::running::Running;
use super::writing::{Bodies, Draft};

/// What is told of an exchange that was written, or should have been.
pub(super) struct Row {
    summary: Summary,
    /// It goes on.
    open: bool,
    /// The store has it.
    taken: bool,
}

impl Desk {
    /// Writes an exchange as it stands. Says whether the store has taken it.
    pub(super) fn write(&mut self, running: &mut Running, open: bool) -> bool {
        let bodies = self.bodies(running, open);
        let draft = self.draft(running, open);
        let taken = self.write_with(running, &bodies, draft, open);
        self.tell();
        taken
    }

    /// Writes what was made of an exchange. Says whether the store has taken it.
    pub(super) fn write_with(
        &mut self,
        running: &Running,
        bodies: &Bodies,
        draft: Draft,
        open: bool,
    ) -> bool {
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
    pub(super) fn tell(&mut self) {
        let ended = self.written.iter().filter(|row| !row.open);
        self.statistics.add(ended.map(|row| &row.summary));
        let is_followed = self.feed.receiver_count() > 0;
        for row in self.written.drain(..).filter(|row| is_followed && row.taken) {
            // Nobody listening any more is as good as nobody listening.
            let _ = self.feed.send(Arc::new(row.summary));
        }
    }
}

/// The word under which a loss is counted.
fn reason(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full { .. } => "disk_full",
        _ => "store_failed",
    }
}
