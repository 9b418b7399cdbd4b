//! Bodies packed by the same libraries that clients use, whole, cut, stacked and hostile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::*;

const CODINGS: [&str; 5] = ["gzip", "deflate", "raw deflate", "br", "zstd"];
const PLENTY: usize = 1 << 20;

fn packed(coding: &str, bytes: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" | "x-gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "raw deflate" => {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            let mut encoder = brotli::CompressorWriter::new(&mut out, 4096, 5, 20);
            encoder.write_all(bytes).unwrap();
            drop(encoder);
            out
        }
        _ => zstd::encode_all(bytes, 3).unwrap(),
    }
}

fn name(coding: &str) -> &str {
    coding.strip_prefix("raw ").unwrap_or(coding)
}

/// Text that no coding packs into nothing.
fn long_text(lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|n| format!("{} order {} is {}\n", n * 7919 % 10_007, n, n * n).into_bytes())
        .collect()
}

#[test]
fn every_coding_is_undone() {
    let text = long_text(500);
    for coding in CODINGS {
        let decoded = decode(name(coding), &packed(coding, &text), PLENTY).unwrap();
        assert_eq!(decoded, Decoded { bytes: text.clone(), truncated: false }, "{coding}");
    }
    for plain in ["", "identity", " Identity , "] {
        assert_eq!(decode(plain, &text, PLENTY).unwrap().bytes, text);
    }
}

#[test]
fn codings_are_undone_last_applied_first_and_in_any_case() {
    let text = long_text(50);
    let twice = packed("br", &packed("gzip", &text));
    assert_eq!(decode("X-GZIP, br", &twice, PLENTY).unwrap().bytes, text);
    assert!(decode("br, gzip", &twice, PLENTY).is_err());
}

#[test]
fn all_members_of_a_gzip_body_are_read() {
    let bytes = [packed("gzip", b"one "), packed("gzip", b"two")].concat();
    assert_eq!(decode("gzip", &bytes, PLENTY).unwrap().bytes, b"one two");
}

#[test]
fn a_small_body_that_unpacks_to_a_huge_one_is_bounded() {
    let zeros = vec![0_u8; 8 * PLENTY];
    for coding in CODINGS {
        let decoded = decode(name(coding), &packed(coding, &zeros), 1000).unwrap();
        assert_eq!((decoded.bytes.len(), decoded.truncated), (1000, true), "{coding}");
    }
    let exact = decode("gzip", &packed("gzip", b"12345"), 5).unwrap();
    assert!(!exact.truncated && exact.bytes == b"12345");
}

#[test]
fn what_unpacks_to_a_thousand_times_its_size_is_cut_whatever_the_caller_would_take() {
    let zeros = vec![0_u8; 12 * PLENTY];
    for coding in CODINGS {
        let bomb = packed(coding, &zeros);
        let decoded = decode(name(coding), &bomb, usize::MAX).unwrap();
        let most = (bomb.len() * MOST_TIMES).max(ALWAYS);
        assert_eq!((decoded.bytes.len(), decoded.truncated), (most, true), "{coding}");
    }
    let twice = packed("gzip", &packed("gzip", &zeros));
    let decoded = decode("gzip, gzip", &twice, usize::MAX).unwrap();
    assert_eq!((decoded.bytes.len(), decoded.truncated), (ALWAYS, true));
    let honest = decode("gzip", &packed("gzip", &zeros[..ALWAYS]), usize::MAX).unwrap();
    assert_eq!((honest.bytes.len(), honest.truncated), (ALWAYS, false));
}

#[test]
fn a_cut_body_gives_its_beginning() {
    let text = long_text(40_000);
    for coding in CODINGS {
        let whole = packed(coding, &text);
        let decoded = decode(name(coding), &whole[..whole.len() * 3 / 4], 4 * PLENTY).unwrap();
        assert!(decoded.truncated, "{coding}");
        assert!(decoded.bytes.len() > text.len() / 4, "{coding}: {}", decoded.bytes.len());
        assert!(text.starts_with(&decoded.bytes), "{coding}");
        for n in 0..12 {
            let decoded = decode(name(coding), &whole[..n], PLENTY).unwrap();
            assert_eq!(decoded.truncated, n > 0, "{coding} of {n} bytes");
        }
    }
}

#[test]
fn what_is_not_in_the_coding_is_said() {
    assert_eq!(
        decode("compress", b"x", PLENTY).unwrap_err().to_string(),
        "content coding `compress` is not known; known are `gzip`, `deflate`, `br` and `zstd`"
    );
    for coding in ["gzip", "zstd"] {
        let error = decode(coding, b"plain text, never packed", PLENTY).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the body is not in the content coding `{coding}` that its header names")
        );
    }
    let many = "gzip,".repeat(100);
    assert_eq!(decode(&many, b"x", PLENTY), Err(ContentError::TooManyCodings(100)));
}

#[test]
fn text_is_told_by_type_and_else_by_looking() {
    for text in [
        "text/html; charset=utf-8",
        "application/json",
        "APPLICATION/PROBLEM+JSON",
        "application/x-www-form-urlencoded",
        "image/svg+xml",
        "application/graphql",
        "application/javascript",
    ] {
        assert!(is_text(Some(text), b"\x00\x01"), "{text}");
    }
    assert!(!is_text(Some("image/png"), b"looks like text"));
    assert!(is_text(Some("application/octet-stream"), b"just words\n"));
    assert!(is_text(None, "größe".as_bytes()) && is_text(None, &"größe".as_bytes()[..3]));
    assert!(!is_text(None, b"\x89PNG\r\n\x1a\n\x00") && !is_text(None, b"a\x00b"));
    assert!(is_text(None, b""));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_body_survives_any_two_codings(
        bytes in prop::collection::vec(any::<u8>(), 0..2000), first in 0..5_usize, second in 0..5_usize,
    ) {
        let (first, second) = (CODINGS[first], CODINGS[second]);
        let twice = packed(second, &packed(first, &bytes));
        let codings = format!("{}, {}", name(first), name(second));
        prop_assert_eq!(decode(&codings, &twice, PLENTY).unwrap(), Decoded { bytes, truncated: false });
    }

    #[test]
    fn no_bytes_panic_or_go_over_the_limit(
        bytes in prop::collection::vec(any::<u8>(), 0..300), coding in 0..5_usize, flip in 0..300_usize,
    ) {
        for input in [bytes.clone(), packed(CODINGS[coding], &bytes)] {
            let mut input = input;
            if let Some(byte) = input.get_mut(flip) { *byte ^= 0x40; }
            if let Ok(decoded) = decode(name(CODINGS[coding]), &input, 100) {
                prop_assert!(decoded.bytes.len() <= 100);
            }
            is_text(None, &input);
        }
    }
}
