//! One body on its way to the store: searched as it grows, secrets replaced, the originals sealed.
//!
//! What is decided waits in `ready` until it is written; what is not stays where it gathers. Offsets
//! count what is stored, so times of arrival move with the tokens.

use smallvec::SmallVec;
use wayside_exchange::stored::Arrival;
use wayside_exchange::{ExchangeId, Half};
use wayside_identity::{BodySearch, Credentials, Ending, StandIn, Taken};
use wayside_store::seal::SealingKey;
use wayside_store::veil::{Mark, Patch, Patches};
use wayside_store::{Extent, PatchReader, StoreError, Writer};

/// Bytes of patches at which they are written ahead.
const CHUNK: usize = 64 << 10;

/// Secrets of a body that may join its exchange to others; a body with more is a listing, and gives nobody a
/// credential.
const STAND_INS: usize = 8;

/// Where pieces of a body are put ahead of its record.
pub(crate) trait Pieces {
    fn append(&mut self, id: ExchangeId, half: Half, data: &[u8]) -> Result<Extent, StoreError>;
}

impl Pieces for Writer {
    fn append(&mut self, id: ExchangeId, half: Half, data: &[u8]) -> Result<Extent, StoreError> {
        self.append_piece(id, half, data)
    }
}

/// Bytes that are written one behind the other, nearly always two runs of them.
pub(super) type Parts<'a> = SmallVec<[&'a [u8]; 2]>;

/// The search through one body, and what it took out.
#[derive(Debug)]
pub(crate) struct Veil {
    half: Half,
    search: BodySearch,
    /// What is decided and not written yet.
    ready: Vec<u8>,
    /// How many bytes of the body `ready` stands for.
    ready_for: u64,
    /// Bytes of the body that are decided, and what is stored of them.
    decided: u64,
    stored: u64,
    is_redacted: bool,
    patches: Patches,
    /// Where the patches were when `ready` was empty.
    mark: Mark,
    chunks: Vec<Extent>,
    /// How many of the last arrivals still count the body, not what is stored.
    unmoved: usize,
    taken: Vec<Taken>,
    /// The body ended with a run of which something was taken out: that is written from where it gathered.
    in_place: bool,
    /// What stands in for secrets, and how long these were; nothing for a listing.
    stand_ins: Vec<(StandIn, usize)>,
    /// It has more secrets than join exchanges.
    is_listing: bool,
    /// What was taken out before, where the body is one that was stored already.
    under: Option<Box<Under>>,
}

/// What was taken out of a body before it is searched once more.
#[derive(Debug)]
struct Under {
    patches: PatchReader,
    /// Behind the last patch that was passed, in the body as it was stored.
    end: u64,
    trouble: Option<StoreError>,
}

/// What is written of a body of which more may come.
#[derive(Debug, Default)]
pub(crate) struct Provisional {
    /// What stands for the bytes that are not decided yet.
    pub(super) tail: Vec<u8>,
    pub(super) arrivals: Option<Vec<Arrival>>,
    pub(super) sealed: Vec<u8>,
    pub(super) is_redacted: bool,
}

impl Veil {
    pub(crate) fn new(half: Half, search: BodySearch) -> Self {
        let patches = Patches::of(half);
        Self {
            half,
            search,
            ready: Vec::new(),
            ready_for: 0,
            decided: 0,
            stored: 0,
            is_redacted: false,
            mark: patches.mark(),
            patches,
            chunks: Vec::new(),
            unmoved: 0,
            taken: Vec::new(),
            in_place: false,
            under: None,
            stand_ins: Vec::new(),
            is_listing: false,
        }
    }

    /// The search through a body that is stored already, with what was taken out of it and so many
    /// arrivals: what is put back is the body as it was transferred.
    pub(crate) fn over(
        half: Half,
        search: BodySearch,
        patches: PatchReader,
        arrivals: usize,
    ) -> Self {
        let under = Under { patches, end: 0, trouble: None };
        Self { unmoved: arrivals, under: Some(Box::new(under)), ..Self::new(half, search) }
    }

