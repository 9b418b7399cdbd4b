//! Upstream connections are used again; a request is sent a second time only where that is safe and the
//! backend closed a used connection before any byte of its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wayside_tests::{Backend, Message, Peer, Wayside};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Answers the first request of each connection, and meets the second with `second` and a close.
fn one_answer_each(second: &'static str) -> (Backend, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let backend = Backend::scripted(move |peer| {
        for answer in [OK, second] {
            if Message::request(peer).is_none() {
                return;
            }
            counted.fetch_add(1, Ordering::SeqCst);
            peer.send(answer);
        }
    });
    (backend, seen)
}

/// The statuses of two requests in a row on one connection, the second of them `request`.
fn statuses(wayside: &Wayside, request: &str) -> [u16; 2] {
    let mut peer = Peer::connect(wayside.http());
    ["GET /first HTTP/1.1\r\nHost: a\r\n\r\n", request].map(|request| {
        peer.send(request);
        Message::response(&mut peer, "GET").expect("an answer").status()
    })
}

#[test]
fn exchanges_of_many_clients_share_one_idle_connection() {
    let backend = Backend::answering(OK);
    let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
    for _ in 0..5 {
        assert_eq!(statuses(&wayside, "GET /second HTTP/1.1\r\nHost: a\r\n\r\n"), [200, 200]);
    }
    assert_eq!(wayside.curl("/third", &["--http2"]).ok().text(), "ok");
    assert_eq!(backend.received().len(), 1);
}

#[test]
fn safe_requests_are_sent_again_when_a_used_connection_was_closed_under_them() {
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "PUT"] {
        let (backend, seen) = one_answer_each("");
        let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
        let mut peer = Peer::connect(wayside.http());
        peer.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(Message::response(&mut peer, "GET").expect("an answer").status(), 200);
        peer.send(format!("{method} /second HTTP/1.1\r\nHost: a\r\nX-Case: Kept\r\n\r\n"));
        let answer = Message::response(&mut peer, method).expect("an answer");
        assert_eq!(answer.status(), 200, "{method}");
        let again = backend.received().pop().unwrap_or_default();
        let kept = again.windows(14).any(|bytes| bytes == b"\r\nX-Case: Kept");
        assert!(kept, "{}", again.escape_ascii());
        assert_eq!((seen.load(Ordering::SeqCst), backend.received().len()), (3, 2), "{method}");
    }
}

#[test]
fn a_post_is_never_sent_twice() {
    for request in [
        "POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
        "POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "PATCH /second HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let (backend, seen) = one_answer_each("");
        let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
        assert_eq!(statuses(&wayside, request), [200, 502], "{request}");
        assert_eq!(seen.load(Ordering::SeqCst), 2, "{request}");
    }
}

#[test]
fn a_request_whose_answer_has_begun_is_not_sent_again() {
    let (backend, seen) = one_answer_each("HTTP/1.1 2");
    let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
    assert_eq!(statuses(&wayside, "GET /second HTTP/1.1\r\nHost: a\r\n\r\n"), [200, 502]);
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[test]
fn a_fresh_connection_that_closes_is_no_reason_to_try_again() {
    let backend = Backend::scripted(|peer| drop(peer.head()));
    let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(Message::response(&mut peer, "GET").expect("an answer").status(), 502);
    assert_eq!(backend.received().len(), 1);
}

#[test]
fn a_connection_whose_answer_was_left_half_read_is_not_used_again() {
    let backend = Backend::scripted(|peer| {
        while let Some(request) = Message::request(peer) {
            if request.start.contains("/large") {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n");
                peer.send(vec![b'x'; 4_000_000]);
                peer.rest();
            } else {
                peer.send(OK);
            }
        }
    });
    let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
    let mut leaving = Peer::connect(wayside.http());
    leaving.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    leaving.exactly(100);
    drop(leaving);
    for _ in 0..3 {
        assert_eq!(statuses(&wayside, "GET /small HTTP/1.1\r\nHost: a\r\n\r\n"), [200, 200]);
    }
}
