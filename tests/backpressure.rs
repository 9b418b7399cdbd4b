//! Who does not read makes the other side wait: the proxy's memory does not grow with a body, whoever sends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use wayside_tests::{Backend, Peer, Wayside};

const MEBIBYTE: u64 = 1 << 20;
const BODY: u64 = 200 * MEBIBYTE;
/// What the kernel's buffers of two connections and ours may hold together, with much room.
const HELD_BACK: u64 = 100 * MEBIBYTE;
/// The whole process in a debug build, with a full queue of the recorder (64 MiB).
const MEMORY: u64 = 300 * MEBIBYTE;

/// Byte `at` of the body: no period that a buffer's size could hide.
fn pattern(at: u64) -> u8 {
    (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
}

fn piece(from: u64, length: u64) -> Vec<u8> {
    (from..from + length).map(pattern).collect()
}

/// Sends the body, counting; stops when the other side is gone.
fn send_body(peer: &mut Peer, sent: &AtomicU64) {
    let block = piece(0, MEBIBYTE);
    for number in 0..BODY / MEBIBYTE {
        let mut block = block.clone();
        block[..8].copy_from_slice(&number.to_be_bytes());
        if !peer.send(&block) {
            return;
        }
        sent.fetch_add(MEBIBYTE, Ordering::SeqCst);
    }
}

/// Reads the body and compares it.
#[track_caller]
fn check_body(peer: &mut Peer) {
    let block = piece(0, MEBIBYTE);
    for number in 0..BODY / MEBIBYTE {
        let came = peer.exactly(MEBIBYTE as usize);
        assert!(came[..8] == number.to_be_bytes() && came[8..] == block[8..], "block {number}");
    }
}

/// How much was sent when nothing more has been for a second.
fn settled(sent: &AtomicU64) -> u64 {
    let mut before = u64::MAX;
    loop {
        let now = sent.load(Ordering::SeqCst);
        if now == before {
            return now;
        }
        before = now;
        thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn a_client_that_does_not_read_makes_the_backend_wait() {
    let sent = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&sent);
    let backend = Backend::scripted(move |peer| {
        peer.head();
        peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n"));
        send_body(peer, &counting);
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    for mut peer in [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())] {
        sent.store(0, Ordering::SeqCst);
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        peer.head();
        let waiting = settled(&sent);
        assert!(waiting < HELD_BACK, "the backend got rid of {waiting} bytes");
        check_body(&mut peer);
        assert_eq!(sent.load(Ordering::SeqCst), BODY);
    }
    for exchange in wayside.ended("", 2) {
        assert_eq!(
            (&exchange["outcome"], &exchange["response"]["body_bytes"]),
            (&"complete".into(), &BODY.into())
        );
    }
    let peak = wayside.peak_memory();
    assert!(peak < MEMORY, "{peak} bytes resident");
}

#[test]
fn a_backend_that_does_not_read_makes_the_client_wait() {
    let (read, told) = std::sync::mpsc::channel::<()>();
    let told = std::sync::Mutex::new(told);
    let backend = Backend::scripted(move |peer| {
        while peer.head().is_some() {
            told.lock().expect("same").recv().expect("the test says when");
            check_body(peer);
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    for mut peer in [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())] {
        peer.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {BODY}\r\n\r\n"));
        let sent = AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(|| send_body(&mut peer, &sent));
            let waiting = settled(&sent);
            assert!(waiting < HELD_BACK, "the client got rid of {waiting} bytes");
            read.send(()).expect("the backend waits");
        });
        let answer = wayside_tests::Message::response(&mut peer, "POST").expect("an answer");
        assert_eq!(answer.payload, b"ok");
    }
    for exchange in wayside.ended("", 2) {
        assert_eq!(
            (&exchange["outcome"], &exchange["request"]["body_bytes"]),
            (&"complete".into(), &BODY.into())
        );
    }
    let peak = wayside.peak_memory();
    assert!(peak < MEMORY, "{peak} bytes resident");
    drop(wayside);
    backend.join();
}

#[test]
fn an_http_2_client_that_reads_slowly_holds_up_nothing_but_its_own_body() {
    let sent = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&sent);
    let backend = Backend::scripted(move |peer| {
        while let Some(head) = peer.head() {
            if String::from_utf8_lossy(&head).contains("/small") {
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            } else {
                peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n"));
                send_body(peer, &counting);
            }
        }
    });
    let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
    let mut slow = std::process::Command::new("curl")
        .args(["-sS", "--http2", "--limit-rate", "100k", "--max-time", "60", "-o", "/dev/null"])
        .arg("--cacert")
        .arg(wayside.ca())
        .args(["--resolve", &format!("shop.test:{}:127.0.0.1", wayside.https().port())])
        .arg(wayside.https_url("/large"))
        .spawn()
        .expect("curl");
    wayside_tests::eventually("the large body is on its way", Duration::from_secs(20), || {
        sent.load(Ordering::SeqCst) > 0
    });
    let waiting = settled(&sent);
    assert!(waiting < HELD_BACK, "the backend got rid of {waiting} bytes");
    assert_eq!(wayside.curl("/small", &["--http2"]).ok().text(), "ok");
    slow.kill().expect("it runs");
    slow.wait().expect("an end");
    let peak = wayside.peak_memory();
    assert!(peak < MEMORY, "{peak} bytes resident");
}
