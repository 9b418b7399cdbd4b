//! One exchange as an entry of a HAR file.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use wayside_exchange::content::{self, Decoded};
use wayside_exchange::head::{Head, as_text};
use wayside_exchange::stored::Body;
use wayside_exchange::view::fields_of;
use wayside_exchange::{
    Evidence, Exchange, ExchangeId, Failure, Half, Marks, Message, Outcome, SessionId, Timestamp,
    Timing,
};

use super::fields::{self, Cookie, Pair};
use crate::messages::Messages;

/// A body that unpacks to more is cut there, and marked.
const LONGEST_BODY: usize = 256 << 20;
const LONGEST_MESSAGE: usize = 1 << 20;
/// What the format says where a figure is unknown.
const UNKNOWN: i64 = -1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    started_date_time: Timestamp,
    time: f64,
    request: Request,
    response: Response,
    cache: Cache,
    timings: Timings,
    connection: String,
    #[serde(rename = "_wayside")]
    wayside: Wayside,
    #[serde(rename = "_webSocketMessages", skip_serializing_if = "Option::is_none")]
    web_socket_messages: Option<Vec<SocketMessage>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    http_version: String,
    cookies: Vec<Cookie>,
    headers: Vec<Pair>,
    query_string: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData>,
    headers_size: i64,
    body_size: i64,
    #[serde(rename = "_trailers", skip_serializing_if = "Vec::is_empty")]
    trailers: Vec<Pair>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status: u16,
    status_text: String,
    http_version: String,
    cookies: Vec<Cookie>,
    headers: Vec<Pair>,
    content: Content,
    #[serde(rename = "redirectURL")]
    redirect_url: String,
    headers_size: i64,
    body_size: i64,
    #[serde(rename = "_trailers", skip_serializing_if = "Vec::is_empty")]
    trailers: Vec<Pair>,
    #[serde(rename = "_error", skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData {
    mime_type: String,
    text: String,
    /// The format has no word for it here.
    #[serde(rename = "_encoding", skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    compression: Option<i64>,
    mime_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
struct Cache {}

#[derive(Serialize)]
struct Timings {
    blocked: f64,
    dns: f64,
    connect: f64,
    send: f64,
    wait: f64,
    receive: f64,
    ssl: f64,
}

#[derive(Serialize)]
struct Wayside {
    id: ExchangeId,
    client: String,
    session: SessionId,
    target: String,
    route: String,
    outcome: Outcome,
    failure: Option<Failure>,
    marks: Marks,
    timing: Timing,
    evidence: Vec<Evidence>,
}

/// As Chrome writes them.
#[derive(Serialize)]
struct SocketMessage {
    #[serde(rename = "type")]
    direction: &'static str,
    time: f64,
    opcode: u8,
    data: String,
}

impl Entry {
    pub(super) fn new(exchange: &Exchange, request_body: &[u8], response_body: &[u8]) -> Self {
        let summary = &exchange.summary;
        let socket = socket_messages(exchange, request_body, response_body);
        // What follows an upgrade is no body.
        let is_upgraded = summary.outcome == Outcome::Upgraded;
        let (request_body, response_body) =
            if is_upgraded { (&[][..], &[][..]) } else { (request_body, response_body) };
        Self {
            started_date_time: summary.started_at,
            time: summary.latency().as_millis(),
            request: request(exchange, request_body),
            response: response(exchange, response_body),
            cache: Cache {},
            timings: Timings::of(&summary.timing),
            connection: summary.connection.to_string(),
            wayside: Wayside {
                id: summary.id,
                client: summary.client.clone(),
                session: summary.session,
                target: summary.target.clone(),
                route: summary.route.clone(),
                outcome: summary.outcome,
                failure: summary.failure.clone(),
                marks: summary.marks,
                timing: summary.timing,
                evidence: summary.evidence.clone(),
            },
            web_socket_messages: socket,
        }
    }
}

impl Timings {
    /// Names were not resolved, and TLS upstream is part of `connect`.
    fn of(timing: &Timing) -> Self {
        let reused = timing.connect.0 == 0;
        let unknown = UNKNOWN as f64;
        Self {
            blocked: timing.overhead.as_millis(),
            dns: unknown,
            connect: if reused { unknown } else { timing.connect.as_millis() },
            send: timing.upload.as_millis(),
            wait: timing.wait.as_millis(),
            receive: timing.download.as_millis(),
            ssl: unknown,
        }
    }
}

fn request(exchange: &Exchange, body: &[u8]) -> Request {
    let summary = &exchange.summary;
    let message = &exchange.request;
    let post_data = (!body.is_empty()).then(|| {
        let body = Shown::of(message, body);
        PostData {
            mime_type: text_of(&message.head, "content-type"),
            text: body.text,
            encoding: body.encoding,
            comment: body.comment,
        }
    });
    Request {
        method: summary.method.clone(),
        url: fields::url(summary),
        http_version: summary.http_version.to_string(),
        cookies: fields::cookies(&message.head),
        headers: pairs(message.head.fields_as_text()),
        query_string: fields::query(&summary.target),
        post_data,
        headers_size: size_of(&message.head, exchange),
        body_size: message.body.bytes as i64,
        trailers: pairs(fields_of(&message.trailers)),
    }
}

