//! Filters as people write them, against one exchange; the blocks they pass over.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod errors;
mod expressions;
mod properties;
mod zones;

use std::cell::Cell;
use std::io::Write as _;

use bytes::Bytes;

use super::*;
use crate::Head;
use crate::connection::{ClientCertificate, HttpVersion, Scheme, Tls};
use crate::id::ExchangeId;
use crate::outcome::{Failure, Mark, Marks, Outcome, Side};
use crate::stored::{Body, Exchange, Message};
use crate::summary::{Evidence, EvidenceKind, Summary};
use crate::time::Timing;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T16:00:00Z").unwrap()
}

fn parsed(text: &str) -> Filter {
    Filter::parse(text, now()).unwrap_or_else(|error| panic!("{error}"))
}

fn summary() -> Summary {
    let id = ExchangeId::floor(Timestamp::parse("2026-11-20T14:05:30Z").unwrap());
    Summary {
        id,
        started_at: Timestamp::parse("2026-11-20T14:05:30Z").unwrap(),
        client: "bearer:acme-mobile".into(),
        session: SessionId(id),
        connection: 17,
        client_addr: "10.1.2.3:50000".parse().unwrap(),
        tls: Some(Tls {
            sni: Some("shop.example".into()),
            ja4: Some("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
            client_certificate: Some(ClientCertificate {
                name: "spiffe://lamps/till".into(),
                subject: "O=Lamps & Co, OU=Tills".into(),
            }),
            ..Tls::default()
        }),
        http_version: HttpVersion::Http2,
        scheme: Scheme::Https,
        method: "GET".into(),
        host: "shop.example:8443".into(),
        target: "/orders/17?size=big".into(),
        route: "GET /orders/{id}".into(),
        status: Some(503),
        outcome: Outcome::Complete,
        failure: None,
        timing: Timing {
            total: Micros(612_000),
            wait: Micros(600_000),
            connect: Micros(0),
            ..Timing::default()
        },
        request_bytes: 0,
        response_bytes: 0,
        marks: Marks(Mark::OverLimit as u8),
        evidence: vec![Evidence { kind: EvidenceKind::Bearer, token: "acme-mobile".into() }],
    }
}

const REQUEST_BODY: &[u8] = b"{\"item\":\"Blue Lamp\"}";

fn response_body() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"{\"error\":\"Out of Stock\",\"place\":\"K\xc3\x96LN\"}").unwrap();
    encoder.finish().unwrap()
}

fn exchange() -> Exchange {
    let message = |head: &'static str, bytes: usize| Message {
        head: Head(Bytes::from_static(head.as_bytes())),
        trailers: Vec::new(),
        body: Body { bytes: bytes as u64, kept: bytes as u64, ..Body::default() },
    };
    let mut exchange = Exchange {
        summary: summary(),
        request: message(
            ":method: GET\r\n:scheme: https\r\n:authority: shop.example:8443\r\n\
             :path: /orders/17?size=big\r\nx-version: 2\r\naccept: application/json, */*\r\n\r\n",
            REQUEST_BODY.len(),
        ),
        informed: Vec::new(),
        response: Some(message(
            ":status: 503\r\nServer: Backend One\r\ncontent-encoding: gzip\r\n\r\n",
            response_body().len(),
        )),
        sealed: Vec::new(),
    };
    exchange.request.trailers = b"x-checksum: 12ab\r\n".to_vec();
    exchange.summary.request_bytes = REQUEST_BODY.len() as u64;
    exchange.summary.response_bytes = response_body().len() as u64;
    exchange
}

#[allow(clippy::unnecessary_wraps, reason = "the shape that `on_exchange` asks for")]
fn body<'a>(half: Half) -> Option<Cow<'a, [u8]>> {
    Some(match half {
        Half::Request => REQUEST_BODY.into(),
        Half::Response => response_body().into(),
    })
}

