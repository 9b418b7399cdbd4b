//! Sends stored exchanges again, to another backend, and compares what comes back.
//!
//! [`Plan`] says which exchanges are sent, in which order, and which are not and why; it is what a
//! dry run shows. [`run`] sends them at a [`Pace`] and hands over a [`Compared`] for each, as it
//! comes. Order and concurrency are those of the recording: an exchange is sent when those that had
//! ended before it started have ended again, so that those that overlapped overlap again.

mod compare;
mod credentials;
mod error;
mod options;
mod plan;
mod report;
mod run;
mod schedule;
mod send;

pub use error::ReplayError;
pub use options::{Options, Pace};
pub use plan::{Plan, SkipReason, Skipped, Step};
pub use report::{Change, Compared, Difference, DifferenceKind, RecordedEnd, ReplayedEnd, Totals};
pub use run::run;
