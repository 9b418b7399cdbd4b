//! The API over a real store, asked in process and over sockets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod bodies;
mod console;
mod control;
mod fixture;
mod following;
mod listings;
mod metrics;
