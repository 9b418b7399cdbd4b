//! A stream of which no framing is known: each run of bytes that arrived together is a message.

use wayside_exchange::Timestamp;

use super::{Found, Kept};

pub(super) struct Pieces {
    kept: Kept,
    /// When the run arrived that is being kept.
    at: Timestamp,
}

impl Pieces {
    pub(super) fn new(limit: usize) -> Self {
        Self { kept: Kept::new(limit), at: Timestamp::default() }
    }

    pub(super) fn arrival_begins(&mut self, found: &mut Found<'_>) {
        self.end(found);
    }

    pub(super) fn push(&mut self, data: &[u8], found: &mut Found<'_>) {
        self.at = found.at;
        self.kept.extend(data);
    }

    pub(super) fn end(&mut self, found: &mut Found<'_>) {
        if self.kept.bytes > 0 {
            let kept = self.kept.take();
            // The run has ended because the next one begins, whose time `found` has.
            let mut run = Found { half: found.half, at: self.at, messages: &mut *found.messages };
            run.push(kept.kind(), kept, false);
        }
    }
}
