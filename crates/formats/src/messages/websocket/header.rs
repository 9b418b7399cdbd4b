//! The header of a WebSocket frame (RFC 6455 section 5.2).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) is_last: bool,
    /// RSV1, which `permessage-deflate` uses.
    pub(super) is_deflated: bool,
    /// RSV2 or RSV3, which nobody uses.
    pub(super) has_unknown_bits: bool,
    pub(super) opcode: u8,
    pub(super) mask: Option<[u8; 4]>,
    pub(super) length: u64,
}

impl Header {
    /// The header that `bytes` are; none while some of it is missing.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
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
        let mask = if second & 0x80 == 0 { None } else { Some(*rest.first_chunk::<4>()?) };
        Some(Self {
            is_last: first & 0x80 != 0,
            is_deflated: first & 0x40 != 0,
            has_unknown_bits: first & 0x30 != 0,
            opcode: first & 0x0f,
            mask,
            length,
        })
    }
}
