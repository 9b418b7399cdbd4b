//! Bytes on their way to a file, lying in memory as they will lie in the file: the same distance
//! from the last page border. So the disk can take their whole pages as they are (`O_DIRECT`),
//! without a copy into the page cache; a fresh page of that costs more than everything else that
//! recording does with the bytes in it.

use std::ops::Deref;

/// What direct reads and writes are aligned to, in memory and in the file: the page of the common
/// architectures, and a multiple of every disk's logical block.
pub(crate) const PAGE: usize = 4096;
/// What an emptied buffer may keep.
const KEEP: usize = 4 << 20;

/// A growing run of bytes that will begin at a known place of a file.
#[derive(Debug, Default)]
pub(crate) struct PageBuffer {
    /// Padding up to the phase, then the bytes.
    all: Vec<u8>,
    padding: usize,
    /// How far behind a page border the bytes begin.
    phase: usize,
}

/// A run of bytes split at the page borders of the file.
pub(crate) struct Split<'a> {
    pub(crate) before: &'a [u8],
    /// Whole pages, aligned in memory too.
    pub(crate) pages: &'a [u8],
    pub(crate) after: &'a [u8],
}

impl PageBuffer {
    /// An empty one for bytes that will begin `at` bytes into a file.
    pub(crate) fn at(at: u64) -> Self {
        let mut buffer = Self::default();
        buffer.restart(at);
        buffer
    }

    /// Empties it for bytes that will begin `at` bytes into a file.
    pub(crate) fn restart(&mut self, at: u64) {
        self.phase = (at % PAGE as u64) as usize;
        self.all.clear();
        if self.all.capacity() > KEEP {
            self.all = Vec::new();
        }
        self.pad();
    }

    /// Makes room for `more` bytes at once.
    pub(crate) fn reserve(&mut self, more: usize) {
        if self.all.capacity() - self.all.len() >= more {
            return;
        }
        let wanted = (self.len() + more).next_power_of_two() + 2 * PAGE;
        let old = std::mem::replace(&mut self.all, Vec::with_capacity(wanted));
        let bytes = old.get(self.padding..).unwrap_or_default();
        self.pad();
        self.all.extend_from_slice(bytes);
    }

    /// Appends bytes.
    pub(crate) fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.all.extend_from_slice(bytes);
    }

    /// The buffer as a vector to append at most `most` bytes to.
    pub(crate) fn appending(&mut self, most: usize) -> &mut Vec<u8> {
        self.reserve(most);
        &mut self.all
    }

    /// Cuts it back to `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.all.truncate(self.padding + len);
    }

    /// Puts `bytes` in the place of those at `at`, which must be there.
    pub(crate) fn put_at(&mut self, at: usize, bytes: &[u8]) {
        let start = self.padding + at;
        if let Some(slot) = self.all.get_mut(start..start + bytes.len()) {
            slot.copy_from_slice(bytes);
        }
    }

    /// The bytes from `at` on, to be changed where they stand.
    pub(crate) fn tail_mut(&mut self, at: usize) -> &mut [u8] {
        self.all.get_mut(self.padding + at..).unwrap_or_default()
    }

    /// Pads an empty buffer so that what follows has its phase in memory.
    fn pad(&mut self) {
        self.padding = if self.all.capacity() < 2 * PAGE {
            // The first byte moves it anyway.
            0
        } else {
            (self.all.as_ptr().align_offset(PAGE) + self.phase) % PAGE
        };
        self.all.resize(self.padding, 0);
    }
}

impl Deref for PageBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.all.get(self.padding..).unwrap_or_default()
    }
}

/// Splits bytes that go to `offset` at the file's page borders; none where there is no whole page, or
/// memory and file are not in phase.
pub(crate) fn split(bytes: &[u8], offset: u64) -> Option<Split<'_>> {
    let before = (PAGE - (offset % PAGE as u64) as usize) % PAGE;
    let (before, rest) = bytes.split_at_checked(before)?;
    let (pages, after) = rest.split_at_checked(rest.len() / PAGE * PAGE)?;
    let in_phase = pages.as_ptr().align_offset(PAGE) == 0;
    (in_phase && !pages.is_empty()).then_some(Split { before, pages, after })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn bytes_lie_in_memory_as_in_the_file_however_they_grow() {
        for at in [0_u64, 1, 40, 4095, 4096, 1_000_003] {
            let mut buffer = PageBuffer::at(at);
            let mut wanted = Vec::new();
            for n in 0..5000_u32 {
                buffer.extend_from_slice(&n.to_le_bytes());
                wanted.extend_from_slice(&n.to_le_bytes());
            }
            assert_eq!(&*buffer, wanted);
            let parts = split(&buffer, at).unwrap();
            assert_eq!([parts.before, parts.pages, parts.after].concat(), wanted);
            assert!(parts.before.len() < PAGE && parts.after.len() < PAGE);
            buffer.restart(at + 7);
            assert!(buffer.is_empty());
            buffer.extend_from_slice(&[1; 3 * PAGE]);
            assert!(split(&buffer, at + 7).is_some());
        }
    }

    #[test]
    fn what_is_out_of_phase_or_short_is_not_split() {
        let mut buffer = PageBuffer::at(0);
        buffer.extend_from_slice(&[1; 3 * PAGE]);
        assert!(split(&buffer, 1).is_none());
        assert!(split(&[1; 100], 0).is_none());
    }
}
