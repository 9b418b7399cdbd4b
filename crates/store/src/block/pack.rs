//! Payloads: as they are on the way to the log, compressed when a segment is settled, checked and
//! unpacked on the way back; and encrypted where they stand before they are written, where that is asked.

use zstd::bulk::{Compressor, Decompressor};

use super::{BlockHeader, Packing, SEALED_HEADER, header_len};
use crate::cipher::{Opener, Sealer};
use crate::storage::pages::PageBuffer;

/// zstd's level 1: the cheapest that still finds repeated heads and field names.
const LEVEL: i32 = 1;
/// A payload from this size on is sampled before it is compressed.
const WORTH_SAMPLING: usize = 16 << 10;
const SAMPLE: usize = 4 << 10;
const CHANGED: &str = "it was changed, or belongs elsewhere";

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
        sealer: Option<&Sealer>,
    ) -> BlockHeader {
        let compressed =
            if mixed || self.is_compressible(payload) { self.compress(payload) } else { None };
        match compressed {
            Some(compressed) => {
                let at = lay_out(compressed, out, sealer);
                close(header, Packing::Zstd, payload.len(), at, out, sealer)
            }
            None => put_raw(header, payload, out, sealer),
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
pub(crate) fn put_raw(
    header: BlockHeader,
    payload: &[u8],
    out: &mut PageBuffer,
    sealer: Option<&Sealer>,
) -> BlockHeader {
    let at = lay_out(payload, out, sealer);
    close_raw(header, at, out, sealer)
}

/// Makes a block of what stands in `out` behind room for its header, which begins at `at`.
pub(crate) fn close_raw(
    header: BlockHeader,
    at: usize,
    out: &mut PageBuffer,
    sealer: Option<&Sealer>,
) -> BlockHeader {
    let raw = out.len() - at - header_len(sealer.is_some());
    close(header, Packing::Raw, raw, at, out, sealer)
}

/// Puts a payload behind room for its header; says where that begins.
fn lay_out(stored: &[u8], out: &mut PageBuffer, sealer: Option<&Sealer>) -> usize {
    let (at, room) = (out.len(), header_len(sealer.is_some()));
    out.reserve(room + stored.len());
    out.extend_from_slice([0; SEALED_HEADER].get(..room).unwrap_or_default());
    out.extend_from_slice(stored);
    at
}

fn close(
    mut header: BlockHeader,
    packing: Packing,
    raw: usize,
    at: usize,
    out: &mut PageBuffer,
    sealer: Option<&Sealer>,
) -> BlockHeader {
    let payload_at = at + header_len(sealer.is_some());
    (header.packing, header.raw) = (packing, raw as u32);
    header.nonce = sealer.map(Sealer::nonce);
    if let Some((sealer, nonce)) = sealer.zip(header.nonce) {
        let tag = sealer.seal(nonce, &header.about(), out.tail_mut(payload_at));
        out.extend_from_slice(&tag);
    }
    let stored = out.get(payload_at..).unwrap_or_default();
    header.stored = stored.len() as u32;
    header.payload_crc = crc32c::crc32c(stored);
    match sealer.zip(header.nonce) {
        Some((sealer, nonce)) => out.put_at(at, &header.sealed_by(sealer, nonce)),
        None => out.put_at(at, &header.encode()),
    }
    header
}

/// Unpacks blocks; keeps zstd's context from block to block.
#[derive(Default)]
pub(crate) struct Unpacker {
    decompressor: Option<Decompressor<'static>>,
    /// What was decrypted and is still compressed.
    compressed: Vec<u8>,
}

impl Unpacker {
    /// The payload of a block, uncompressed, in `raw` where it had to be; or why it is not what the
    /// header says.
    pub(crate) fn unpack<'a>(
        &mut self,
        header: &BlockHeader,
        stored: &'a [u8],
        raw: &'a mut Vec<u8>,
        opener: Option<&Opener>,
    ) -> Result<&'a [u8], &'static str> {
        if stored.len() != header.stored as usize {
            return Err("it is cut short");
        }
        if crc32c::crc32c(stored) != header.payload_crc {
            return Err("its checksum does not fit");
        }
        let payload = match (header.packing, opener.zip(header.nonce)) {
            (Packing::Raw, None) => stored,
            (Packing::Raw, Some((opener, nonce))) => {
                opener.open(nonce, &header.about(), stored, raw).ok_or(CHANGED)?;
                raw
            }
            (Packing::Zstd, None) => {
                self.decompress(stored, header.raw as usize, raw)?;
                raw
            }
            (Packing::Zstd, Some((opener, nonce))) => {
                let mut compressed = std::mem::take(&mut self.compressed);
                opener.open(nonce, &header.about(), stored, &mut compressed).ok_or(CHANGED)?;
                self.decompress(&compressed, header.raw as usize, raw)?;
                self.compressed = compressed;
                raw
            }
        };
        let fits = payload.len() == header.raw as usize;
        fits.then_some(payload).ok_or("its length does not fit")
    }

    fn decompress(
        &mut self,
        stored: &[u8],
        len: usize,
        raw: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        let failed = |_| "it does not decompress";
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new().map_err(failed)?),
        };
        raw.clear();
        raw.reserve(len);
        decompressor.decompress_to_buffer(stored, raw).map_err(failed)?;
        Ok(())
    }
}

