//! Recorded streams taken apart into messages: WebSocket, gRPC, server-sent events, compressed or not. However
//! the bytes lie, it ends, and no message holds more than it may.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wayside_exchange::head::Head;
use wayside_exchange::stored::{Arrival, Exchange, Message};
use wayside_exchange::{Half, Outcome};
use wayside_formats::messages::Messages;
use wayside_fuzz::{START, row};

const LIMIT: usize = 1 << 10;
const HEADS: [&str; 6] = [
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: deflate\r\n\r\n",
];

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (kind, step, body) = input;
    let exchange = exchange(usize::from(kind) % HEADS.len(), usize::from(step).max(1), body.len());
    let mut kept = 0;
    for message in Messages::new(&exchange, Half::Response, body, LIMIT) {
        let Ok(message) = message else { break };
        assert!(message.data.len() <= LIMIT);
        kept += 1;
    }
    assert!(kept <= 1 + 2000 * (body.len() + 1), "{kept} messages of {} bytes", body.len());
});

fn exchange(kind: usize, step: usize, bytes: usize) -> Exchange {
    let arrivals =
        (0..bytes as u64).step_by(step).map(|offset| Arrival { offset, at: START }).collect();
    let mut message = Message { head: Head(HEADS[kind].into()), ..Message::default() };
    message.body.arrivals = arrivals;
    let mut summary = row(1);
    summary.outcome = if kind < 2 { Outcome::Upgraded } else { Outcome::Complete };
    Exchange {
        summary,
        request: Message { head: Head("GET / HTTP/1.1\r\n\r\n".into()), ..Message::default() },
        informed: Vec::new(),
        response: Some(message),
        sealed: Vec::new(),
    }
}
