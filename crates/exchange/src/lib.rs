//! The words of Wayside: an exchange and its parts, the filter language, and what may be shown where.
//!
//! Floor 0. Everything here is data and pure functions: no sockets, no wall clock, no runtime; time
//! comes in as an argument.

pub mod cause;
pub mod connection;
pub mod content;
pub mod escape;
pub mod filter;
pub mod glance;
pub mod head;
pub mod id;
pub mod link;
pub mod links;
pub mod network;
pub mod outcome;
pub mod record;
pub mod stored;
pub mod summary;
pub mod time;
pub mod view;
pub mod websocket;

pub use connection::{ClientCertificate, Connection, HttpVersion, Scheme, Tls};
pub use glance::{Details, Glance};
pub use head::{Head, HeadView};
pub use id::{ExchangeId, ExchangeIds, SessionId};
pub use link::{Link, LinkKind};
pub use links::{Label, Links, Reason};
pub use network::Network;
pub use outcome::{BodyEnd, Failure, Half, Mark, Marks, Outcome, Side};
pub use record::{Event, Record};
pub use stored::{Exchange, Message};
pub use summary::{Evidence, EvidenceKind, Summary};
pub use time::{Micros, Timestamp, Timing};
