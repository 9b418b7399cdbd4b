//! Which requests are refused although they could be read: those that another server on the way may
//! read differently, so that what is one request here is two there (request smuggling).
//!
//! What nobody can read (bare CR, NUL, folded lines, a space before a colon, lengths that differ,
//! codings that do not end in `chunked`) hyper has refused before it comes here.

use http::{Method, StatusCode, request};
use memchr::memchr;

use crate::refusal::Refusal;

/// Why the head of an HTTP/1 request is refused, if it is: what its bytes say, since a header map
/// has forgotten half of it.
pub(crate) fn of_head(head: &[u8]) -> Option<Refusal> {
    let (mut codings, mut lengths, mut hosts) = (0, 0, 0);
    let mut rest = head;
    while let Some(end) = memchr(b'\n', rest) {
        let (line, after) = rest.split_at_checked(end + 1)?;
        rest = after;
        let Some(line) = line.strip_suffix(b"\r\n") else {
            return Some(malformed("a line of its head ends without a carriage return"));
        };
        // RFC 9112 section 6.1: who gets a coding that it does not know answers 501.
        if let Some(coding) = value_of(line, b"transfer-encoding") {
            codings += 1;
            if !coding.eq_ignore_ascii_case(b"chunked") {
                let reason = "no transfer coding but `chunked` is understood here";
                return Some(Refusal::last(StatusCode::NOT_IMPLEMENTED, reason));
            }
        } else if value_of(line, b"content-length").is_some() {
            lengths += 1;
        } else if let Some(host) = value_of(line, b"host") {
            hosts += 1;
            if host.iter().any(|byte| b" \t,/\\@?#".contains(byte)) {
                return Some(malformed("its `Host` is none"));
            }
        }
    }
    let reason = match (codings, lengths, hosts) {
        (2.., _, _) => "it has more than one `Transfer-Encoding`",
        (1, 1.., _) => "it has both `Transfer-Encoding` and `Content-Length`",
        (_, _, 2..) => "it has more than one `Host`",
        _ => return None,
    };
    Some(malformed(reason))
}

/// Why the target of a request is refused, if it is: what would not be a target on the next hop.
pub(crate) fn of_target(parts: &request::Parts) -> Option<Refusal> {
    let http2 = parts.version == http::Version::HTTP_2;
    let authority = parts.uri.authority();
    let path = parts.uri.path_and_query().map(http::uri::PathAndQuery::as_str);
    let reason = if authority.is_some_and(|authority| authority.as_str().contains('@')) {
        "its authority names a user"
    } else if !http2 && authority.is_some() && parts.uri.scheme().is_none() {
        "its target is no path"
    } else if !path.is_none_or(|path| {
        path.starts_with('/') || (path == "*" && parts.method == Method::OPTIONS)
    }) {
        "its path does not begin with a slash"
    } else if http2 && parts.headers.get_all(http::header::HOST).iter().nth(1).is_some() {
        "it has more than one `Host`"
    } else {
        return None;
    };
    // A stream of HTTP/2 ends by itself, whatever the others hold.
    Some(Refusal { last: !http2, ..malformed(reason) })
}

fn malformed(reason: &str) -> Refusal {
    let reason = format!("the request was malformed: {reason}");
    Refusal::last(StatusCode::BAD_REQUEST, reason)
}

/// The value of the field in `line`, when that is called `name`.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(fields: &str) -> Option<u16> {
        let head = format!("POST /a HTTP/1.1\r\n{fields}\r\n");
        of_head(head.as_bytes()).map(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn heads_that_two_servers_could_read_differently_are_refused() {
        for (fields, expected) in [
            ("Host: a\r\nContent-Length: 5\r\n", None),
            ("host: [::1]:80\r\nTRANSFER-ENCODING: \tChunked \r\n", None),
            ("X-Host: a\r\nHost:\r\nTransfer-Encodings: gzip\r\n", None),
            ("Host: a\nX: b\r\n", Some(400)),
            ("Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", Some(400)),
            ("Transfer-Encoding: chunked\r\ncontent-length: 5\r\n", Some(400)),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Some(400)),
            ("Transfer-Encoding: gzip, chunked\r\n", Some(501)),
            ("Host: a\r\nHost: a\r\n", Some(400)),
            ("Host: user@a\r\n", Some(400)),
            ("Host: a/b\r\n", Some(400)),
        ] {
            assert_eq!(status(fields), expected, "{fields:?}");
        }
    }
}
