//! WebSocket messages (RFC 6455): frames unmasked, fragments assembled, and inflated where
//! `permessage-deflate` (RFC 7692) was agreed on. Control frames between fragments stand for
//! themselves. A stream that stops making sense ends in one incomplete message.

use flate2::{Decompress, FlushDecompress};
use wayside_exchange::websocket::{CLOSE, CONTINUATION, Header, PING, TEXT, keeps_context};
use wayside_exchange::{Half, Head};

use super::{Found, Kept};

pub(super) struct Frames {
    header: Vec<u8>,
    frame: Option<Header>,
    /// How much of the frame's payload has passed.
    passed: u64,
    control: Kept,
    message: Option<Fragments>,
    inflate: Option<Inflate>,
    limit: usize,
    /// The stream makes no sense any more.
    rest: Option<Kept>,
}

/// A message of which some frames have come.
struct Fragments {
    is_text: bool,
    is_deflated: bool,
    kept: Kept,
}

/// The decompressor of one direction.
struct Inflate {
    state: Decompress,
    keeps_context: bool,
}

impl Frames {
    /// `answer` is the response that agreed on WebSocket.
    pub(super) fn new(answer: Option<&Head>, half: Half, limit: usize) -> Self {
        let extensions = answer.and_then(|head| head.field("sec-websocket-extensions"));
        Self {
            header: Vec::new(),
            frame: None,
            passed: 0,
            control: Kept::new(limit),
            message: None,
            inflate: Inflate::of(extensions.unwrap_or_default(), half),
            limit,
            rest: None,
        }
    }

    pub(super) fn push(&mut self, data: &[u8], found: &mut Found<'_>) {
        let mut rest = data;
        loop {
            if let Some(nonsense) = &mut self.rest {
                nonsense.extend(rest);
                return;
            }
            let Some(frame) = self.frame else {
                let Some((&byte, after)) = rest.split_first() else { return };
                self.header.push(byte);
                rest = after;
                if let Some(header) = Header::parse(&self.header) {
                    self.frame_begins(header);
                    if header.length == 0 {
                        self.frame_ended(header, found);
                    }
                }
                continue;
            };
            let length = (frame.length - self.passed).min(rest.len() as u64) as usize;
            let (payload, after) = rest.split_at(length);
            self.payload(frame, payload);
            rest = after;
            if self.passed == frame.length {
                self.frame_ended(frame, found);
            } else if rest.is_empty() {
                return;
            }
        }
    }

    pub(super) fn end(&mut self, found: &mut Found<'_>) {
        let nonsense = self.rest.take();
        if nonsense.is_some() {
            self.header.clear();
        }
        if self.frame.is_some_and(|frame| frame.opcode >= CLOSE) {
            let control = self.control.take();
            found.push("control", control, true);
        }
        if let Some(message) = self.message.take() {
            let kind = if message.is_text { "text" } else { "binary" };
            found.push(kind, message.kept, true);
        } else if !self.header.is_empty() {
            let mut header = Kept::new(self.limit);
            header.extend(&self.header);
            found.push("binary", header, true);
        }
        if let Some(nonsense) = nonsense {
            found.push("binary", nonsense, true);
        }
    }

    fn frame_begins(&mut self, frame: Header) {
        let continues = frame.opcode == CONTINUATION;
        let may_come = frame.may_come(self.message.is_some());
        if !may_come || frame.is_deflated && self.inflate.is_none() {
            let mut rest = Kept::new(self.limit);
            rest.extend(&self.header);
            self.rest = Some(rest);
            return;
        }
        self.header.clear();
        self.passed = 0;
        self.frame = Some(frame);
        if frame.opcode < CLOSE && !continues {
            self.message = Some(Fragments {
                is_text: frame.opcode == TEXT,
                is_deflated: frame.is_deflated,
                kept: Kept::new(self.limit),
            });
        }
    }

    fn payload(&mut self, frame: Header, payload: &[u8]) {
        let plain: Vec<u8> = match frame.mask {
            Some(mask) => {
                let key = mask.iter().cycle().skip((self.passed % 4) as usize);
                payload.iter().zip(key).map(|(byte, key)| byte ^ key).collect()
            }
            None => payload.to_vec(),
        };
        self.passed += payload.len() as u64;
        if frame.opcode >= CLOSE {
            self.control.extend(&plain);
        } else if let Some(message) = &mut self.message {
            match &mut self.inflate {
                Some(inflate) if message.is_deflated => inflate.push(&plain, &mut message.kept),
                _ => message.kept.extend(&plain),
            }
        }
    }

    fn frame_ended(&mut self, frame: Header, found: &mut Found<'_>) {
        if self.rest.is_some() {
            return;
        }
        self.frame = None;
        if frame.opcode >= CLOSE {
            let control = self.control.take();
            let kind = match (frame.opcode, control.data.first_chunk::<2>()) {
                (CLOSE, Some(&code)) => format!("close {}", u16::from_be_bytes(code)),
                (CLOSE, None) => "close".to_owned(),
                (PING, _) => "ping".to_owned(),
                _ => "pong".to_owned(),
            };
            found.push(kind, control, false);
        } else if frame.is_last
            && let Some(mut message) = self.message.take()
        {
            if let Some(inflate) = self.inflate.as_mut().filter(|_| message.is_deflated) {
                inflate.end(&mut message.kept);
            }
            let kind = if message.is_text { "text" } else { "binary" };
            found.push(kind, message.kept, false);
        }
    }
}

impl Inflate {
    fn of(extensions: &[u8], half: Half) -> Option<Self> {
        let keeps_context = keeps_context(extensions, half)?;
        Some(Self { state: Decompress::new(false), keeps_context })
    }

    /// What is malformed adds nothing.
    fn push(&mut self, mut data: &[u8], kept: &mut Kept) {
        let mut buffer = [0; 16 * 1024];
        loop {
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let result = self.state.decompress(data, &mut buffer, FlushDecompress::Sync);
            let taken = (self.state.total_in() - before_in) as usize;
            let given = (self.state.total_out() - before_out) as usize;
            kept.extend(buffer.get(..given).unwrap_or_default());
            data = data.get(taken..).unwrap_or_default();
            let is_full = given == buffer.len();
            if result.is_err() || taken == 0 && given == 0 || data.is_empty() && !is_full {
                return;
            }
        }
    }

    /// RFC 7692 section 7.2.2: the sender took these four bytes off.
    fn end(&mut self, kept: &mut Kept) {
        self.push(&[0, 0, 0xff, 0xff], kept);
        if !self.keeps_context {
            self.state.reset(false);
        }
    }
}
