//! A small shop API and its clients, for `wayside demo` and for trying Wayside without a backend of one's own.
//! The shop is a real HTTP server; the clients are real HTTP clients with habits, good and bad. Everything
//! is seeded: two runs differ in their times and interleaving, never in their data.

pub mod chance;
pub mod clients;
pub mod shop;
