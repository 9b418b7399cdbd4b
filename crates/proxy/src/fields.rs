//! Which header fields go on, and in what form: hop-by-hop fields end here (RFC 9110 section 7.6.1),
//! cookie crumbs of HTTP/2 are joined for HTTP/1.1 (RFC 9113 section 8.2.3), a length is said once and
//! not beside a coding (RFC 9112 section 6.3), nothing else changes.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, UPGRADE,
};

/// The form in which a message goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Onward {
    /// The next hop speaks HTTP/2.
    pub(crate) http2: bool,
    /// The message asks for, or agrees to, an upgrade of an HTTP/1.1 connection.
    pub(crate) upgrade: bool,
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// `headers` without what was meant for this hop. Builds a new map where anything must go, since
/// removal from a map reorders it.
pub(crate) fn onward(headers: HeaderMap, onward: Onward) -> HeaderMap {
    let crumbs = !onward.http2 && headers.get_all(COOKIE).iter().nth(1).is_some();
    let lengths = headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some();
    if !crumbs
        && !lengths
        && !headers.keys().any(|name| is_hop_by_hop(name) || (onward.http2 && name == HOST))
    {
        return headers;
    }
    let listed = listed_in_connection(&headers);
    let coded = headers.contains_key(TRANSFER_ENCODING);
    let crumbs = crumbs.then(|| joined(&headers)).flatten();
    let mut kept = HeaderMap::with_capacity(headers.len() + 1);
    let mut last = None;
    for (name, value) in headers {
        // A repeated name comes without its name: it belongs to the one before.
        let first = name.is_some();
        let Some(name) = name.or_else(|| last.clone()) else { continue };
        last = Some(name.clone());
        if listed.contains(&name)
            || (onward.http2 && name == HOST)
            || (name == CONTENT_LENGTH && (coded || !first))
        {
            continue;
        }
        if name == COOKIE && crumbs.is_some() {
            if let (true, Some(whole)) = (first, &crumbs) {
                kept.append(name, whole.clone());
            }
        } else if name == TE {
            if has_token(&value, "trailers") {
                kept.append(name, HeaderValue::from_static("trailers"));
            }
        } else if name == UPGRADE {
            if onward.upgrade {
                kept.append(name, value);
            }
        } else if name == CONNECTION {
            if onward.upgrade && first {
                kept.append(name, HeaderValue::from_static("Upgrade"));
            }
        } else if !is_hop_by_hop(&name) {
            kept.append(name, value);
        }
    }
    kept
}

/// Whether a request or response is about an upgrade (RFC 9110 section 7.8) that can be passed on. One
/// to HTTP/2 is not: it was for this hop (RFC 7540 section 3.2), and what came then would be requests
/// that nobody sees.
pub(crate) fn asks_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
        && !headers.get_all(UPGRADE).iter().any(|value| has_token(value, "h2c"))
        && headers.get_all(CONNECTION).iter().any(|value| has_token(value, "upgrade"))
}

/// Whether the connection ends with this message, by its own word.
pub(crate) fn asks_close(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| has_token(value, "close"))
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == TRANSFER_ENCODING
        || *name == UPGRADE
        || *name == TE
        || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
}

fn listed_in_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let mut listed = Vec::new();
    for value in headers.get_all(CONNECTION) {
        for token in value.as_bytes().split(|&b| b == b',') {
            if let Ok(name) = HeaderName::from_bytes(token.trim_ascii())
                && !is_hop_by_hop(&name)
                && name != HOST
            {
                listed.push(name);
            }
        }
    }
    listed
}

fn has_token(value: &HeaderValue, token: &str) -> bool {
    value
        .as_bytes()
        .split(|&b| b == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

fn joined(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut whole = Vec::new();
    for crumb in headers.get_all(COOKIE) {
        if !whole.is_empty() {
            whole.extend_from_slice(b"; ");
        }
        whole.extend_from_slice(crumb.as_bytes());
    }
    HeaderValue::from_bytes(&whole).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        map
    }

    fn shown(map: &HeaderMap) -> Vec<String> {
        map.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect()
    }

    const PLAIN: Onward = Onward { http2: false, upgrade: false };

    #[test]
    fn hop_by_hop_fields_and_those_that_connection_lists_end_here_and_order_stays() {
        let headers = map(&[
            ("host", "x"),
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("x-a", "1"),
            ("te", "trailers, deflate"),
            ("x-a", "2"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-b", "3"),
        ]);
        assert_eq!(
            shown(&onward(headers, PLAIN)),
            ["host: x", "x-a: 1", "x-a: 2", "te: trailers", "x-b: 3"]
        );
    }

    #[test]
    fn cookie_crumbs_are_joined_for_http_1_and_left_apart_for_http_2() {
        let crumbs = map(&[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]);
        assert_eq!(shown(&onward(crumbs.clone(), PLAIN)), ["cookie: a=1; b=2", "x: y"]);
        let http2 = Onward { http2: true, upgrade: false };
        assert_eq!(shown(&onward(crumbs, http2)), ["cookie: a=1", "cookie: b=2", "x: y"]);
    }

    #[test]
    fn a_length_is_said_once_and_not_beside_a_coding() {
        let twice = map(&[("content-length", "5"), ("x", "y"), ("content-length", "5")]);
        assert_eq!(shown(&onward(twice, PLAIN)), ["content-length: 5", "x: y"]);
        let both = map(&[("content-length", "5"), ("transfer-encoding", "chunked"), ("x", "y")]);
        assert_eq!(shown(&onward(both, PLAIN)), ["x: y"]);
    }

    #[test]
    fn an_upgrade_to_http_2_was_for_this_hop() {
        for upgrade in ["h2c", "websocket, H2C"] {
            let headers = map(&[("connection", "Upgrade, HTTP2-Settings"), ("upgrade", upgrade)]);
            assert!(!asks_upgrade(&headers), "{upgrade}");
        }
    }

    #[test]
    fn an_upgrade_keeps_its_two_fields() {
        let headers = map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert!(asks_upgrade(&headers));
        let kept = onward(headers, Onward { http2: false, upgrade: true });
        assert_eq!(shown(&kept), ["connection: Upgrade", "upgrade: websocket"]);
    }
}
