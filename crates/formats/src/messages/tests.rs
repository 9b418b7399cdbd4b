//! Streams as they come off the wire, in any pieces, and the messages they are.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::Write as _;

use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, FlushCompress};
use proptest::prelude::*;

use super::*;

#[path = "../../tests/support/exchange.rs"]
mod support;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const UPGRADE: &[u8] =
    b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";

/// The messages of a response whose body came in `pieces`, a second apart.
fn messages(
    request: &[u8],
    response: &[u8],
    half: Half,
    pieces: &[&[u8]],
    limit: usize,
) -> Vec<Message> {
    let mut exchange = support::exchange(request, response);
    let (mut offset, mut at) = (0, exchange.summary.started_at.0);
    let mut arrivals = Vec::new();
    for piece in pieces {
        at += 1_000_000;
        arrivals.push(Arrival { offset, at: Timestamp(at) });
        offset += piece.len() as u64;
    }
    match half {
        Half::Request => exchange.request.body.arrivals = arrivals,
        Half::Response => exchange.response.as_mut().unwrap().body.arrivals = arrivals,
    }
    let body = pieces.concat();
    Messages::new(&exchange, half, body.as_slice(), limit).map(Result::unwrap).collect()
}

/// `kind:data@second`, `!` where incomplete.
fn short(messages: &[Message]) -> Vec<String> {
    let start = support::exchange(GET, b"").summary.started_at;
    let one = |m: &Message| {
        let second = m.at.since(start).0 / 1_000_000;
        let end = if m.incomplete { "!" } else { "" };
        format!("{}:{}@{second}{end}", m.kind, String::from_utf8_lossy(&m.data))
    };
    messages.iter().map(one).collect()
}

fn answer(content_type: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n\r\n").into_bytes()
}

fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut frame = match payload.len() {
        short @ 0..126 => vec![first, bit | short as u8],
        long @ 126..65_536 => [&[first, bit | 0x7e], &(long as u16).to_be_bytes()[..]].concat(),
        longest => [&[first, bit | 0x7f], &(longest as u64).to_be_bytes()[..]].concat(),
    };
    frame.extend(mask.unwrap_or_default().iter().take(if mask.is_some() { 4 } else { 0 }));
    let key = mask.unwrap_or_default();
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
const DEFLATED: &[u8] =
    b"HTTP/1.1 101 X\r\nSec-WebSocket-Extensions: foo, permessage-deflate; client_max_window_bits\r\n\r\n";

#[test]
fn events_come_apart_with_their_names_and_times() {
    let pieces: [&[u8]; 5] = [
        b"event: tick\ndata: 1\n\n: ping\n",
        b"data: a\r\nda",
        b"ta:b\r\n\r",
        b"\nid: 7\nretry: 1\n\nevent:gone\n\n",
        b"data: cut",
    ];
    let found =
        messages(GET, &answer("text/event-stream; charset=utf-8"), Half::Response, &pieces, 100);
    assert_eq!(
        short(&found),
        [
            "event tick:1@1",
            "comment:ping@1",
            "event message:a\nb@3",
            "event gone:@4",
            "event message:cut@5!"
        ]
    );
}

#[test]
fn compressed_events_keep_their_times() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut pieces = Vec::new();
    for n in 0..3 {
        write!(encoder, "data: {n}\n\n").unwrap();
        encoder.flush().unwrap();
        pieces.push(std::mem::take(encoder.get_mut()));
    }
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n";
    let found = messages(GET, head, Half::Response, &pieces, 100);
    assert_eq!(short(&found), ["event message:0@1", "event message:1@2", "event message:2@3"]);
}

#[test]
fn websocket_frames_are_unmasked_and_assembled() {
    let mask = Some([1, 2, 3, 4]);
    let pieces = [
        frame(0x81, b"hello", mask),
        frame(0x01, b"one ", mask),
        frame(0x89, b"p", mask),
        frame(0x80, b"two", mask),
        frame(0x82, &[0xff, 0], mask),
        frame(0x88, &[0x03, 0xe8, b'b', b'y', b'e'], mask),
    ];
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let found = messages(UPGRADE, SWITCHED, Half::Request, &pieces, 100);
    assert_eq!(
        short(&found),
        [
            "text:hello@1",
            "ping:p@3",
            "text:one two@4",
            "binary:\u{fffd}\0@5",
            "close 1000:\u{3}\u{fffd}bye@6"
        ]
    );
    assert!(found.iter().all(|message| message.half == Half::Request));
}

#[test]
fn deflated_websocket_messages_are_inflated_with_their_context() {
    let mut state = flate2::Compress::new(Compression::default(), false);
    let mut pieces = Vec::new();
    for _ in 0..3 {
        let mut out = Vec::with_capacity(4096);
        state.compress_vec(b"the same again and again", &mut out, FlushCompress::Sync).unwrap();
        let deflated = out.strip_suffix(&[0, 0, 0xff, 0xff]).unwrap().to_vec();
        pieces.push(frame(0xc1, &deflated, None));
    }
    let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
    let found = messages(UPGRADE, DEFLATED, Half::Response, &pieces, 100);
    assert_eq!(short(&found)[2], "text:the same again and again@3");
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b'x'; 20_000_000]).unwrap();
    let bomb = frame(0xc1, &encoder.finish().unwrap(), None);
    let found = messages(UPGRADE, DEFLATED, Half::Response, &[&bomb], 100);
    assert_eq!((found[0].bytes, found[0].data.len()), (20_000_000, 100));
}

