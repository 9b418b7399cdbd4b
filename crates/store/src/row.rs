//! Rows: the compact form of a `Summary` in a SUMMARY block.
//!
//! Strings that repeat go through a dictionary that both sides build as they go: a reference of 0
//! is a string on its own, k names the k-th string so far, and the next free k introduces one.
//! Numbers are differences to the row before. A row also says how long its record in the DATA block
//! is; records lie there in the order of the rows.

use wayside_exchange::Summary;

pub(crate) mod decode;
mod details;
pub(crate) mod encode;
#[cfg(test)]
pub(crate) mod tests;

/// Strings that a dictionary takes; what comes later is written out each time.
const MOST_STRINGS: u64 = 8192;

/// Bits of a row's first byte.
mod has {
    pub(super) const TLS: u8 = 1;
    pub(super) const STATUS: u8 = 2;
    pub(super) const FAILURE: u8 = 4;
    pub(super) const PLAIN_HTTP: u8 = 8;
    pub(super) const VERSION_SHIFT: u8 = 4;
}

/// A row read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// What it says.
    pub(crate) summary: Summary,
    /// Where its record begins in the DATA block, uncompressed.
    pub(crate) offset: u32,
    /// How long its record is.
    pub(crate) len: u32,
}
