//! The wall clock: this is the edge where it is read.

use std::time::SystemTime;

use wayside_exchange::Timestamp;

/// Now, as the system tells it.
#[allow(clippy::disallowed_methods, reason = "the command is the edge that the rule speaks of")]
pub fn system_time() -> SystemTime {
    SystemTime::now()
}

/// Now, in the product's own form.
pub fn now() -> Timestamp {
    system_time().into()
}
