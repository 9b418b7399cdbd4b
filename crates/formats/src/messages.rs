//! x
use std::io::{self, Read};

use wayside_exchange::{Exchange, Half, Timestamp};

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which way it went.
    pub half: Half,
    /// When its last byte had come.
    pub at: Timestamp,
    /// `text`, `binary`, `ping`, `pong`, `close 1000`, `event tick`, `grpc`, ...
    pub kind: String,
    /// Its length in bytes, unmasked and inflated.
    pub bytes: u64,
    /// Its content; only the beginning where it is longer than the limit.
    pub data: Vec<u8>,
    /// Whether the stream broke off within it.
    pub incomplete: bool,
}

/// The messages of one half, read from its body.
pub struct Messages<R> {
    body: R,
}

impl<R: Read> Messages<R> {
    /// a
    pub fn new(exchange: &Exchange, half: Half, body: R, limit: usize) -> Self {
        let _ = (exchange, half, limit);
        Self { body }
    }
}

impl<R: Read> Iterator for Messages<R> {
    type Item = io::Result<Message>;
    fn next(&mut self) -> Option<Self::Item> {
        let mut b = [0; 1];
        let _ = self.body.read(&mut b);
        None
    }
}

/// The messages of both halves by time.
pub fn interleave<A, B>(request: A, response: B) -> impl Iterator<Item = io::Result<Message>>
where
    A: Iterator<Item = io::Result<Message>>,
    B: Iterator<Item = io::Result<Message>>,
{
    request.chain(response)
}