#[test]
fn a_stream_that_breaks_off_or_makes_no_sense_says_so() {
    let whole = [frame(0x81, b"hello", None), frame(0x81, b"world", None)].concat();
    let found = messages(UPGRADE, SWITCHED, Half::Response, &[&whole[..10]], 100);
    assert_eq!(short(&found), ["text:hello@1", "text:w@1!"]);
    let found = messages(UPGRADE, SWITCHED, Half::Response, &[b"\x81\x01a\xf3nonsense"], 100);
    assert_eq!(found.len(), 2);
    assert!(found[1].incomplete && found[1].kind == "binary" && found[1].bytes == 9);
}

#[test]
fn grpc_messages_come_apart() {
    let message =
        |flags: u8, data: &[u8]| [&[flags], &(data.len() as u32).to_be_bytes()[..], data].concat();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"zipped").unwrap();
    let zipped = encoder.finish().unwrap();
    let body = [
        message(0, b"one"),
        message(0, b""),
        message(1, &zipped),
        message(0x80, b"grpc-status:0"),
        message(0, b"cut"),
    ];
    let body = body.concat();
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/grpc+proto\r\ngrpc-encoding: gzip\r\n\r\n";
    let (first, second) = body.split_at(6);
    let found = messages(GET, head, Half::Response, &[first, &second[..second.len() - 1]], 100);
    assert_eq!(
        short(&found),
        ["grpc:one@2", "grpc:@2", "grpc:zipped@2", "grpc trailers:grpc-status:0@2", "grpc:cu@2!"]
    );
}

#[test]
fn any_other_stream_shows_what_arrived_together() {
    let found = messages(GET, &answer("x/y"), Half::Response, &[b"one", b"two\xff", b"three"], 4);
    assert_eq!(short(&found), ["text:one@1", "binary:two\u{fffd}@2", "text:thre@3"]);
    assert_eq!(found[2].bytes, 5);
    let exchange = support::exchange(GET, &answer("x/y"));
    let long = vec![b'x'; 100_000];
    let all: Vec<_> = Messages::new(&exchange, Half::Response, long.as_slice(), 10).collect();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].as_ref().unwrap().bytes, 100_000);
}

#[test]
fn both_ways_stand_in_order_of_time() {
    let at = |half, at| {
        let (kind, data) = (String::new(), Vec::new());
        Ok(Message { half, at: Timestamp(at), kind, bytes: 0, data, incomplete: false })
    };
    let sent = [1, 4, 5].map(|n| at(Half::Request, n));
    let received = [2, 4, 6].map(|n| at(Half::Response, n));
    let order: Vec<_> = interleave(sent.into_iter(), received.into_iter())
        .map(|message| message.unwrap())
        .map(|message| (message.at.0, message.half == Half::Request))
        .collect();
    assert_eq!(order, [(1, true), (2, false), (4, true), (4, false), (5, true), (6, false)]);
}

proptest! {
    #[test]
    fn websocket_messages_do_not_depend_on_how_they_were_cut(
        payloads in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..300), any::<[u8; 4]>()), 1..6),
        cuts in proptest::collection::vec(any::<u16>(), 0..8),
    ) {
        let stream: Vec<u8> = payloads.iter().flat_map(|(is_text, payload, mask)| {
            let (one, two) = payload.split_at(payload.len() / 2);
            let first = if *is_text { 1 } else { 2 };
            [frame(first, one, Some(*mask)), frame(0x80, two, Some(*mask))].concat()
        }).collect();
        let mut at: Vec<usize> = cuts.iter().map(|&cut| cut as usize % stream.len()).collect();
        at.sort_unstable();
        at.dedup();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in at.into_iter().filter(|&cut| cut > 0).chain([stream.len()]) {
            pieces.push(&stream[from..cut]);
            from = cut;
        }
        let found = messages(UPGRADE, SWITCHED, Half::Request, &pieces, 1000);
        prop_assert_eq!(found.len(), payloads.len());
        for (message, (is_text, payload, _)) in found.iter().zip(&payloads) {
            prop_assert_eq!(&message.data, payload);
            prop_assert_eq!(message.kind == "text", *is_text);
        }
    }

    #[test]
    fn any_bytes_are_messages_within_the_limit(
        body in proptest::collection::vec(any::<u8>(), 0..400),
        kind in 0_usize..4,
    ) {
        let (request, response) = match kind {
            0 => (UPGRADE, DEFLATED.to_vec()),
            1 => (GET, answer("application/grpc")),
            2 => (GET, answer("text/event-stream")),
            _ => (GET, answer("x/y")),
        };
        for message in messages(request, &response, Half::Response, &[&body], 16) {
            prop_assert!(message.data.len() <= 16);
        }
    }
}
