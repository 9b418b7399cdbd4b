//! Payloads: as they are on the way to the log, compressed when a segment is settled, checked and
//! unpacked on the way back.

use zstd::bulk::{Compressor, Decompressor};

use super::{BlockHeader, HEADER, Packing};
use crate::storage::pages::PageBuffer;

/// zstd's level 1: the cheapest that still finds repeated heads and field names.
const LEVEL: i32 = 1;
/// A payload from this size on is sampled before it is compressed.
const WORTH_SAMPLING: usize = 16 << 10;
const SAMPLE: usize = 4 << 10;

/// Packs blocks; keeps zstd's context and one buffer from block to block.
pub(crate) struct Packer {
    compressor: Option<Compressor<'static>>,
    compressed: Vec<u8>,
}

impl Packer {
    pub(crate) fn new() -> Self {
        Self { compressor: Compressor::new(LEVEL).ok(), compressed: Vec::new() }
    }

    /// Appends a block of `payload` to `out`, compressed where that helps; `header` says everything but
    /// packing, lengths and checksum. `mixed` payloads are compressed without sampling: heads always
    /// shrink.
    pub(crate) fn pack(
        &mut self,
        header: BlockHeader,
        payload: &[u8],
        mixed: bool,
        out: &mut PageBuffer,
    ) -> BlockHeader {
        let compressed =
            if mixed || self.is_compressible(payload) { self.compress(payload) } else { None };
        match compressed {
            Some(compressed) => put(header, Packing::Zstd, compressed, payload.len(), out),
            None => put(header, Packing::Raw, payload, payload.len(), out),
        }
    }

    /// Three samples tell images, archives and encrypted bodies from text at a fraction of the cost.
    fn is_compressible(&mut self, payload: &[u8]) -> bool {
        if payload.len() < WORTH_SAMPLING {
            return true;
        }
        let last = payload.len() - SAMPLE;
        [0, last / 2, last].into_iter().any(|start| {
            let Some(sample) = payload.get(start..start + SAMPLE) else { return true };
            self.compress(sample).is_some_and(|packed| packed.len() < SAMPLE / 16 * 15)
        })
    }

    /// The compressed payload; none when it does not get smaller.
    fn compress(&mut self, payload: &[u8]) -> Option<&[u8]> {
        let compressor = self.compressor.as_mut()?;
        self.compressed.clear();
        self.compressed.reserve(zstd::zstd_safe::compress_bound(payload.len()));
        compressor.compress_to_buffer(payload, &mut self.compressed).ok()?;
        (self.compressed.len() < payload.len()).then_some(self.compressed.as_slice())
    }
}

/// Appends a block of `payload` as it is to `out`; `header` says everything but packing, lengths and
/// checksum.
pub(crate) fn put_raw(header: BlockHeader, payload: &[u8], out: &mut PageBuffer) -> BlockHeader {
    put(header, Packing::Raw, payload, payload.len(), out)
}

/// Makes a block of what stands in `out` behind room for its header, which begins at `at`.
pub(crate) fn close_raw(mut header: BlockHeader, at: usize, out: &mut PageBuffer) -> BlockHeader {
    let payload = out.get(at + HEADER..).unwrap_or_default();
    (header.packing, header.raw) = (Packing::Raw, payload.len() as u32);
    header.stored = header.raw;
    header.payload_crc = crc32c::crc32c(payload);
    out.put_at(at, &header.encode());
    header
}

fn put(
    mut header: BlockHeader,
    packing: Packing,
    stored: &[u8],
    raw: usize,
    out: &mut PageBuffer,
) -> BlockHeader {
    header.packing = packing;
    header.raw = raw as u32;
    header.stored = stored.len() as u32;
    header.payload_crc = crc32c::crc32c(stored);
    out.reserve(HEADER + stored.len());
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(stored);
    header
}

/// Unpacks blocks; keeps zstd's context from block to block.
#[derive(Default)]
pub(crate) struct Unpacker {
    decompressor: Option<Decompressor<'static>>,
}

impl Unpacker {
    /// The payload of a block, uncompressed, in `raw` where it had to be; or why it is not what the
    /// header says.
    pub(crate) fn unpack<'a>(
        &mut self,
        header: &BlockHeader,
        stored: &'a [u8],
        raw: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], &'static str> {
        if stored.len() != header.stored as usize {
            return Err("it is cut short");
        }
        if crc32c::crc32c(stored) != header.payload_crc {
            return Err("its checksum does not fit");
        }
        let payload = match header.packing {
            Packing::Raw => stored,
            Packing::Zstd => {
                self.decompress(stored, header.raw as usize, raw)
                    .map_err(|_| "it does not decompress")?;
                raw
            }
        };
        let fits = payload.len() == header.raw as usize;
        fits.then_some(payload).ok_or("its length does not fit")
    }

    fn decompress(&mut self, stored: &[u8], len: usize, raw: &mut Vec<u8>) -> std::io::Result<()> {
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new()?),
        };
        raw.clear();
        raw.reserve(len);
        decompressor.decompress_to_buffer(stored, raw)?;
        Ok(())
    }
}

/// The payload of a block, uncompressed; or why it is not what the header says.
pub(crate) fn unpack(header: &BlockHeader, stored: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    let mut raw = Vec::new();
    Unpacker::default().unpack(header, &stored, &mut raw)?;
    Ok(if header.packing == Packing::Raw { stored } else { raw })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
    use super::super::{Kind, flag};
    use super::*;

    fn header() -> BlockHeader {
        BlockHeader {
            kind: Kind::Piece,
            packing: Packing::Raw,
            flags: flag::RESPONSE,
            statuses: 4,
            stored: 0,
            raw: 0,
            count: 9,
            back: 77,
            position: 123,
            first: 5,
            last: 6,
            earliest: -7,
            latest: 8,
            longest: 10,
            payload_crc: 0,
        }
    }

    fn round_trip(payload: &[u8]) -> BlockHeader {
        let mut out = PageBuffer::at(0);
        out.extend_from_slice(b"before");
        let written = Packer::new().pack(header(), payload, false, &mut out);
        let read = BlockHeader::decode(&out[6..]).unwrap();
        assert_eq!(read, written);
        assert_eq!(unpack(&read, out[6 + HEADER..].to_vec()).unwrap(), payload);
        read
    }

    #[test]
    fn text_is_compressed_and_noise_is_not() {
        assert_eq!(round_trip(&b"{\"name\":\"value\"}".repeat(4000)).packing, Packing::Zstd);
        let mut noise = vec![0; 100_000];
        aws_lc_rs::rand::fill(&mut noise).unwrap();
        assert_eq!(round_trip(&noise).packing, Packing::Raw);
        assert_eq!(round_trip(b"").packing, Packing::Raw);
        assert_eq!(round_trip(b"short").packing, Packing::Raw);
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let mut out = PageBuffer::at(0);
        Packer::new().pack(header(), &b"{\"name\":\"value\"}".repeat(10), true, &mut out);
        for n in 0..out.len() {
            let mut changed = out.to_vec();
            changed[n] ^= 0x20;
            let whole = BlockHeader::decode(&changed)
                .is_some_and(|header| unpack(&header, changed[HEADER..].to_vec()).is_ok());
            assert!(!whole, "byte {n}");
        }
    }
}
