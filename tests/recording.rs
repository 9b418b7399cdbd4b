//! What comes back of an exchange: every field of the contract, heads as on the wire, every way to end.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use wayside_tests::{Backend, Echo, Peer, Wayside, id, marks};

const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const AB: &str = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603";

#[test]
fn an_exchange_comes_back_with_every_field_of_the_contract() {
    let backend = Backend::answering(
        "HTTP/1.1 201 Made Up\r\nX-One: 1\r\nContent-Length: 5\r\nx-one: 2\r\n\r\nhello",
    );
    let wayside = Wayside::start(&backend.url(), &[]);
    let arguments = ["--http1.1", "-d", "ab", "-A", "probe/1", "-H", "X-Two: b"];
    wayside.curl("/orders/17?x=1", &arguments).ok();
    let exchanges = wayside.exchanges("", 1);
    assert_eq!(exchanges.len(), 1);
    let exchange = &exchanges[0];
    let port = wayside.https().port();

    // Others may be added, in between too; these stay, in this order.
    let promised = [
        "id",
        "started_at",
        "client",
        "session",
        "connection",
        "method",
        "url",
        "host",
        "path",
        "route",
        "status",
        "outcome",
        "http_version",
        "client_addr",
        "tls",
        "timing",
        "request",
        "response",
        "marks",
    ];
    assert_eq!(known_keys(exchange, &promised), promised);
    let timing = ["upload_ms", "connect_ms", "wait_ms", "download_ms", "total_ms", "overhead_ms"];
    assert_eq!(known_keys(&exchange["timing"], &timing), timing);
    let message = ["headers", "body_bytes", "body_sha256", "trailers"];
    assert_eq!(known_keys(&exchange["request"], &message), message);
    assert_eq!(known_keys(&exchange["response"], &message), message);
    assert_eq!(known_keys(&exchange["tls"], &["version", "sni", "alpn", "ja4"]).len(), 4);

    assert_eq!(id(exchange).len(), 12);
    let started = exchange["started_at"].as_str().expect("a time");
    assert!(started.ends_with('Z') && started.len() == "2026-01-01T00:00:00.000000Z".len());
    assert_eq!(exchange["client"], "addr:127.0.0.1/probe");
    assert!(exchange["session"].as_str().expect("a session").starts_with('s'));
    assert!(exchange["connection"].is_u64());
    assert_eq!(exchange["method"], "POST");
    assert_eq!(exchange["url"], format!("https://shop.test:{port}/orders/17?x=1"));
    assert_eq!(exchange["host"], format!("shop.test:{port}"));
    assert_eq!(exchange["path"], "/orders/17");
    assert_eq!(exchange["route"], "POST /orders/{id}");
    assert_eq!(exchange["status"], 201);
    assert_eq!(exchange["outcome"], "complete");
    assert_eq!(exchange["http_version"], "HTTP/1.1");
    assert!(exchange["client_addr"].as_str().expect("an address").starts_with("127.0.0.1:"));
    assert_eq!(exchange["tls"]["version"], "TLSv1.3");
    assert_eq!(exchange["tls"]["sni"], "shop.test");
    assert_eq!(exchange["tls"]["alpn"], "http/1.1");
    assert!(exchange["timing"]["total_ms"].as_f64().expect("milliseconds") > 0.0);
    assert_eq!(exchange["request"]["body_bytes"], 2);
    assert_eq!(exchange["request"]["body_sha256"], AB);
    assert!(headers(&exchange["request"]).contains(&("X-Two".to_owned(), "b".to_owned())));
    assert_eq!(
        exchange["response"]["headers"],
        json!([["X-One", "1"], ["Content-Length", "5"], ["x-one", "2"]]),
    );
    assert_eq!(exchange["response"]["body_bytes"], 5);
    assert_eq!(exchange["response"]["body_sha256"], HELLO);
    assert_eq!(exchange["marks"], json!([]));
    assert_eq!(wayside.run(["show", id(exchange), "--json"]).ok().json(), *exchange);
    backend.join();
}

#[test]
fn an_exchange_without_tls_says_so() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    wayside_tests::curl([wayside.http_url("/plain")]).ok();
    let exchange = &wayside.exchanges("", 1)[0];
    assert_eq!(exchange["tls"], Value::Null);
    assert_eq!(exchange["url"], wayside.http_url("/plain"));
}

