//! The edge at which the wall clock is read: what lies deeper takes time as an argument.

use std::time::SystemTime;

use wayside_exchange::Timestamp;

/// The time of day.
#[allow(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> Timestamp {
    SystemTime::now().into()
}
