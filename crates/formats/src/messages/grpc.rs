//! gRPC's messages: a flag byte, a length of four bytes, and so many bytes (gRPC over HTTP/2,
//! `Length-Prefixed-Message`); gRPC-Web marks its trailers in the flags.

use wayside_exchange::content::{self, Decoded};

use super::{Found, Kept};

const PREFIX: usize = 5;
const COMPRESSED: u8 = 1;
const TRAILERS: u8 = 0x80;

pub(super) struct Frames {
    coding: String,
    prefix: Vec<u8>,
    /// How much of the message that has begun is still to come.
    left: u64,
    kept: Kept,
}

impl Frames {
    pub(super) fn new(coding: &[u8], limit: usize) -> Self {
        let coding = String::from_utf8_lossy(coding).trim().to_ascii_lowercase();
        Self { coding, prefix: Vec::new(), left: 0, kept: Kept::new(limit) }
    }

    pub(super) fn push(&mut self, data: &[u8], found: &mut Found<'_>) {
        let mut rest = data;
        loop {
            if self.prefix.len() < PREFIX {
                let missing = (PREFIX - self.prefix.len()).min(rest.len());
                let (prefix, after) = rest.split_at(missing);
                self.prefix.extend_from_slice(prefix);
                rest = after;
                let Some(&[_, a, b, c, d]) = self.prefix.first_chunk::<PREFIX>() else { return };
                self.left = u64::from(u32::from_be_bytes([a, b, c, d]));
            }
            let length = self.left.min(rest.len() as u64) as usize;
            let (message, after) = rest.split_at(length);
            self.kept.extend(message);
            self.left -= length as u64;
            rest = after;
            if self.left > 0 {
                return;
            }
            self.message_ended(false, found);
        }
    }

    pub(super) fn end(&mut self, found: &mut Found<'_>) {
        if !self.prefix.is_empty() {
            self.message_ended(true, found);
        }
    }

    fn message_ended(&mut self, incomplete: bool, found: &mut Found<'_>) {
        let flags = self.prefix.first().copied().unwrap_or_default();
        self.prefix.clear();
        let mut kept = self.kept.take();
        let mut kind = if flags & TRAILERS == 0 { "grpc" } else { "grpc trailers" };
        if flags & COMPRESSED != 0 {
            // A message beyond the limit is inflated as far as it was kept.
            match content::decode(&self.coding, &kept.data, kept.limit) {
                Ok(Decoded { bytes, truncated }) if self.coding != "identity" => {
                    kept.bytes = bytes.len() as u64 + u64::from(truncated);
                    kept.data = bytes;
                }
                _ => kind = "grpc compressed",
            }
        }
        found.push(kind, kept, incomplete);
    }
}
