//! Interim responses: 100 Continue is the backend's to say, others pass on to the client as they came.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use wayside_tests::{Backend, Message, Peer, Wayside};

const EXPECTING: &str =
    "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

#[test]
fn the_client_hears_100_when_the_backend_has_said_it() {
    let (say_100, told) = channel::<()>();
    let told = Mutex::new(told);
    let (head_came, heads) = channel();
    let backend = Backend::scripted(move |peer| {
        let head = peer.head().expect("a head");
        head_came.send(String::from_utf8(head.clone()).expect("text")).expect("the test waits");
        told.lock().expect("same").recv().expect("the test says when");
        peer.send("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(peer.body(&head), b"hello");
        peer.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send(EXPECTING);
    assert_eq!(heads.recv().expect("a head"), EXPECTING);
    say_100.send(()).expect("the backend waits");
    let interim = peer.head().expect("an interim response");
    assert!(interim.starts_with(b"HTTP/1.1 100 Continue\r\n"), "{}", interim.escape_ascii());
    peer.send("hello");
    let answer = Message::response(&mut peer, "POST").expect("an answer");
    assert_eq!((answer.status(), answer.interim.len()), (201, 0));
}

#[test]
fn a_final_answer_without_100_is_all_that_the_client_gets() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        peer.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 4\r\n\r\nnope");
        peer.rest();
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send(EXPECTING);
    let answer = Message::response(&mut peer, "POST").expect("an answer");
    assert_eq!((answer.status(), answer.interim), (417, vec![]));
    assert_eq!(answer.payload, b"nope");
    drop(peer);
    drop(wayside);
    assert_eq!(backend.received(), [EXPECTING.as_bytes()]);
}

#[test]
fn a_backend_that_ignores_the_expectation_gets_the_body_all_the_same() {
    let backend = Backend::scripted(|peer| {
        let request = Message::request(peer).expect("a request");
        assert_eq!(request.payload, b"hello");
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    // One client waits for 100 as long as it takes, the other does not wait at all.
    let mut waiting = Peer::connect(wayside.http());
    waiting.send(EXPECTING);
    assert!(waiting.head().is_some_and(|head| head.starts_with(b"HTTP/1.1 100")));
    waiting.send("hello");
    assert_eq!(Message::response(&mut waiting, "POST").expect("an answer").status(), 200);
    let mut hasty = Peer::connect(wayside.http());
    hasty.send(format!("{EXPECTING}hello"));
    assert_eq!(Message::response(&mut hasty, "POST").expect("an answer").status(), 200);
    drop(wayside);
    backend.join();
}

#[test]
fn early_hints_come_as_they_were_sent_and_before_the_answer() {
    const HINTS: [&str; 3] = [
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-oDD: 1\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </b.css>; rel=preload\r\n\r\n",
    ];
    let (finish, told) = channel::<()>();
    let told = Mutex::new(told);
    let backend = Backend::scripted(move |peer| {
        while peer.head().is_some() {
            for hint in HINTS {
                peer.send(hint);
            }
            told.lock().expect("same").recv().expect("the test says when");
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    for mut peer in [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())] {
        for _ in 0..2 {
            peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            for hint in HINTS {
                assert_eq!(String::from_utf8(peer.head().expect("a hint")).expect("text"), hint);
            }
            finish.send(()).expect("the backend waits");
            let answer = Message::response(&mut peer, "GET").expect("an answer");
            assert_eq!((answer.status(), answer.payload), (200, b"ok".to_vec()));
        }
    }
}

#[test]
fn an_http_2_client_gets_the_answer_behind_interim_responses() {
    let backend = Backend::scripted(|peer| {
        while let Some(request) = Message::request(peer) {
            assert_eq!(request.field("expect"), None);
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    assert_eq!(wayside.curl("/", &["--http2"]).ok().text(), "ok");
    assert_eq!(wayside.curl("/", &["--http2", "-d", "body"]).ok().text(), "ok");
}
