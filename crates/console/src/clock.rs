//! The edge at which the wall clock is read: `since 5m` in a filter means before this.

use std::time::{SystemTime, UNIX_EPOCH};

use wayside_exchange::Timestamp;

/// The time of day.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(since.as_micros() as i64)
}
