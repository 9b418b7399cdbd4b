//! Per-client and per-session statistics and their verdicts: pure folds over summaries.
//!
//! Floor 1: no sockets, no clock, no runtime. A fold takes summaries in any order and gives the view
//! that listings print. Its memory is bounded however many exchanges it takes.

mod client;
mod latency;
mod session;
mod verdict;

pub use client::{ClientFold, Clients, clients};
pub use latency::Latencies;
pub use session::{SessionFold, SessionList, sessions};
