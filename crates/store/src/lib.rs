//! Keeps exchanges and finds them again.
//!
//! The log is the truth: append-only segments of checksummed blocks (`docs/store.md` draws them byte
//! by byte). Everything else, the catalogue in memory and the index on disk, is derived from the
//! log and disposable. One [`Writer`] appends, any number of [`Store`] handles read.

//TMP mod block;
//TMP mod cache;
//TMP mod catalogue;
//TMP mod codec;
mod error;
//TMP mod forwarded;
//TMP mod index;
//TMP mod lock;
mod record;
//TMP mod row;
pub mod seal;
//TMP mod segment;
//TMP mod storage;
mod store;
mod verify;
mod writer;
//TMP mod zone;

pub use error::StoreError;
pub use record::{Extent, NewBody, NewMessage, NewRecord};
pub use store::body::BodyReader;
pub use store::find::{Found, Order};
pub use store::resolve::Named;
pub use store::{Durability, Options, Recovery, Store, StoreStatus};
pub use verify::{DamagedBlock, Progress, Verification, rebuild, verify};
pub use writer::Writer;

//TMP cfgtest
//TMP mod tests;
