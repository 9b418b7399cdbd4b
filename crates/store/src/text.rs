//! Which runs of four characters occur in a group's text, so that a search reads few groups.
//!
//! Runs rather than words, because filters look for any part of a text: a search for `tock` must
//! find `stock`. Four rather than three, since nearly every run of three occurs in a megabyte of
//! prose. ASCII letters are folded; runs with other bytes are left out on both sides, so they
//! prune nothing and hide nothing.

pub(crate) mod exchange;
pub(crate) mod hints;
pub(crate) mod table;

/// Bits that a group's text is hashed into; with one bit for each run, a megabyte of prose sets a
/// fifth of them, so one search in a few thousand for a word of eight letters reads a group in vain.
const MOST_ROWS: usize = 1 << 18;
const RUN: usize = 4;

/// The text of one group: a bit for each hash; none where it may hold anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column(Option<Box<[u64]>>);

/// Collects the runs of one group, then of the next.
#[derive(Debug)]
pub(crate) struct TextBuilder {
    bits: Box<[u64]>,
    anything: bool,
}

impl TextBuilder {
    pub(crate) fn new() -> Self {
        Self { bits: empty(), anything: false }
    }

    /// Adds a text.
    pub(crate) fn add(&mut self, text: &[u8]) {
        for row in rows_of(text) {
            set(&mut self.bits, row);
        }
    }

    /// There is text that was not seen, so the filter may rule out nothing.
    pub(crate) fn add_anything(&mut self) {
        self.anything = true;
    }

    /// What was added since the last call.
    pub(crate) fn take(&mut self) -> Column {
        let bits = std::mem::replace(&mut self.bits, empty());
        Column((!std::mem::take(&mut self.anything)).then_some(bits))
    }
}

impl Column {
    /// How many bits are set.
    fn weight(&self) -> usize {
        let Column(bits) = self;
        bits.as_ref().map_or(0, |bits| bits.iter().map(|word| word.count_ones() as usize).sum())
    }

    /// The same over fewer rows, a power of two of at least 64.
    fn fold(&mut self, rows: usize) {
        let Column(Some(bits)) = self else { return };
        let mut folded = vec![0; rows / 64].into_boxed_slice();
        for part in bits.chunks(rows / 64) {
            for (word, more) in folded.iter_mut().zip(part) {
                *word |= more;
            }
        }
        *bits = folded;
    }

    /// Whether a run of this hash may occur.
    fn has(&self, row: usize) -> bool {
        let Column(bits) = self;
        let word = |bits: &[u64]| bits.get(row / 64).copied().unwrap_or(u64::MAX);
        bits.as_ref().is_none_or(|bits| word(bits) & (1 << (row % 64)) != 0)
    }
}

fn empty() -> Box<[u64]> {
    vec![0; MOST_ROWS / 64].into_boxed_slice()
}

fn set(bits: &mut [u64], row: usize) {
    if let Some(word) = bits.get_mut(row / 64) {
        *word |= 1 << (row % 64);
    }
}

/// The hashes of the runs of a text, each below [`MOST_ROWS`]. The hash for fewer rows, a power of two,
/// is its remainder.
fn rows_of(text: &[u8]) -> impl Iterator<Item = usize> {
    let (mut run, mut length) = (0_u32, 0_usize);
    text.iter().filter_map(move |&byte| {
        length = if byte.is_ascii() { length + 1 } else { 0 };
        run = run >> 8 | u32::from(byte.to_ascii_lowercase()) << 24;
        // Multiplicative hashing (Knuth, TAOCP volume 3, section 6.4), its upper bits.
        let hash = run.wrapping_mul(0x9e37_79b1) >> (32 - MOST_ROWS.trailing_zeros());
        (length >= RUN).then_some(hash as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(texts: &[&str]) -> Column {
        let mut builder = TextBuilder::new();
        for text in texts {
            builder.add(text.as_bytes());
        }
        builder.take()
    }

    fn may_have(column: &Column, rows: usize, text: &str) -> bool {
        rows_of(text.as_bytes()).all(|row| column.has(row % rows))
    }

    #[test]
    fn any_part_of_a_text_is_found_in_any_case_and_other_words_are_not() {
        let mut column = column(&["{\"state\": \"Out of Stock\"}"]);
        for rows in [MOST_ROWS, 4096, 1024] {
            column.fold(rows);
            for part in ["stock", "TOCK", "of st", "\"}", "out of stock"] {
                assert!(may_have(&column, rows, part), "{part}");
            }
            assert!(!may_have(&column, rows, "in the warehouse"));
        }
    }

    #[test]
    fn what_is_short_or_not_ascii_rules_nothing_out() {
        let column = column(&["plain"]);
        for text in ["", "xyz", "ß", "日本語"] {
            assert!(may_have(&column, MOST_ROWS, text), "{text}");
        }
        assert!(!may_have(&column, MOST_ROWS, "grünkohl und pinkel"));
    }

    #[test]
    fn unseen_text_may_be_anything_and_the_next_group_begins_anew() {
        let mut builder = TextBuilder::new();
        builder.add(b"first");
        builder.add_anything();
        assert!(may_have(&builder.take(), MOST_ROWS, "whatever"));
        let second = builder.take();
        assert!(!may_have(&second, MOST_ROWS, "first"));
        assert_eq!(second.weight(), 0);
    }
}
