//! One made-up exchange: its row, heads and a JSON body of about 2 KB.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use wayside_examples::chance::Chance;
use wayside_exchange::{
    BodyEnd, Evidence, EvidenceKind, ExchangeId, HttpVersion, Marks, Micros, Outcome, Scheme,
    SessionId, Summary, Timestamp, Timing, Tls,
};
use wayside_store::{NewBody, NewMessage, NewRecord};

use crate::client::Client;
use crate::words::{RARE, Words};

/// How long a body grows.
const BODY: usize = 2000;
const HOST: &str = "shop.example";
const NOUNS: [&str; 10] = [
    "orders", "items", "carts", "users", "invoices", "stores", "reviews", "offers", "returns",
    "prices",
];
/// What is done with each noun: method, what follows its path, half of the usual latency.
const ACTIONS: [(&str, &str, u64); 4] = [
    ("GET", "", 9_000),
    ("GET", "/{id}", 4_000),
    ("POST", "", 22_000),
    ("GET", "/{id}/lines", 14_000),
];

/// An exchange, whole.
#[derive(Debug)]
pub struct MadeUp {
    /// Its row.
    pub summary: Summary,
    /// Its request head.
    pub request: String,
    /// Its response head.
    pub response: String,
    /// Its response body.
    pub body: String,
}

/// Makes exchanges into the same buffers.
#[derive(Debug)]
pub(crate) struct Maker {
    words: Words,
    made: MadeUp,
}

impl MadeUp {
    /// Hands it over as a record to append.
    pub fn with_record<T>(&self, take: impl FnOnce(&NewRecord<'_>) -> T) -> T {
        let rest = [self.body.as_bytes()];
        let body = NewBody { bytes: self.body.len() as u64, rest: &rest, ..NewBody::none() };
        take(&NewRecord {
            summary: &self.summary,
            request: message(&self.request, NewBody::none()),
            informed: &[],
            response: Some(message(&self.response, body)),
            sealed: b"",
        })
    }
}

impl Maker {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        let made = MadeUp {
            summary: blank(),
            request: String::new(),
            response: String::new(),
            body: String::new(),
        };
        Self { words: Words::new(chance), made }
    }

    pub(crate) fn made(&self) -> &MadeUp {
        &self.made
    }

    pub(crate) fn make(
        &mut self,
        client: &Client,
        (id, at, session): (ExchangeId, Timestamp, SessionId),
        rare: bool,
        chance: &mut Chance,
    ) {
        let status = status(chance);
        self.row(client, status, chance);
        self.body(status, rare, chance);
        let MadeUp { summary, request, response, body } = &mut self.made;
        (summary.id, summary.started_at, summary.session) = (id, at, session);
        summary.response_bytes = body.len() as u64;
        let (method, target, rank) = (&summary.method, &summary.target, client.rank);
        request.clear();
        let _ = write!(
            request,
            "{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: shop-app/{}.{} (linux)\r\n\
             Accept: application/json\r\nX-Api-Key: [redacted key:client-{rank:04}]\r\n\
             X-Version: {}\r\nX-Request-Id: {:016x}\r\n\r\n",
            rank % 4,
            rank % 17,
            rank % 3,
            chance.number()
        );
        response.clear();
        let _ = write!(
            response,
            "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nServer: shop\r\n\
             Content-Length: {}\r\nETag: \"{:016x}\"\r\nCache-Control: private\r\n\r\n",
            body.len(),
            chance.number()
        );
    }

