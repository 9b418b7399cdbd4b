//! One content coding undone, with bounded output and whatever a cut input still gives.

use std::io::{self, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::{ContentError, Decoded};

/// Read at a time; also the brotli decoder's buffer.
const CHUNK: usize = 16 * 1024;
/// A zstd window of more than 8 MiB is against RFC 9659; some senders use 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Undoes the coding `name` on `bytes`.
pub(super) fn undo(name: &str, bytes: &[u8], limit: usize) -> Result<Decoded, ContentError> {
    if bytes.is_empty() {
        return Ok(Decoded::default());
    }
    let result = match name.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" => gzip(bytes, limit),
        "deflate" => deflate(bytes, limit),
        "br" => drain(brotli::Decompressor::new(bytes.chain(Ended), CHUNK), limit),
        "zstd" => zstd(bytes, limit),
        _ => return Err(ContentError::UnknownCoding(name.to_owned())),
    };
    result.map_err(|error| ContentError::Malformed {
        coding: name.to_owned(),
        reason: error.to_string(),
    })
}

fn gzip(bytes: &[u8], limit: usize) -> io::Result<Decoded> {
    // The decoder takes what is shorter than a header for one that was cut.
    if !bytes.starts_with(b"\x1f\x8b") && bytes != b"\x1f" {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no gzip header"));
    }
    drain(MultiGzDecoder::new(bytes), limit)
}

/// `deflate` is zlib (RFC 9110 section 8.4.1.2); some senders leave the zlib header out.
fn deflate(bytes: &[u8], limit: usize) -> io::Result<Decoded> {
    let zlib = match bytes {
        [first, second, ..] => {
            first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0
        }
        // One byte cannot tell; nothing comes of it either way.
        _ => true,
    };
    if zlib {
        match drain(ZlibDecoder::new(bytes), limit) {
            Ok(decoded) if !decoded.bytes.is_empty() || !decoded.truncated => return Ok(decoded),
            // Raw data can look like a zlib header by chance.
            tried => {
                return match drain(DeflateDecoder::new(bytes), limit) {
                    Ok(raw) if !raw.truncated => Ok(raw),
                    _ => tried,
                };
            }
        }
    }
    drain(DeflateDecoder::new(bytes), limit)
}

fn zstd(bytes: &[u8], limit: usize) -> io::Result<Decoded> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    drain(decoder, limit)
}

/// What follows a body's last byte for the brotli decoder, which reads on only where the body was
/// cut, and would take its end for damage.
struct Ended;

impl Read for Ended {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Reads to the end, the limit or the first error. An error before the first byte is the caller's,
/// unless the input simply ended: then it was cut.
fn drain(mut from: impl Read, limit: usize) -> io::Result<Decoded> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0_u8; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(Decoded { bytes, truncated: false }),
            Ok(n) => {
                let read = chunk.get(..n).unwrap_or(&chunk);
                let room = limit - bytes.len();
                if n > room {
                    bytes.extend_from_slice(read.get(..room).unwrap_or(read));
                    return Ok(Decoded { bytes, truncated: true });
                }
                bytes.extend_from_slice(read);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if bytes.is_empty() && error.kind() != io::ErrorKind::UnexpectedEof => {
                return Err(error);
            }
            Err(_) => return Ok(Decoded { bytes, truncated: true }),
        }
    }
}
