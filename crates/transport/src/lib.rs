//! Sockets, TLS, certificates, dialling, draining: everything between a wire and an HTTP message.
//!
//! Downstream: [`listen`] accepts, [`balance`] counts and spreads connections over the workers,
//! [`proxy_protocol`] hears from a proxy whose connection it is,
//! [`server_tls`] shakes hands with a certificate that was given ([`certificate`]) or that our own
//! CA makes on the fly ([`authority`]). Upstream: [`dial`] reaches the backend, [`client_tls`] says
//! whom to trust; [`post`] tells somebody else something. [`drain`] tells everyone to finish. No other crate meets a TLS library.

pub mod authority;
pub mod balance;
pub mod certificate;
pub mod client_tls;
mod clock;
mod crypto;
pub mod dial;
pub mod drain;
mod error;
mod facts;
pub mod listen;
pub mod post;
pub mod proxy_protocol;
mod read_ahead;
pub mod server_tls;

pub use error::{Error, Result};
pub use facts::{Alpn, ClientCertificate, TlsFacts};
