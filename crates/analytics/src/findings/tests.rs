//! Each way of using the API is found, and what only looks like it is not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::HashMap as Map;

use wayside_exchange::stored::{Body, Message};
use wayside_exchange::{Head, HttpVersion, Micros, Outcome, Summary};

use super::*;
use crate::client::tests::answered;

/// A row to be changed, and the heads behind it.
#[derive(Default)]
pub(crate) struct Recording {
    rows: Vec<Summary>,
    heads: Map<ExchangeId, (String, String, Vec<u8>)>,
}

impl Recording {
    /// An exchange that starts `ms` after the beginning; `(headers of the request, of the response, body)`.
    pub(crate) fn add(
        &mut self,
        ms: u64,
        (method, target, status): (&str, &str, u16),
        (request, response, body): (&str, &str, &str),
    ) -> &mut Summary {
        let mut row = answered("key:1", 0, &format!("{method} {}", route(target)), status, 20);
        row.started_at = row.started_at.plus(Micros(ms * 1000));
        row.id = ExchangeId(ExchangeId::floor(row.started_at).0 + self.rows.len() as u64);
        row.timing.wait = Micros(10_000);
        (row.method, row.target) = (method.to_owned(), target.to_owned());
        (row.request_bytes, row.response_bytes) = (body.len() as u64, 500);
        self.heads.insert(row.id, (request.to_owned(), response.to_owned(), body.into()));
        self.rows.push(row);
        self.rows.last_mut().unwrap()
    }

    pub(crate) fn rows(&self) -> Vec<Summary> {
        self.rows.clone()
    }

    fn get(&mut self, ms: u64, target: &str) -> &mut Summary {
        self.add(ms, ("GET", target, 200), ("", "", ""))
    }

    fn found(mut self) -> Vec<FindingView> {
        let mut findings = Findings::default();
        for row in &self.rows {
            findings.add(&row.glance());
        }
        findings.found(&mut self)
    }

    /// The findings of one kind.
    fn of(self, kind: &str) -> Vec<FindingView> {
        self.found().into_iter().filter(|one| one.kind == kind).collect()
    }
}

fn route(target: &str) -> String {
    let path = target.split('?').next().unwrap();
    let named = |part: &str| if part.parse::<u32>().is_ok() { "{id}" } else { part }.to_owned();
    path.split('/').map(named).collect::<Vec<String>>().join("/")
}

impl Lookup for Recording {
    fn exchange(&mut self, id: ExchangeId) -> Option<Exchange> {
        let summary = self.rows.iter().find(|row| row.id == id)?.clone();
        let (request, response, body) = self.heads.get(&id)?;
        let head = |start: &str, fields: &str| Message {
            head: Head(format!("{start}\r\n{fields}\r\n").into_bytes().into()),
            body: Body { bytes: body.len() as u64, ..Body::default() },
            ..Message::default()
        };
        Some(Exchange {
            request: head(&format!("{} {} HTTP/1.1", summary.method, summary.target), request),
            response: Some(head("HTTP/1.1 200 OK", response)),
            informed: Vec::new(),
            sealed: Vec::new(),
            summary,
        })
    }

    fn request_body(&mut self, id: ExchangeId) -> Option<Vec<u8>> {
        self.heads.get(&id).map(|(_, _, body)| body.clone())
    }
}

#[test]
fn items_asked_for_one_by_one_are_a_burst() {
    let mut recording = Recording::default();
    for burst in 0..3 {
        recording.get(burst * 60_000, "/orders");
        for item in 0..12 {
            recording.get(burst * 60_000 + 50 * (item + 1), &format!("/products/{}", item + burst));
        }
    }
    let found = recording.of("n_plus_one");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].count, found[0].cost.requests), (36, 33));
    assert_eq!(
        found[0].sentence,
        "asks for items one by one: 36 requests on `GET /products/{id}` in 3 bursts of 12, where one request \
         for many could do"
    );
    assert_eq!(found[0].exchanges, "client:\"key:1\" route:\"GET /products/{id}\"");
    assert!((found[0].cost.backend_seconds - 0.36).abs() < 1e-9);
}

#[test]
fn a_few_items_or_the_same_one_or_some_in_an_hour_are_no_burst() {
    let mut recording = Recording::default();
    for item in 0..9 {
        recording.get(item * 50, &format!("/products/{item}"));
    }
    for again in 0..40 {
        recording.get(10_000 + again * 50, "/orders/7");
    }
    for item in 0..40 {
        recording.get(60_000 + item * 90_000, &format!("/customers/{item}"));
    }
    for mixed in 0..100 {
        let others = ["/a", "/b", "/c", "/d"].map(|path| (1, path.to_owned()));
        let all = others.into_iter().chain([(2, format!("/items/{mixed}"))]);
        for (n, (_, path)) in all.enumerate() {
            recording.get(9_000_000 + mixed * 100 + n as u64 * 10, &path);
        }
    }
    assert_eq!(recording.of("n_plus_one"), []);
}

