//! Whose exchange is this: evidence read from heads, credentials redacted, sessions by idle limit.
//!
//! Floor 1, pure: no sockets, no clock, no runtime. [`Credentials`] takes a head as it was on the
//! wire and gives back one that is safe to store, the secrets that were in it, and the evidence they
//! are; [`BodySearch`] does the same to bodies, run by run. [`Sessions`] places an exchange in its client's session,
//! [`Routes`] on its route.

mod bodies;
mod credentials;
mod error;
mod routes;
mod rules;
mod secrets;
mod sessions;
mod stitching;

pub use bodies::{BodySearch, Ending, StandIn, Taken};
pub use credentials::{Credentials, NamedInBody, Redacted, fingerprints};
pub use error::IdentityError;
pub use routes::{Pattern, Routes, WrongPattern};
pub use rules::{RuleError, Rules, Sealing};
pub use secrets::{Secrets, TOKEN_PREFIX, decode_secrets, encode_secrets, is_token, restore};
pub use sessions::Sessions;
pub use stitching::{Sighting, Stitcher};
