//! An HTTP/1 message as it came over a socket, taken apart so that what two hops may frame differently
//! (chunks, the end of a connection) can be told from what must be equal: the payload, the fields, the words.

use crate::Peer;

/// One request or response, with the interim responses before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// The heads of the 1xx responses that came first.
    pub interim: Vec<String>,
    /// The start line, bytes outside of ASCII escaped.
    pub start: String,
    /// Every field in order: the name as written, the value trimmed and escaped.
    pub fields: Vec<(String, String)>,
    /// The body without its framing.
    pub payload: Vec<u8>,
    /// Trailer fields.
    pub trailers: Vec<(String, String)>,
}

/// Fields that concern one hop only (RFC 9110 section 7.6.1).
const HOP_BY_HOP: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

impl Message {
    /// The next request on `peer`; nothing when it closed instead.
    #[track_caller]
    pub fn request(peer: &mut Peer) -> Option<Self> {
        let head = peer.head()?;
        let mut message = Self::headed(&head);
        let body = peer.body(&head);
        message.take(&body);
        Some(message)
    }

    /// The next response on `peer` to a request with `method`.
    #[track_caller]
    pub fn response(peer: &mut Peer, method: &str) -> Option<Self> {
        let mut interim = Vec::new();
        let (mut message, head) = loop {
            let head = peer.head()?;
            let message = Self::headed(&head);
            match message.status() {
                100 | 102..=199 => interim.push(head.escape_ascii().to_string()),
                _ => break (message, head),
            }
        };
        message.interim = interim;
        if method == "HEAD" || matches!(message.status(), 101 | 204 | 304) {
            return Some(message);
        }
        let framed = message.field("content-length").or(message.field("transfer-encoding"));
        let body = if framed.is_some() { peer.body(&head) } else { peer.rest() };
        message.take(&body);
        Some(message)
    }

    /// The status of a response, zero for anything else.
    pub fn status(&self) -> u16 {
        let word = self.start.split(' ').nth(1).unwrap_or_default();
        word.parse().unwrap_or_default()
    }

    /// The first value of the field `name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        let named = self.fields.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// What must arrive at the other end: the fields without those of one hop, names in the order in which
    /// they first came, the values of one name together and in order.
    pub fn end_to_end(&self) -> Vec<(String, String)> {
        let listed: Vec<String> = self
            .fields
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
            .flat_map(|(_, value)| value.split(','))
            .map(|token| token.trim().to_lowercase())
            .collect();
        let kept = |name: &str| {
            let name = name.to_lowercase();
            !HOP_BY_HOP.contains(&name.as_str()) && !listed.contains(&name)
        };
        let fields: Vec<_> = self.fields.iter().filter(|(name, _)| kept(name)).cloned().collect();
        let first =
            |name: &str| fields.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut ordered = fields.clone();
        ordered.sort_by_key(|(name, _)| first(name));
        ordered
    }

    fn headed(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(head).into_owned();
        let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let start = lines.next().unwrap_or_default().escape_ascii().to_string();
        assert!(!start.is_empty(), "no start line: {text:?}");
        Self { start, fields: fields(lines), ..Self::default() }
    }

    fn take(&mut self, body: &[u8]) {
        let chunked =
            self.field("transfer-encoding").is_some_and(|coding| coding.contains("chunked"));
        if !chunked {
            body.clone_into(&mut self.payload);
            return;
        }
        let mut rest = body;
        loop {
            let end = rest.iter().position(|byte| *byte == b'\n').expect("a chunk size line");
            let line = String::from_utf8_lossy(&rest[..end]);
            let digits = line.split([';', '\r']).next().unwrap_or_default();
            let size = usize::from_str_radix(digits.trim(), 16).expect("a chunk size");
            rest = &rest[end + 1..];
            if size == 0 {
                break;
            }
            self.payload.extend_from_slice(&rest[..size]);
            rest = &rest[size + 2..];
        }
        self.trailers = fields(rest.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end));
    }
}

fn fields<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<(String, String)> {
    lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let value = line[colon + 1..].trim_ascii();
            Some((line[..colon].escape_ascii().to_string(), value.escape_ascii().to_string()))
        })
        .collect()
}
