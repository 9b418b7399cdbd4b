//! HAR files as other programs read them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "support/exchange.rs"]
mod support;

use serde_json::{Value, json};
use support::exchange;
use wayside_exchange::{Exchange, Failure, Outcome, Side};
use wayside_formats::har::HarWriter;

fn entries(exchanges: &[(&Exchange, &[u8], &[u8])]) -> Vec<Value> {
    let mut writer = HarWriter::new(Vec::new()).unwrap();
    for (exchange, request, response) in exchanges {
        writer.entry(exchange, request, response).unwrap();
    }
    let file: Value = serde_json::from_slice(&writer.finish().unwrap()).unwrap();
    assert_eq!(file["log"]["version"], "1.2");
    assert_eq!(file["log"]["pages"], json!([]));
    assert_eq!(file["log"]["creator"]["name"], "Wayside");
    file["log"]["entries"].as_array().unwrap().clone()
}

fn samples() -> Vec<(Exchange, Vec<u8>, Vec<u8>)> {
    let gzip = [
        31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0,
    ];
    let mut posted = exchange(
        b"POST /orders?a=1&b=x%20y&c HTTP/1.1\r\nHost: shop\r\nCookie: s=1; t=2\r\nContent-Type: a/b\r\n\r\n",
        b"HTTP/1.1 201 Made It\r\nContent-Encoding: gzip\r\nContent-Type: text/plain\r\n\
          Set-Cookie: s=2; Path=/x; HttpOnly; Secure\r\nLocation: /orders/1\r\n\r\n",
    );
    for (body, bytes) in [
        (&mut posted.request.body, 3),
        (&mut posted.response.as_mut().unwrap().body, gzip.len() as u64),
    ] {
        (body.bytes, body.kept, body.stored) = (bytes, bytes, bytes);
    }
    let binary = exchange(
        b":method: GET\r\n:scheme: http\r\n:authority: shop\r\n:path: /caf\xc3\xa9|[1]?q=\"\r\n\r\n",
        b":status: 200\r\ncontent-type: image/png\r\n\r\n",
    );
    let mut failed = exchange(b"GET / HTTP/1.0\r\n\r\n", b"");
    failed.summary.outcome = Outcome::UpstreamFailed;
    failed.summary.failure =
        Some(Failure { side: Side::Upstream, reason: "connection refused".into() });
    let mut handshake = exchange(b"", b"");
    handshake.summary.outcome = Outcome::Refused;
    let mut socket = exchange(
        b"GET /ws HTTP/1.1\r\nHost: shop\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
    );
    socket.summary.outcome = Outcome::Upgraded;
    vec![
        (posted, vec![0xff, 0, 1], gzip.to_vec()),
        (binary, vec![], vec![0x89, b'P', b'N', b'G', 0]),
        (failed, vec![], vec![]),
        (handshake, vec![], vec![]),
        (socket, b"\x81\x85\0\0\0\0hello".to_vec(), b"\x82\x01\xff".to_vec()),
        (
            exchange(b"OPTIONS * HTTP/1.1\r\nHost: shop\r\n\r\n", b"HTTP/1.1 204\r\n\r\n"),
            vec![],
            vec![],
        ),
    ]
}

#[test]
fn an_exchange_is_an_entry_with_its_bodies_decoded() {
    let samples = samples();
    let all: Vec<_> = samples.iter().map(|(e, a, b)| (e, a.as_slice(), b.as_slice())).collect();
    let entries = entries(&all);
    let posted = &entries[0];
    assert_eq!(posted["startedDateTime"], "2026-11-18T11:06:40.123456Z");
    assert_eq!(posted["time"], 12.345);
    assert_eq!(posted["request"]["url"], "http://shop/orders?a=1&b=x%20y&c");
    assert_eq!(posted["request"]["queryString"][1], json!({"name": "b", "value": "x y"}));
    assert_eq!(posted["request"]["cookies"][1]["name"], "t");
    let data = json!({"mimeType": "a/b", "text": "/wAB", "_encoding": "base64"});
    assert_eq!(posted["request"]["postData"], data);
    let response = &posted["response"];
    assert_eq!((&response["status"], &response["statusText"]), (&json!(201), &json!("Made It")));
    assert_eq!(response["content"]["text"], "hello");
    assert_eq!(response["content"]["size"], 5);
    assert_eq!(response["content"]["compression"], -20);
    assert_eq!(response["bodySize"], 25);
    assert_eq!(response["redirectURL"], "/orders/1");
    let cookie = json!({"name": "s", "value": "2", "path": "/x", "httpOnly": true, "secure": true});
    assert_eq!(response["cookies"][0], cookie);
    assert_eq!(posted["timings"]["connect"], -1.0);
    assert_eq!(posted["_wayside"]["id"], samples[0].0.summary.id.to_string());

    assert_eq!(entries[1]["request"]["url"], "http://shop/caf%C3%A9%7C%5B1%5D?q=%22");
    assert_eq!(entries[1]["request"]["httpVersion"], "HTTP/2");
    let content =
        json!({"size": 5, "mimeType": "image/png", "text": "iVBORwA=", "encoding": "base64"});
    assert_eq!(entries[1]["response"]["content"], content);
    assert_eq!(
        (&entries[2]["response"]["status"], &entries[2]["response"]["_error"]),
        (&json!(0), &json!("connection refused"))
    );
    assert_eq!(entries[3]["response"]["_error"], "refused");
    let messages = entries[4]["_webSocketMessages"].as_array().unwrap();
    assert_eq!((&messages[0]["type"], &messages[0]["data"]), (&json!("send"), &json!("hello")));
    assert_eq!((&messages[1]["opcode"], &messages[1]["data"]), (&json!(2), &json!("/w==")));
    assert_eq!(entries[5]["request"]["url"], "http://shop/*");
}

#[test]
fn a_body_that_was_cut_says_how_much_of_it_there_is() {
    let mut cut = exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n");
    let body = &mut cut.response.as_mut().unwrap().body;
    (body.bytes, body.kept) = (10, 3);
    let entries = entries(&[(&cut, b"", b"abc")]);
    let content = &entries[0]["response"]["content"];
    assert_eq!(
        (&content["text"], &content["comment"]),
        (&json!("abc"), &json!("only 3 of the 10 bytes were kept"))
    );
}

#[test]
fn a_body_without_its_secrets_says_so() {
    let mut redacted = exchange(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n");
    let body = &mut redacted.response.as_mut().unwrap().body;
    (body.bytes, body.kept, body.stored, body.redacted) = (5, 5, 27, true);
    let entries = entries(&[(&redacted, b"", b"wayside-sealed-0123456789ab")]);
    let response = &entries[0]["response"];
    assert_eq!(response["bodySize"], 5);
    assert_eq!(response["content"]["comment"], "redacted: its secrets are sealed");
}

#[test]
fn a_file_without_exchanges_is_valid() {
    assert!(entries(&[]).is_empty());
}