#[test]
fn heads_and_bodies_are_shown_byte_for_byte() {
    let answer = "HTTP/1.1 200 Fine  With  Me\r\nSERVER: odd\r\nx-b:  two  words \r\nX-A: 1\r\nx-b: again\r\n\
        Empty:\r\nContent-Length: 3\r\n\r\n\x00\x01\n";
    let backend = Backend::answering(answer);
    let wayside = Wayside::start(&backend.url(), &[]);
    let request = "PUT /a/../b//c?q=%41&&x HTTP/1.1\r\nhOST: wire.test\r\nX-z: 1\r\nACCEPT: */*\r\nx-Z: 2\r\n\
        X-Latin: caf\u{e9}\r\nContent-LENGTH: 4\r\n\r\n\r\t\x07\n";
    let mut peer = Peer::connect(wayside.http());
    assert!(peer.send(request));
    let head = peer.head().expect("an answer");
    peer.body(&head);
    let exchange = &wayside.exchanges("", 1)[0];
    // Bodies that end a line: another gets a line feed after it, to part the halves.
    let raw = wayside.run(["show", id(exchange), "--raw"]).ok().stdout;
    let expected = format!("{request}{answer}");
    assert_eq!(raw.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
    assert_eq!(exchange["url"], "http://wire.test/a/../b//c?q=%41&&x");
    assert_eq!(wayside.body(id(exchange), "request"), b"\r\t\x07\n");
    assert_eq!(wayside.body(id(exchange), "response"), b"\0\x01\n");
}

#[test]
fn a_head_of_http_2_is_kept_as_its_fields_in_order() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    wayside.curl("/two?x=1", &["--http2", "-H", "X-One: 1", "-H", "x-two: 2"]).ok();
    let exchange = &wayside.exchanges("", 1)[0];
    assert_eq!(exchange["http_version"], "HTTP/2");
    assert_eq!(exchange["tls"]["alpn"], "h2");
    let names = headers(&exchange["request"]).into_iter().map(|(name, _)| name);
    let names: Vec<String> = names.filter(|name| name.starts_with("x-")).collect();
    assert_eq!(names, ["x-one", "x-two"]);
    let raw = wayside.run(["show", id(exchange), "--raw"]).ok();
    let text = raw.text();
    for line in [":method: GET\r\n", ":path: /two?x=1\r\n", ":scheme: https\r\n", "x-two: 2\r\n"] {
        assert!(text.contains(line), "`{}` in {text}", line.escape_debug());
    }
}

