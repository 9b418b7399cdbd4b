//! Exchanges for the targets that need some: small, and no two alike.

use wayside_exchange::{
    BodyEnd, Evidence, EvidenceKind, ExchangeId, HttpVersion, Marks, Micros, Outcome, Scheme,
    SessionId, Summary, Timestamp, Timing,
};
use wayside_store::{NewBody, NewMessage, NewRecord, StoreError, Writer};

/// When the first exchange began.
pub const START: Timestamp = Timestamp(1_795_000_000_000_000);

/// The row of the n-th exchange.
pub fn row(n: u64) -> Summary {
    let id = ExchangeId(ExchangeId::floor(START).0 + ((n * 1000) << 10));
    Summary {
        id,
        started_at: START.plus(Micros(n * 1000)),
        client: format!("key:{}", n % 5),
        session: SessionId(id),
        connection: n / 3,
        client_addr: ([192, 0, 2, 7], 4711).into(),
        tls: None,
        http_version: HttpVersion::Http11,
        scheme: Scheme::Https,
        method: "POST".to_owned(),
        host: "shop.example".to_owned(),
        target: format!("/orders/{n}"),
        route: "POST /orders/{id}".to_owned(),
        status: Some(200 + (n % 4) as u16 * 100),
        outcome: Outcome::Complete,
        failure: None,
        timing: Timing { total: Micros(n * 77), ..Timing::default() },
        request_bytes: body(n, 300).len() as u64,
        response_bytes: body(n, 20_000).len() as u64,
        marks: Marks::default(),
        evidence: vec![Evidence { kind: EvidenceKind::Key, token: (n % 5).to_string() }],
    }
}

/// Appends the n-th exchange.
pub fn append(writer: &mut Writer, n: u64) -> Result<(), StoreError> {
    let head = format!("POST /orders/{n} HTTP/1.1\r\nHost: shop.example\r\n\r\n");
    let (request, response) = (body(n, 300), body(n, 20_000));
    let message = |head, body| NewMessage { head, trailers: b"", body };
    let whole = |rest, bytes: usize| NewBody {
        bytes: bytes as u64,
        end: BodyEnd::Complete,
        arrivals: &[],
        pieces: &[],
        rest,
        veil: None,
    };
    writer.append(&NewRecord {
        summary: &row(n),
        request: message(head.as_bytes(), whole(&[&request], request.len())),
        informed: &[],
        response: Some(message(
            b"HTTP/1.1 200 OK\r\nServer: s\r\n\r\n",
            whole(&[&response], response.len()),
        )),
        sealed: b"sealed",
    })
}

/// A body of the n-th exchange; every seventh is empty, every fifth long.
fn body(n: u64, long: usize) -> Vec<u8> {
    let times = match (n % 7, n % 5) {
        (0, _) => 0,
        (_, 0) => long / 10,
        _ => 20,
    };
    format!("{{\"order\":{n},\"state\":\"out of stock\"}}").repeat(times).into_bytes()
}
