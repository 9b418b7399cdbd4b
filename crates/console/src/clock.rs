//! The edge at which the wall clock is read: `since 5m` in a filter means before this.

use std::time::SystemTime;

use wayside_exchange::Timestamp;

/// The time of day.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}
