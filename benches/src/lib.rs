//! What is measured: a made-up history of a shop's API, the same in every run, of any length.
//!
//! `cargo run --release -p wayside-benches --bin fill` writes one into a store, to measure the
//! commands on; the benches of this member measure pieces of the code on shorter ones.

pub mod client;
pub mod exchange;
pub mod history;
pub mod identities;
pub mod paths;
pub mod words;
pub mod world;

pub use history::History;
