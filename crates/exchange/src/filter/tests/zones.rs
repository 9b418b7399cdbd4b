//! Which blocks a filter passes over.

use std::collections::HashSet;

use super::*;

/// A block that holds just the one exchange.
struct One {
    exchange: Exchange,
    tokens: HashSet<String>,
}

impl One {
    pub(super) fn new(exchange: Exchange, bodies: &[&[u8]]) -> Self {
        let mut all = vec![exchange.summary.url().into_bytes(), exchange.request.head.0.to_vec()];
        all.push(exchange.request.trailers.clone());
        all.extend(exchange.response.iter().map(|message| message.head.0.to_vec()));
        all.extend(bodies.iter().map(|body| body.to_vec()));
        let lower = |token: &[u8]| String::from_utf8(token.to_ascii_lowercase()).unwrap();
        let tokens = all.iter().flat_map(|bytes| tokens(bytes).map(lower)).collect();
        Self { exchange, tokens }
    }
}

impl Zone for One {
    fn times(&self) -> (Timestamp, Timestamp) {
        (self.exchange.summary.started_at, self.exchange.summary.started_at)
    }
    fn may_have_status(&self, class: u8) -> bool {
        let status = self.exchange.summary.status.map_or(0, |status| status / 100);
        u16::from(class) == status || status > 5
    }
    fn longest_latency(&self) -> Micros {
        self.exchange.summary.latency()
    }
    fn may_have_client(&self, client: &str) -> bool {
        self.exchange.summary.client == client
    }
    fn may_have_session(&self, session: SessionId) -> bool {
        self.exchange.summary.session == session
    }
    fn may_have_route(&self, route: &str) -> bool {
        self.exchange.summary.route == route
    }
    fn may_have_text(&self, token: &str) -> bool {
        self.tokens.contains(token)
    }
}

pub(super) fn zone() -> impl Zone {
    One::new(exchange(), &[REQUEST_BODY, "{\"error\":\"Out of Stock\",\"place\":\"KÖLN\"}".as_bytes()])
}

#[test]
fn a_block_is_passed_over_when_nothing_in_it_can_match() {
    let other_session = SessionId(ExchangeId(5));
    for text in [
        "status:2xx",
        "status:<500",
        "status:none",
        "latency:>1s",
        "since:1h",
        "until:2h",
        "client:other",
        "route:\"POST /orders/{id}\"",
        &format!("session:{other_session}"),
        "body:\"x middle y\"",
        "\"a missing b\"",
        "header:x-other",
        "header:x-version=3",
        "client:acme-mobile status:404",
        "status:404 or client:other",
    ] {
        assert!(!parsed(text).may_match(&zone()), "{text}");
    }
}

#[test]
fn a_part_of_a_token_never_passes_a_block_over() {
    for text in ["mobil", "body:toc", "\"ut of sto\"", "not status:503", "client:acme*", "route:/x"] {
        assert!(parsed(text).may_match(&zone()), "{text}");
    }
}

#[test]
fn a_status_beyond_the_classes_is_found() {
    let mut odd = exchange();
    odd.summary.status = Some(799);
    let zone = One::new(odd, &[]);
    for text in ["status:799", "status:>=500", "status:7xx"] {
        assert!(parsed(text).may_match(&zone), "{text}");
    }
}
