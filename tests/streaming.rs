//! Bodies stream: the first byte is out as soon as it is in, both ways, over every protocol.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use wayside_tests::{Backend, Message, Peer, Wayside};

/// Longer than any machine needs; only a lost byte comes near it.
const LONG: Duration = Duration::from_secs(20);

/// A backend that sends `first`, and `last` when it is told.
fn in_two_parts(first: &'static str, last: &'static str) -> (Backend, Sender<()>) {
    let (finish, told) = channel::<()>();
    let told = Mutex::new(told);
    let backend = Backend::scripted(move |peer| {
        while peer.head().is_some() {
            peer.send(first);
            let told = told.lock().expect("same").recv_timeout(LONG);
            told.expect("the client has the first part");
            if !peer.send(last) || first.contains("until-close") {
                break;
            }
        }
    });
    (backend, finish)
}

const LENGTH: (&str, &str) = ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst", " part");
const CHUNKED: (&str, &str) = (
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
    "5\r\n part\r\n0\r\n\r\n",
);
const UNTIL_CLOSE: (&str, &str) = ("HTTP/1.1 200 OK\r\nX-Ends: until-close\r\n\r\nfirst", " part");
const EVENTS: (&str, &str) = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n",
    "5\r\n part\r\n0\r\n\r\n",
);

#[test]
fn first_byte_reaches_the_client_before_the_backend_finishes() {
    for (first, last) in [LENGTH, CHUNKED, UNTIL_CLOSE, EVENTS] {
        let (backend, finish) = in_two_parts(first, last);
        let wayside = Wayside::start(&backend.url(), &[]);
        for mut peer in
            [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())]
        {
            peer.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let mut came = Vec::new();
            while !came.windows(5).any(|five| five == b"first") {
                let more = peer.some();
                assert!(!more.is_empty(), "closed after {}", came.escape_ascii());
                came.extend(more);
            }
            finish.send(()).expect("the backend waits");
            came.extend(peer.rest());
            let text = String::from_utf8(came).expect("text");
            assert!(text.contains(" part"), "{text}");
        }
    }
}

#[test]
fn first_byte_reaches_an_http_2_client_before_the_backend_finishes() {
    for (first, last) in [LENGTH, CHUNKED, UNTIL_CLOSE, EVENTS] {
        let (backend, finish) = in_two_parts(first, last);
        let wayside = Wayside::start(&backend.url(), &[]);
        let mut curl = Command::new("curl")
            .args(["-sSN", "--http2", "--max-time", "60", "--cacert"])
            .arg(wayside.ca())
            .args(["--resolve", &format!("shop.test:{}:127.0.0.1", wayside.https().port())])
            .arg(wayside.https_url("/"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("curl");
        let mut out = curl.stdout.take().expect("a pipe");
        let mut five = [0; 5];
        out.read_exact(&mut five).expect("the first part");
        assert_eq!(&five, b"first");
        finish.send(()).expect("the backend waits");
        let mut rest = String::new();
        out.read_to_string(&mut rest).expect("the rest");
        assert_eq!(rest, " part");
        assert!(curl.wait().expect("an end").success());
    }
}

#[test]
fn first_byte_reaches_the_backend_before_the_client_finishes() {
    let (sender, came) = channel();
    let backend = Backend::scripted(move |peer| {
        while let Some(head) = peer.head() {
            if String::from_utf8_lossy(&head).contains("chunked") {
                assert_eq!(peer.exactly(10), b"5\r\nfirst\r\n");
                sender.send(()).expect("the test waits");
                assert_eq!(peer.exactly(15), b"5\r\n part\r\n0\r\n\r\n");
            } else {
                assert_eq!(peer.exactly(5), b"first");
                sender.send(()).expect("the test waits");
                assert_eq!(peer.exactly(5), b" part");
            }
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let parts = [
        ("Content-Length: 10\r\n\r\nfirst", " part"),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n", "5\r\n part\r\n0\r\n\r\n"),
    ];
    for (first, last) in parts {
        for mut peer in
            [Peer::connect(wayside.http()), Peer::secure(wayside.https(), &wayside.ca())]
        {
            peer.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{first}"));
            came.recv_timeout(LONG).expect("the first part reaches the backend");
            peer.send(last);
            let answer = Message::response(&mut peer, "POST").expect("an answer");
            assert_eq!(answer.payload, b"ok");
        }
    }
    drop(wayside);
    backend.join();
}

#[test]
fn an_answer_may_come_and_go_while_the_request_is_still_being_sent() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for expected in ["1\r\na\r\n", "1\r\nb\r\n", "1\r\nc\r\n"] {
            let chunk = peer.exactly(6);
            assert_eq!(chunk, expected.as_bytes());
            peer.send(chunk);
        }
        assert_eq!(peer.exactly(5), b"0\r\n\r\n");
        peer.send("0\r\n\r\n");
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert!(peer.head().is_some_and(|head| head.starts_with(b"HTTP/1.1 200")));
    for chunk in ["1\r\na\r\n", "1\r\nb\r\n", "1\r\nc\r\n", "0\r\n\r\n"] {
        peer.send(chunk);
        assert_eq!(peer.exactly(chunk.len()), chunk.as_bytes());
    }
    drop(wayside);
    backend.join();
}

#[test]
fn a_refusal_in_the_middle_of_an_upload_reaches_the_client() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        peer.send("HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop");
        peer.half_close();
        peer.rest();
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nonly the beginning");
    let answer = Message::response(&mut peer, "POST").expect("an answer");
    assert_eq!((answer.status(), answer.payload), (413, b"stop".to_vec()));
}

#[test]
fn server_sent_events_arrive_one_by_one() {
    let (next, told) = channel::<()>();
    let told = Mutex::new(told);
    let backend = Backend::scripted(move |peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        for number in 0..5 {
            told.lock().expect("same").recv_timeout(LONG).expect("the test wants the next");
            peer.send(format!("data: event {number}\n\n"));
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut curl = Command::new("curl")
        .args(["-sSN", "--max-time", "60", &wayside.http_url("/events")])
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl");
    let mut lines = BufReader::new(curl.stdout.take().expect("a pipe")).lines();
    for number in 0..5 {
        next.send(()).expect("the backend waits");
        let line = lines.next().expect("a line").expect("text");
        assert_eq!(line, format!("data: event {number}"));
        assert_eq!(lines.next().expect("a line").expect("text"), "");
    }
    assert!(curl.wait().expect("an end").success());
    let exchange = wayside.ended("path:/events", 1).remove(0);
    assert_eq!(exchange["outcome"], "complete");
    assert_eq!(exchange["response"]["body_bytes"], 75);
}
