//! Which blocks a filter passes over.

use super::*;

/// A block that holds just the one exchange.
struct One {
    exchange: Exchange,
    texts: Vec<String>,
}

impl One {
    fn new(exchange: Exchange, bodies: &[&[u8]]) -> Self {
        let row = &exchange.summary;
        let mut all = vec![row.url().into_bytes(), row.host.clone().into_bytes()];
        all.push(row.client.clone().into_bytes());
        all.extend(row.evidence.iter().map(|evidence| evidence.to_string().into_bytes()));
        if let Some(tls) = &row.tls {
            all.extend(tls.ja4.iter().map(|ja4| ja4.clone().into_bytes()));
            if let Some(certificate) = &tls.client_certificate {
                all.push(certificate.name.clone().into_bytes());
                all.push(certificate.subject.clone().into_bytes());
            }
        }
        all.push(exchange.request.head.0.to_vec());
        all.push(exchange.request.trailers.clone());
        all.extend(exchange.response.iter().map(|message| message.head.0.to_vec()));
        all.extend(bodies.iter().map(|body| body.to_vec()));
        let lower = |text: &Vec<u8>| String::from_utf8_lossy(text).to_lowercase();
        let texts = all.iter().map(lower).collect();
        Self { exchange, texts }
    }
}

impl Zone for One {
    fn ids(&self) -> (ExchangeId, ExchangeId) {
        (self.exchange.summary.id, self.exchange.summary.id)
    }
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
    fn may_have_text(&self, text: &str) -> bool {
        self.texts.iter().any(|all| all.contains(&text.to_lowercase()))
    }
}

pub(super) fn zone() -> impl Zone {
    One::new(
        exchange(),
        &[REQUEST_BODY, "{\"error\":\"Out of Stock\",\"place\":\"KÖLN\"}".as_bytes()],
    )
}

#[test]
fn a_block_is_passed_over_when_nothing_in_it_can_match() {
    let other_session = SessionId(ExchangeId(5));
    let other = ExchangeId(exchange().summary.id.0 + 1);
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
        &format!("id:{other}"),
        "body:nothing",
        "missing",
        "client:other*",
        "host:other",
        "path:/other/*",
        "header:x-other",
        "header:x-version=three",
        "client:acme-mobile status:404",
        "status:404 or client:other",
    ] {
        assert!(!parsed(text).may_match(&zone()), "{text}");
    }
}

#[test]
fn a_part_of_a_word_never_passes_a_block_over() {
    for text in [
        "mobil",
        "body:toc",
        "\"ut of sto\"",
        "not status:200",
        &format!("id:{}", exchange().summary.id),
        "client:*mob*",
        "route:/x",
        "path:/orders*7",
    ] {
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
