//! A body as it was transferred: what is stored, with the sealed patches put back.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use wayside_exchange::stored::Arrival;
use wayside_exchange::{ExchangeId, Half};

use super::Shared;
use super::body::BodyReader;
use crate::catalogue::Catalogue;
use crate::error::StoreError;
use crate::record::Extent;
use crate::record::decode::Veil;
use crate::seal::SealingKey;
use crate::veil::{self, Patch};

/// The kept bytes of a body, as transferred. Holds one piece and one chunk of patches in memory.
pub struct Revealed {
    body: BodyReader,
    patches: PatchReader,
    /// Bytes of the body that come before the next patch; none where it is not known yet.
    gap: Option<u64>,
    original: Bytes,
}

/// The patches of a body in order. Holds one chunk of them in memory.
pub struct PatchReader {
    shared: Arc<Shared>,
    catalogue: Arc<Catalogue>,
    id: ExchangeId,
    half: Half,
    key: SealingKey,
    chunks: VecDeque<Extent>,
    last: Bytes,
    /// How many chunks were opened.
    opened: u64,
    patches: VecDeque<Patch>,
    is_cut: bool,
}

impl PatchReader {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        catalogue: &Arc<Catalogue>,
        (id, half): (ExchangeId, Half),
        veil: &Veil,
        key: SealingKey,
    ) -> Self {
        Self {
            shared: shared.clone(),
            catalogue: catalogue.clone(),
            id,
            half,
            key,
            chunks: veil.pieces.iter().copied().collect(),
            last: veil.rest.clone(),
            opened: 0,
            patches: VecDeque::new(),
            is_cut: false,
        }
    }

    /// Whether a chunk is gone, so that there is no next patch although there were more.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The next patch, which stays the next; none behind the last, and behind a chunk that went with a
    /// segment that retention deleted: where the patches after it go is not known.
    pub fn peek(&mut self) -> Result<Option<&Patch>, StoreError> {
        while self.patches.is_empty() {
            let sealed = match self.chunks.pop_front() {
                Some(extent) => match self.shared.piece(&self.catalogue, self.id, extent) {
                    Err(StoreError::Removed) => {
                        (self.chunks, self.last) = (VecDeque::new(), Bytes::new());
                        self.is_cut = true;
                        return Ok(None);
                    }
                    sealed => sealed?,
                },
                None if self.last.is_empty() => return Ok(None),
                None => std::mem::take(&mut self.last),
            };
            self.patches = veil::open(&self.key, self.id, self.half, self.opened, &sealed)?;
            self.opened += 1;
        }
        Ok(self.patches.front())
    }

    /// Takes the next patch.
    pub fn take(&mut self) -> Result<Option<Patch>, StoreError> {
        self.peek()?;
        Ok(self.patches.pop_front())
    }
}

impl Revealed {
    pub(crate) fn new(body: BodyReader, patches: PatchReader) -> Self {
        Self { body, patches, gap: None, original: Bytes::new() }
    }

    /// Where `arrivals`, which count what is stored, are in the body. One at a token is where that
    /// begins.
    pub(crate) fn arrivals(mut self, arrivals: &[Arrival]) -> Result<Vec<Arrival>, StoreError> {
        let mut moved = Vec::with_capacity(arrivals.len());
        // What lies behind the last patch that is passed, in what is stored and in the body.
        let (mut stored, mut original) = (0, 0);
        for arrival in arrivals {
            while let Some(next) = self.patches.peek()? {
                let end = stored + next.gap + next.stand_in;
                let is_passed = arrival.offset > stored + next.gap && arrival.offset >= end;
                if !is_passed {
                    break;
                }
                original += next.gap + next.original.len() as u64;
                stored = end;
                self.patches.take()?;
            }
            let offset = original + arrival.offset.saturating_sub(stored);
            moved.push(Arrival { offset, ..*arrival });
        }
        Ok(moved)
    }

    /// Takes the place of the tokens at which the body now stands.
    fn patch(&mut self) -> io::Result<()> {
        let Some(patch) = self.patches.take().map_err(invalid)? else { return Ok(()) };
        let skipped = io::copy(&mut (&mut self.body).take(patch.stand_in), &mut io::sink())?;
        if skipped < patch.stand_in {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.original = patch.original;
        self.gap = None;
        Ok(())
    }
}

impl Read for Revealed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.original.is_empty() {
                let n = buffer.len().min(self.original.len());
                if let Some(into) = buffer.get_mut(..n) {
                    self.original.copy_to_slice(into);
                }
                return Ok(n);
            }
            if self.gap.is_none() {
                self.gap = self.patches.peek().map_err(invalid)?.map(|patch| patch.gap);
            }
            let Some(gap) = self.gap else { return self.body.read(buffer) };
            if gap == 0 {
                self.patch()?;
                continue;
            }
            let most = usize::try_from(gap).unwrap_or(usize::MAX).min(buffer.len());
            let n = self.body.read(buffer.get_mut(..most).unwrap_or_default())?;
            if n == 0 && most > 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.gap = Some(gap - n as u64);
            return Ok(n);
        }
    }
}

fn invalid(error: StoreError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

impl fmt::Debug for PatchReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatchReader").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revealed").field("body", &self.body).finish_non_exhaustive()
    }
}
