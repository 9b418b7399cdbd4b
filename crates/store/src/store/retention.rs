//! What a store keeps, and what it has let go.

use wayside_exchange::Micros;

/// A segment is at most this share of what a store may take, and the oldest goes while this many would
/// still fit: one that is written, and one that is settled.
const SHARE: u64 = 16;
const SPARE: u64 = 2;
/// A segment is closed when it is as old as this share of the time that is kept.
const TIME_SHARE: u64 = 16;
const SMALLEST_SEGMENT: u64 = 4096;

/// How long and how much of a recording is kept. The oldest segments go first, whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Exchanges that started longer ago are deleted, the last of them a sixteenth later; none keeps all.
    pub keep_for: Option<Micros>,
    /// The bytes that the store may take; none knows no bound. The oldest exchanges go before an eighth of
    /// it is left.
    pub keep_bytes: Option<u64>,
}

/// What retention has removed, over the life of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Exchanges.
    pub exchanges: u64,
    /// Bytes of the log.
    pub bytes: u64,
}

impl Retention {
    /// Bytes after which a segment is closed, when it would otherwise be after `bytes`.
    pub(crate) fn segment_bytes(&self, bytes: u64) -> u64 {
        let most = self.keep_bytes.map(|budget| (budget / SHARE).max(SMALLEST_SEGMENT));
        most.map_or(bytes, |most| bytes.min(most))
    }

    /// Whether a store that takes `used` bytes has to let its oldest segment go.
    pub(crate) fn is_over(&self, used: u64) -> bool {
        self.keep_bytes.is_some_and(|budget| used > budget - budget / SHARE * SPARE)
    }

    /// The age at which a segment is closed.
    pub(crate) fn segment_age(&self) -> Option<Micros> {
        self.keep_for.map(|time| Micros(time.0 / TIME_SHARE))
    }
}
