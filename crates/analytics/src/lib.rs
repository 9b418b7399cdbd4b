//! Per-client and per-session statistics and their verdicts: pure folds over rows.
//!
//! Floor 1: no sockets, no clock, no runtime. A fold takes rows in any order, or what another fold
//! knows, and gives the view that listings print. Its memory is bounded however many it takes.

pub mod backtest;
mod blame;
mod cell;
mod client;
pub mod findings;
pub mod harm;
mod lately;
mod latency;
mod least;
pub mod meters;
pub mod outlier;
mod pace;
mod route;
mod session;
mod slots;
mod stars;
mod tables;
mod verdict;
pub mod why;
pub mod windows;

pub use cell::Cell;
pub use client::{ClientFold, Clients, clients};
pub use lately::{Lately, Recent};
pub use latency::Latencies;
pub use route::RouteList;
pub use session::{SessionFold, SessionList, sessions};
pub use stars::Stars;
pub use verdict::{
    Misses, Objective, Rule, Standards, Threshold, Thresholds, call, is_clearly_over, is_told,
    outlier as outlier_view,
};
