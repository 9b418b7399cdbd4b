//! A recorded stream taken apart into messages with times: WebSocket, gRPC, server-sent events; any
//! other stream into what arrived together.
//!
//! Bytes are pushed through as they are read, each run with the time at which it arrived, so memory
//! is bounded by one message, and a message by its limit. A message's time is that of its last byte.

mod events;
mod grpc;
mod pieces;
mod websocket;

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use flate2::write::{GzDecoder, ZlibDecoder};
use wayside_exchange::head::Head;
use wayside_exchange::stored::Arrival;
use wayside_exchange::{Exchange, Half, Outcome, Timestamp};

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which way it went.
    pub half: Half,
    /// When its last byte had come.
    pub at: Timestamp,
    /// `text`, `binary`, `ping`, `pong`, `close 1000`, `event tick`, `comment`, `grpc`,
    /// `grpc trailers`.
    pub kind: String,
    /// Its length in bytes, unmasked and inflated.
    pub bytes: u64,
    /// Its content; only the beginning where it is longer than the limit.
    pub data: Vec<u8>,
    /// Whether the stream broke off, or stopped making sense, within it.
    pub incomplete: bool,
}

/// The messages of one half, read from its body as transferred.
pub struct Messages<R> {
    body: R,
    half: Half,
    arrivals: VecDeque<Arrival>,
    offset: u64,
    /// Without arrivals everything came then.
    at: Timestamp,
    splitter: Splitter,
    coding: Coding,
    found: VecDeque<Message>,
    is_over: bool,
}

/// How a stream falls apart.
enum Splitter {
    WebSocket(websocket::Frames),
    Grpc(grpc::Frames),
    Events(events::Lines),
    Pieces(pieces::Pieces),
}

/// Where the messages go.
struct Found<'a> {
    half: Half,
    at: Timestamp,
    messages: &'a mut VecDeque<Message>,
}

/// A content coding over the whole stream, undone as it goes.
enum Coding {
    None,
    Gzip(GzDecoder<Vec<u8>>),
    Deflate(ZlibDecoder<Vec<u8>>),
}

const READ: usize = 16 * 1024;

impl<R: Read> Messages<R> {
    /// The messages of `half` of `exchange`; of each at most `limit` bytes are kept.
    pub fn new(exchange: &Exchange, half: Half, body: R, limit: usize) -> Self {
        let message = exchange.message(half);
        let head = message.map(|message| &message.head);
        let arrivals = message.map(|m| m.body.arrivals.iter().copied().collect());
        let coding = head.map_or(Coding::None, Coding::of);
        let splitter = Splitter::of(exchange, half, limit);
        Self {
            body,
            half,
            arrivals: arrivals.unwrap_or_default(),
            offset: 0,
            at: exchange.summary.started_at,
            splitter,
            coding,
            found: VecDeque::new(),
            is_over: false,
        }
    }

    /// Reads one run of bytes that arrived together, or a part of it.
    fn read_on(&mut self) -> io::Result<()> {
        let mut begins = false;
        while let Some(arrival) = self.arrivals.front().filter(|next| next.offset <= self.offset) {
            self.at = arrival.at;
            begins = true;
            self.arrivals.pop_front();
        }
        let room = self.arrivals.front().map_or(READ as u64, |next| next.offset - self.offset);
        let mut buffer = [0; READ];
        let room = room.min(READ as u64) as usize;
        let read = self.body.read(buffer.get_mut(..room).unwrap_or_default())?;
        let mut found = Found { half: self.half, at: self.at, messages: &mut self.found };
        if read == 0 {
            self.is_over = true;
            self.splitter.end(&mut found);
            return Ok(());
        }
        self.offset += read as u64;
        let data = buffer.get(..read).unwrap_or_default();
        if begins {
            self.splitter.arrival_begins(&mut found);
        }
        match self.coding.undo(data) {
            Some(decoded) => self.splitter.push(&decoded, &mut found),
            None => self.splitter.push(data, &mut found),
        }
        Ok(())
    }
}

impl<R: Read> Iterator for Messages<R> {
    type Item = io::Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(message) = self.found.pop_front() {
                return Some(Ok(message));
            }
            if self.is_over {
                return None;
            }
            match self.read_on() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
                Ok(()) => {}
            }
        }
    }
}

impl<R> std::fmt::Debug for Messages<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("half", &self.half).finish_non_exhaustive()
    }
}

/// The messages of both halves, by time.
pub fn interleave<A, B>(request: A, response: B) -> impl Iterator<Item = io::Result<Message>>
where
    A: Iterator<Item = io::Result<Message>>,
    B: Iterator<Item = io::Result<Message>>,
{
    let (mut request, mut response) = (request.peekable(), response.peekable());
    std::iter::from_fn(move || match (request.peek(), response.peek()) {
        (Some(Ok(sent)), Some(Ok(received))) if received.at < sent.at => response.next(),
        (None, _) => response.next(),
        _ => request.next(),
    })
}

