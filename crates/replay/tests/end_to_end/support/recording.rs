//! A store with exchanges written by hand.

use std::sync::Arc;

use tempfile::TempDir;
use wayside_exchange::{
    BodyEnd, ExchangeId, Failure, Half, HttpVersion, Marks, Micros, Outcome, Scheme, SessionId,
    Side, Summary, Timestamp, Timing,
};
use wayside_identity::encode_secrets;
use wayside_store::seal::SealingKey;
use wayside_store::{NewBody, NewMessage, NewRecord, Options, Store, Writer};

/// 2026-06-01T00:00:00Z.
const BEGIN: i64 = 1_780_272_000_000_000;

pub(crate) struct Recording {
    pub(crate) store: Store,
    pub(crate) key: Arc<SealingKey>,
    writer: Writer,
    count: u64,
    _folder: TempDir,
}

/// One exchange to record.
pub(crate) struct Recorded<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    /// When it started and how long it took, in milliseconds.
    pub(crate) at: (i64, u64),
    pub(crate) connection: u64,
    pub(crate) version: HttpVersion,
    pub(crate) scheme: Scheme,
    pub(crate) host: &'a str,
    pub(crate) fields: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
    pub(crate) status: Option<u16>,
    pub(crate) answer_fields: &'a [(&'a str, &'a str)],
    pub(crate) answer: &'a [u8],
    pub(crate) outcome: Outcome,
    pub(crate) marks: Marks,
    pub(crate) secrets: &'a [(&'a str, &'a str)],
}

impl Default for Recorded<'_> {
    fn default() -> Self {
        Self {
            method: "GET",
            target: "/",
            at: (0, 2),
            connection: 1,
            version: HttpVersion::Http11,
            scheme: Scheme::Http,
            host: "127.0.0.1:8443",
            fields: &[],
            body: b"",
            status: Some(200),
            answer_fields: &[],
            answer: b"",
            outcome: Outcome::Complete,
            marks: Marks::default(),
            secrets: &[],
        }
    }
}

impl Recording {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, writer, _) = Store::open(folder.path(), Options::default()).unwrap();
        let key = SealingKey::open_or_create(&folder.path().join("keys")).unwrap();
        Self { store, key: Arc::new(key), writer, count: 0, _folder: folder }
    }

    pub(crate) fn add(&mut self, recorded: &Recorded<'_>) -> ExchangeId {
        let (started_ms, took_ms) = recorded.at;
        let started_at = Timestamp(BEGIN + started_ms * 1000);
        let id = ExchangeId(ExchangeId::floor(started_at).0 + self.count);
        self.count += 1;
        let secrets: Vec<_> = recorded
            .secrets
            .iter()
            .map(|(token, secret)| ((*token).to_owned(), secret.as_bytes().to_vec()))
            .collect();
        let sealed = if secrets.is_empty() {
            Vec::new()
        } else {
            self.key.seal(id, &encode_secrets(&secrets))
        };
        let failed = recorded.outcome == Outcome::UpstreamFailed;
        let summary = Summary {
            id,
            started_at,
            client: "addr:test".to_owned(),
            session: SessionId(id),
            connection: recorded.connection,
            client_addr: "127.0.0.1:50000".parse().unwrap(),
            tls: None,
            http_version: recorded.version,
            scheme: recorded.scheme,
            method: recorded.method.to_owned(),
            host: recorded.host.to_owned(),
            target: recorded.target.to_owned(),
            route: format!("{} {}", recorded.method, recorded.target),
            status: recorded.status,
            outcome: recorded.outcome,
            failure: failed
                .then(|| Failure { side: Side::Upstream, reason: "connection refused".to_owned() }),
            timing: Timing { total: Micros(took_ms * 1000), ..Timing::default() },
            request_bytes: recorded.body.len() as u64,
            response_bytes: recorded.answer.len() as u64,
            marks: recorded.marks,
            evidence: Vec::new(),
        };
        let request = recorded.request_head();
        let response = recorded.response_head();
        let mut body = |half, bytes: &[u8]| -> Vec<_> {
            let pieces = bytes.chunks(100_000);
            pieces.map(|piece| self.writer.append_piece(id, half, piece).unwrap()).collect()
        };
        let request_pieces = body(Half::Request, recorded.body);
        let response_pieces = body(Half::Response, recorded.answer);
        let message = |head, pieces, bytes: &[u8]| NewMessage {
            head,
            trailers: b"",
            body: NewBody {
                bytes: bytes.len() as u64,
                end: BodyEnd::Complete,
                arrivals: &[],
                pieces,
                rest: &[],
                veil: None,
            },
        };
        let record = NewRecord {
            summary: &summary,
            request: message(&request, &request_pieces, recorded.body),
            informed: &[],
            response: recorded
                .status
                .map(|_| message(&response, &response_pieces, recorded.answer)),
            sealed: &sealed,
        };
        self.writer.append(&record).unwrap();
        self.writer.flush().unwrap();
        id
    }
}

impl Recorded<'_> {
    fn request_head(&self) -> Vec<u8> {
        if self.method.is_empty() {
            return Vec::new();
        }
        let (method, target, host) = (self.method, self.target, self.host);
        let start = match self.version {
            HttpVersion::Http2 => format!(
                ":method: {method}\r\n:scheme: http\r\n:authority: {host}\r\n:path: {target}\r\n"
            ),
            version => format!("{method} {target} {version}\r\nHost: {host}\r\n"),
        };
        with_fields(start, self.fields)
    }

    fn response_head(&self) -> Vec<u8> {
        let status = self.status.unwrap_or_default();
        let start = match self.version {
            HttpVersion::Http2 => format!(":status: {status}\r\n"),
            version => format!("{version} {status} Fine\r\n"),
        };
        with_fields(start, self.answer_fields)
    }
}

fn with_fields(mut head: String, fields: &[(&str, &str)]) -> Vec<u8> {
    for (name, value) in fields {
        for part in [name, ": ", value, "\r\n"] {
            head.push_str(part);
        }
    }
    head.push_str("\r\n");
    head.into_bytes()
}
