//! Keeps exchanges and finds them again.
//!
//! The log is the truth: append-only segments of checksummed blocks (`docs/store.md` draws them byte
//! by byte). Everything else, the catalogue in memory and the index on disk, is derived from the
//! log and disposable. One [`Writer`] appends, any number of [`Store`] handles read.

mod backup;
mod block;
mod cache;
mod catalogue;
mod cipher;
mod codec;
mod cover;
mod directory;
mod error;
mod forwarded;
mod index;
mod keeper;
mod linking;
mod lock;
mod log;
mod record;
mod row;
pub mod seal;
mod segment;
mod settle;
mod storage;
mod store;
mod text;
mod vault;
pub mod veil;
mod verify;
mod writer;
mod zone;

pub use backup::{BackedUp, backup};
pub use cover::Cover;
pub use error::StoreError;
pub use forwarded::{Tallies, Tally};
pub use record::{Extent, NewBody, NewMessage, NewRecord, NewVeil};
pub use store::body::BodyReader;
pub use store::erase::Erased;
pub use store::find::Found;
pub use store::pins::Pin;
pub use store::reseal::{Bodies, Cleared, Resealed, ResealedBody, ResealedMessage, Resealing};
pub use store::resolve::Named;
pub use store::retention::{Removed, Retention};
pub use store::revealed::{PatchReader, Revealed};
pub use store::scan::{Order, Scan, Told};
pub use store::select::Selection;
pub use store::{Durability, Encryption, Options, Recovery, Store, StoreStatus};
pub use vault::Location;
pub use verify::{DamagedBlock, Progress, Verification, rebuild, verify};
pub use writer::Writer;

#[cfg(test)]
mod tests;