#[test]
fn the_same_again_and_again_without_a_validator_is_polling() {
    let mut recording = Recording::default();
    for again in 0..50 {
        recording.add(
            again * 200,
            ("GET", "/orders/7", 200),
            ("Accept: */*\r\n", "ETag: \"1\"\r\n", ""),
        );
    }
    let found = recording.of("polling");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].count, 49);
    assert!(
        found[0].sentence.contains("every 200 ms, without a validator"),
        "{}",
        found[0].sentence
    );
    assert!(!found[0].examples.is_empty());
}

#[test]
fn who_sends_a_validator_or_sees_something_new_or_seldom_looks_polls_well() {
    let mut validating = Recording::default();
    for again in 0..50 {
        let request = "If-None-Match: \"1\"\r\n";
        validating.add(again * 200, ("GET", "/orders/7", 200), (request, "", ""));
    }
    assert_eq!(validating.of("polling"), []);
    let mut changing = Recording::default();
    for again in 0..50 {
        changing.get(again * 200, "/news").response_bytes = 500 + again;
        changing.get(again * 90_000, "/rates");
    }
    changing.rows.sort_by_key(|row| row.id);
    assert_eq!(changing.of("polling"), []);
}

#[test]
fn failures_sent_again_at_once_are_a_storm() {
    let mut recording = Recording::default();
    for series in 0..3 {
        for again in 0..4 {
            recording.add(series * 60_000 + again * 60, ("POST", "/orders", 503), ("", "", "{}"));
        }
    }
    let found = recording.of("retry_storm");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].count, 9);
    assert!(
        found[0].sentence.contains("9 tries on `POST /orders` in 3 series"),
        "{}",
        found[0].sentence
    );
}

#[test]
fn a_try_again_that_waits_or_works_is_no_storm() {
    let mut recording = Recording::default();
    for series in 0..20 {
        recording.add(series * 60_000, ("POST", "/orders", 503), ("", "", "{}"));
        recording.add(series * 60_000 + 100, ("POST", "/orders", 201), ("", "", "{}"));
        recording.add(series * 60_000 + 9_000, ("GET", "/carts", 503), ("", "", ""));
        recording.add(series * 60_000 + 14_000, ("GET", "/carts", 503), ("", "", ""));
        recording.add(series * 60_000 + 24_000, ("GET", "/carts", 503), ("", "", ""));
    }
    assert_eq!(recording.of("retry_storm"), []);
}

#[test]
fn refused_credentials_again_and_again_are_a_loop() {
    let mut recording = Recording::default();
    for again in 0..8 {
        recording.add(again * 500, ("GET", "/me", 401), ("", "", ""));
    }
    let found = recording.of("401_loop");
    assert_eq!((found.len(), found[0].count, found[0].cost.requests), (1, 8, 7));
    let mut renewing = Recording::default();
    for again in 0..30 {
        renewing.add(again * 900, ("GET", "/me", 401), ("", "", ""));
        renewing.add(again * 900 + 50, ("POST", "/token", 200), ("", "", ""));
        renewing.add(again * 900 + 99, ("GET", "/me", 200), ("", "", ""));
    }
    assert_eq!(renewing.of("401_loop"), []);
}

#[test]
fn who_comes_before_retry_after_says_ignores_it() {
    let throttled = |pause: u64, answer: &'static str| {
        let mut recording = Recording::default();
        for again in 0..6 {
            recording.add(again * pause, ("GET", "/search", 429), ("", answer, ""));
        }
        recording.of("retry_after_ignored")
    };
    let found = throttled(1_000, "Retry-After: 30\r\n");
    assert_eq!((found.len(), found[0].count), (1, 5));
    assert_eq!(throttled(31_000, "Retry-After: 30\r\n"), []);
    assert_eq!(throttled(1_000, ""), [], "nobody said how long to wait");
}

#[test]
fn the_same_write_twice_without_a_key_is_found() {
    let writes = |request: &'static str, bodies: [&'static str; 2], status: u16, apart: u64| {
        let mut recording = Recording::default();
        for pair in 0..3 {
            for (n, body) in bodies.into_iter().enumerate() {
                let at = pair * 600_000 + n as u64 * apart;
                recording.add(at, ("POST", "/orders", status), (request, "", body));
            }
        }
        recording.of("duplicate_writes")
    };
    let same = ["{\"cart\":1}"; 2];
    let found = writes("", same, 201, 400);
    assert_eq!((found.len(), found[0].count, found[0].examples.len()), (1, 3, 3));
    assert_eq!(writes("Idempotency-Key: a\r\n", same, 201, 400), []);
    assert_eq!(writes("", ["{\"cart\":1}", "{\"cart\":2}"], 201, 400), []);
    assert_eq!(writes("", same, 422, 400), [], "what was refused wrote nothing");
    assert_eq!(writes("", same, 201, 60_000), [], "a minute later it is another wish");
}

