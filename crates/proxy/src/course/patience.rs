//! Whose silence it is that an answer has not come, and for how long that is borne.
//!
//! Nothing is timed while bytes pass: a frame leaves a mark, and a look now and then finds it or not.
//! So a silence is noticed after once to twice its limit.

use std::cell::Cell;
use std::time::Duration;

use wayside_exchange::Micros;

use super::Course;
use crate::settings::Timeouts;

/// How a request body comes along.
#[derive(Default)]
pub(super) struct Upload {
    /// Bytes of it have passed since the last look.
    moved: Cell<bool>,
    /// The last look that found that.
    moved_by: Cell<Micros>,
    /// More of it was asked for, and has not come.
    awaited: Cell<bool>,
}

/// What a look at an exchange without an answer finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Look again after this time; none waits for ever.
    Lasts(Option<Duration>),
    /// The client has sent nothing of its body for too long.
    OverWithClient,
    /// The backend has said nothing for too long.
    OverWithBackend,
}

impl Upload {
    /// Bytes of the body pass.
    pub(super) fn moves(&self) {
        self.moved.set(true);
    }
}

impl Course {
    /// More of the request body was asked for: whether it has to be waited for.
    pub(crate) fn awaits_client(&self, awaited: bool) {
        self.upload.awaited.set(awaited);
    }

    /// A look at the exchange, which `has_body` to send. A body of messages (gRPC) may be silent for as
    /// long as it likes.
    pub(crate) fn patience(&self, timeouts: &Timeouts, has_body: bool) -> Patience {
        let now = self.elapsed();
        let departed = self.times.departed.get().unwrap_or(now);
        let uploaded = self.times.uploaded.get();
        let uploading = has_body && uploaded.is_none();
        if self.upload.moved.replace(false) {
            self.upload.moved_by.set(now);
        }
        let since =
            if uploading { self.upload.moved_by.get() } else { uploaded.unwrap_or(departed) };
        let silent = Duration::from_micros(now.0.saturating_sub(since.max(departed).0));
        let client = uploading && self.upload.awaited.get();
        let limit = match client {
            true if self.by_message.get() => Duration::ZERO,
            true => timeouts.body,
            false => timeouts.response,
        };
        if !limit.is_zero() && silent >= limit {
            return if client { Patience::OverWithClient } else { Patience::OverWithBackend };
        }
        // While the body comes, whose turn it is may change.
        let next = [limit.saturating_sub(silent), timeouts.body, timeouts.response];
        let next = next.into_iter().take(if uploading { 3 } else { 1 });
        Patience::Lasts(next.filter(|next| !next.is_zero()).min())
    }
}
