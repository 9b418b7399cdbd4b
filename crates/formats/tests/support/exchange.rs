//! Recorded exchanges for the tests.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use wayside_exchange::stored::Body;
use wayside_exchange::{
    BodyEnd, Exchange, ExchangeId, Head, HttpVersion, Marks, Message, Micros, Outcome, Scheme,
    SessionId, Summary, Timestamp, Timing,
};

/// An exchange over plain HTTP as a recorder would store it.
pub(crate) fn exchange(request: &[u8], response: &[u8]) -> Exchange {
    let head = Head(Bytes::copy_from_slice(request));
    let answer = Head(Bytes::copy_from_slice(response));
    let host = head.field("host").or(head.pseudo(b":authority")).unwrap_or_default();
    let started_at = Timestamp(1_795_000_000_123_456);
    let id = ExchangeId::floor(started_at);
    let http_version = match head.start_line() {
        line if head.is_http2() || line.ends_with("/2") => HttpVersion::Http2,
        line if line.ends_with("1.0") => HttpVersion::Http10,
        _ => HttpVersion::Http11,
    };
    let summary = Summary {
        id,
        started_at,
        client: "key:3f9a1c22d0e1".to_owned(),
        session: SessionId(id),
        connection: 1,
        client_addr: "127.0.0.1:40000".parse().unwrap(),
        tls: None,
        http_version,
        scheme: Scheme::Http,
        method: head.method().into_owned(),
        host: String::from_utf8_lossy(host).into_owned(),
        target: head.target().into_owned(),
        route: "GET /".to_owned(),
        status: answer.status(),
        outcome: Outcome::Complete,
        failure: None,
        timing: Timing {
            wait: Micros(12_000),
            download: Micros(300),
            total: Micros(12_345),
            ..Timing::default()
        },
        request_bytes: 0,
        response_bytes: 0,
        marks: Marks::default(),
        evidence: Vec::new(),
    };
    let message = |head: Head| Message {
        head,
        trailers: Vec::new(),
        body: Body { end: BodyEnd::Complete, ..Body::default() },
    };
    let response = (!answer.is_empty()).then(|| message(answer));
    Exchange { summary, request: message(head), informed: Vec::new(), response, sealed: Vec::new() }
}
