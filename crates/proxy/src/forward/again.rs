//! A request that is sent once more, made from its recorded head.
//!
//! Sending takes the request's parts, and a copy of them for each exchange is a dear price for a case
//! that hardly ever comes. The head is kept anyway, and hyper reads it as it did the first time.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::ready;
use std::io;

use http::{Request, Response, request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use wayside_exchange::HeadView;
use wayside_exchange::head::lines;

use crate::answer::AnswerBody;

/// The parts of the bodiless request that `head` begins; none should hyper not read it again.
pub(super) async fn parts_of(head: HeadView<'_>) -> Option<request::Parts> {
    let text = if head.is_http2() { Cow::Owned(as_http1(head)) } else { Cow::Borrowed(head.0) };
    let read = Cell::new(None);
    let service = service_fn(|request: Request<Incoming>| {
        read.set(Some(request.into_parts().0));
        ready(Err::<Response<AnswerBody>, _>(io::Error::other("it was only to be read")))
    });
    let mut reader = http1::Builder::new();
    reader.preserve_header_case(true).max_headers(lines(&text).count());
    reader.max_buf_size(text.len() + (16 << 10));
    let io = TokioIo::new(tokio::io::join(&*text, tokio::io::sink()));
    // It ends with the error from above.
    let _ = reader.serve_connection(io, service).await;
    read.take()
}

/// A head of HTTP/2 in the form of HTTP/1.1, with an absolute target (RFC 9112 section 3.2.2).
fn as_http1(head: HeadView<'_>) -> Vec<u8> {
    let pseudo = |name: &[u8]| head.pseudo(name).unwrap_or_default();
    let mut text = Vec::with_capacity(head.0.len() + 16);
    for part in [pseudo(b":method"), b" "] {
        text.extend_from_slice(part);
    }
    if !pseudo(b":authority").is_empty() {
        for part in [pseudo(b":scheme"), b"://", pseudo(b":authority")] {
            text.extend_from_slice(part);
        }
    }
    for part in [pseudo(b":path"), b" HTTP/1.1\r\n"] {
        text.extend_from_slice(part);
    }
    for (name, value) in head.fields() {
        for part in [name, b": ", value, b"\r\n"] {
            text.extend_from_slice(part);
        }
    }
    text.extend_from_slice(b"\r\n");
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[tokio::test]
    async fn a_head_of_either_version_is_read_again() {
        let head = HeadView(b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-One: 1\r\nx-one: 2\r\n\r\n");
        let parts = parts_of(head).await.unwrap();
        assert_eq!((parts.method.as_str(), parts.uri.to_string()), ("GET", "/a?b=c".to_owned()));
        assert_eq!(parts.headers.len(), 3);
        let head = HeadView(
            b":method: PUT\r\n:scheme: https\r\n:authority: x:8\r\n:path: /p?q\r\ncookie: a\r\ncookie: b\r\n\r\n",
        );
        let parts = parts_of(head).await.unwrap();
        assert_eq!(parts.method, "PUT");
        assert_eq!(parts.uri.to_string(), "https://x:8/p?q");
        assert_eq!(parts.headers.get_all("cookie").iter().count(), 2);
    }
}
