//! Upgrades over HTTP/1.1: the connection becomes the other protocol's after the backend's 101, byte for byte,
//! each way until its own end.

use std::io::Read as _;
use std::sync::mpsc::channel;
use std::time::Duration;

use wayside_tests::{Backend, Message, Peer, Script, Wayside, python};

const ASKING: &str =
    "GET /raw HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw/1\r\nX-A: 1\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw/1\r\nX-b: 2\r\n\r\n";

#[test]
fn bytes_of_any_protocol_pass_both_ways_behind_the_101() {
    let backend = Backend::scripted(|peer| {
        let head = peer.head().expect("a head");
        assert_eq!(String::from_utf8(head).expect("text"), ASKING);
        peer.send(SWITCHING);
        for _ in 0..3 {
            let bytes = peer.exactly(5);
            peer.send(bytes.iter().rev().copied().collect::<Vec<u8>>());
        }
        peer.rest();
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    for mut peer in [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())] {
        peer.send(ASKING);
        let head = peer.head().expect("a head");
        assert_eq!(String::from_utf8(head).expect("text"), SWITCHING);
        for bytes in [b"\0\xff\r\n\r", b"GET /", b"\x81\0abc"] {
            peer.send(bytes);
            assert_eq!(peer.exactly(5), bytes.iter().rev().copied().collect::<Vec<u8>>());
        }
    }
    for exchange in wayside.ended("", 2) {
        assert_eq!((&exchange["outcome"], &exchange["status"]), (&"upgraded".into(), &101.into()));
        assert_eq!(
            (&exchange["request"]["body_bytes"], &exchange["response"]["body_bytes"]),
            (&15.into(), &15.into())
        );
    }
    drop(wayside);
    backend.join();
}

#[test]
fn no_byte_goes_upstream_before_the_101() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        let mut socket = peer.socket().expect("open");
        socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        let early = socket.read(&mut [0; 1]);
        assert!(early.is_err(), "{early:?}");
        socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        peer.send(SWITCHING);
        assert_eq!(peer.exactly(5), b"early");
        peer.send("late");
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send(format!("{ASKING}early"));
    peer.head();
    assert_eq!(peer.rest(), b"late");
    drop(wayside);
    backend.join();
}

#[test]
fn the_end_of_one_way_leaves_the_other_open() {
    let (sender, last_words) = channel();
    let backend = Backend::scripted(move |peer| {
        let Some(head) = peer.head() else { return };
        peer.send(SWITCHING);
        if String::from_utf8_lossy(&head).contains("client-ends") {
            assert_eq!(peer.rest(), b"last words");
            peer.send("and an answer");
        } else {
            peer.send("last words");
            peer.half_close();
            sender.send(peer.rest()).expect("the test waits");
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send(ASKING.replace("/raw", "/client-ends"));
    peer.head();
    peer.send("last words");
    peer.half_close();
    assert_eq!(peer.rest(), b"and an answer");

    let mut peer = Peer::connect(wayside.http());
    peer.send(ASKING.replace("/raw", "/backend-ends"));
    peer.head();
    assert_eq!(peer.rest(), b"last words");
    peer.send("and an answer");
    peer.half_close();
    assert_eq!(last_words.recv_timeout(Duration::from_secs(20)).expect("an end"), b"and an answer");
    drop(wayside);
    backend.join();
}

#[test]
fn an_upgrade_that_the_backend_declines_is_an_ordinary_exchange() {
    let backend =
        Backend::answering("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno");
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    for _ in 0..2 {
        peer.send(ASKING);
        let answer = Message::response(&mut peer, "GET").expect("an answer");
        assert_eq!((answer.status(), answer.payload), (426, b"no".to_vec()));
    }
    for exchange in wayside.ended("", 2) {
        assert_eq!((&exchange["outcome"], &exchange["status"]), (&"complete".into(), &426.into()));
    }
}

#[test]
fn what_connection_lists_beside_an_upgrade_stays_behind() {
    let backend = Backend::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n");
    assert_eq!(Message::response(&mut peer, "GET").expect("an answer").payload, b"ok");
    let seen = String::from_utf8(backend.received().remove(0)).expect("text");
    assert!(!seen.to_lowercase().contains("http2-settings"), "{seen}");
}

#[test]
fn when_one_side_vanishes_the_other_is_let_go() {
    let (sender, closed) = channel();
    let backend = Backend::scripted(move |peer| {
        peer.head();
        peer.send(SWITCHING);
        peer.rest();
        sender.send(()).expect("the test waits");
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    for reset in [false, true] {
        let mut peer = Peer::connect(wayside.http());
        peer.send(ASKING);
        peer.head();
        if reset {
            peer.reset();
        }
        drop(peer);
        closed.recv_timeout(Duration::from_secs(5)).expect("the backend's connection is closed");
    }
    assert!(wayside.ended("", 2).iter().all(|exchange| exchange["outcome"] == "upgraded"));
}

const SERVER: &str = r#"
import asyncio, websockets
async def echo(socket):
    async for message in socket:
        await socket.send(message[::-1])
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())
"#;

const CLIENT: &str = r#"
import asyncio, ssl, sys, websockets
port, ca = sys.argv[1:3]
async def main():
    context = ssl.create_default_context(cafile=ca)
    address = {"host": "127.0.0.1", "port": int(port), "server_hostname": "shop.test"}
    async with websockets.connect("wss://shop.test/chat?room=1", ssl=context, max_size=None, **address) as socket:
        for message in ["hello", "", "Zo\u00eb", b"\x00\xff", b"x" * 3_000_000, "y" * 70_000]:
            await socket.send(message)
            assert await socket.recv() == message[::-1]
        waiter = await socket.ping()
        await waiter
    print(socket.close_code if hasattr(socket, "close_code") else socket.protocol.close_code)
asyncio.run(main())
"#;

#[test]
fn a_websocket_carries_messages_of_any_size_pings_and_its_closing_handshake() {
    let server = Script::start(SERVER);
    let wayside = Wayside::start(&server.url(), &[]);
    let port = wayside.https().port().to_string();
    let said = python(CLIENT, [port.as_str(), &wayside.ca().to_string_lossy()]).ok();
    assert_eq!(said.text().trim(), "1000");
    let exchange = wayside.ended("path:/chat", 1).remove(0);
    assert_eq!((&exchange["outcome"], &exchange["status"]), (&"upgraded".into(), &101.into()));
    assert_eq!(exchange["marks"], serde_json::json!([]), "{exchange}");
}
