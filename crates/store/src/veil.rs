//! What was taken out of a body: where in what is stored, and what stood there.
//!
//! A body with secrets is stored with tokens in their place. The bytes that the tokens stand for are
//! patches, sealed in chunks beside it: put back in order they give the body as it was transferred,
//! byte for byte, whatever its coding and length. Memory is bounded by a chunk on both sides.

use std::collections::VecDeque;

use bytes::Bytes;
use wayside_exchange::{ExchangeId, Half};

use crate::codec::{Take, put, put_bytes};
use crate::error::StoreError;
use crate::seal::SealingKey;

/// Bytes of the numbers beside an original, as a rule.
const NUMBERS: usize = 4;

/// The patches of one body, in the order of the body, until a chunk of them is full.
#[derive(Clone, Debug)]
pub struct Patches {
    half: Half,
    /// How many chunks were full before.
    number: u64,
    /// Offset in what is stored behind the last patch.
    end: u64,
    plain: Vec<u8>,
}

impl Patches {
    /// Of a body of which nothing was taken out so far.
    pub fn of(half: Half) -> Self {
        Self { half, number: 0, end: 0, plain: Vec::new() }
    }

    /// Makes room for originals of these lengths.
    pub fn reserve(&mut self, originals: impl Iterator<Item = usize>) {
        self.plain.reserve(originals.map(|length| length + NUMBERS).sum());
    }

    /// Says that `stand_in` bytes at `offset` of what is stored stand for `original`.
    pub fn push(&mut self, offset: u64, stand_in: u64, original: &[u8]) {
        put(&mut self.plain, offset.saturating_sub(self.end));
        put(&mut self.plain, stand_in);
        put_bytes(&mut self.plain, original);
        self.end = offset + stand_in;
    }

    /// Bytes of the chunk that is being filled.
    pub fn len(&self) -> usize {
        self.plain.len()
    }

    /// Whether the chunk that is being filled has nothing in it.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// The chunk as it stands, sealed.
    pub fn sealed(&self, key: &SealingKey, id: ExchangeId) -> Vec<u8> {
        let mut plain = Vec::with_capacity(self.plain.len() + 11);
        plain.push(self.half as u8);
        put(&mut plain, self.number);
        plain.extend_from_slice(&self.plain);
        key.seal(id, &plain)
    }

    /// Where the next patch goes.
    pub fn mark(&self) -> Mark {
        Mark { length: self.plain.len(), end: self.end }
    }

    /// Forgets the patches of this chunk that were added behind `mark`.
    pub fn back_to(&mut self, mark: Mark) {
        self.plain.truncate(mark.length);
        self.end = mark.end;
    }

    /// Begins the next chunk.
    pub fn next_chunk(&mut self) {
        self.number += 1;
        self.plain.clear();
    }
}

/// A place among the patches of a chunk.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    length: usize,
    end: u64,
}

/// One patch, read back.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Bytes of what is stored between the patch before and this one.
    pub gap: u64,
    /// Bytes of what is stored that it takes the place of.
    pub stand_in: u64,
    /// What stood there.
    pub original: Bytes,
}

/// Opens the `number`-th chunk of a body. A chunk of another body, or at another place, does not open.
pub(crate) fn open(
    key: &SealingKey,
    id: ExchangeId,
    half: Half,
    number: u64,
    sealed: &[u8],
) -> Result<VecDeque<Patch>, StoreError> {
    let plain = Bytes::from(key.unseal(id, sealed)?);
    let mut take = Take::new(&plain);
    let is_its = take.byte() == Some(half as u8) && take.number() == Some(number);
    let mut patches = VecDeque::new();
    while is_its && !take.is_empty() {
        let patch = patch(&plain, &mut take).ok_or(StoreError::Unsealable)?;
        patches.push_back(patch);
    }
    if is_its { Ok(patches) } else { Err(StoreError::Unsealable) }
}

fn patch(plain: &Bytes, take: &mut Take<'_>) -> Option<Patch> {
    let (gap, stand_in) = (take.number()?, take.number()?);
    let original = plain.slice_ref(take.bytes()?);
    Some(Patch { gap, stand_in, original })
}
