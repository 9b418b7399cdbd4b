//! Carries one live request upstream and back, and says what it saw.
//!
//! A [`Worker`] is one thread's share of the proxy: it accepts, serves HTTP/1.1 and HTTP/2, forwards
//! over a pool of upstream connections of its own, and taps heads and bodies into a
//! [`wayside_exchange::Record`], which returns at once. Nothing here waits for a recording, and
//! nothing here knows where recordings go.

mod additions;
mod answer;
mod clock;
mod cork;
mod course;
mod downstream;
mod fields;
mod forward;
mod handshake;
mod introduction;
mod pool;
mod refusal;
mod rendering;
mod settings;
mod strictness;
mod sweep;
mod tap;
mod tunnel;
mod wiretap;
mod worker;

pub use additions::Additions;
pub use clock::now;
pub use settings::{Limits, Settings, Timeouts};
pub use worker::{Handed, Worker};
