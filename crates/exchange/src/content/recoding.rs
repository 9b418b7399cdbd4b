//! Content codings applied: to what is stored in the place of a coded body.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::ContentError;

/// Fast rather than small.
const BROTLI_QUALITY: u32 = 2;
const BROTLI_WINDOW: u32 = 20;
const BUFFER: usize = 16 << 10;

/// `bytes` in `codings`, the value of `Content-Encoding`, applied in order: what
/// [`decode`](super::decode) undoes.
pub fn encode(codings: &str, bytes: &[u8]) -> Result<Vec<u8>, ContentError> {
    let mut coded = bytes.to_vec();
    for name in codings.split(',').map(str::trim) {
        let result = match name.to_ascii_lowercase().as_str() {
            "" | "identity" => continue,
            "gzip" | "x-gzip" => gzip(&coded),
            "deflate" => deflate(&coded),
            "br" => brotli(&coded),
            "zstd" => zstd::bulk::compress(&coded, 1),
            _ => return Err(ContentError::UnknownCoding(name.to_owned())),
        };
        coded = result.map_err(|error| ContentError::Malformed {
            coding: name.to_owned(),
            reason: error.to_string(),
        })?;
    }
    Ok(coded)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn deflate(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut coded = Vec::new();
    let mut encoder =
        brotli::CompressorWriter::new(&mut coded, BUFFER, BROTLI_QUALITY, BROTLI_WINDOW);
    encoder.write_all(bytes)?;
    encoder.flush()?;
    drop(encoder);
    Ok(coded)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::super::decode;
    use super::*;

    #[test]
    fn what_is_coded_decodes_to_what_it_was() {
        let text = b"the same words, the same words, the same words".repeat(50);
        for codings in ["gzip", "deflate", "br", "zstd", "gzip, br", "identity", "x-gzip"] {
            let coded = encode(codings, &text).unwrap();
            let decoded = decode(codings, &coded, 1 << 20).unwrap();
            assert!(decoded.bytes == text && !decoded.truncated, "{codings}");
        }
        assert!(encode("lzw", &text).is_err());
    }
}
