//! Whose exchange is this: evidence read from heads, credentials redacted, sessions by idle limit.
//!
//! Floor 1, pure: no sockets, no clock, no runtime. [`Credentials`] takes a head as it was on the
//! wire and gives back one that is safe to store, the secrets that were in it, and the evidence they
//! are. [`Sessions`] places an exchange in its client's session.

mod credentials;
mod error;
mod secrets;
mod sessions;

pub use credentials::{Credentials, Redacted};
pub use error::IdentityError;
pub use secrets::{Secrets, TOKEN_PREFIX, decode_secrets, encode_secrets, restore};
pub use sessions::Sessions;
