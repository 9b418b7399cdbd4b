//! curl, HAR and the messages of a stream: recorded exchanges in forms that other programs read.
//!
//! Floor 1: no sockets, no clock, no runtime. Whatever goes out keeps redacted secrets redacted;
//! who wants them revealed restores the heads first.

pub mod curl;
pub mod har;
pub mod messages;
