//! HTTP/2 frame by frame over a plain connection (RFC 9113), to say what no library would say: each frame is
//! sent as it is given, header fields are written without compression (RFC 7541 section 6.2.2).

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use crate::Peer;

/// A client of HTTP/2 that keeps no rule.
#[derive(Debug)]
pub struct Frames {
    peer: Peer,
    ahead: Vec<u8>,
}

/// A frame of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream.
    pub stream: u32,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// How the server ended a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With a response of this status; zero for one that is not in the static table.
    Answered(u16),
    /// By a reset with this code.
    Reset(u32),
    /// With the whole connection, by GOAWAY with this code.
    GoneAway(u32),
    /// With the whole connection, without a word.
    Closed,
}

/// How long one write may take: whoever reads no more has closed, as far as a flood is concerned.
const WRITE: Duration = Duration::from_secs(10);

impl Frames {
    /// DATA.
    pub const DATA: u8 = 0;
    /// HEADERS.
    pub const HEADERS: u8 = 1;
    /// PRIORITY.
    pub const PRIORITY: u8 = 2;
    /// `RST_STREAM`.
    pub const RESET: u8 = 3;
    /// SETTINGS.
    pub const SETTINGS: u8 = 4;
    /// PING.
    pub const PING: u8 = 6;
    /// GOAWAY.
    pub const GO_AWAY: u8 = 7;
    /// `WINDOW_UPDATE`.
    pub const WINDOW: u8 = 8;
    /// CONTINUATION.
    pub const CONTINUATION: u8 = 9;
    /// The flag `END_STREAM`; on SETTINGS and PING the flag `ACK`.
    pub const END: u8 = 1;
    /// The flag `END_HEADERS`.
    pub const END_HEADERS: u8 = 4;

    /// Connects to `address` by prior knowledge and says the preface.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        let mut peer = Peer::connect(address);
        let _ = peer.socket().map(|socket| socket.set_write_timeout(Some(WRITE)));
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let mut frames = Self { peer, ahead: Vec::new() };
        frames.send(Self::SETTINGS, 0, 0, &[]);
        frames
    }

    /// Sends a frame; false when the server is gone or reads no more.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.send_all(&Self::frame(kind, flags, stream, payload))
    }

    /// Sends frames that are written already.
    pub fn send_all(&mut self, frames: &[u8]) -> bool {
        self.peer.send(frames)
    }

    /// A frame as it stands on the wire.
    pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a frame that fits").to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// A header block of `fields`.
    pub fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                block.extend(Self::length(text.len()));
                block.extend(*text);
            }
        }
        block
    }

    /// HEADERS of `fields` in one frame.
    pub fn headers(stream: u32, end: bool, fields: &[(&[u8], &[u8])]) -> Vec<u8> {
        let flags = Self::END_HEADERS | if end { Self::END } else { 0 };
        Self::frame(Self::HEADERS, flags, stream, &Self::block(fields))
    }

    /// HEADERS of a plain request.
    pub fn request(stream: u32, method: &str, path: &str, end: bool) -> Vec<u8> {
        Self::headers(
            stream,
            end,
            &[
                (b":method", method.as_bytes()),
                (b":scheme", b"http"),
                (b":authority", b"shop.test"),
                (b":path", path.as_bytes()),
            ],
        )
    }

    /// The next frame; nothing when the connection is over.
    #[track_caller]
    pub fn receive(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.whole() {
                return Some(frame);
            }
            let more = self.peer.some();
            if more.is_empty() {
                return None;
            }
            self.ahead.extend(more);
        }
    }

    /// How `stream` ends, whatever else comes before.
    #[track_caller]
    pub fn ending(&mut self, stream: u32) -> Ending {
        let mut status = 0;
        while let Some(frame) = self.receive() {
            let number = |at: usize| {
                let four = frame.payload.get(at..at + 4).and_then(|four| four.try_into().ok());
                u32::from_be_bytes(four.unwrap_or_default())
            };
            match frame.kind {
                Self::GO_AWAY if number(4) != 0 => return Ending::GoneAway(number(4)),
                Self::RESET if frame.stream == stream => return Ending::Reset(number(0)),
                Self::HEADERS if frame.stream == stream => {
                    status = Self::status(&frame.payload);
                }
                _ => {}
            }
            let ends = matches!(frame.kind, Self::DATA | Self::HEADERS);
            if ends && frame.stream == stream && frame.flags & Self::END != 0 {
                return Ending::Answered(status);
            }
        }
        Ending::Closed
    }

    /// Reads until the connection is over, for as long as `limit` between two pieces; false when it is not.
    pub fn closes_within(&mut self, limit: Duration) -> bool {
        let Some(socket) = self.peer.socket() else { return true };
        let _ = socket.set_read_timeout(Some(limit));
        let mut buffer = [0; 16 * 1024];
        loop {
            match std::io::Read::read(&mut { socket }, &mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                }
            }
        }
    }

    fn whole(&mut self) -> Option<Frame> {
        let [a, b, c, kind, flags, stream @ ..] = *self.ahead.first_chunk::<9>()?;
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
        let payload = self.ahead.get(9..9 + length)?.to_vec();
        self.ahead.drain(..9 + length);
        Some(Frame { kind, flags, stream: u32::from_be_bytes(stream) & 0x7fff_ffff, payload })
    }

    /// The status at the beginning of a response's header block, where it is in the static table.
    fn status(block: &[u8]) -> u16 {
        match block.first() {
            Some(0x88) => 200,
            Some(0x89) => 204,
            Some(0x8b) => 304,
            Some(0x8c) => 400,
            Some(0x8d) => 404,
            Some(0x8e) => 500,
            _ => 0,
        }
    }

    /// A length with a prefix of seven bits (RFC 7541 section 5.1).
    fn length(length: usize) -> Vec<u8> {
        if length < 127 {
            return vec![length as u8];
        }
        let mut rest = length - 127;
        let mut bytes = vec![127];
        while rest >= 128 {
            bytes.push((rest % 128 + 128) as u8);
            rest /= 128;
        }
        bytes.push(rest as u8);
        bytes
    }
}
