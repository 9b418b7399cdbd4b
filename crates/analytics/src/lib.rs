//! Per-client and per-session statistics and their verdicts: pure folds over rows.
//!
//! Floor 1: no sockets, no clock, no runtime. A fold takes rows in any order, or what another fold
//! knows, and gives the view that listings print. Its memory is bounded however many it takes.

mod client;
mod latency;
mod session;
mod tables;
mod verdict;

pub use client::{ClientFold, Clients, clients};
pub use latency::Latencies;
pub use session::{SessionFold, SessionList, sessions};
