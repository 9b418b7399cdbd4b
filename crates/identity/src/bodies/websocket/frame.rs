//! Messages of WebSocket (RFC 6455): read where their frames lie, and written as one.

use flate2::{Decompress, FlushDecompress};
use wayside_exchange::Half;
use wayside_exchange::websocket::{CLOSE, Header, keeps_context};

/// The most that one message is unpacked to.
const MOST: usize = 4 << 20;

/// A message that is whole.
pub(super) struct Message {
    /// Of its first frame.
    pub(super) header: Header,
    /// Unmasked, fragments put together.
    pub(super) payload: Vec<u8>,
    /// Control frames that came between its fragments, as they were.
    pub(super) controls: Vec<u8>,
    /// Of all its frames.
    pub(super) length: usize,
}

/// What a run begins with.
pub(super) enum Read {
    /// A control frame of so many bytes.
    Control(usize),
    Whole(Message),
    /// A part of a message; its header, where that is whole.
    Part(Option<Header>),
    Nonsense,
}

/// One whole frame with this payload, of the kind of `header` and masked as that was.
pub(super) fn write(header: &Header, payload: &[u8]) -> Vec<u8> {
    let masked = if header.mask.is_some() { 0x80 } else { 0 };
    let mut frame = vec![0x80 | header.opcode];
    match payload.len() {
        length @ 0..126 => frame.push(masked | length as u8),
        length @ 126..=0xffff => {
            frame.push(masked | 0x7e);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(masked | 0x7f);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend(header.mask.iter().flatten());
    frame.extend(unmasked(header, payload));
    frame
}

/// Masking and unmasking are the same.
fn unmasked<'a>(header: &Header, payload: &'a [u8]) -> impl Iterator<Item = u8> + 'a {
    let mask = header.mask.unwrap_or_default();
    payload.iter().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask)
}

/// Reads what `run` begins with.
pub(super) fn read(run: &[u8]) -> Read {
    let mut first: Option<Header> = None;
    let (mut payload, mut controls) = (Vec::new(), Vec::new());
    let mut at = 0;
    loop {
        let rest = run.get(at..).unwrap_or_default();
        let Some(header) = Header::parse(rest) else { return Read::Part(first) };
        let is_control = header.opcode >= CLOSE;
        if !header.may_come(first.is_some()) {
            return Read::Nonsense;
        }
        let length = usize::try_from(header.length).ok();
        let end = length.and_then(|length| header.bytes.checked_add(length));
        let Some(frame) = end.and_then(|end| rest.get(..end)) else {
            return Read::Part(first.or((!is_control).then_some(header)));
        };
        at += frame.len();
        if is_control && first.is_none() {
            return Read::Control(frame.len());
        }
        if is_control {
            controls.extend_from_slice(frame);
            continue;
        }
        payload.extend(unmasked(&header, frame.get(header.bytes..).unwrap_or_default()));
        let is_last = header.is_last;
        let header = *first.get_or_insert(header);
        if is_last {
            return Read::Whole(Message { header, payload, controls, length: at });
        }
    }
}

/// As much of the payload as there is of a message that is not whole.
pub(super) fn beginning(run: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut rest = run;
    while let Some(header) = Header::parse(rest) {
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        let data = rest.get(header.bytes..).unwrap_or_default();
        let (data, after) = data.split_at(length.min(data.len()));
        if header.opcode < CLOSE {
            payload.extend(unmasked(&header, data));
        }
        rest = after;
    }
    payload
}

/// The decompressor of one direction.
#[derive(Debug)]
pub(super) struct Inflate {
    state: Decompress,
    pub(super) keeps_context: bool,
}

/// A copy is for what broke off, and that is not unpacked.
impl Clone for Inflate {
    fn clone(&self) -> Self {
        Self { state: Decompress::new(false), keeps_context: self.keeps_context }
    }
}

impl Inflate {
    pub(super) fn of(extensions: &[u8], half: Half) -> Option<Self> {
        let keeps_context = keeps_context(extensions, half)?;
        Some(Self { state: Decompress::new(false), keeps_context })
    }

    /// A whole message unpacked; none where it is malformed, or too long to be searched.
    pub(super) fn message(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let mut message = Vec::new();
        // RFC 7692 section 7.2.2: the sender took these four bytes off.
        for part in [payload, &[0, 0, 0xff, 0xff]] {
            let mut data = part;
            loop {
                let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
                let mut buffer = [0; 4 * 1024];
                self.state.decompress(data, &mut buffer, FlushDecompress::Sync).ok()?;
                let taken = (self.state.total_in() - before_in) as usize;
                let given = (self.state.total_out() - before_out) as usize;
                message.extend_from_slice(buffer.get(..given).unwrap_or_default());
                data = data.get(taken..).unwrap_or_default();
                if message.len() > MOST {
                    return None;
                }
                if taken == 0 && given == 0 || data.is_empty() && given < buffer.len() {
                    break;
                }
            }
        }
        if !self.keeps_context {
            self.state.reset(false);
        }
        Some(message)
    }
}