impl Splitter {
    fn of(exchange: &Exchange, half: Half, limit: usize) -> Self {
        let head = exchange.message(half).map(|message| &message.head);
        let is_websocket = exchange
            .request
            .head
            .field("upgrade")
            .or(exchange.request.head.pseudo(b":protocol"))
            .is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"));
        let answer = exchange.response.as_ref().map(|response| &response.head);
        let is_upgraded = exchange.summary.outcome == Outcome::Upgraded
            || answer.is_some_and(|head| head.status() == Some(101));
        if is_websocket && is_upgraded {
            return Splitter::WebSocket(websocket::Frames::new(answer, half, limit));
        }
        let kind = head.and_then(|head| head.field("content-type")).unwrap_or_default();
        let kind = kind.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
        let kind = kind.to_ascii_lowercase();
        if kind.starts_with(b"application/grpc") && !kind.starts_with(b"application/grpc-web-text")
        {
            let coding = head.and_then(|head| head.field("grpc-encoding")).unwrap_or_default();
            Splitter::Grpc(grpc::Frames::new(coding, limit))
        } else if kind == b"text/event-stream" {
            Splitter::Events(events::Lines::new(limit))
        } else {
            Splitter::Pieces(pieces::Pieces::new(limit))
        }
    }

    fn arrival_begins(&mut self, found: &mut Found<'_>) {
        if let Splitter::Pieces(pieces) = self {
            pieces.arrival_begins(found);
        }
    }

    fn push(&mut self, data: &[u8], found: &mut Found<'_>) {
        match self {
            Splitter::WebSocket(frames) => frames.push(data, found),
            Splitter::Grpc(frames) => frames.push(data, found),
            Splitter::Events(lines) => lines.push(data, found),
            Splitter::Pieces(pieces) => pieces.push(data, found),
        }
    }

    fn end(&mut self, found: &mut Found<'_>) {
        match self {
            Splitter::WebSocket(frames) => frames.end(found),
            Splitter::Grpc(frames) => frames.end(found),
            Splitter::Events(lines) => lines.end(found),
            Splitter::Pieces(pieces) => pieces.end(found),
        }
    }
}

impl Found<'_> {
    fn push(&mut self, kind: impl Into<String>, kept: Kept, incomplete: bool) {
        let (half, at, kind) = (self.half, self.at, kind.into());
        let Kept { bytes, data, .. } = kept;
        self.messages.push_back(Message { half, at, kind, bytes, data, incomplete });
    }
}

/// The beginning of something, and how long it is.
#[derive(Clone, Default)]
struct Kept {
    bytes: u64,
    data: Vec<u8>,
    limit: usize,
}

impl Kept {
    fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    fn extend(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        let room = self.limit.saturating_sub(self.data.len()).min(data.len());
        self.data.extend_from_slice(data.get(..room).unwrap_or_default());
    }

    /// Takes what there is and begins anew.
    fn take(&mut self) -> Kept {
        let limit = self.limit;
        std::mem::replace(self, Kept::new(limit))
    }

    /// `text` or `binary`, by what was kept.
    fn kind(&self) -> &'static str {
        match std::str::from_utf8(&self.data) {
            Ok(_) => "text",
            // Only the limit, or the end of the read, may have cut a character.
            Err(error) if error.error_len().is_none() && self.bytes > self.limit as u64 => "text",
            Err(_) => "binary",
        }
    }
}

impl Coding {
    /// What can be undone on the way; a stream in any other coding shows as it came.
    fn of(head: &Head) -> Self {
        match head.field("content-encoding").map(<[u8]>::to_ascii_lowercase).as_deref() {
            Some(b"gzip" | b"x-gzip") => Coding::Gzip(GzDecoder::new(Vec::new())),
            Some(b"deflate") => Coding::Deflate(ZlibDecoder::new(Vec::new())),
            _ => Coding::None,
        }
    }

    /// What `data` adds to the decoded stream; none where there is nothing to undo. What is
    /// malformed adds nothing.
    fn undo(&mut self, data: &[u8]) -> Option<Vec<u8>> {
        match self {
            Coding::None => None,
            Coding::Gzip(decoder) => {
                let _ = decoder.write_all(data).and_then(|()| decoder.flush());
                Some(std::mem::take(decoder.get_mut()))
            }
            Coding::Deflate(decoder) => {
                let _ = decoder.write_all(data).and_then(|()| decoder.flush());
                Some(std::mem::take(decoder.get_mut()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