#[test]
fn interim_responses_are_recorded() {
    let backend = Backend::scripted(|peer| {
        while peer.head().is_some() {
            peer.send("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n");
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET /hints HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(peer.head().expect("the hints").starts_with(b"HTTP/1.1 103 "));
    assert!(peer.head().expect("the answer").starts_with(b"HTTP/1.1 200 "));
    let exchange = &wayside.exchanges("", 1)[0];
    assert_eq!(exchange["status"], 200);
    assert_eq!(
        exchange["interim"],
        json!([{ "status": 103, "headers": [["Link", "</style.css>; rel=preload"]] }]),
    );
    let shown = wayside.run(["show", id(exchange)]).ok();
    assert!(shown.text().contains("103 Early Hints"), "{}", shown.text());
}

#[test]
fn trailers_are_recorded_both_ways() {
    let backend = Backend::scripted(|peer| {
        while let Some(head) = peer.head() {
            peer.body(&head);
            peer.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                 3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n",
            );
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send(
        "POST /t HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nTrailer: X-Check\r\n\
         Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Check: yes\r\n\r\n",
    );
    let head = peer.head().expect("an answer");
    peer.body(&head);
    let exchange = &wayside.exchanges("", 1)[0];
    // Their names travel on, and so are recorded, in lower case.
    assert_eq!(exchange["request"]["trailers"], json!([["x-check", "yes"]]));
    assert_eq!(exchange["response"]["trailers"], json!([["x-sum", "6"]]));
    assert_eq!(exchange["request"]["body_bytes"], 5);
    assert_eq!(exchange["request"]["body_sha256"], HELLO);
    assert_eq!(wayside.body(id(exchange), "response"), b"abc");
}

#[test]
fn a_backend_that_refuses_is_recorded_with_the_reason() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nobody = format!("http://{}", closed.local_addr().expect("a bound socket"));
    drop(closed);
    let wayside = Wayside::start(&nobody, &[]);
    let answer = wayside.curl("/gone", &["-w", "%{http_code}"]).ok();
    let exchange = &wayside.exchanges("", 1)[0];
    assert!(answer.text().ends_with("502"));
    assert!(answer.text().contains(id(exchange)), "the client is told the id: {}", answer.text());
    assert_eq!(exchange["outcome"], "upstream_failed");
    assert_eq!(exchange["failure"]["side"], "upstream");
    let reason = exchange["failure"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("refused"), "{reason}");
    assert_eq!(marks(exchange), [""; 0]);
}

#[test]
fn a_body_that_the_backend_cuts_is_marked_with_what_came() {
    let backend = Backend::scripted(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    wayside.curl("/cut", &["--http1.1"]).exits(18);
    let exchange = &wayside.ended("", 1)[0];
    assert_eq!(exchange["outcome"], "upstream_failed");
    assert_eq!(exchange["status"], 200);
    assert_eq!(marks(exchange), ["response_body_cut"]);
    assert_eq!(exchange["response"]["body_bytes"], 9);
    assert_eq!(exchange["response"]["body_sha256"], Value::Null);
    assert_eq!(wayside.body(id(exchange), "response"), b"only this");
}

#[test]
fn a_client_that_leaves_is_recorded_with_what_it_got() {
    let backend = Backend::scripted(|peer| {
        while peer.head().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst");
            // Until the proxy closes.
            peer.rest();
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("GET /leave HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.head();
    peer.exactly(5);
    drop(peer);
    let exchange = &wayside.ended("", 1)[0];
    assert_eq!(exchange["outcome"], "client_cancelled");
    assert_eq!(marks(exchange), ["response_body_cut"]);
    assert_eq!(exchange["response"]["body_bytes"], 5);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_request_is_recorded_with_what_it_sent() {
    let backend = Backend::scripted(|peer| {
        while peer.head().is_some() {
            peer.rest();
        }
    });
    let wayside = Wayside::start(&backend.url(), &[]);
    let mut peer = Peer::connect(wayside.http());
    peer.send("POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n0123456789");
    // The backend has it, so it has passed.
    for _ in 0..200 {
        if backend.received().first().is_some_and(|bytes| bytes.ends_with(b"0123456789")) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(peer);
    let exchange = &wayside.ended("", 1)[0];
    assert_eq!(exchange["outcome"], "client_cancelled");
    assert_eq!(marks(exchange), ["request_body_cut"]);
    assert_eq!(exchange["request"]["body_bytes"], 10);
    assert_eq!(exchange["response"], Value::Null);
    assert_eq!(wayside.body(id(exchange), "request"), b"0123456789");
}

#[test]
fn a_failed_handshake_is_recorded_with_address_and_reason() {
    let echo = Echo::start();
    let wayside = Wayside::start(&echo.url(), &[]);
    // It trusts nobody, so it breaks the handshake off.
    wayside_tests::curl([format!("https://{}/", wayside.https())]).exits(60);
    let exchange = &wayside.exchanges("", 1)[0];
    assert_eq!(exchange["method"], "");
    assert_eq!(exchange["outcome"], "refused");
    assert!(exchange["client_addr"].as_str().expect("an address").starts_with("127.0.0.1:"));
    assert!(!exchange["failure"]["reason"].as_str().expect("a reason").is_empty());
    assert_eq!(wayside.settled()["handshakes_failed"], 1);
}

/// The keys of `object` that are in `promised`, in the order in which they come.
fn known_keys<'a>(object: &'a Value, promised: &[&str]) -> Vec<&'a str> {
    let keys = object.as_object().unwrap_or_else(|| panic!("no object: {object}")).keys();
    keys.map(String::as_str).filter(|key| promised.contains(key)).collect()
}

fn headers(message: &Value) -> Vec<(String, String)> {
    serde_json::from_value(message["headers"].clone()).expect("pairs of name and value")
}
