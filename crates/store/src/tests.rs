//! The store as its users meet it: what was appended is found again, whatever happens in between.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod backing_up;
mod crash;
mod damage;
mod encrypting;
mod erasing;
mod faults;
mod finding;
mod reopening;
mod retention;
mod scanning;
mod settling;
mod support;
mod surviving;
mod veiled;
