//! The text filters of a segment's groups as a table of bits in its file: a row for each hash, a column
//! for each group. A text is looked for in all groups at once, with one short read for each of its runs.
//!
//! The table is cut into chunks that hold as many whole rows as fit before a checksum, so a damaged
//! one is noticed by the search that would have believed it. In an encrypted segment each chunk is
//! encrypted by itself, and its tag stands in for the checksum.

use super::{Column, MOST_ROWS, rows_of};
use crate::cipher::{Opener, Sealer, WRAPPING};
use crate::storage::StoredFile;

/// Bytes of a chunk, its checksum in the last four.
const CHUNK: usize = 4096;
const CONTENT: usize = CHUNK - 4;
const SEALED_CONTENT: usize = CHUNK - WRAPPING;
/// What chunks are encrypted as.
const ABOUT: &[u8] = b"text filter";
/// The share of bits that may be set is one in this many, where [`MOST_ROWS`] allow it.
const SPARSE: usize = 4;
const FEWEST_ROWS: usize = 1 << 10;

/// Where a table is and what it looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextTable {
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// Rows: a power of two.
    pub(crate) rows: u32,
    /// Bytes of a row: a bit for each group.
    pub(crate) width: u32,
}

/// The groups of a segment in which a text may stand: a bit for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidates(Vec<u8>);

/// A chunk does not fit its checksum, or is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged {
    /// Where it begins in the file.
    pub(crate) offset: u64,
}

impl TextTable {
    /// Writes the table of `columns` for a file in which it begins at `offset`, chunk by chunk; none
    /// when there are no columns, or too many for a row to fit into a chunk.
    pub(crate) fn write<E>(
        offset: u64,
        columns: &mut [Column],
        sealer: Option<&Sealer>,
        mut put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Option<Self>, E> {
        let width = columns.len().div_ceil(8);
        let content = content(sealer.is_some());
        if columns.is_empty() || width > content {
            return Ok(None);
        }
        let heaviest = columns.iter().map(Column::weight).max().unwrap_or(0);
        let rows = (heaviest * SPARSE).next_power_of_two().clamp(FEWEST_ROWS, MOST_ROWS);
        for column in &mut *columns {
            column.fold(rows);
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        for row in 0..rows {
            for eight in columns.chunks(8) {
                let bits = eight.iter().zip(0..);
                chunk.push(bits.fold(0, |byte, (column, n)| byte | u8::from(column.has(row)) << n));
            }
            if chunk.len() + width > content || row + 1 == rows {
                chunk.resize(content, 0);
                if let Some(sealer) = sealer {
                    put(&sealer.wrap(ABOUT, &chunk))?;
                } else {
                    let crc = crc32c::crc32c(&chunk);
                    chunk.extend_from_slice(&crc.to_le_bytes());
                    put(&chunk)?;
                }
                chunk.clear();
            }
        }
        Ok(Some(Self { offset, rows: rows as u32, width: width as u32 }))
    }

    /// In which groups `text` may stand; none when its runs say nothing.
    pub(crate) fn candidates(
        &self,
        file: &dyn StoredFile,
        opener: Option<&Opener>,
        text: &str,
    ) -> Option<Result<Candidates, Damaged>> {
        let mut candidates: Option<Vec<u8>> = None;
        for row in rows_of(text.as_bytes()) {
            let bits = match self.row(file, opener, row as u32 % self.rows) {
                Ok(bits) => bits,
                Err(damaged) => return Some(Err(damaged)),
            };
            match &mut candidates {
                None => candidates = Some(bits),
                Some(all) => all.iter_mut().zip(bits).for_each(|(all, bits)| *all &= bits),
            }
        }
        candidates.map(|candidates| Ok(Candidates(candidates)))
    }

    /// Where its chunks begin in the file.
    pub(crate) fn chunks(&self, opener: Option<&Opener>) -> impl Iterator<Item = u64> + use<> {
        let chunks = self.rows.div_ceil(self.rows_in_chunk(opener));
        let offset = self.offset;
        (0..chunks).map(move |n| offset + u64::from(n) * CHUNK as u64)
    }

    /// The content of the chunk at `offset`.
    pub(crate) fn chunk(
        file: &dyn StoredFile,
        opener: Option<&Opener>,
        offset: u64,
    ) -> Result<Vec<u8>, Damaged> {
        let mut chunk = vec![0; CHUNK];
        let read = file.read_at(&mut chunk, offset);
        let whole = read.is_ok_and(|read| read == CHUNK);
        if let Some(opener) = opener {
            return opener.unwrap(ABOUT, &chunk).ok_or(Damaged { offset });
        }
        match chunk.split_last_chunk::<4>() {
            Some((content, crc))
                if whole && crc32c::crc32c(content) == u32::from_le_bytes(*crc) =>
            {
                chunk.truncate(CONTENT);
                Ok(chunk)
            }
            _ => Err(Damaged { offset }),
        }
    }

    fn row(
        &self,
        file: &dyn StoredFile,
        opener: Option<&Opener>,
        row: u32,
    ) -> Result<Vec<u8>, Damaged> {
        let in_chunk = self.rows_in_chunk(opener);
        let offset = self.offset + u64::from(row / in_chunk) * CHUNK as u64;
        let chunk = Self::chunk(file, opener, offset)?;
        let start = (row % in_chunk * self.width) as usize;
        chunk.get(start..start + self.width as usize).map(<[u8]>::to_vec).ok_or(Damaged { offset })
    }

    fn rows_in_chunk(&self, opener: Option<&Opener>) -> u32 {
        (content(opener.is_some()) as u32 / self.width.max(1)).max(1)
    }
}

/// Bytes of rows in a chunk.
fn content(sealed: bool) -> usize {
    if sealed { SEALED_CONTENT } else { CONTENT }
}

impl Candidates {
    /// Whether the text may stand in the group of this column.
    pub(crate) fn has(&self, column: usize) -> bool {
        self.0.get(column / 8).is_none_or(|byte| byte & (1 << (column % 8)) != 0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::super::TextBuilder;
    use super::*;
    use crate::storage::Storage as _;
    use crate::storage::faulty::Faulty;

    /// A word of sixteen letters that shares hardly a run with others.
    fn word(n: usize) -> String {
        format!("{:016x}", (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    #[test]
    fn a_text_is_found_in_its_groups_only_and_a_damaged_table_says_so() {
        let mut columns: Vec<Column> = (0..37)
            .map(|n| {
                let mut builder = TextBuilder::new();
                builder.add(format!("the number of this one is {}", word(n)).as_bytes());
                builder.take()
            })
            .collect();
        let disk = Faulty::default();
        let file = disk.create("table").unwrap();
        let mut end = 100;
        let table = TextTable::write(100, &mut columns, None, |chunk| {
            let at = end;
            end += chunk.len() as u64;
            file.write_at(chunk, at)
        })
        .unwrap()
        .unwrap();
        assert_eq!(table.chunks(None).count() * CHUNK, (end - 100) as usize);
        for n in 0..37 {
            let found = table.candidates(&*file, None, &word(n).to_uppercase()).unwrap().unwrap();
            let columns: Vec<usize> = (0..37).filter(|&column| found.has(column)).collect();
            assert_eq!(columns, [n]);
        }
        assert!(table.candidates(&*file, None, "xyz").is_none());
        for offset in table.chunks(None) {
            file.write_at(&[0xff], offset + 5).unwrap();
        }
        assert!(table.candidates(&*file, None, "number").unwrap().is_err());
    }
}
