//! A backend that fails: before its answer the client gets a short text with the exchange's id, within its
//! answer an error, and never the clean end of a body that was cut.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;
use wayside_tests::{Backend, Output, Peer, Wayside, curl};

const CUT: [(&str, &str); 3] = [
    ("a length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"),
    ("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n"),
    ("half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nonly this"),
];

/// A backend that sends the answer whose number is the path, and is gone.
fn cutting(reset: bool) -> Backend {
    Backend::scripted(move |peer| {
        let Some(head) = peer.head() else { return };
        let number =
            head.iter().find(|byte| byte.is_ascii_digit()).map(|byte| usize::from(byte - b'0'));
        peer.send(CUT[number.expect("a number")].1);
        if reset {
            peer.reset();
        }
    })
}

/// The last recorded exchange with this path.
#[track_caller]
fn recorded(wayside: &Wayside, path: &str) -> Value {
    wayside.ended(&format!("path:{path}"), 1).pop().expect("one at least")
}

#[test]
fn a_cut_body_is_an_error_for_the_client_and_marked_in_the_record() {
    for reset in [false, true] {
        let backend = cutting(reset);
        let wayside = Wayside::start(&backend.url(), &[]);
        for (number, (name, _)) in CUT.into_iter().enumerate() {
            for (version, code) in [("--http1.1", [18, 56]), ("--http2", [92, 92])] {
                let path = format!("/{number}{version}");
                let answer = wayside.curl(&path, &[version]);
                // A reset may overtake what was sent before it, and then nothing is left to forward.
                let bad_gateway = reset && answer.text().contains("wayside:");
                assert!(
                    code.contains(&answer.code) || bad_gateway,
                    "{name}, {version}, reset {reset}: {answer:?}"
                );
                let exchange = recorded(&wayside, &path);
                assert_eq!(exchange["outcome"], "upstream_failed", "{exchange}");
                assert_eq!(exchange["failure"]["side"], "upstream", "{exchange}");
                if !bad_gateway {
                    assert_eq!(
                        exchange["response"]["body_bytes"],
                        answer.stdout.len(),
                        "{exchange}"
                    );
                    assert_eq!(exchange["marks"], serde_json::json!(["response_body_cut"]));
                }
            }
        }
    }
}

#[test]
fn a_reset_in_a_body_that_ends_with_the_connection_is_no_clean_end() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\n\r\nonly this");
        // Until the client has it: the reset must not overtake it.
        peer.some();
        peer.reset();
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    peer.head();
    assert_eq!(peer.exactly(14), b"9\r\nonly this\r\n");
    peer.send("1\r\nx\r\n");
    assert!(peer.rest().is_empty(), "a clean end after a reset");
}

#[test]
fn a_backend_that_nobody_listens_on_is_a_502_with_the_id_to_find_it_by() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("a bound socket");
    drop(free);
    let wayside = Wayside::start(&format!("http://{address}"), &[]);
    for version in ["--http1.1", "--http2"] {
        let answer = wayside.curl(&format!("/{version}"), &[version, "-w", "\n%{http_code}"]).ok();
        let exchange = recorded(&wayside, &format!("/{version}"));
        let id = exchange["id"].as_str().expect("an id").to_owned();
        assert_eq!(
            answer.text(),
            format!(
                "wayside: could not connect to `{address}`: connection refused (exchange {id})\n\n502"
            )
        );
        assert_eq!(
            (&exchange["outcome"], &exchange["status"]),
            (&"upstream_failed".into(), &502.into())
        );
    }
}

#[test]
fn a_backend_that_says_nothing_is_a_504() {
    let backend = Backend::scripted(|peer| drop(peer.rest()));
    let wayside = Wayside::start(&backend.url(), &["--response-timeout", "1s"]);
    for version in ["--http1.1", "--http2"] {
        let answer = wayside.curl(&format!("/{version}"), &[version, "-w", "\n%{http_code}"]).ok();
        let exchange = recorded(&wayside, &format!("/{version}"));
        let id = exchange["id"].as_str().expect("an id").to_owned();
        assert_eq!(
            answer.text(),
            format!("wayside: the backend did not respond within 1s (exchange {id})\n\n504")
        );
        assert_eq!(
            (&exchange["outcome"], &exchange["status"]),
            (&"upstream_failed".into(), &504.into())
        );
    }
}

#[test]
fn a_backend_that_was_given_up_does_not_hold_its_connection() {
    let (sender, closed) = std::sync::mpsc::channel();
    let backend = Backend::scripted(move |peer| {
        peer.rest();
        sender.send(()).expect("the test waits");
    });
    let wayside = Wayside::start(&backend.url(), &["--response-timeout", "1s"]);
    wayside.curl("/", &[]).ok();
    closed.recv_timeout(Duration::from_secs(10)).expect("the connection is closed");
}

#[test]
fn what_is_no_http_is_a_502() {
    const ANSWERS: [&str; 7] = [
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header line\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200",
    ];
    for answer in ANSWERS {
        let backend = Backend::scripted(move |peer| {
            if peer.head().is_some() {
                peer.send(answer);
            }
        });
        let wayside = Wayside::start(&backend.url(), &[]);
        let said: Output = wayside.curl("/", &["-w", "\n%{http_code}"]).ok();
        let text = said.text();
        assert!(
            text.starts_with("wayside: the backend ") && text.ends_with("\n502"),
            "{answer:?}: {text}"
        );
        assert_eq!(recorded(&wayside, "/")["outcome"], "upstream_failed", "{answer:?}");
    }
}

#[test]
fn a_malformed_chunk_is_an_error_and_never_a_clean_end() {
    let backend = Backend::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n\r\n0\r\n\r\n",
    );
    let wayside = Wayside::start(&backend.url(), &[]);
    let plain = curl([wayside.http_url("/")]);
    assert!([18, 56].contains(&plain.code), "{plain:?}");
    wayside.curl("/", &["--http2"]).exits(92);
}
