//! The directory of a settled segment: where its blocks lie, and what its groups are.
//!
//! It stands at the end of the file, behind the text filter, and ends with a trailer of fixed
//! length. It is made when the segment is settled and never changes. One that is damaged is made
//! again by hopping over the blocks; then the text filter is not used.

use std::sync::Arc;

use crate::block::{BlockHeader, HEADER, Kind};
use crate::catalogue::Group;
use crate::cipher::{Opener, Sealer};
use crate::codec::{Take, put};
use crate::segment::Token;
use crate::storage::StoredFile;
use crate::text::table::TextTable;

/// Bytes of the trailer.
pub(crate) const TRAILER: usize = 72;
const MAGIC: [u8; 8] = *b"WAYDIR\r\n";
/// What it is encrypted as.
const ABOUT: &[u8] = b"directory";

/// Where everything in a settled segment is.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    /// What tells the file from others.
    pub(crate) token: Arc<Token>,
    /// The position after the last block that the segment had.
    pub(crate) end: u64,
    /// Position and offset of each block, in the order of positions.
    blocks: Vec<(u64, u64)>,
    /// Headers of the SUMMARY blocks, in the order of positions, until the catalogue has them.
    groups: Vec<BlockHeader>,
    /// Where the blocks end in the file.
    pub(crate) blocks_end: u64,
    /// The text filter behind them.
    pub(crate) texts: Option<TextTable>,
    pub(crate) file_bytes: u64,
}

impl Directory {
    /// A directory of blocks that will be written from `start` of the file on, to be added to.
    pub(crate) fn new(start: u64, end: u64) -> Self {
        Self {
            token: Token::new(),
            end,
            blocks: Vec::new(),
            groups: Vec::new(),
            blocks_end: start,
            texts: None,
            file_bytes: 0,
        }
    }

    /// Adds a block that lies at `offset`.
    pub(crate) fn add(&mut self, header: &BlockHeader, offset: u64) {
        self.blocks.push((header.position, offset));
        if header.kind == Kind::Summary {
            self.groups.push(*header);
        }
        self.blocks_end = self.blocks_end.max(offset + header.len());
    }

    /// Sorts what was added by position.
    pub(crate) fn finish(&mut self) {
        self.blocks.sort_unstable();
        self.groups.sort_unstable_by_key(|header| header.position);
    }

    /// Where the block at `position` lies.
    pub(crate) fn offset(&self, position: u64) -> Option<u64> {
        let n = self.blocks.binary_search_by_key(&position, |(position, _)| *position).ok()?;
        self.blocks.get(n).map(|(_, offset)| *offset)
    }

    /// Hands its groups over, in the order of positions, and gives back the room that it does not need.
    pub(crate) fn take_groups(&mut self) -> Vec<Group> {
        self.blocks.shrink_to_fit();
        std::mem::take(&mut self.groups).iter().map(Group::of).collect()
    }

    /// Its bytes, trailer included, for a file in which they begin at `offset`. The trailer, which has
    /// nothing but places and lengths in it, stays in clear.
    pub(crate) fn encode(&self, offset: u64, sealer: Option<&Sealer>) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.blocks.len() as u64);
        let (mut last_position, mut last_offset) = (0, 0);
        for &(position, offset) in &self.blocks {
            put(&mut out, position - last_position);
            crate::codec::put_delta(&mut out, offset, last_offset);
            (last_position, last_offset) = (position, offset);
        }
        put(&mut out, self.groups.len() as u64);
        for header in &self.groups {
            out.extend_from_slice(&header.encode());
        }
        if let Some(sealer) = sealer {
            out = sealer.wrap(ABOUT, &out);
        }
        let crc = crc32c::crc32c(&out);
        let len = out.len() as u64;
        let start = out.len();
        let texts = self.texts.unwrap_or_default();
        out.extend_from_slice(&MAGIC);
        for number in [self.end, self.blocks_end, offset, len, texts.offset] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for number in [texts.rows, texts.width, crc, 0, 0] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let crc = crc32c::crc32c(out.get(start..).unwrap_or_default());
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads it from the end of a file; none where it is damaged.
    pub(crate) fn read(
        file: &dyn StoredFile,
        opener: Option<&Opener>,
    ) -> std::io::Result<Option<Self>> {
        let file_bytes = file.len()?;
        let mut bytes = [0; TRAILER];
        let Some(trailer_at) = file_bytes.checked_sub(TRAILER as u64) else { return Ok(None) };
        file.read_at(&mut bytes, trailer_at)?;
        let Some(trailer) = Trailer::decode(&bytes) else { return Ok(None) };
        if trailer.offset.checked_add(trailer.len) != Some(trailer_at) {
            return Ok(None);
        }
        let mut bytes = vec![0; trailer.len as usize];
        let read = file.read_at(&mut bytes, trailer.offset)?;
        if read < bytes.len() || crc32c::crc32c(&bytes) != trailer.crc {
            return Ok(None);
        }
        if let Some(opener) = opener {
            let Some(plain) = opener.unwrap(ABOUT, &bytes) else { return Ok(None) };
            bytes = plain;
        }
        Ok(Self::decode(&bytes, &trailer).map(|directory| Self { file_bytes, ..directory }))
    }

    fn decode(bytes: &[u8], trailer: &Trailer) -> Option<Self> {
        let mut take = Take::new(bytes);
        let mut directory = Self::new(trailer.blocks_end, trailer.end);
        directory.texts = (trailer.texts.rows > 0).then_some(trailer.texts);
        let (mut position, mut offset) = (0_u64, 0);
        for _ in 0..take.number()? {
            position = position.checked_add(take.number()?)?;
            offset = take.delta(offset)?;
            directory.blocks.push((position, offset));
        }
        for _ in 0..take.number()? {
            directory.groups.push(BlockHeader::decode(take.slice(HEADER)?)?);
        }
        take.is_empty().then_some(directory)
    }
}

struct Trailer {
    end: u64,
    blocks_end: u64,
    offset: u64,
    len: u64,
    crc: u32,
    texts: TextTable,
}

impl Trailer {
    fn decode(bytes: &[u8; TRAILER]) -> Option<Self> {
        let (content, crc) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
            return None;
        }
        let mut take = Take::new(content);
        if take.array()? != MAGIC {
            return None;
        }
        let (end, blocks_end, offset, len) = (take.u64()?, take.u64()?, take.u64()?, take.u64()?);
        let texts = TextTable { offset: take.u64()?, rows: take.u32()?, width: take.u32()? };
        Some(Self { end, blocks_end, offset, len, crc: take.u32()?, texts })
    }
}
