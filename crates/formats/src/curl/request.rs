//! The command for one request: curl's arguments, and what curl must be kept from adding.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use wayside_exchange::head::{Head, lines, split_field};
use wayside_exchange::{Exchange, HttpVersion, Outcome, Scheme};

use super::shell::{comment, is_plain_text, word};
use super::variables::{BASE, Variables};
use super::{CurlCommand, CurlOptions};

/// Linux takes no argument of more than 128 KiB.
const LONGEST_ARGUMENT: usize = 64 * 1024;
/// From some length on, by version, curl asks with `Expect` before it sends a body.
const SENT_UNASKED: usize = 1024;

/// Connection-level fields (RFC 9110 section 7.6.1), which say nothing to another connection.
const HOP_BY_HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "trailer", "upgrade", "http2-settings"];

pub(super) fn command(
    exchange: &Exchange,
    body: &[u8],
    options: &CurlOptions,
    variables: &Variables,
) -> CurlCommand {
    let mut text = about(exchange);
    if exchange.summary.method.is_empty() {
        text.push_str(&comment("no request was read, so there is none to send"));
        return CurlCommand { text, files: Vec::new() };
    }
    let mut files = Vec::new();
    let body = Sent::of(exchange, body);
    let (data, input) = body.data(exchange, options, &mut files);
    text.push_str(&input);
    text.push_str("curl -sS");
    for flag in flags(exchange, options, data.is_some()) {
        text.push(' ');
        text.push_str(&flag);
    }
    text.push(' ');
    text.push_str(&url(exchange, options, variables));
    let fields = sent_fields(exchange, options);
    for field in &fields {
        text.push_str(" \\\n  -H ");
        text.push_str(&word(&as_argument(field), Some(variables)));
    }
    for name in unwanted(&fields, data.is_some(), &body) {
        text.push_str(" \\\n  -H '");
        text.push_str(name);
        text.push_str(":'");
    }
    if let Some(data) = data {
        text.push_str(" \\\n  ");
        text.push_str(&data);
    }
    text.push('\n');
    CurlCommand { text, files }
}

/// The request target as it was on the wire.
pub(super) fn target(head: &Head) -> &[u8] {
    if head.is_http2() {
        return head.pseudo(b":path").unwrap_or_default();
    }
    let line = lines(&head.0).next().unwrap_or_default();
    let Some(first) = memchr::memchr(b' ', line) else { return &[] };
    let last = memchr::memrchr(b' ', line).filter(|&last| last > first).unwrap_or(line.len());
    line.get(first + 1..last).unwrap_or_default()
}

/// The field lines to send, as on the wire, folded ones on one line.
pub(super) fn sent_fields(exchange: &Exchange, options: &CurlOptions) -> Vec<Vec<u8>> {
    let head = &exchange.request.head;
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for line in lines(&head.0).skip(usize::from(!head.is_http2())) {
        match fields.last_mut() {
            Some(last) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                last.push(b' ');
                last.extend_from_slice(line.trim_ascii_start());
            }
            _ => fields.push(line.to_vec()),
        }
    }
    let is_upgrade = head.field("upgrade").is_some() && !head.is_http2();
    let listed = head.field("connection").unwrap_or_default().to_ascii_lowercase();
    let listed: Vec<&[u8]> = listed.split(|&b| b == b',').map(<[u8]>::trim_ascii).collect();
    let host = exchange.summary.host.as_bytes();
    fields.retain(|line| {
        // A name that begins with `@` would make curl read a file; a pseudo-header field is no field.
        let Some((name, value)) = split_field(line).filter(|_| !line.starts_with(b"@")) else {
            return false;
        };
        let name = name.to_ascii_lowercase();
        let connection = HOP_BY_HOP.iter().any(|known| known.as_bytes() == name)
            || listed.contains(&name.as_slice()) && name != b"te";
        match name.as_slice() {
            b"" | b"content-length" => false,
            b"host" => options.to.is_none() && value != host,
            // With another coding before it, the body is not what curl would send.
            b"transfer-encoding" => value.eq_ignore_ascii_case(b"chunked"),
            b"te" => head.is_http2(),
            b"connection" | b"upgrade" if is_upgrade => true,
            _ => !connection,
        }
    });
    fields
}

