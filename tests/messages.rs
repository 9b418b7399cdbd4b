//! Long-lived streams are recorded message by message, with times, and can be watched while they run.

use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use wayside_tests::{Backend, Peer, Wayside, id, marks};

#[test]
fn server_sent_events_are_visible_while_the_stream_is_open_and_whole_after_it() {
    let (go_on, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let backend = Backend::scripted(move |peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        peer.send("event: tick\ndata: one\n\n");
        let _ = wait.lock().unwrap_or_else(PoisonError::into_inner).recv();
        peer.send("event: tock\nid: 7\ndata: two\ndata: lines\n\n");
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET /events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    peer.head();

    let open = &wayside.exchanges("", 1)[0];
    assert_eq!(marks(open), ["open"]);
    assert_eq!(open["status"], 200);
    let seen = messages(&wayside, id(open), 1);
    assert_eq!(seen[0]["kind"], "event tick");
    assert!(seen[0]["text"].as_str().expect("text").contains("one"));
    let shown = wayside.run(["show", id(open)]).ok();
    assert!(shown.text().contains("event tick"), "{}", shown.text());

    go_on.send(()).expect("the backend waits");
    peer.rest();
    let ended = &wayside.ended("", 1)[0];
    assert_eq!(id(ended), id(open));
    assert_eq!(ended["outcome"], "complete");
    assert_eq!(marks(ended), [""; 0]);
    let all = messages(&wayside, id(ended), 2);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["kind"], "event tock");
    assert!(all[1]["text"].as_str().expect("text").contains("lines"));
    assert!(time(&all[0]) < time(&all[1]));
    assert_eq!(wayside.run(["exchanges", "--json"]).ok().json_lines().len(), 1);
}

#[test]
fn websocket_messages_are_recorded_both_ways_with_their_times() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLBMTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        );
        assert_eq!(unmasked(&peer.exactly(8)), b"hi");
        peer.send(frame(0x81, b"hello"));
        assert_eq!(unmasked(&peer.exactly(10)), [0, 1, 2, 0xff]);
        peer.send(frame(0x89, b"are you there"));
        peer.exactly(8);
        peer.send(frame(0x88, &1000_u16.to_be_bytes()));
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send(
        "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert!(peer.head().expect("an answer").starts_with(b"HTTP/1.1 101 "));
    peer.send(masked(0x81, b"hi"));
    assert_eq!(peer.exactly(7), frame(0x81, b"hello"));

    let open = &wayside.exchanges("", 1)[0];
    assert_eq!(marks(open), ["open"]);
    let seen = messages(&wayside, id(open), 2);
    assert_eq!((&seen[0]["half"], &seen[0]["text"]), (&"request".into(), &"hi".into()));
    assert_eq!((&seen[1]["half"], &seen[1]["text"]), (&"response".into(), &"hello".into()));

    peer.send(masked(0x82, &[0, 1, 2, 0xff]));
    assert_eq!(peer.exactly(15), frame(0x89, b"are you there"));
    peer.send(masked(0x88, &1000_u16.to_be_bytes()));
    peer.rest();
    drop(peer);
    let ended = &wayside.ended("", 1)[0];
    assert_eq!(ended["outcome"], "upgraded");
    assert_eq!(ended["status"], 101);
    let all = messages(&wayside, id(ended), 6);
    let told = |message: &Value| {
        let word = |key: &str| message[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}", word("half"), word("kind"))
    };
    assert_eq!(
        all.iter().map(told).collect::<Vec<_>>(),
        [
            "request text",
            "response text",
            "request binary",
            "response ping",
            "request close 1000",
            "response close 1000",
        ],
    );
    assert_eq!(all[2]["base64"], "AAEC/w==");
    assert_eq!(all[2]["bytes"], 4);
    assert!(all.windows(2).all(|pair| time(&pair[0]) <= time(&pair[1])), "{all:?}");
    backend.join();
}

/// The messages of an exchange, once there are `count`.
fn messages(wayside: &Wayside, id: &str, count: usize) -> Vec<Value> {
    let mut messages = Vec::new();
    for _ in 0..200 {
        messages = wayside.api(&format!("/api/exchanges/{id}/messages")).ok().json_lines();
        if messages.len() >= count {
            return messages;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{} of {count} messages came: {messages:#?}", messages.len());
}

fn time(message: &Value) -> String {
    message["at"].as_str().expect("a time").to_owned()
}

/// A frame as a server sends it (RFC 6455 section 5.2).
fn frame(opcode: u8, data: &[u8]) -> Vec<u8> {
    [&[opcode, data.len() as u8], data].concat()
}

/// A frame as a client sends it.
fn masked(opcode: u8, data: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let head = [opcode, 0x80 | data.len() as u8];
    let data = data.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    head.into_iter().chain(MASK).chain(data).collect()
}

fn unmasked(frame: &[u8]) -> Vec<u8> {
    let (mask, data) = frame[2..].split_at(4);
    data.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}
