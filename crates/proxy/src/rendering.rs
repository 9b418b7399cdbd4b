//! Heads that have no text on the wire, written in the form of [`wayside_exchange::Head`].

use http::{HeaderMap, StatusCode, request, response};
use hyper::ext::ReasonPhrase;

/// A request head of HTTP/2, pseudo-header fields first.
pub(crate) fn http2_request(parts: &request::Parts) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    pseudo(&mut text, b":method", parts.method.as_str().as_bytes());
    pseudo(&mut text, b":scheme", parts.uri.scheme_str().unwrap_or("https").as_bytes());
    if let Some(authority) = parts.uri.authority() {
        pseudo(&mut text, b":authority", authority.as_str().as_bytes());
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    pseudo(&mut text, b":path", path.as_bytes());
    fields(&mut text, &parts.headers);
    text.extend_from_slice(b"\r\n");
    text
}

/// A response head of HTTP/2.
pub(crate) fn http2_response(parts: &response::Parts) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    pseudo(&mut text, b":status", parts.status.as_str().as_bytes());
    fields(&mut text, &parts.headers);
    text.extend_from_slice(b"\r\n");
    text
}

/// A request head of HTTP/1 whose bytes were not kept.
pub(crate) fn http1_request(parts: &request::Parts) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(parts.method.as_str().as_bytes());
    text.push(b' ');
    text.extend_from_slice(parts.uri.to_string().as_bytes());
    text.extend_from_slice(b" HTTP/1.1\r\n");
    fields(&mut text, &parts.headers);
    text.extend_from_slice(b"\r\n");
    text
}

/// A response head of HTTP/1 that is ours or whose bytes were not kept.
pub(crate) fn http1_response(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(b"HTTP/1.1 ");
    text.extend_from_slice(status.as_str().as_bytes());
    text.push(b' ');
    text.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    text.extend_from_slice(b"\r\n");
    fields(&mut text, headers);
    text.extend_from_slice(b"\r\n");
    text
}

/// The reason in a response head where hyper gives it up: when it is not all ASCII.
pub(crate) fn reason_beyond_ascii(head: &[u8]) -> Option<ReasonPhrase> {
    let line = head.split(|&byte| byte == b'\n').next()?.trim_ascii_end();
    let reason = line.splitn(3, |&byte| byte == b' ').nth(2)?;
    if reason.is_ascii() {
        return None;
    }
    ReasonPhrase::try_from(reason).ok()
}

/// Trailer lines.
pub(crate) fn trailers(headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::new();
    fields(&mut text, headers);
    text
}

fn pseudo(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    text.extend_from_slice(name);
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
}

fn fields(text: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        pseudo(text, name.as_str().as_bytes(), value.as_bytes());
    }
}
