//! A message head: start line and header fields, as they were on the wire.
//!
//! HTTP/1 heads are kept byte for byte. HTTP/2 has no text on the wire; its heads are kept as lines
//! of `name: value` that begin with the pseudo-header fields (RFC 9113 section 8.3), in order.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memchr;

/// A message head. Empty for an exchange that never had one (a failed TLS handshake).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head(pub Bytes);

/// A message head that is borrowed: what [`Head`] can tell, without owning its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadView<'a>(pub &'a [u8]);

impl Head {
    /// The same head, borrowed.
    pub fn view(&self) -> HeadView<'_> {
        HeadView(&self.0)
    }

    /// See [`HeadView::start_line`].
    pub fn start_line(&self) -> Cow<'_, str> {
        self.view().start_line()
    }

    /// See [`HeadView::method`].
    pub fn method(&self) -> Cow<'_, str> {
        self.view().method()
    }

    /// See [`HeadView::target`].
    pub fn target(&self) -> Cow<'_, str> {
        self.view().target()
    }

    /// See [`HeadView::status`].
    pub fn status(&self) -> Option<u16> {
        self.view().status()
    }

    /// See [`HeadView::fields`].
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.view().fields()
    }

    /// See [`HeadView::fields_as_text`].
    pub fn fields_as_text(&self) -> impl Iterator<Item = (String, String)> {
        self.view().fields_as_text()
    }

    /// See [`HeadView::field`].
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.view().field(name)
    }

    /// See [`HeadView::is_http2`].
    pub fn is_http2(&self) -> bool {
        self.view().is_http2()
    }

    /// See [`HeadView::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    /// See [`HeadView::pseudo`].
    pub fn pseudo(&self, name: &[u8]) -> Option<&[u8]> {
        self.view().pseudo(name)
    }
}

impl<'a> HeadView<'a> {
    /// The start line without its line end; for HTTP/2 one that says the same, as HTTP/1 would.
    pub fn start_line(self) -> Cow<'a, str> {
        if !self.is_http2() {
            return String::from_utf8_lossy(self.first_line());
        }
        match self.pseudo(b":status") {
            Some(status) => Cow::Owned(format!("HTTP/2 {}", String::from_utf8_lossy(status))),
            None => Cow::Owned(format!("{} {} HTTP/2", self.method(), self.target())),
        }
    }

    /// The request method; empty on a response.
    pub fn method(self) -> Cow<'a, str> {
        let method = match self.pseudo(b":method") {
            Some(method) => method,
            None if self.is_http2() => b"",
            None => self.word(0),
        };
        String::from_utf8_lossy(method)
    }

    /// The request target as sent: path and query, `*`, or an absolute URL.
    pub fn target(self) -> Cow<'a, str> {
        let target = match self.pseudo(b":path") {
            Some(target) => target,
            None if self.is_http2() => b"",
            None => self.word(1),
        };
        String::from_utf8_lossy(target)
    }

    /// The status code of a response.
    pub fn status(self) -> Option<u16> {
        let text = match self.pseudo(b":status") {
            Some(status) => status,
            None if self.first_line().starts_with(b"HTTP/") => self.word(1),
            None => return None,
        };
        std::str::from_utf8(text).ok()?.parse().ok()
    }

    /// The header fields in order, duplicates apart, without pseudo-header fields. Names as sent,
    /// values without the white space around them.
    pub fn fields(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let skip = usize::from(!self.is_http2());
        lines(self.0).skip(skip).filter(|line| !line.starts_with(b":")).filter_map(split_field)
    }

    /// The header fields as text; bytes that are not UTF-8 are read as Latin-1 (RFC 9110 section
    /// 5.5 calls them opaque).
    pub fn fields_as_text(self) -> impl Iterator<Item = (String, String)> {
        self.fields().map(|(name, value)| (as_text(name), as_text(value)))
    }

    /// The value of the first header field of this name, any case.
    pub fn field(self, name: &str) -> Option<&'a [u8]> {
        self.fields()
            .find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// Whether this is a head of HTTP/2.
    pub fn is_http2(self) -> bool {
        self.0.first() == Some(&b':')
    }

    /// Whether the exchange never had such a head.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The value of a pseudo-header field, `:path` and its like.
    pub fn pseudo(self, name: &[u8]) -> Option<&'a [u8]> {
        lines(self.0).take_while(|line| line.starts_with(b":")).find_map(|line| {
            let value = line.strip_prefix(name)?.strip_prefix(b":")?;
            Some(value.trim_ascii())
        })
    }

    fn first_line(self) -> &'a [u8] {
        lines(self.0).next().unwrap_or_default()
    }

    fn word(self, n: usize) -> &'a [u8] {
        self.first_line().split(|&b| b == b' ').nth(n).unwrap_or_default()
    }
}

/// Text of bytes that are meant as text: UTF-8, else Latin-1, so that nothing is lost.
pub fn as_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
    }
}

/// The lines of a head or of trailers, without line ends and without the empty last one.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, after) = match memchr(b'\n', rest) {
            Some(end) => rest.split_at_checked(end + 1)?,
            None => (rest, [].as_slice()),
        };
        rest = after;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    })
    .filter(|line| !line.is_empty())
}

/// Name and value of a field line; none where there is no colon.
pub fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    Some((name, value.get(1..)?.trim_ascii()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_head_of_http_1_keeps_case_order_and_duplicates() {
        let head = Head(Bytes::from_static(
            b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nx-One: 1\r\nAccept:  */* \r\nX-ONE: 2\r\n\r\n",
        ));
        assert_eq!((head.method().as_ref(), head.target().as_ref()), ("GET", "/a?b=c"));
        assert_eq!(head.start_line(), "GET /a?b=c HTTP/1.1");
        let fields: Vec<_> = head.fields_as_text().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(fields, ["Host=x", "x-One=1", "Accept=*/*", "X-ONE=2"]);
        assert_eq!(head.field("x-one"), Some(b"1".as_slice()));
        assert_eq!(head.status(), None);
    }

    #[test]
    fn a_response_head_has_its_status() {
        let head = Head(Bytes::from_static(b"HTTP/1.1 404 Not Here\r\nA: b\r\n\r\n"));
        assert_eq!(head.status(), Some(404));
        assert_eq!(head.start_line(), "HTTP/1.1 404 Not Here");
    }

    #[test]
    fn a_head_of_http_2_begins_with_pseudo_header_fields() {
        let head = Head(Bytes::from_static(
            b":method: GET\r\n:scheme: https\r\n:authority: x\r\n:path: /p\r\nte: trailers\r\n\r\n",
        ));
        assert_eq!((head.method().as_ref(), head.target().as_ref()), ("GET", "/p"));
        assert_eq!(head.fields().count(), 1);
        assert_eq!(head.start_line(), "GET /p HTTP/2");
        let head = Head(Bytes::from_static(b":status: 200\r\nserver: s\r\n\r\n"));
        assert_eq!((head.status(), head.start_line().as_ref()), (Some(200), "HTTP/2 200"));
    }

    #[test]
    fn nothing_in_a_head_can_panic() {
        for bytes in [&b""[..], b"\r\n", b":", b"::\n", b"GET", b"\n\n\n", b": \r\n:\r\n", b"HTTP/"]
        {
            let head = Head(Bytes::from_static(bytes));
            let _ = (head.method(), head.target(), head.status(), head.start_line());
            assert!(head.fields().count() < 4);
        }
    }
}
