//! The console's HTTP API, live feed and health; and the metrics, scraped or pushed.
//!
//! One router answers three kinds of askers: the console over TCP, which must show a token; other
//! commands over the control socket, which only this user can open; and a command itself, in
//! process, when no recorder runs. Listings stream as lines of JSON and never gather in memory.

mod alerts;
mod api;
mod ask;
mod asked;
mod asker;
mod clients;
mod clock;
mod error;
mod exchanges;
mod findings;
mod keeping;
mod lookup;
mod metrics;
mod outflow;
mod outliers;
mod push;
mod refusal;
mod resolve;
mod routes;
mod row;
mod serve;
mod sessions;
mod status;
mod token;
mod welcome;

pub use axum::Router;

pub use api::{Api, ConsoleFacts, Live, Load, Resealers, router};
pub use ask::{Answer, Lines, Source, ask, ask_socket};
pub use clients::{ClientDetail, Ended, Episode, LinkView, SplitView};
pub use error::ConsoleError;
pub use exchanges::follow::Skipped;
pub use exchanges::messages::MessageLine;
pub use keeping::{ClearedView, ErasedView, PinView, UnpinnedView, changes};
pub use push::{PushTally, PushView, Pushing, push};
pub use row::RowView;
pub use serve::control::link::ConsoleLink;
pub use serve::control::{Control, control_path, recorder_runs, serve_control};
pub use serve::serve;
pub use status::ConsoleStatus;
pub use token::Token;

#[cfg(test)]
mod tests;