fn on(filter: &Filter, exchange: &Exchange) -> bool {
    filter.on_exchange(&Subject::from(exchange), &mut body)
}

fn on_row(text: &str, row: &Summary) -> Answer {
    parsed(text).on_row(&row.glance(), row)
}

fn matches(text: &str) -> bool {
    on(&parsed(text), &exchange())
}

#[track_caller]
fn each(yes: &[&str], no: &[&str]) {
    for (texts, wanted) in [(yes, true), (no, false)] {
        for text in texts {
            assert_eq!(matches(text), wanted, "{text}");
            assert_eq!(matches(&format!("not ({text})")), !wanted, "not ({text})");
            match on_row(text, &exchange().summary) {
                Answer::Unknown => {}
                answer => assert_eq!(answer == Answer::Yes, wanted, "{text} on the row"),
            }
        }
    }
}

#[test]
fn the_example_of_the_design_matches() {
    assert!(matches(
        r#"client:acme-mobile route:"GET /orders/{id}" status:>=500 latency:>500ms header:x-version=2 body:"out of stock" since:2h"#
    ));
    assert!(!matches(r#"client:acme-mobile body:"in stock""#));
}

#[test]
fn who_and_where() {
    each(
        &[
            "client:bearer:acme-mobile",
            "client:acme-mobile",
            "client:acme*",
            "client:bearer:*",
            "connection:17",
            "addr:10.1.*",
            "addr:10.1.2",
            "sni:SHOP",
            "ja4:t13d1516h2_8daaf6152771_e5627efa2ab1",
            "ja4:8daaf6152771",
            "ja4:t13d*",
            "ja4:/^t13.*_8daaf6152771_/",
            "\"spiffe://lamps/till\"",
            "\"O=lamps & co\"",
            "evidence:bearer",
            "evidence:acme",
            "method:get",
            "host:shop",
            "path:/ORDERS/",
            "path:/orders/*",
            "path:*17",
            "url:https://shop.example:8443/orders/17?size",
            "route:\"GET /orders/{id}\"",
            "route:/orders/{id}",
            "route:\"GET /ord*\"",
        ],
        &[
            "client:acme",
            "client:Acme-mobile",
            "connection:>17",
            "addr:10.2",
            "path:size",
            "path:orders*",
            "route:\"POST /orders/{id}\"",
            "route:/orders",
            "method:GE",
            "evidence:key",
        ],
    );
}

#[test]
fn ids_by_prefix() {
    let row = summary();
    let (id, session) = (row.id.to_string(), row.session.to_string());
    for n in 1..=12 {
        assert!(matches(&format!("id:{}", &id[..n])), "{n}");
        assert!(matches(&format!("session:{}", &session[..=n])), "{n}");
    }
    assert!(!matches("id:zzz") && !matches("session:szzz"));
}

#[test]
fn how_it_went() {
    each(
        &[
            "status:503",
            "status:>=500",
            "status:5xx",
            "status:5XX",
            "status:400..599",
            "status:>502",
            "status:<=503",
            "status:=503",
            "outcome:complete",
            "mark:over_limit",
            "mark:over-limit",
            "mark:any",
            "http:2",
            "http:HTTP/2",
            "version:2",
        ],
        &[
            "status:500",
            "status:4xx",
            "status:none",
            "status:<503",
            "outcome:refused",
            "mark:open",
            "mark:none",
            "http:1.1",
            "http:1",
            "failure:*",
        ],
    );
    let mut failed = exchange();
    failed.summary.status = None;
    failed.summary.failure =
        Some(Failure { side: Side::Upstream, reason: "connection refused".into() });
    for text in ["status:none", "failure:REFUSED", "failure:upstream", "failure:*"] {
        assert!(on(&parsed(text), &failed), "{text}");
    }
    assert!(!on(&parsed("status:>=100"), &failed));
}

#[test]
fn how_long_and_how_much() {
    each(
        &[
            "latency:>500ms",
            "latency:>500",
            "latency:612",
            "latency:>=0.6s",
            "latency:<1m",
            "latency:500..700ms",
            "wait:600ms",
            "connect:0",
            "wait:>599999us",
            "size:>10b",
            "request_bytes:20",
            "request-bytes:<1kib",
            "response_bytes:>0",
            "size:<0.5mb",
        ],
        &["latency:>612", "latency:<612ms", "latency:>1s", "size:>1kb", "upload:>0", "latency:<0"],
    );
}

#[test]
fn when() {
    each(
        &[
            "since:2h",
            "since:7d",
            "since:1h55m",
            "since:2026-11-20T14:05:30Z",
            "until:1h",
            "until:2026-11-20T15:05:30+01:00",
            "at:2026-11-20T14:05±5m",
            "at:2026-11-20T14:00+-5m30s",
            "at:2026-11-20T14:00+/-6m",
            "at:2026-11-20T14:05",
            "since:2026-11-20",
        ],
        &["since:1h", "until:2h", "at:2026-11-20T14:00±5m", "at:2026-11-20T14:07"],
    );
}

#[test]
fn headers_in_either_half_and_in_trailers() {
    each(
        &[
            "header:x-version",
            "header:X-Version=2",
            "request-header:x-version",
            "header:server=\"backend one\"",
            "response_header:server=back*",
            "header:accept=*json*",
            "header:x-checksum=12AB",
        ],
        &[
            "header:x-version=",
            "header:x-vers",
            "response-header:x-version",
            "header:x-version=22",
            "header:server=backend",
            "request-header:server",
            "header:authority",
        ],
    );
}

#[test]
fn bodies_are_searched_decoded_without_regard_to_case() {
    each(
        &[
            "body:\"out of stock\"",
            "response-body:STOCK",
            "request-body:\"blue lamp\"",
            "body:köln",
            "body:KÖLN",
            r#"body:"\"item\"""#,
        ],
        &["request-body:stock", "response-body:lamp", "body:green", "body:\"*stock\""],
    );
}

#[test]
fn a_bare_word_searches_everything() {
    each(
        &[
            "orders/17",
            "SHOP.example",
            "acme-mob",
            "x-version",
            "\"backend one\"",
            "lamp",
            "\"of stock\"",
            "12ab",
        ],
        &["nowhere", "\"stock of\""],
    );
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    each(
        &[
            "status:200 method:POST or status:503",
            "status:503 (method:POST or method:GET)",
            "not status:200 method:GET",
            "not not status:503",
            "status:503 AND NOT method:POST",
            "status:503(method:GET)",
        ],
        &[
            "status:503 method:POST or status:200",
            "not (status:503 or method:POST)",
            "not status:503 or method:POST",
        ],
    );
}

#[test]
fn an_empty_filter_matches_everything() {
    for text in ["", "  \t\n"] {
        let filter = parsed(text);
        assert!(filter.is_all() && filter.to_string().is_empty());
        assert_eq!(on_row(text, &summary()), Answer::Yes);
    }
    assert!(!parsed("x").is_all());
}

#[test]
fn bodies_are_asked_for_only_where_the_answer_depends_on_them_and_once() {
    for (text, asked) in [
        ("status:200 body:lamp", 0),
        ("status:503 or body:lamp", 0),
        ("orders", 0),
        ("request-body:lamp request-body:blue", 1),
        ("body:nothing or nowhere", 2),
        ("body:nothing status:200", 0),
    ] {
        let count = Cell::new(0);
        parsed(text).on_exchange(&Subject::from(&exchange()), &mut |half| {
            count.set(count.get() + 1);
            body(half)
        });
        assert_eq!(count.get(), asked, "{text}");
    }
    assert!(parsed("not (status:200 body:x)").needs_bodies() && parsed("x").needs_bodies());
    assert!(!parsed("header:x=1 url:x").needs_bodies());
    assert_eq!(on_row("body:x", &summary()), Answer::No, "there is no body");
}
