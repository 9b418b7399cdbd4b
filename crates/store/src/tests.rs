//! The store as its users meet it: what was appended is found again, whatever happens in between.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod crash;
mod damage;
mod faults;
mod finding;
mod reopening;
mod scanning;
mod settling;
mod support;
mod veiled;