fn response(exchange: &Exchange, body: &[u8]) -> Response {
    let summary = &exchange.summary;
    let error = summary.failure.as_ref().map(|failure| failure.reason.clone());
    let Some(message) = &exchange.response else {
        return Response {
            status: 0,
            status_text: String::new(),
            http_version: summary.http_version.to_string(),
            cookies: Vec::new(),
            headers: Vec::new(),
            content: Content::none(),
            redirect_url: String::new(),
            headers_size: UNKNOWN,
            body_size: UNKNOWN,
            trailers: Vec::new(),
            error: Some(error.unwrap_or_else(|| summary.outcome.to_string())),
        };
    };
    let start_line = message.head.start_line();
    let mut words = start_line.splitn(3, ' ');
    let version = words.next().filter(|word| word.starts_with("HTTP/"));
    Response {
        status: message.head.status().or(summary.status).unwrap_or_default(),
        status_text: words.nth(1).unwrap_or_default().to_owned(),
        http_version: version.unwrap_or(summary.http_version.as_str()).to_owned(),
        cookies: fields::set_cookies(&message.head),
        headers: pairs(message.head.fields_as_text()),
        content: Content::of(message, body),
        redirect_url: text_of(&message.head, "location"),
        headers_size: size_of(&message.head, exchange),
        body_size: message.body.bytes as i64,
        trailers: pairs(fields_of(&message.trailers)),
        error,
    }
}

impl Content {
    fn none() -> Self {
        Self {
            size: 0,
            compression: None,
            mime_type: "x-unknown".to_owned(),
            text: None,
            encoding: None,
            comment: None,
        }
    }

    fn of(message: &Message, body: &[u8]) -> Self {
        let mime_type = text_of(&message.head, "content-type");
        let mime_type = if mime_type.is_empty() { "x-unknown".to_owned() } else { mime_type };
        if body.is_empty() {
            return Self { mime_type, ..Self::none() };
        }
        let shown = Shown::of(message, body);
        Self {
            size: shown.bytes,
            compression: Some(shown.bytes as i64 - body.len() as i64).filter(|&saved| saved != 0),
            mime_type,
            text: Some(shown.text),
            encoding: shown.encoding,
            comment: shown.comment,
        }
    }
}

/// A body as JSON can hold it.
struct Shown {
    bytes: u64,
    text: String,
    encoding: Option<&'static str>,
    comment: Option<String>,
}

impl Shown {
    fn of(message: &Message, body: &[u8]) -> Self {
        let codings: Vec<String> = message
            .head
            .fields()
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"))
            .map(|(_, value)| as_text(value))
            .collect();
        let (decoded, mut comment) = match content::decode(&codings.join(", "), body, LONGEST_BODY)
        {
            Ok(Decoded { bytes, truncated }) => {
                (bytes, truncated.then(|| "only the beginning of the body".to_owned()))
            }
            Err(error) => (body.to_vec(), Some(format!("as transferred: {error}"))),
        };
        let Body { bytes: whole, kept, redacted, .. } = message.body;
        if kept < whole {
            comment = Some(format!("only {kept} of the {whole} bytes were kept"));
        }
        if redacted {
            let said = comment.map(|said| format!("; {said}")).unwrap_or_default();
            comment = Some(format!("redacted: its secrets are sealed{said}"));
        }
        let bytes = decoded.len() as u64;
        // JSON can hold a NUL, but hardly a reader expects it in text.
        let (text, encoding) = match String::from_utf8(decoded) {
            Ok(text) if !text.contains('\0') => (text, None),
            Ok(text) => (BASE64_STANDARD.encode(text), Some("base64")),
            Err(error) => (BASE64_STANDARD.encode(error.as_bytes()), Some("base64")),
        };
        Self { bytes, text, encoding, comment }
    }
}

fn socket_messages(
    exchange: &Exchange,
    request_body: &[u8],
    response_body: &[u8],
) -> Option<Vec<SocketMessage>> {
    let upgrade = exchange.request.head.field("upgrade")?;
    if exchange.summary.outcome != Outcome::Upgraded || !upgrade.eq_ignore_ascii_case(b"websocket")
    {
        return None;
    }
    let sent = Messages::new(exchange, Half::Request, request_body, LONGEST_MESSAGE);
    let received = Messages::new(exchange, Half::Response, response_body, LONGEST_MESSAGE);
    let all = crate::messages::interleave(sent, received);
    let shown = all.map_while(Result::ok).map(|message| {
        let (opcode, data) = match String::from_utf8(message.data) {
            Ok(text) if message.kind == "text" => (1, text),
            Ok(text) => (opcode(&message.kind), BASE64_STANDARD.encode(text)),
            Err(error) => (opcode(&message.kind), BASE64_STANDARD.encode(error.as_bytes())),
        };
        SocketMessage {
            direction: if message.half == Half::Request { "send" } else { "receive" },
            time: message.at.0 as f64 / 1e6,
            opcode,
            data,
        }
    });
    Some(shown.collect())
}

fn opcode(kind: &str) -> u8 {
    match kind.split(' ').next() {
        Some("text") => 1,
        Some("close") => 8,
        Some("ping") => 9,
        Some("pong") => 10,
        _ => 2,
    }
}

fn text_of(head: &Head, name: &str) -> String {
    head.field(name).map(as_text).unwrap_or_default()
}

/// HTTP/2 compresses heads, and redaction changes lengths: then the size is unknown.
fn size_of(head: &Head, exchange: &Exchange) -> i64 {
    if head.is_http2() || !exchange.sealed.is_empty() { UNKNOWN } else { head.0.len() as i64 }
}

fn pairs(fields: impl IntoIterator<Item = (String, String)>) -> Vec<Pair> {
    fields.into_iter().map(|(name, value)| Pair { name, value }).collect()
}
