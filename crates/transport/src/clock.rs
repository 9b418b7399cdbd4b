//! The one place where this crate reads the wall clock: certificates are valid by it, nothing else is.

use std::time::SystemTime;

/// The current time; what depends on it takes it as an argument, so that it can be tested.
#[expect(clippy::disallowed_methods, reason = "the edge: read here, passed in everywhere else")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
