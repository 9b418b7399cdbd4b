//! Where bytes of a kind stand in a run: a bit for each byte, 64 at a time.
//!
//! A search for the next colon begins anew at each, and in JSON they stand close. Here sixteen bytes are
//! compared at once, by SSE2 or NEON where the target has them, and a block without any costs a test.

use wide::u8x16;

/// Bytes of a block.
pub(super) const BLOCK: usize = 64;

/// Bytes that are close.
const NEAR: usize = 32;

/// Sixteen bytes of a block.
pub(super) type Lanes = u8x16;

/// Calls `look` with each block of `run` and where it begins; zeros follow the last bytes.
#[inline]
pub(super) fn each_block(run: &[u8], mut look: impl FnMut(usize, &[u8; BLOCK])) {
    let (blocks, rest) = run.as_chunks::<BLOCK>();
    let mut last = [0; BLOCK];
    for (slot, byte) in last.iter_mut().zip(rest) {
        *slot = *byte;
    }
    let last = (!rest.is_empty()).then_some(&last);
    // One place that calls it, so that it can stand there itself.
    for (n, block) in blocks.iter().chain(last).enumerate() {
        look(n * BLOCK, block);
    }
}

/// Where `byte` stands first. Nearly always that is close, where a call costs more than to look.
#[inline]
pub(super) fn position(run: &[u8], byte: u8) -> Option<usize> {
    let Some((near, far)) = run.split_first_chunk::<NEAR>() else {
        return memchr::memchr(byte, run);
    };
    let (parts, _) = near.as_chunks::<16>();
    for (n, part) in parts.iter().enumerate() {
        let bits = are(Lanes::new(*part), byte).to_bitmask();
        if bits != 0 {
            return Some(16 * n + bits.trailing_zeros() as usize);
        }
    }
    memchr::memchr(byte, far).map(|at| NEAR + at)
}

/// The bits of those bytes of `block` for which `is` sets the lane.
#[inline]
pub(super) fn bits(block: &[u8; BLOCK], is: impl Fn(Lanes) -> Lanes) -> u64 {
    let (parts, _) = block.as_chunks::<16>();
    let mut bits = 0;
    for (n, part) in parts.iter().enumerate() {
        bits |= u64::from(is(Lanes::new(*part)).to_bitmask()) << (16 * n);
    }
    bits
}

/// The lanes that are `byte`.
#[inline]
pub(super) fn are(lanes: Lanes, byte: u8) -> Lanes {
    lanes.simd_eq(Lanes::splat(byte))
}

/// The lanes that are `first` or one of the `more` bytes behind it.
#[inline]
pub(super) fn are_from(lanes: Lanes, first: u8, more: u8) -> Lanes {
    let from = lanes - Lanes::splat(first);
    from.simd_eq(from.min(Lanes::splat(more)))
}

/// Calls `look` with the number of each bit that is set.
#[inline]
pub(super) fn each_bit(mut bits: u64, mut look: impl FnMut(usize)) {
    while bits != 0 {
        look(bits.trailing_zeros() as usize);
        bits &= bits - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_is_found_near_and_far() {
        for length in [0, 1, 31, 32, 33, 100] {
            for at in 0..length {
                let mut run = vec![b'a'; length];
                run[at..].fill(b'"');
                assert_eq!(position(&run, b'"'), Some(at), "{length}");
            }
            assert_eq!(position(&vec![b'a'; length], b'"'), None);
        }
    }

    #[test]
    fn each_byte_of_a_kind_is_met_once_wherever_it_stands() {
        for length in [0, 1, 15, 16, 17, 63, 64, 65, 200] {
            let run: Vec<u8> = (0..length).map(|n: u32| (n * 37 % 251) as u8).collect();
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            each_block(&run, |at, block| {
                let is = bits(block, |lanes| are(lanes, b':') | are_from(lanes, b'0', 9));
                each_bit(is, |bit| found.push(at + bit));
            });
            for (at, byte) in run.iter().enumerate() {
                if *byte == b':' || byte.is_ascii_digit() {
                    expected.push(at);
                }
            }
            assert_eq!(found, expected, "{length}");
        }
    }
}
