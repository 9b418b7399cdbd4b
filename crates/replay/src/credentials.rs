//! Which credentials leave this machine: none unless asked for, none for another host unless said.
//!
//! Stored heads hold tokens where secrets were. Sent without credentials, whatever holds a token is
//! left out: the field, the cookie, the query parameter.

use bytes::Bytes;
use wayside_exchange::head::{as_text, lines, split_field};
use wayside_exchange::stored::Exchange;
use wayside_exchange::{Head, Scheme, Summary};
use wayside_identity::{TOKEN_PREFIX, decode_secrets, restore};
use wayside_transport::dial;

use crate::{Options, ReplayError};

/// Fields that are for the next hop only; ours is another one (RFC 9110 section 11.7).
pub(crate) const PROXY_AUTHORIZATION: &str = "proxy-authorization";

/// What is left out of a body.
const IN_BODY: &str = "the secrets in its body";

/// Whether the credentials of this exchange may go to the target.
pub(crate) fn check(summary: &Summary, options: &Options) -> Result<(), ReplayError> {
    if options.sealing_key.is_none() {
        return Err(ReplayError::NoSealingKey);
    }
    let target = options.target.host();
    let named = options.credentials_to.as_deref().is_some_and(|host| is_host(host, target));
    if named {
        return Ok(());
    }
    let wrong = |because| ReplayError::CredentialsToAnotherHost {
        id: summary.id,
        recorded: summary.host.clone(),
        target: target.to_owned(),
        because,
    };
    if !is_host(&summary.host, target) {
        return Err(wrong(""));
    }
    let in_clear = summary.scheme == Scheme::Https && options.target.scheme() == dial::Scheme::Http;
    if in_clear && !is_loopback(target) {
        return Err(wrong(", which would get them in clear: they were recorded over TLS"));
    }
    Ok(())
}

