//! Sealing what was recorded in clear: what a secret is and how one is sealed says whoever asks; here it is
//! said what they are given, and what comes of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use bytes::Bytes;
use wayside_exchange::stored::Arrival;
use wayside_exchange::{Exchange, Half, Summary};

use super::body::BodyReader;
use super::erase::Asked;
use super::revealed::PatchReader;
use super::select::Selection;
use super::{Shared, Store};
use crate::catalogue::Catalogue;
use crate::error::StoreError;
use crate::record::Extent;
use crate::record::decode::Stored;
use crate::seal::SealingKey;

/// Seals in exchanges what rests in clear.
pub trait Resealing: Send {
    /// An exchange as it should be; none when nothing of it is in clear. It is asked twice: first what
    /// there is to do, then for what is written.
    fn reseal(
        &mut self,
        exchange: &Exchange,
        bodies: &mut Bodies<'_>,
    ) -> Result<Option<Resealed>, StoreError>;

    /// Whether anything that was sealed stands in these bytes.
    fn stands_in(&mut self, bytes: &[u8]) -> bool;
}

/// An exchange with what was in clear sealed.
#[derive(Clone, Debug)]
pub struct Resealed {
    /// Its row.
    pub summary: Summary,
    /// The request.
    pub request: ResealedMessage,
    /// The heads of interim responses, in order.
    pub informed: Vec<Bytes>,
    /// The final response; none when there was none.
    pub response: Option<ResealedMessage>,
    /// All that was ever taken out of the heads, sealed.
    pub sealed: Vec<u8>,
    /// How many secrets were in clear.
    pub secrets: u64,
}

/// One half of it.
#[derive(Clone, Debug)]
pub struct ResealedMessage {
    /// Its head.
    pub head: Vec<u8>,
    /// Its trailers.
    pub trailers: Vec<u8>,
    /// Its body; none where that stays as it was.
    pub body: Option<ResealedBody>,
}

/// A body in which something was sealed.
#[derive(Clone, Debug)]
pub struct ResealedBody {
    /// When its runs arrived, by their places in what is stored.
    pub arrivals: Vec<Arrival>,
    /// What is stored of it: pieces first, then the rest.
    pub pieces: Vec<Extent>,
    /// What follows the pieces.
    pub rest: Vec<u8>,
    /// Sealed chunks of all that was ever taken out of it, in order.
    pub chunks: Vec<Extent>,
    /// The last sealed chunk; empty when there is none.
    pub sealed: Vec<u8>,
}

/// Where pieces of bodies are put.
type Put<'a> = &'a mut dyn FnMut(Half, &[u8]) -> Result<Extent, StoreError>;

/// The bodies of an exchange, and where what is to take their place is written.
pub struct Bodies<'a> {
    shared: &'a Arc<Shared>,
    catalogue: Arc<Catalogue>,
    stored: &'a Stored,
    /// None where it is only asked what there is to do.
    put: Option<Put<'a>>,
}

impl<'a> Bodies<'a> {
    pub(crate) fn of(shared: &'a Arc<Shared>, stored: &'a Stored, put: Option<Put<'a>>) -> Self {
        Self { shared, catalogue: shared.catalogue(), stored, put }
    }

    /// What is stored of a body; none where there was no such half.
    pub fn body(&self, half: Half) -> Option<BodyReader> {
        let (id, catalogue) = (self.stored.exchange.summary.id, self.catalogue.clone());
        let kept = self.stored.kept(half)?;
        Some(BodyReader::new(self.shared.clone(), catalogue, id, kept))
    }

    /// What was taken out of it so far.
    pub fn patches(&self, half: Half, key: &SealingKey) -> Option<PatchReader> {
        let of = (self.stored.exchange.summary.id, half);
        let veil = &self.stored.kept(half)?.veil;
        Some(PatchReader::new(self.shared, &self.catalogue, of, veil, key.clone()))
    }

    /// Writes a piece of what takes its place, or of what was taken out: at most 256 KiB.
    pub fn append_piece(&mut self, half: Half, data: &[u8]) -> Result<Extent, StoreError> {
        match &mut self.put {
            Some(put) => put(half, data),
            None => Ok(Extent { position: 0, bytes: data.len() as u64 }),
        }
    }
}

impl fmt::Debug for Bodies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bodies")
            .field("id", &self.stored.exchange.summary.id)
            .finish_non_exhaustive()
    }
}

/// What sealing what was in clear did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleared {
    /// Exchanges that had something in clear.
    pub exchanges: u64,
    /// How much of it there was.
    pub secrets: u64,
    /// Exchanges that were meant and still run: they are left alone.
    pub running: u64,
    /// Exchanges that could not be read, or opened with this key, and stay as they are.
    pub unreadable: u64,
    /// Segments that were written anew.
    pub segments: u64,
    /// Bytes of blocks, uncompressed, that were searched afterwards.
    pub searched: u64,
    /// Exchanges in which something is still in clear; anything but zero is a fault of ours.
    pub found: u64,
    /// Blocks in which some of it still stands where no rule sees it.
    pub mentions: u64,
    /// Segments that could not be written anew because they are damaged.
    pub damaged: Vec<PathBuf>,
}

/// What the keeper of a store is asked to seal.
pub(crate) struct Clearance {
    pub(crate) selection: Selection,
    pub(crate) resealing: Box<dyn Resealing>,
    pub(crate) reply: SyncSender<Result<Cleared, StoreError>>,
}

impl Store {
    /// Seals what rests in clear in what is meant of all that was recorded until now, and searches what is
    /// written for it. The store must have been opened for writing, and its writer ticked meanwhile.
    pub fn reseal(
        &self,
        selection: Selection,
        resealing: Box<dyn Resealing>,
    ) -> Result<Cleared, StoreError> {
        let (reply, answer) = sync_channel(1);
        self.ask_keeper(Asked::Reseal(Clearance { selection, resealing, reply }))?;
        answer.recv().unwrap_or(Err(StoreError::Stopped))
    }
}