#[test]
fn a_list_read_from_its_beginning_again_and_again_is_found() {
    let mut recording = Recording::default();
    for pass in 0..5 {
        for page in 1..=4 {
            let target = format!("/products?size=20&page={page}");
            recording.get(pass * 5_000 + page * 300, &target);
        }
    }
    let found = recording.of("pagination_restarts");
    assert_eq!((found.len(), found[0].count, found[0].cost.requests), (1, 16, 16));
    assert!(
        found[0].sentence.contains("4 times on `GET /products`, 16 pages"),
        "{}",
        found[0].sentence
    );
    let mut reading = Recording::default();
    for page in 1..60 {
        reading.get(page * 300, &format!("/products?page={page}"));
    }
    for day in 0..30 {
        reading.get(100_000_000 + day * 86_400_000, "/news?page=1");
        reading.get(100_001_000 + day * 86_400_000, "/news?page=2");
    }
    assert_eq!(reading.of("pagination_restarts"), []);
}

#[test]
fn a_connection_for_each_request_is_found_and_a_pool_is_none() {
    let on = |connections: u64, version: HttpVersion| {
        let mut recording = Recording::default();
        for n in 0..60 {
            let row = recording.get(n * 5_000, "/news");
            (row.connection, row.http_version) = (n % connections, version);
        }
        recording.of("connection_per_request")
    };
    let found = on(60, HttpVersion::Http11);
    assert_eq!((found.len(), found[0].count), (1, 60));
    assert!(found[0].sentence.contains("60 for 60 requests"), "{}", found[0].sentence);
    assert_eq!(on(12, HttpVersion::Http11), []);
    assert_eq!(on(60, HttpVersion::Http2), [], "there a stream is what a connection was");
}

#[test]
fn text_that_nobody_packed_since_nobody_asked_is_found() {
    let answers = |request: &'static str, response: &'static str| {
        let mut recording = Recording::default();
        for n in 0..20 {
            recording
                .add(n * 5_000, ("GET", "/report", 200), (request, response, ""))
                .response_bytes = 10_000;
        }
        recording.of("no_compression")
    };
    let json = "Content-Type: application/json\r\n";
    let found = answers("", json);
    assert_eq!((found.len(), found[0].count, found[0].cost.bytes), (1, 20, 140_000));
    assert_eq!(answers("Accept-Encoding: gzip\r\n", json), []);
    assert_eq!(answers("", "Content-Type: image/png\r\n"), []);
    assert_eq!(answers("", "Content-Type: text/csv\r\nContent-Encoding: gzip\r\n"), []);
}

#[test]
fn pages_of_hundreds_are_found_when_they_are_heavy() {
    let pages = |target: &'static str, bytes: u64| {
        let mut recording = Recording::default();
        for n in 0..8 {
            recording.get(n * 5_000, target).response_bytes = bytes;
        }
        recording.of("oversized_pages")
    };
    let found = pages("/products?size=500", 50_000);
    assert_eq!((found.len(), found[0].count, found[0].cost.bytes), (1, 8, 320_000));
    assert_eq!(pages("/products?size=50", 50_000), []);
    assert_eq!(pages("/products?size=500", 900), []);
}

#[test]
fn however_many_clients_come_and_go_those_that_cost_are_told() {
    let mut findings = Findings::default();
    let mut recording = Recording::default();
    for n in 0..20_000 {
        recording.rows.clear();
        let client = format!("key:{n}");
        for again in 0..if n % 1000 == 7 { 8 } else { 1 } {
            let row = recording.add(n * 10 + again, ("GET", "/me", 401), ("", "", ""));
            row.client.clone_from(&client);
            findings.add(&row.glance());
        }
        assert!(findings.clients.len() <= WATCHED);
    }
    let found = findings.found(&mut recording);
    assert_eq!(found.iter().filter(|one| one.kind == "401_loop").count(), 20);
}

#[test]
fn what_still_runs_or_was_never_asked_is_left_out() {
    let mut recording = Recording::default();
    for n in 0..40 {
        let row = recording.get(n * 50, "/orders/7");
        if n % 2 == 0 {
            row.marks.insert(Mark::Open);
        } else {
            (row.method, row.outcome) = (String::new(), Outcome::Refused);
        }
    }
    assert_eq!(recording.found(), []);
}