/// Whether `authority`, with or without a port, names `host`.
fn is_host(authority: &str, host: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None if authority.matches(':').count() > 1 => authority,
        None => authority.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case(host)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The request head and trailers with the secrets put back.
pub(crate) fn restored(
    exchange: &Exchange,
    options: &Options,
) -> Result<(Head, Vec<u8>), ReplayError> {
    let key = options.sealing_key.as_ref().ok_or(ReplayError::NoSealingKey)?;
    let id = exchange.summary.id;
    let sealed = |reason: String| ReplayError::Sealed { id, reason };
    if exchange.sealed.is_empty() {
        return Ok((exchange.request.head.clone(), exchange.request.trailers.clone()));
    }
    let plain = key.unseal(id, &exchange.sealed).map_err(|error| sealed(error.to_string()))?;
    let secrets = decode_secrets(&plain).map_err(|error| sealed(error.to_string()))?;
    let head = restore(&exchange.request.head.0, &secrets);
    Ok((Head(Bytes::from(head)), restore(&exchange.request.trailers, &secrets)))
}

/// What is left out of a request that is sent without credentials: names of fields, `cookie sid`,
/// `query api_key`. Never a value. In a body tokens go instead, since it has to stay well-formed.
pub(crate) fn withheld(exchange: &Exchange) -> Vec<String> {
    let mut withheld = left_out_of(&exchange.request.head);
    if exchange.request.body.redacted {
        withheld.push(IN_BODY.to_owned());
    }
    withheld
}

fn left_out_of(head: &Head) -> Vec<String> {
    if holds_token(&head.0) { without(head).1 } else { Vec::new() }
}

/// The head without what holds a token, and the names of what was left out.
pub(crate) fn without(head: &Head) -> (Head, Vec<String>) {
    let mut kept = Vec::with_capacity(head.0.len());
    let mut left_out = Vec::new();
    for (number, line) in lines(&head.0).enumerate() {
        let is_start = number == 0 && !head.is_http2();
        if !holds_token(line) {
            kept.extend_from_slice(line);
        } else if is_start || line.starts_with(b":path:") {
            kept.extend_from_slice(&start_without(line, &mut left_out));
        } else {
            let (name, value) = split_field(line).unwrap_or((line, b""));
            let cookies = name.eq_ignore_ascii_case(b"cookie");
            let Some(rest) = cookies.then(|| cookies_without(value, &mut left_out)).flatten()
            else {
                if !cookies {
                    left_out.push(as_text(name).to_ascii_lowercase());
                }
                continue;
            };
            kept.extend_from_slice(name);
            kept.extend_from_slice(b": ");
            kept.extend_from_slice(&rest);
        }
        kept.extend_from_slice(b"\r\n");
    }
    (Head(Bytes::from(kept)), left_out)
}

/// Trailer lines without those that hold a token.
pub(crate) fn trailers_without(trailers: &[u8]) -> Vec<u8> {
    let kept = lines(trailers).filter(|line| !holds_token(line));
    kept.flat_map(|line| [line, b"\r\n"]).flatten().copied().collect()
}

/// A request target without the query parameters that hold a token.
pub(crate) fn target_without(target: &str) -> String {
    String::from_utf8_lossy(&start_without(target.as_bytes(), &mut Vec::new())).into_owned()
}

/// Whether redaction took a secret out of this.
pub(crate) fn holds_token(text: &[u8]) -> bool {
    text.windows(TOKEN_PREFIX.len()).any(|window| window == TOKEN_PREFIX.as_bytes())
}

/// A line with a request target in it, without the parameters that hold a token. The target ends
/// with the line or at the space before the version.
fn start_without(line: &[u8], left_out: &mut Vec<String>) -> Vec<u8> {
    let Some(question) = line.iter().position(|&b| b == b'?') else { return line.to_vec() };
    let (before, rest) = line.split_at(question);
    let end = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
    let (query, after) = rest.split_at(end);
    let mut kept = before.to_vec();
    let mut separator = b'?';
    for parameter in query.get(1..).unwrap_or_default().split(|&b| b == b'&') {
        if holds_token(parameter) {
            let name = parameter.split(|&b| b == b'=').next().unwrap_or_default();
            left_out.push(format!("query {}", as_text(name)));
        } else {
            kept.push(separator);
            kept.extend_from_slice(parameter);
            separator = b'&';
        }
    }
    kept.extend_from_slice(after);
    kept
}

/// The cookies that hold no token; none when all do.
fn cookies_without(value: &[u8], left_out: &mut Vec<String>) -> Option<Vec<u8>> {
    let mut kept: Vec<&[u8]> = Vec::new();
    for cookie in value.split(|&b| b == b';').map(<[u8]>::trim_ascii) {
        if holds_token(cookie) {
            let name = cookie.split(|&b| b == b'=').next().unwrap_or_default();
            left_out.push(format!("cookie {}", as_text(name)));
        } else if !cookie.is_empty() {
            kept.push(cookie);
        }
    }
    (!kept.is_empty()).then(|| kept.join(b"; ".as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_token_is_left_out_and_named() {
        let head = Head(Bytes::from_static(
            b"GET /a?x=1&api_key=wayside-sealed-0123456789ab&y=2 HTTP/1.1\r\nHost: h\r\n\
            Authorization: Bearer wayside-sealed-0123456789ac\r\n\
            Cookie: theme=dark; sid=wayside-sealed-0123456789ad\r\nAccept: */*\r\n\r\n",
        ));
        let (kept, left_out) = without(&head);
        assert_eq!(
            kept.0,
            "GET /a?x=1&y=2 HTTP/1.1\r\nHost: h\r\nCookie: theme=dark\r\nAccept: */*\r\n"
        );
        assert_eq!(left_out, ["query api_key", "authorization", "cookie sid"]);
        assert_eq!(left_out_of(&kept), Vec::<String>::new());
    }

    #[test]
    fn an_http_2_head_loses_its_tokens_too() {
        let head = Head(Bytes::from_static(
            b":method: GET\r\n:path: /?key=wayside-sealed-0123456789ab\r\n\
            cookie: sid=wayside-sealed-0123456789ad\r\naccept: */*\r\n",
        ));
        let (kept, left_out) = without(&head);
        assert_eq!(kept.0, ":method: GET\r\n:path: /\r\naccept: */*\r\n");
        assert_eq!(left_out, ["query key", "cookie sid"]);
    }

    #[test]
    fn a_host_is_the_same_whatever_its_port() {
        assert!(is_host("API.example.com:8443", "api.example.com"));
        assert!(is_host("[::1]:8443", "::1"));
        assert!(is_host("::1", "::1"));
        assert!(!is_host("api.example.com.evil.org", "api.example.com"));
        assert!(is_loopback("127.0.0.1") && is_loopback("::1") && !is_loopback("10.0.0.1"));
    }
}
