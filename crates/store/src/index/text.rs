//! A Bloom filter over the text of a block: which runs of three characters occur in it.
//!
//! Runs rather than words, because filters look for any part of a text: a search for `tock` must
//! find `stock`. ASCII letters are folded; runs with other bytes are left out on both sides, so
//! they prune nothing and hide nothing.

/// Bits for each run; with two bits set a run, one in about twenty-five is taken for present.
const BITS_PER_RUN: usize = 8;
/// A block with more runs than this has no filter worth its room; an empty one matches anything.
const MOST_RUNS: usize = 24 << 10;
/// All runs of three 7-bit characters.
const ALL: usize = 1 << 21;

/// The filter of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextFilter {
    bits: Vec<u8>,
}

/// Collects the runs of one block, then of the next.
#[derive(Debug)]
pub(crate) struct TextBuilder {
    seen: Vec<u64>,
    runs: Vec<u32>,
    anything: bool,
}

impl TextBuilder {
    pub(crate) fn new() -> Self {
        Self { seen: vec![0; ALL / 64], runs: Vec::new(), anything: false }
    }

    /// Adds a text.
    pub(crate) fn add(&mut self, text: &[u8]) {
        for run in runs_of(text) {
            let Some(word) = self.seen.get_mut(run as usize / 64) else { continue };
            let bit = 1 << (run % 64);
            if *word & bit == 0 {
                *word |= bit;
                self.runs.push(run);
            }
        }
    }

    /// There is text that was not seen, so the filter may rule out nothing.
    pub(crate) fn add_anything(&mut self) {
        self.anything = true;
    }

    /// The filter of what was added since the last call.
    pub(crate) fn take(&mut self) -> TextFilter {
        let mut filter = TextFilter::default();
        if !self.anything && self.runs.len() <= MOST_RUNS {
            filter.bits = vec![0; (self.runs.len() * BITS_PER_RUN).div_ceil(8).max(8)];
            for &run in &self.runs {
                for bit in bits_of(run, filter.bits.len()) {
                    if let Some(byte) = filter.bits.get_mut(bit / 8) {
                        *byte |= 1 << (bit % 8);
                    }
                }
            }
        }
        for run in self.runs.drain(..) {
            if let Some(word) = self.seen.get_mut(run as usize / 64) {
                *word = 0;
            }
        }
        self.anything = false;
        filter
    }
}

impl TextFilter {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bits
    }

    /// Whether `text` may stand in the block whose filter these bytes are.
    pub(crate) fn may_have(bits: &[u8], text: &str) -> bool {
        let has = |bit: usize| bits.get(bit / 8).is_some_and(|byte| byte & (1 << (bit % 8)) != 0);
        bits.is_empty() || runs_of(text.as_bytes()).all(|run| bits_of(run, bits.len()).all(has))
    }
}

fn runs_of(text: &[u8]) -> impl Iterator<Item = u32> {
    text.windows(3).filter_map(|run| {
        let fold = |byte: u8| u32::from(byte.to_ascii_lowercase());
        match *run {
            [a, b, c] if run.is_ascii() => Some(fold(a) << 14 | fold(b) << 7 | fold(c)),
            _ => None,
        }
    })
}

fn bits_of(run: u32, bytes: usize) -> impl Iterator<Item = usize> {
    let mixed = u64::from(run).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = bytes as u64 * 8;
    [mixed >> 40, mixed & 0xff_ffff].into_iter().map(move |part| (part % bits) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_part_of_a_text_is_found_and_most_others_are_ruled_out() {
        let mut builder = TextBuilder::new();
        builder.add(b"GET /orders HTTP/1.1\r\nHost: shop.example\r\n");
        builder.add("{\"state\":\"Out Of Stock\",\"größe\":7}".as_bytes());
        let filter = builder.take();
        let has = |text| TextFilter::may_have(filter.bytes(), text);
        for part in ["out of stock", "tock", "HOST: SHOP", "o", "", "größe", "/orders http"] {
            assert!(has(part), "{part}");
        }
        let others = ["payment", "warehouse", "sandwich", "coffee", "/basket", "zebra"];
        assert!(others.into_iter().filter(|text| has(text)).count() <= 1);
        builder.add(b"payment");
        assert!(!TextFilter::may_have(builder.take().bytes(), "orders"));
    }

    #[test]
    fn a_block_that_cannot_be_summed_up_may_have_anything() {
        let mut builder = TextBuilder::new();
        builder.add_anything();
        assert!(TextFilter::may_have(builder.take().bytes(), "zebra"));
    }
}