    /// What was taken out of the last run.
    pub(crate) fn taken(&self) -> &[Taken] {
        &self.taken
    }

    /// Why what was taken out before could not be read; none where it was.
    pub(crate) fn trouble(&mut self) -> Option<StoreError> {
        let under = self.under.as_mut()?;
        let is_cut = under.patches.is_cut();
        under.trouble.take().or(is_cut.then_some(StoreError::Removed))
    }

    pub(crate) fn ready(&self) -> &[u8] {
        &self.ready
    }

    pub(crate) fn chunks(&self) -> &[Extent] {
        &self.chunks
    }

    /// What stands in for secrets, and how long these were; nothing for a listing.
    pub(super) fn stand_ins(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.stand_ins.iter().map(|(stand_in, length)| (stand_in.as_slice(), *length))
    }

    pub(crate) fn is_redacted(&self) -> bool {
        self.is_redacted
    }

    /// An arrival was noted behind the others.
    pub(crate) fn arrived(&mut self) {
        self.unmoved += 1;
    }

    /// Every other of `before` arrivals went.
    pub(crate) fn thinned(&mut self, before: usize) {
        let moved = before.saturating_sub(self.unmoved);
        self.unmoved = before.div_ceil(2) - moved.div_ceil(2);
    }

    /// Decides what can be of `gathered`, the body's bytes behind what is decided already.
    pub(crate) fn settle(
        &mut self,
        gathered: &mut Vec<u8>,
        arrivals: &mut [Arrival],
        ending: Ending,
        credentials: &mut Credentials,
    ) {
        if self.ready.is_empty() {
            self.mark = self.patches.mark();
            self.ready_for = 0;
        }
        self.taken.clear();
        let decided = credentials.find(&mut self.search, gathered, ending, &mut self.taken);
        if decided == 0 {
            return;
        }
        let run = gathered.get(..decided).unwrap_or_default();
        self.is_redacted |= !self.taken.is_empty();
        let secrets = self.stand_ins.len() + self.taken.len();
        if self.is_listing || secrets > STAND_INS {
            self.is_listing = true;
            self.stand_ins.clear();
        } else {
            let found = self.taken.iter().map(|one| (one.stand_in.clone(), one.range.len()));
            self.stand_ins.extend(found);
        }
        let unmoved = arrivals.len().saturating_sub(self.unmoved);
        let late = arrivals.get_mut(unmoved..).unwrap_or_default();
        self.unmoved -= moved(late, &self.taken, self.decided, self.stored, decided);
        let before = self.stored;
        match &mut self.under {
            Some(under) => {
                under.weave(&mut self.patches, run, &mut self.taken, (self.decided, before));
            }
            None => push(&mut self.patches, run, &self.taken, before),
        }
        let is_all = self.ready.is_empty() && decided == gathered.len();
        if is_all && self.taken.is_empty() {
            std::mem::swap(gathered, &mut self.ready);
            self.stored += decided as u64;
        } else if is_all && ending.is_last() && self.under.is_none() {
            self.in_place = true;
        } else {
            let length = self.ready.len();
            if self.taken.is_empty() {
                self.ready.extend_from_slice(run);
            } else {
                Taken::apply_to(run, &self.taken, &mut self.ready);
            }
            self.stored += (self.ready.len() - length) as u64;
            gathered.drain(..decided);
        }
        self.decided += decided as u64;
        self.ready_for += decided as u64;
    }

