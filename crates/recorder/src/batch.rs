//! What a worker hands over at once: entries in the order of events, and their bytes in one arena.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use wayside_exchange::{
    BodyEnd, Connection, ExchangeId, Failure, Half, HttpVersion, Outcome, Timestamp, Timing,
};

use crate::ticket::Ticket;

/// Bytes at which a batch is full. Where worker and desk share a processor, each hand-over makes both find
/// its caches full of what the other needs, which costs more than a batch that is in them no more.
pub(crate) const FULL: usize = 256 << 10;
/// Bytes of held runs at which a batch is full: they are not copied, and fewer hand-overs
/// wake the desk less often.
const FULL_OF_RUNS: usize = 512 << 10;
/// What a held run keeps in memory, for each of its bytes: most of a read from a socket is one.
const KEPT: usize = 2;
/// What an entry costs of a batch's size, beside its bytes.
const ENTRY: usize = std::mem::size_of::<Entry>();

/// A block of events.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) entries: Vec<Entry>,
    arena: Vec<u8>,
    /// Bytes of bodies that are held rather than copied.
    held: usize,
}

/// A place in a batch's arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

/// One event; its bytes are in the arena.
#[derive(Debug)]
pub(crate) enum Entry {
    Started {
        id: ExchangeId,
        at: Timestamp,
        connection: Arc<Connection>,
        version: HttpVersion,
        head: Span,
    },
    Informed {
        id: ExchangeId,
        head: Span,
    },
    Answered {
        id: ExchangeId,
        head: Span,
    },
    Passed {
        id: ExchangeId,
        half: Half,
        at: Option<Timestamp>,
        data: Span,
    },
    /// A long run of bytes, held as it came.
    Held {
        id: ExchangeId,
        half: Half,
        at: Option<Timestamp>,
        data: Bytes,
    },
    /// Bytes passed that were not kept.
    Shed {
        id: ExchangeId,
        half: Half,
        bytes: u64,
    },
    BodyEnded {
        id: ExchangeId,
        half: Half,
        end: BodyEnd,
        trailers: Span,
    },
    Ended {
        id: ExchangeId,
        outcome: Outcome,
        failure: Option<Box<Failure>>,
        timing: Timing,
    },
    HandshakeFailed {
        id: ExchangeId,
        at: Timestamp,
        connection: Arc<Connection>,
        failure: Box<Failure>,
    },
    /// The last of its answer waits until what was told so far is durable.
    Awaited {
        id: ExchangeId,
        ticket: Arc<Ticket>,
    },
}

impl Entry {
    /// The exchange that it is of.
    pub(crate) fn id(&self) -> ExchangeId {
        match self {
            Entry::Started { id, .. }
            | Entry::Informed { id, .. }
            | Entry::Answered { id, .. }
            | Entry::Passed { id, .. }
            | Entry::Held { id, .. }
            | Entry::Shed { id, .. }
            | Entry::BodyEnded { id, .. }
            | Entry::Ended { id, .. }
            | Entry::HandshakeFailed { id, .. }
            | Entry::Awaited { id, .. } => *id,
        }
    }
}

impl Default for Batch {
    /// An empty one, with its whole arena at once: growing by doubling would take twice as much, and
    /// many of these may wait.
    fn default() -> Self {
        Self { entries: Vec::new(), arena: Vec::with_capacity(FULL), held: 0 }
    }
}

impl Batch {
    /// Puts `bytes` into the arena. The caller sees to it that the batch does not outgrow [`FULL`]
    /// by more than a head, so a span's places fit.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.arena.len() as u32;
        self.arena.extend_from_slice(bytes);
        Span { start, end: self.arena.len() as u32 }
    }

    /// Keeps bytes of a body: with those right before them, if they are of the same body and of no
    /// message, so that long bodies come in long runs.
    pub(crate) fn pass(&mut self, id: ExchangeId, half: Half, at: Option<Timestamp>, bytes: &[u8]) {
        let more = self.keep(bytes);
        match self.entries.last_mut() {
            Some(Entry::Passed { id: before, half: way, at: None, data })
                if *before == id && *way == half && at.is_none() =>
            {
                data.end = more.end;
            }
            _ => self.entries.push(Entry::Passed { id, half, at, data: more }),
        }
    }

    /// Holds a long run of a body: copying it would cost more than the buffer that it keeps.
    pub(crate) fn hold(&mut self, id: ExchangeId, half: Half, at: Option<Timestamp>, data: Bytes) {
        self.held += KEPT * data.len();
        self.entries.push(Entry::Held { id, half, at, data });
    }

    /// The bytes of a span.
    pub(crate) fn bytes(&self, span: Span) -> &[u8] {
        let range = Range { start: span.start as usize, end: span.end as usize };
        self.arena.get(range).unwrap_or_default()
    }

    /// How many bytes it holds.
    pub(crate) fn size(&self) -> usize {
        self.arena.len() + self.held + self.entries.len() * ENTRY
    }

    /// How many bytes more may be copied into it.
    pub(crate) fn room(&self) -> usize {
        FULL.saturating_sub(self.size() - self.held)
    }

    /// Whether it is to be handed over.
    pub(crate) fn is_full(&self) -> bool {
        self.room() == 0 || self.held >= FULL_OF_RUNS
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Empties it, keeping its memory for the next use.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.arena.clear();
        self.held = 0;
        // A batch of many large heads may have grown; one such must not stay for ever.
        self.arena.shrink_to(2 * FULL);
    }
}
