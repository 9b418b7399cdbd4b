//! How long a message's body is, as far as its head tells (RFC 9112 section 6.3).

use super::scanner::Reads;

/// Where the body of a message ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyFraming {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// What the fields of a head say about the body behind it.
#[derive(Debug, Default)]
pub(super) struct Told {
    length: Option<u64>,
    coded: bool,
    chunked: bool,
}

impl Told {
    /// Takes in one line.
    pub(super) fn look(&mut self, line: &[u8]) {
        match line.first() {
            Some(b'c' | b'C') => {
                if let Some(value) = value_of(line, b"content-length") {
                    self.length =
                        std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                }
            }
            Some(b't' | b'T') => {
                if let Some(value) = value_of(line, b"transfer-encoding") {
                    self.coded = true;
                    let last = value.rsplit(|&b| b == b',').next().unwrap_or_default();
                    self.chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
                }
            }
            _ => {}
        }
    }
}

/// The value of the field `line` when it is called `name`.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (begins, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    begins.eq_ignore_ascii_case(name).then_some(value.trim_ascii())
}

/// The framing of the message that `head` begins, and whether it is an interim response.
pub(super) fn framing_of(
    head: &[u8],
    told: &Told,
    reads: Reads,
    answer_to_head: bool,
) -> (BodyFraming, bool) {
    let Told { length, coded, chunked } = *told;
    let status = match reads {
        Reads::Requests => None,
        Reads::Responses => status_of(head),
    };
    let interim = matches!(status, Some(100 | 102..=199));
    let bodiless = answer_to_head || matches!(status, Some(100..=199 | 204 | 304));
    let framing = match (reads, bodiless) {
        (Reads::Responses, _) if status == Some(101) => BodyFraming::UntilClose,
        (Reads::Responses, true) => BodyFraming::None,
        _ if chunked => BodyFraming::Chunked,
        _ if coded => BodyFraming::UntilClose,
        (Reads::Requests, _) => length.map_or(BodyFraming::None, BodyFraming::Length),
        (Reads::Responses, _) => length.map_or(BodyFraming::UntilClose, BodyFraming::Length),
    };
    let framing = if framing == BodyFraming::Length(0) { BodyFraming::None } else { framing };
    (framing, interim)
}

fn status_of(head: &[u8]) -> Option<u16> {
    let word = head.split(|&b| b == b' ').nth(1)?;
    std::str::from_utf8(word.get(..3)?).ok()?.parse().ok()
}

/// Skips a chunked body with its trailers (RFC 9112 section 7.1). Lines end with CR LF and nothing
/// less: where hyper saw no end and we did, a body's bytes would pass for the next head.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    at: ChunkedAt,
    size: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ChunkedAt {
    #[default]
    Size,
    SizeLine,
    SizeLineEnd,
    Data,
    DataEnd,
    DataLineEnd,
    TrailerStart,
    TrailerLine,
    TrailerLineEnd,
    LastLineEnd,
}

impl Chunked {
    /// What lies behind the body, once its end is among `bytes`; an error when it is malformed.
    pub(super) fn skip<'a>(&mut self, mut bytes: &'a [u8]) -> Result<Option<&'a [u8]>, ()> {
        while let Some((&byte, rest)) = bytes.split_first() {
            let mut next = rest;
            match self.at {
                ChunkedAt::Size => match (char::from(byte).to_digit(16), byte) {
                    (Some(digit), _) if self.size < 1 << 59 => {
                        self.size = self.size * 16 + u64::from(digit);
                    }
                    (Some(_), _) | (None, b'\n') => return Err(()),
                    (None, b'\r') => self.at = ChunkedAt::SizeLineEnd,
                    (None, _) => self.at = ChunkedAt::SizeLine,
                },
                ChunkedAt::SizeLine if byte == b'\r' => self.at = ChunkedAt::SizeLineEnd,
                ChunkedAt::SizeLine if byte != b'\n' => {}
                ChunkedAt::SizeLineEnd if byte == b'\n' => self.size_line_ended(),
                ChunkedAt::Data => {
                    let take = usize::try_from(self.size).unwrap_or(usize::MAX).min(bytes.len());
                    self.size -= take as u64;
                    next = bytes.get(take..).unwrap_or_default();
                    if self.size == 0 {
                        self.at = ChunkedAt::DataEnd;
                    }
                }
                ChunkedAt::DataEnd if byte == b'\r' => self.at = ChunkedAt::DataLineEnd,
                ChunkedAt::DataLineEnd if byte == b'\n' => self.at = ChunkedAt::Size,
                ChunkedAt::TrailerStart if byte == b'\r' => self.at = ChunkedAt::LastLineEnd,
                ChunkedAt::TrailerStart | ChunkedAt::TrailerLine if byte == b'\r' => {
                    self.at = ChunkedAt::TrailerLineEnd;
                }
                ChunkedAt::TrailerStart | ChunkedAt::TrailerLine if byte != b'\n' => {
                    self.at = ChunkedAt::TrailerLine;
                }
                ChunkedAt::TrailerLineEnd if byte == b'\n' => self.at = ChunkedAt::TrailerStart,
                ChunkedAt::LastLineEnd if byte == b'\n' => return Ok(Some(rest)),
                _ => return Err(()),
            }
            bytes = next;
        }
        Ok(None)
    }

    fn size_line_ended(&mut self) {
        self.at = if self.size == 0 { ChunkedAt::TrailerStart } else { ChunkedAt::Data };
    }
}
