//! A client that vanishes, at each stage of an exchange: the backend's connection is closed at once and the
//! record says how far things had come.

use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use wayside_tests::{Backend, Peer, Wayside, eventually};

/// The promise is a second; a busy machine gets more.
const SOON: Duration = Duration::from_secs(5);

#[derive(Debug, PartialEq)]
enum Noted {
    /// So much of a request has come that the client may go.
    Reached,
    Closed,
}

/// A backend that sends `answer`, then `more` for as long as anybody takes it, and notes the close.
fn noting(answer: &'static str, more: &'static str, enough: usize) -> (Backend, Receiver<Noted>) {
    let (sender, noted) = channel();
    let backend = Backend::scripted(move |peer| {
        if peer.head().is_none() {
            return;
        }
        peer.exactly(enough);
        peer.send(answer);
        let note = |noted| drop(sender.send(noted));
        note(Noted::Reached);
        if more.is_empty() {
            peer.rest();
        } else {
            while peer.send(more.repeat(1000)) {}
        }
        note(Noted::Closed);
    });
    (backend, noted)
}

/// How the client goes.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    Close,
    Reset,
    SecureClose,
}

const LEAVING: [Leaving; 3] = [Leaving::Close, Leaving::Reset, Leaving::SecureClose];

impl Leaving {
    fn connect(self, wayside: &Wayside) -> Peer {
        match self {
            Self::SecureClose => Peer::secure(wayside.https(), &wayside.ca()),
            Self::Close | Self::Reset => Peer::connect(wayside.http()),
        }
    }

    fn leave(self, mut peer: Peer) {
        if let Self::Reset = self {
            peer.reset();
        }
        drop(peer);
    }
}

#[track_caller]
fn check(wayside: &Wayside, noted: &Receiver<Noted>, stage: &str) -> Value {
    assert_eq!(noted.recv_timeout(SOON), Ok(Noted::Closed), "{stage}");
    let exchange = wayside.ended("", 1).pop().expect("one");
    assert_eq!(exchange["outcome"], "client_cancelled", "{exchange}");
    assert_eq!(exchange["failure"]["side"], "downstream", "{exchange}");
    let reason = exchange["failure"]["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains(stage), "{stage}: {exchange}");
    exchange
}

#[test]
fn while_sending_the_head_nothing_is_asked_of_the_backend() {
    for leaving in LEAVING {
        let (backend, _) = noting("", "", 0);
        let wayside = Wayside::start(&backend.url(), &["--workers", "1"]);
        let mut peer = leaving.connect(&wayside);
        let open = || wayside.connections(wayside.http()) + wayside.connections(wayside.https());
        peer.send("GET /a HTTP/1.1\r\nHost: a\r\nX-Half");
        eventually("the connection is there", SOON, || open() == 1);
        leaving.leave(peer);
        eventually("the connection is gone", SOON, || open() == 0);
        assert!(backend.received().is_empty());
    }
}

#[test]
fn while_sending_the_body_the_backend_is_let_go() {
    for framing in
        ["Content-Length: 1000\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
    {
        for leaving in LEAVING {
            let (backend, noted) = noting("", "", 4);
            let wayside = Wayside::start(&backend.url(), &[]);
            let mut peer = leaving.connect(&wayside);
            peer.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{framing}"));
            assert_eq!(noted.recv_timeout(SOON), Ok(Noted::Reached));
            leaving.leave(peer);
            let exchange = check(&wayside, &noted, "while sending the request");
            assert_eq!(exchange["request"]["body_bytes"], 4, "{leaving:?}: {exchange}");
            assert_eq!(exchange["marks"], serde_json::json!(["request_body_cut"]), "{exchange}");
        }
    }
}

#[test]
fn while_waiting_the_backend_is_let_go() {
    for request in [
        "GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
    ] {
        for leaving in LEAVING {
            let (backend, noted) = noting("", "", 0);
            let wayside = Wayside::start(&backend.url(), &[]);
            let mut peer = leaving.connect(&wayside);
            peer.send(request);
            assert_eq!(noted.recv_timeout(SOON), Ok(Noted::Reached));
            leaving.leave(peer);
            let exchange = check(&wayside, &noted, "while waiting for the response");
            assert_eq!(
                (&exchange["status"], &exchange["marks"]),
                (&Value::Null, &serde_json::json!([]))
            );
        }
    }
}

#[test]
fn while_receiving_the_backend_is_let_go() {
    let answers = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", "some of the body"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "4\r\nbody\r\n"),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n", ""),
    ];
    for (answer, more) in answers {
        for leaving in LEAVING {
            let (backend, noted) = noting(answer, more, 0);
            let wayside = Wayside::start(&backend.url(), &[]);
            let mut peer = leaving.connect(&wayside);
            peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(noted.recv_timeout(SOON), Ok(Noted::Reached));
            peer.head();
            peer.exactly(10);
            leaving.leave(peer);
            let exchange = check(&wayside, &noted, "while receiving the response");
            assert_eq!(
                (&exchange["status"], &exchange["marks"]),
                (&200.into(), &serde_json::json!(["response_body_cut"]))
            );
            assert!(exchange["response"]["body_bytes"].as_u64() >= Some(10), "{exchange}");
        }
    }
}

#[test]
fn an_http_2_client_that_leaves_lets_the_backend_go_too() {
    let stages = [
        ("", "", "while waiting for the response"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n",
            "body",
            "while receiving the response",
        ),
    ];
    for (answer, more, stage) in stages {
        let (backend, noted) = noting(answer, more, 0);
        let wayside = Wayside::start(&backend.url(), &[]);
        let mut curl = Command::new("curl")
            .args(["-sS", "--http2", "--max-time", "60", "-o", "/dev/null", "--cacert"])
            .arg(wayside.ca())
            .args(["--resolve", &format!("shop.test:{}:127.0.0.1", wayside.https().port())])
            .arg(wayside.https_url("/a"))
            .stderr(Stdio::null())
            .spawn()
            .expect("curl");
        assert_eq!(noted.recv_timeout(SOON), Ok(Noted::Reached));
        curl.kill().expect("it runs");
        curl.wait().expect("an end");
        check(&wayside, &noted, stage);
    }
}

#[test]
fn a_malformed_body_is_refused_and_the_backend_never_sees_a_clean_end() {
    let (backend, noted) = noting("", "", 4);
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
    assert_eq!(noted.recv_timeout(SOON), Ok(Noted::Reached));
    peer.send("zz\r\n\r\n0\r\n\r\n");
    assert_eq!(noted.recv_timeout(SOON), Ok(Noted::Closed));
    let said = String::from_utf8(peer.rest()).expect("text");
    assert!(
        said.starts_with("HTTP/1.1 400 ") && said.contains("the request body was malformed"),
        "{said}"
    );
    let exchange = wayside.ended("", 1).remove(0);
    assert_eq!(
        (&exchange["outcome"], &exchange["status"]),
        (&"refused".into(), &400.into()),
        "{exchange}"
    );
    assert!(!backend.received()[0].ends_with(b"0\r\n\r\n"));
}