    /// What is stored of the body and not written ahead; `gathered` is what still gathers of it.
    pub(super) fn parts<'a>(&'a self, gathered: &'a [u8]) -> Parts<'a> {
        let part = |from: usize, to: usize| gathered.get(from..to).unwrap_or_default();
        let mut parts = Parts::new();
        if !self.in_place {
            parts.push(&self.ready);
            return parts;
        }
        let mut at = 0;
        parts.reserve(2 * self.taken.len() + 2);
        for one in &self.taken {
            parts.push(part(at, one.range.start));
            parts.push(&one.stand_in);
            at = one.range.end;
        }
        parts.push(part(at, gathered.len()));
        parts
    }

    /// What can be written of the body as it stands, beside `ready`; nothing is decided by it.
    pub(crate) fn provisional(
        &self,
        gathered: &[u8],
        arrivals: &[Arrival],
        credentials: &mut Credentials,
        key: &SealingKey,
        id: ExchangeId,
    ) -> Provisional {
        let mut patches = self.patches.clone();
        let mut shown = Provisional { is_redacted: self.is_redacted, ..Provisional::default() };
        if !gathered.is_empty() {
            let mut taken = Vec::new();
            let mut search = self.search.clone();
            let decided = credentials.find(&mut search, gathered, Ending::Cut, &mut taken);
            let run = gathered.get(..decided).unwrap_or_default();
            shown.is_redacted |= !taken.is_empty();
            shown.tail = Taken::apply(run, &taken);
            push(&mut patches, run, &taken, self.stored);
            if shown.is_redacted {
                let mut all = arrivals.to_vec();
                let unmoved = all.len().saturating_sub(self.unmoved);
                let late = all.get_mut(unmoved..).unwrap_or_default();
                moved(late, &taken, self.decided, self.stored, decided);
                shown.arrivals = Some(all);
            }
        }
        if !patches.is_empty() {
            shown.sealed = patches.sealed(key, id);
        }
        shown
    }

    /// The patches that are not written ahead, sealed; empty when there are none.
    pub(crate) fn sealed(&self, key: &SealingKey, id: ExchangeId) -> Vec<u8> {
        if self.patches.is_empty() { Vec::new() } else { self.patches.sealed(key, id) }
    }

    /// Takes what is ready, to be written, and how many bytes of the body it stands for.
    pub(crate) fn take_ready(&mut self) -> (Vec<u8>, u64) {
        (std::mem::take(&mut self.ready), std::mem::take(&mut self.ready_for))
    }

    /// What was taken could not be written: it is as if it had not come.
    pub(crate) fn lost(&mut self) {
        self.patches.back_to(self.mark);
    }

    /// Forgets what was taken out so far: it is only counted.
    pub(crate) fn forget(&mut self) {
        self.patches.next_chunk();
    }

    /// Writes patches ahead once they are many. `buffer` is what was ready, to be used again.
    pub(crate) fn written(
        &mut self,
        mut buffer: Vec<u8>,
        id: ExchangeId,
        pieces: &mut dyn Pieces,
        key: &SealingKey,
    ) -> Result<(), StoreError> {
        buffer.clear();
        self.ready = buffer;
        self.mark = self.patches.mark();
        self.write_chunk(id, pieces, key)
    }

    /// Writes patches ahead once they are many: a record is not the place for them.
    pub(crate) fn write_chunk(
        &mut self,
        id: ExchangeId,
        pieces: &mut dyn Pieces,
        key: &SealingKey,
    ) -> Result<(), StoreError> {
        if self.patches.len() < CHUNK {
            return Ok(());
        }
        let chunk = pieces.append(id, self.half, &self.patches.sealed(key, id))?;
        self.chunks.push(chunk);
        self.patches.next_chunk();
        self.mark = self.patches.mark();
        Ok(())
    }
}

impl Under {
    /// The next patch that begins before `limit`, and where.
    fn next_before(&mut self, limit: u64) -> Option<(u64, Patch)> {
        let from = match self.patches.peek() {
            Ok(patch) => self.end + patch?.gap,
            Err(error) => {
                self.trouble.get_or_insert(error);
                return None;
            }
        };
        let patch = if from < limit { self.patches.take().ok().flatten()? } else { return None };
        self.end = from + patch.stand_in;
        Some((from, patch))
    }

