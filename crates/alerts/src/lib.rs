//! Tells people when a verdict comes and goes: one alert from its coming to its going, whatever it says
//! in between.
//!
//! The book of alerts is kept in the data folder, so that a restart neither forgets nor repeats one. News
//! go out by couriers (a webhook, a program), each with a short queue of its own: what is slow or dead costs its
//! own news, which is counted and said, and nothing else.

mod book;
mod courier;
mod error;
mod keep;
mod message;
mod watch;

pub use book::{Alert, State};
pub use courier::exec::Program;
pub use courier::webhook::Webhook;
pub use courier::{Delivery, Tally};
pub use error::AlertsError;
pub use keep::Alerts;
pub use message::{Link, Links};
pub use watch::{Naming, Options, Standing, Watch};