    fn row(&mut self, client: &Client, status: u16, chance: &mut Chance) {
        let row = &mut self.made.summary;
        let noun = chance.pick(&NOUNS).copied().unwrap_or_default();
        let (method, rest, usual) = chance.pick(&ACTIONS).copied().unwrap_or_default();
        let number = chance.between(1, 400_000);
        method.clone_into(&mut row.method);
        row.route = format!("{method} /v1/{noun}{rest}");
        row.target = format!("/v1/{noun}{}", rest.replace("{id}", &number.to_string()));
        if rest.is_empty() && method == "GET" {
            let _ = write!(row.target, "?page={}", number % 50);
        }
        row.client = client.name();
        row.connection = client.connection;
        let [_, _, high, low] = (client.rank as u32).to_be_bytes();
        let port = 20_000 + (client.connection % 40_000) as u16;
        row.client_addr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 9, high, low)), port);
        row.evidence.clear();
        let token = format!("client-{:04}", client.rank);
        row.evidence.push(Evidence { kind: EvidenceKind::Key, token });
        row.status = Some(status);
        // A busy backend is a slow one.
        let usual = if status == 503 { 30 * usual } else { usual };
        let total = (usual as f64 * (0.7 * normal(chance)).exp()) as u64 + 900;
        let download = total / chance.between(20, 60);
        row.timing = Timing {
            upload: Micros(chance.between(20, 90)),
            connect: Micros(if chance.once_in(50) { 600 } else { 0 }),
            wait: Micros(total - download),
            download: Micros(download),
            total: Micros(total),
            overhead: Micros(chance.between(60, 180)),
        };
    }

    fn body(&mut self, status: u16, rare: bool, chance: &mut Chance) {
        let Self { words, made: MadeUp { body, .. } } = self;
        body.clear();
        let _ = write!(body, "{{\"status\":{status},\"items\":[");
        while body.len() < BODY {
            let state = if chance.once_in(4000) { "out of stock" } else { "in stock" };
            let _ = write!(
                body,
                "{{\"id\":{},\"sku\":\"{:08X}\",\"state\":\"{state}\",\"price\":{}.{:02},\"note\":\"",
                chance.between(1, 400_000),
                chance.number() as u32,
                chance.between(1, 900),
                chance.between(0, 99)
            );
            for _ in 0..chance.between(8, 24) {
                body.push_str(words.pick(chance));
                body.push(' ');
            }
            body.push_str("\"},");
        }
        body.pop();
        if rare {
            let _ = write!(body, ",{{\"note\":\"{RARE}\"}}");
        }
        body.push_str("]}");
    }
}

/// Mostly good; now and then not there, seldom a failure.
fn status(chance: &mut Chance) -> u16 {
    match chance.between(0, 9_999) {
        0..=9_749 => 200,
        9_750..=9_899 => 201,
        9_900..=9_969 => 404,
        9_970..=9_979 => 401,
        9_980..=9_994 => 500,
        _ => 503,
    }
}

/// Standard normal, near enough: the sum of twelve even numbers.
fn normal(chance: &mut Chance) -> f64 {
    let sum: f64 = (0..12).map(|_| chance.between(0, 1 << 20) as f64).sum();
    sum / f64::from(1 << 20) - 6.0
}

fn message<'a>(head: &'a str, body: NewBody<'a>) -> NewMessage<'a> {
    NewMessage {
        head: head.as_bytes(),
        trailers: b"",
        body: NewBody { end: BodyEnd::Complete, ..body },
    }
}

/// A row with nothing in it but where it came from.
pub fn blank() -> Summary {
    let tls = Tls {
        version: "TLSv1.3".to_owned(),
        sni: Some(HOST.to_owned()),
        alpn: Some("http/1.1".to_owned()),
        ja4: Some("t13d1516h2_8daaf6152771_e5627efa2ab1".to_owned()),
        client_certificate: None,
    };
    Summary {
        id: ExchangeId(0),
        started_at: Timestamp(0),
        client: String::new(),
        session: SessionId(ExchangeId(0)),
        connection: 0,
        client_addr: SocketAddr::from(([127, 0, 0, 1], 1)),
        tls: Some(tls),
        http_version: HttpVersion::Http11,
        scheme: Scheme::Https,
        method: String::new(),
        host: HOST.to_owned(),
        target: String::new(),
        route: String::new(),
        status: None,
        outcome: Outcome::Complete,
        failure: None,
        timing: Timing::default(),
        request_bytes: 0,
        response_bytes: 0,
        marks: Marks::default(),
        evidence: Vec::new(),
    }
}