/// A field line as curl wants it: an empty value is a semicolon.
fn as_argument(line: &[u8]) -> Vec<u8> {
    match split_field(line) {
        Some((name, b"")) => [name, b";"].concat(),
        _ => line.to_vec(),
    }
}

/// The fields that curl would add by itself and the recorded request did not have.
fn unwanted<'a>(
    fields: &'a [Vec<u8>],
    has_data: bool,
    body: &'a Sent<'_>,
) -> impl Iterator<Item = &'static str> + 'a {
    let has = |name: &str| {
        let is_it = |line: &Vec<u8>| {
            split_field(line).is_some_and(|(one, _)| one.eq_ignore_ascii_case(name.as_bytes()))
        };
        fields.iter().any(is_it)
    };
    let asks = body.is_chunked || body.bytes.len() > SENT_UNASKED;
    [
        ("User-Agent", true),
        ("Accept", true),
        ("Content-Type", has_data),
        ("Expect", has_data && asks),
    ]
    .into_iter()
    .filter(move |(name, added)| *added && !has(name))
    .map(|(name, _)| name)
}

/// The body to send.
struct Sent<'a> {
    bytes: &'a [u8],
    /// Whether there is one at all, be it empty.
    exists: bool,
    is_chunked: bool,
}

impl<'a> Sent<'a> {
    fn of(exchange: &Exchange, body: &'a [u8]) -> Self {
        let head = &exchange.request.head;
        // What follows an upgrade is no body.
        let bytes = if exchange.summary.outcome == Outcome::Upgraded { &[] } else { body };
        let is_chunked = head
            .field("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
        let exists = !bytes.is_empty() || is_chunked || head.field("content-length").is_some();
        Self { bytes, exists, is_chunked }
    }

    /// The argument that gives the body, and the pipe that feeds it, if it needs one.
    fn data(
        &self,
        exchange: &Exchange,
        options: &CurlOptions,
        files: &mut Vec<(String, Vec<u8>)>,
    ) -> (Option<String>, String) {
        if !self.exists {
            return (None, String::new());
        }
        if self.bytes.len() <= LONGEST_ARGUMENT && is_plain_text(self.bytes) {
            return (Some(format!("--data-raw {}", word(self.bytes, None))), String::new());
        }
        if let Some(folder) = &options.files {
            let name = format!("{}-request.bin", exchange.summary.id);
            files.push((name.clone(), self.bytes.to_vec()));
            let path = Path::new(folder).join(name);
            let file = format!("@{}", path.display());
            return (Some(format!("--data-binary {}", word(file.as_bytes(), None))), String::new());
        }
        let base64 = BASE64_STANDARD.encode(self.bytes);
        let input = format!("printf %s '{base64}' | base64 -d |\n  ");
        (Some("--data-binary @-".to_owned()), input)
    }
}

fn flags(exchange: &Exchange, options: &CurlOptions, has_data: bool) -> Vec<String> {
    let summary = &exchange.summary;
    let is_tls = match &options.to {
        Some(to) => to.starts_with("https://"),
        None => summary.scheme == Scheme::Https,
    };
    let version = match summary.http_version {
        HttpVersion::Http10 => "--http1.0",
        HttpVersion::Http2 if is_tls => "--http2",
        HttpVersion::Http2 if options.to.is_none() => "--http2-prior-knowledge",
        // Whether another server speaks HTTP/2 without TLS cannot be asked without adding fields.
        HttpVersion::Http11 | HttpVersion::Http2 => "--http1.1",
    };
    let mut flags = vec![version.to_owned()];
    let method = summary.method.as_str();
    match (method, has_data) {
        ("GET", false) | ("POST", true) => {}
        ("HEAD", false) => flags.push("--head".to_owned()),
        _ => flags.push(format!("-X {}", word(method.as_bytes(), None))),
    }
    if exchange.request.head.field("accept-encoding").is_some() {
        // With the field given this only decodes the answer.
        flags.push("--compressed".to_owned());
    }
    if let Some(cacert) = &options.cacert {
        flags.push(format!("--cacert {}", word(cacert.as_os_str().as_encoded_bytes(), None)));
    }
    if options.insecure {
        flags.push("--insecure".to_owned());
    }
    flags
}

/// The URL, with the flags that keep curl from changing it.
fn url(exchange: &Exchange, options: &CurlOptions, variables: &Variables) -> String {
    let summary = &exchange.summary;
    let target = target(&exchange.request.head);
    let (base, prefix) = match &options.to {
        Some(to) => split_base(to.trim_end_matches('/')),
        None => (format!("{}://{}", summary.scheme, summary.host), String::new()),
    };
    let target = match (&options.to, path_of(target)) {
        (Some(_), Some(path)) => [prefix.as_bytes(), path].concat(),
        _ => target.to_vec(),
    };
    // Adjoining words are one word.
    let at_base = |rest: &[u8]| match &options.to {
        None if summary.host.is_empty() => format!("\"${BASE}\"{}", word(rest, Some(variables))),
        _ => word(&[base.as_bytes(), rest].concat(), Some(variables)),
    };
    let mut url = String::new();
    if target.windows(2).any(|pair| pair == b"/.") || contains_ignoring_case(&target, b"/%2e") {
        url.push_str("--path-as-is ");
    }
    if is_left_alone(&target) {
        if target.iter().any(|b| b"[]{}".contains(b)) {
            url.push_str("--globoff ");
        }
        url.push_str(&at_base(&target));
    } else {
        url.push_str("--request-target ");
        url.push_str(&word(&target, Some(variables)));
        url.push(' ');
        url.push_str(&at_base(b"/"));
    }
    url
}

/// Whether curl sends this target as it stands when it is part of the URL.
fn is_left_alone(target: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%?[]{}".contains(b);
    target.starts_with(b"/") && !target.ends_with(b"?") && target.iter().all(plain)
}

/// Path and query of a target; none for `*` and authorities.
fn path_of(target: &[u8]) -> Option<&[u8]> {
    if target.starts_with(b"/") {
        return Some(target);
    }
    let after = memchr::memmem::find(target, b"://").and_then(|at| target.get(at + 3..))?;
    after.iter().position(|&b| b == b'/').and_then(|at| after.get(at..)).or(Some(b"/"))
}

fn split_base(to: &str) -> (String, String) {
    let authority = to.find("://").map_or(0, |at| at + 3);
    let path =
        to.get(authority..).and_then(|rest| rest.find('/')).map_or(to.len(), |at| authority + at);
    let (base, prefix) = to.split_at(path);
    (base.to_owned(), prefix.to_owned())
}

fn contains_ignoring_case(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// The comment lines above the command: when, who, what came of it, and what is not exact.
fn about(exchange: &Exchange) -> String {
    let summary = &exchange.summary;
    let result = match (summary.status, &summary.failure) {
        (Some(status), _) => status.to_string(),
        (None, Some(failure)) => format!("{}: {}", summary.outcome, failure.reason),
        (None, None) => summary.outcome.to_string(),
    };
    let mut lines = comment(&format!(
        "{} {} {result} {:.1} ms {}",
        summary.started_at,
        summary.client,
        summary.latency().as_millis(),
        summary.id,
    ));
    let request = &exchange.request;
    if summary.outcome == Outcome::Upgraded {
        lines += &comment("what followed the upgrade is not sent");
    } else if request.body.kept < request.body.bytes {
        let (kept, whole) = (request.body.kept, request.body.bytes);
        lines += &comment(&format!("only {kept} of the {whole} bytes of the body were kept"));
    }
    if request.body.redacted {
        lines += &comment("the secrets in the body are sealed: tokens are sent in their place");
    }
    if !request.trailers.is_empty() {
        lines += &comment("curl cannot send the recorded trailers");
    }
    lines
}