    /// Adds patches for what is taken out of `run` now, and for what was before. `begins` is where the run
    /// does, in the body as it was stored and as it will be. Nothing is taken out of the midst of what
    /// stands for something: what is taken ends before it, or begins behind it.
    fn weave(
        &mut self,
        patches: &mut Patches,
        run: &[u8],
        taken: &mut Vec<Taken>,
        begins: (u64, u64),
    ) {
        let (old, mut offset) = begins;
        let within = |position: u64| (position.saturating_sub(old) as usize).min(run.len());
        let part = |from: usize, to: usize| run.get(from..to).unwrap_or_default();
        let mut at = 0;
        taken.retain_mut(|one| {
            let mut start = one.range.start.max(within(self.end));
            while let Some((from, patch)) = self.next_before(old + start as u64) {
                let place = offset + (within(from) - at) as u64;
                patches.push(place, patch.stand_in, &patch.original);
                start = start.max(within(self.end));
            }
            let mut end = one.range.end;
            let (mut original, mut copied) = (Vec::new(), start);
            while let Some((from, behind)) = self.peek_before(old + end as u64) {
                if behind > old + end as u64 {
                    end = within(from);
                    break;
                }
                let Some((_, patch)) = self.next_before(old + end as u64) else { break };
                original.extend_from_slice(part(copied, within(from)));
                original.extend_from_slice(&patch.original);
                copied = within(behind);
            }
            if start >= end {
                return false;
            }
            original.extend_from_slice(part(copied, end));
            offset += (start - at) as u64;
            patches.push(offset, one.stand_in.len() as u64, &original);
            offset += one.stand_in.len() as u64;
            at = end;
            one.range = start..end;
            true
        });
        while let Some((from, patch)) = self.next_before(old + run.len() as u64) {
            patches.push(offset + (within(from) - at) as u64, patch.stand_in, &patch.original);
        }
    }

    /// Where the next patch begins and ends, if it begins before `limit`.
    fn peek_before(&mut self, limit: u64) -> Option<(u64, u64)> {
        let patch = self.patches.peek().ok()??;
        let from = self.end + patch.gap;
        let behind = from + patch.stand_in;
        (from < limit).then_some((from, behind))
    }
}

/// Adds a patch for everything that was taken out of `run`, whose stand-in begins at `stored`.
fn push(patches: &mut Patches, run: &[u8], taken: &[Taken], stored: u64) {
    let (mut at, mut offset) = (0, stored);
    patches.reserve(taken.iter().map(|one| one.range.len()));
    for one in taken {
        offset += (one.range.start - at) as u64;
        let original = run.get(one.range.clone()).unwrap_or_default();
        patches.push(offset, one.stand_in.len() as u64, original);
        offset += one.stand_in.len() as u64;
        at = one.range.end;
    }
}

/// Makes arrivals within the `decided` bytes behind `from` count what is stored, which begins at `to`.
/// One in the midst of what was taken out is where its token begins. Gives how many were.
fn moved(arrivals: &mut [Arrival], taken: &[Taken], from: u64, to: u64, decided: usize) -> usize {
    let mut taken = taken.iter().peekable();
    // Where the stretch between two tokens begins, in the run and in what is stored of it.
    let (mut start, mut stored) = (0_usize, 0_u64);
    let mut count = 0;
    for arrival in arrivals {
        let at = arrival.offset.saturating_sub(from) as usize;
        if at >= decided {
            break;
        }
        while let Some(one) = taken.next_if(|one| one.range.end <= at) {
            stored += (one.range.start - start) as u64 + one.stand_in.len() as u64;
            start = one.range.end;
        }
        let at = taken.peek().map_or(at, |next| at.min(next.range.start));
        arrival.offset = to + stored + (at - start) as u64;
        count += 1;
    }
    count
}