/// The payload of a block, uncompressed; or why it is not what the header says.
pub(crate) fn unpack(
    header: &BlockHeader,
    stored: Vec<u8>,
    opener: Option<&Opener>,
) -> Result<Vec<u8>, &'static str> {
    let mut raw = Vec::new();
    Unpacker::default().unpack(header, &stored, &mut raw, opener)?;
    let as_it_is = header.packing == Packing::Raw && header.nonce.is_none();
    Ok(if as_it_is { stored } else { raw })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
    use super::super::{Kind, flag};
    use super::*;
    use crate::seal::SealingKey;

    fn header() -> BlockHeader {
        BlockHeader {
            kind: Kind::Piece,
            packing: Packing::Raw,
            nonce: None,
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

    fn sealer() -> Sealer {
        let folder = tempfile::tempdir().unwrap();
        Sealer::new(&SealingKey::open_or_create(folder.path()).unwrap()).unwrap()
    }

    fn round_trip(payload: &[u8]) -> BlockHeader {
        let sealer = sealer();
        let mut clear = None;
        for sealer in [None, Some(&sealer)] {
            let opener = sealer.map(|sealer| sealer.opener().as_ref());
            let mut out = PageBuffer::at(0);
            out.extend_from_slice(b"before");
            let written = Packer::new().pack(header(), payload, false, &mut out, sealer);
            let read = BlockHeader::read(&out[6..], opener).unwrap();
            assert_eq!(read, written);
            assert_eq!(read.len() as usize, out.len() - 6);
            let stored = out[6 + header_len(sealer.is_some())..].to_vec();
            assert_eq!(unpack(&read, stored, opener).unwrap(), payload);
            clear.get_or_insert(read);
        }
        clear.unwrap()
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
    fn any_changed_byte_is_noticed_and_an_encrypted_block_opens_at_its_place_only() {
        let sealer = sealer();
        for sealer in [None, Some(&sealer)] {
            let opener = sealer.map(|sealer| sealer.opener().as_ref());
            let mut out = PageBuffer::at(0);
            let payload = b"{\"name\":\"value\"}".repeat(10);
            let header = Packer::new().pack(header(), &payload, true, &mut out, sealer);
            for n in 0..out.len() {
                let mut changed = out.to_vec();
                changed[n] ^= 0x20;
                let whole = BlockHeader::read(&changed, opener).is_some_and(|header| {
                    let stored = changed[header_len(sealer.is_some())..].to_vec();
                    unpack(&header, stored, opener).is_ok()
                });
                assert!(!whole, "byte {n}");
            }
            let stored = out[header_len(sealer.is_some())..].to_vec();
            let elsewhere = BlockHeader { position: 124, ..header };
            assert_eq!(unpack(&elsewhere, stored, opener).is_ok(), sealer.is_none());
        }
    }
}
