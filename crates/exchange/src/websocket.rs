//! The words of WebSocket: the header of a frame (RFC 6455 section 5.2), and what the two sides agreed on
//! about compression (RFC 7692). What a message is made of them is for who reads the stream.

use crate::outcome::Half;

/// Goes on with a message.
pub const CONTINUATION: u8 = 0;
/// Begins a message of text.
pub const TEXT: u8 = 1;
/// Begins a message of bytes.
pub const BINARY: u8 = 2;
/// Ends the connection; this and those above are control frames, each of them whole.
pub const CLOSE: u8 = 8;
/// Asks for a pong.
pub const PING: u8 = 9;
/// Answers a ping.
pub const PONG: u8 = 10;

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// FIN: the last frame of its message.
    pub is_last: bool,
    /// RSV1, which `permessage-deflate` uses.
    pub is_deflated: bool,
    /// RSV2 or RSV3, which nobody uses.
    pub has_unknown_bits: bool,
    /// What it is.
    pub opcode: u8,
    /// What its payload is masked with; clients mask, servers do not.
    pub mask: Option<[u8; 4]>,
    /// Bytes of its payload.
    pub length: u64,
    /// Bytes of the header itself.
    pub bytes: usize,
}

impl Header {
    /// The header that `bytes` begin with; none while some of it is missing.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[first, second], rest) = bytes.split_first_chunk::<2>()?;
        let (length, rest) = match second & 0x7f {
            126 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk::<8>()?;
                (u64::from_be_bytes(*length), rest)
            }
            short => (u64::from(short), rest),
        };
        let (mask, rest) = match second & 0x80 {
            0 => (None, rest),
            _ => rest.split_first_chunk::<4>().map(|(mask, rest)| (Some(*mask), rest))?,
        };
        Some(Self {
            is_last: first & 0x80 != 0,
            is_deflated: first & 0x40 != 0,
            has_unknown_bits: first & 0x30 != 0,
            opcode: first & 0x0f,
            mask,
            length,
            bytes: bytes.len() - rest.len(),
        })
    }

    /// Whether such a frame may come, `within` a message that is not whole yet or not; whether
    /// compression was agreed on is another question.
    pub fn may_come(&self, within: bool) -> bool {
        let fits = match self.opcode {
            CONTINUATION => within && !self.is_deflated,
            TEXT | BINARY => !within,
            CLOSE | PING | PONG => self.length < 126 && self.is_last && !self.is_deflated,
            _ => false,
        };
        fits && !self.has_unknown_bits
    }
}

/// Whether the messages of `half` are compressed with what came before them still known, by the
/// `Sec-WebSocket-Extensions` of the response (RFC 7692 section 7.1.1); none where they are not compressed.
pub fn keeps_context(extensions: &[u8], half: Half) -> Option<bool> {
    let text = String::from_utf8_lossy(extensions).to_ascii_lowercase();
    let agreed = text.split(',').find(|one| {
        one.split(';').next().is_some_and(|name| name.trim() == "permessage-deflate")
    })?;
    let without = match half {
        Half::Request => "client_no_context_takeover",
        Half::Response => "server_no_context_takeover",
    };
    Some(!agreed.split(';').any(|parameter| parameter.trim() == without))
}
