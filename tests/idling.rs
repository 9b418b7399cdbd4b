//! Connections that idle rest after some seconds: they give back their memory, and nobody can tell.

use std::thread;
use std::time::{Duration, Instant};

use wayside_tests::{Backend, Message, Peer, Wayside};

/// Longer than it takes an idle connection to rest.
const REST: Duration = Duration::from_secs(4);

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn ask(peer: &mut Peer, request: &str) {
    peer.send(request);
    assert_eq!(Message::response(peer, "GET").expect("an answer").payload, b"ok");
}

#[test]
fn a_connection_that_rested_carries_what_comes_next_byte_for_byte() {
    let backend = Backend::answering(OK);
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peers = [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())];
    for peer in &mut peers {
        ask(peer, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody");
    }
    thread::sleep(REST);
    for peer in &mut peers {
        // In pieces, the first of which only wakes it.
        peer.send("G");
        thread::sleep(Duration::from_millis(50));
        ask(peer, "ET /b HTTP/1.1\r\nHost: a\r\nX-Case: Kept\r\n\r\n");
        ask(peer, "GET /c HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let exchanges = wayside.exchanges("", 6);
    assert_eq!(exchanges.len(), 6, "{exchanges:#?}");
    assert!(exchanges.iter().all(|exchange| exchange["outcome"] == "complete"), "{exchanges:#?}");
    let connections: Vec<_> = exchanges.iter().map(|exchange| &exchange["connection"]).collect();
    assert!(connections.iter().all(|id| connections.iter().filter(|one| *one == id).count() == 3));
    assert!(backend.received().concat().windows(12).any(|bytes| bytes == b"X-Case: Kept"));
}

#[test]
fn a_connection_that_rests_ends_when_told_to_and_when_it_idles_for_too_long() {
    let backend = Backend::answering(OK);
    let mut wayside = Wayside::start(&backend.url(), &["--idle-timeout", "6s"]);
    let mut closed = Peer::secure(wayside.https(), &wayside.ca());
    ask(&mut closed, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(closed.rest().is_empty(), "closed by the idle timeout");
    let mut drained = Peer::secure(wayside.https(), &wayside.ca());
    ask(&mut drained, "GET /b HTTP/1.1\r\nHost: a\r\n\r\n");
    thread::sleep(REST);
    let began = Instant::now();
    assert_eq!(wayside.stop(), 0);
    assert!(began.elapsed() < Duration::from_secs(15), "took {:?}", began.elapsed());
    assert!(drained.rest().is_empty());
}
