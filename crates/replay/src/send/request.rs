//! A recorded request head made into one for the target: same method, path, query and fields in
//! the same order; `Host` and what belongs to a single hop (RFC 9110 section 7.6.1) are the target's.

use std::borrow::Cow;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use wayside_exchange::head::{lines, split_field};
use wayside_exchange::{Head, HttpVersion, Summary};
use wayside_transport::dial::Upstream;

use crate::Options;
use crate::credentials::{PROXY_AUTHORIZATION, target_without};

/// Fields of one hop. `Expect` is among them: its 100-continue was for the client that asked.
const HOP: [&str; 9] = [
    "connection",
    "expect",
    "http2-settings",
    "keep-alive",
    PROXY_AUTHORIZATION,
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A request head for the target, for either version of HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Rebuilt {
    method: Method,
    path: PathAndQuery,
    authority: String,
    scheme: &'static str,
    version: HttpVersion,
    fields: HeaderMap,
    /// Whether the body was sent without saying its length first.
    pub(crate) chunked: bool,
    /// Whether names were written `Like-This`, as HTTP/1 clients may.
    pub(crate) title_case: bool,
    wants_trailers: bool,
}

/// The URL that an exchange is sent to.
pub(crate) fn target_url(summary: &Summary, options: &Options) -> String {
    let target = &options.target;
    // With credentials, tokens stay in the text that people see; secrets replace them on the way.
    let path = if options.with_credentials {
        Cow::Borrowed(summary.target.as_str())
    } else {
        Cow::Owned(target_without(&summary.target))
    };
    format!("{}://{}{}", target.scheme().as_str(), target.authority(), local_path(&path, target))
}

impl Rebuilt {
    /// From a recorded head; an error says in plain words why it cannot be sent.
    pub(crate) fn of(
        head: &Head,
        version: HttpVersion,
        has_body: bool,
        options: &Options,
    ) -> Result<Self, String> {
        let target = &options.target;
        let method = head.method();
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| format!("the method `{method}` cannot be sent"))?;
        let path = PathAndQuery::from_maybe_shared(local_path(&head.target(), target).into_bytes())
            .map_err(|error| format!("the request target cannot be sent: {error}"))?;
        let recorded_host = head.field("host").or_else(|| head.pseudo(b":authority"));
        let authority = match recorded_host {
            Some(host) if options.keep_host => String::from_utf8_lossy(host).into_owned(),
            _ => target.authority(),
        };
        let (fields, wants_trailers) = fields(head, &authority)?;
        let said_length = fields.contains_key(header::CONTENT_LENGTH);
        let chunked = !said_length
            && (head.field("transfer-encoding").is_some() || head.is_http2() && has_body);
        let title_case = !head.is_http2()
            && head.fields().all(|(name, _)| name.first().is_some_and(u8::is_ascii_uppercase));
        let scheme = target.scheme().as_str();
        Ok(Self {
            method,
            path,
            authority,
            scheme,
            version,
            fields,
            chunked,
            title_case,
            wants_trailers,
        })
    }

    /// The body is so long, not as long as it was recorded.
    pub(crate) fn set_length(&mut self, bytes: u64) {
        if self.fields.contains_key(header::CONTENT_LENGTH) {
            self.fields.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
        }
    }

    /// For a connection that speaks HTTP/1.
    pub(crate) fn http1<B>(&self, body: B) -> Result<Request<B>, String> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = Uri::from(self.path.clone());
        if self.version == HttpVersion::Http10 {
            *request.version_mut() = Version::HTTP_10;
        }
        let fields = request.headers_mut();
        let host = HeaderValue::from_str(&self.authority)
            .map_err(|_| format!("the host `{}` cannot be sent", self.authority))?;
        if !self.fields.contains_key(header::HOST) && self.version != HttpVersion::Http10 {
            fields.insert(header::HOST, host);
        }
        let mut cookies: Vec<&[u8]> = Vec::new();
        for (name, value) in &self.fields {
            if self.version == HttpVersion::Http2 && name == header::COOKIE {
                cookies.push(value.as_bytes());
            } else {
                fields.append(name.clone(), value.clone());
            }
        }
        // HTTP/2 may split cookies, HTTP/1 may not (RFC 9113 section 8.2.3).
        if let Ok(joined) = HeaderValue::from_bytes(&cookies.join(b"; ".as_slice()))
            && !cookies.is_empty()
        {
            fields.insert(header::COOKIE, joined);
        }
        if self.chunked && self.version != HttpVersion::Http10 {
            fields.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        Ok(request)
    }

    /// For a connection that speaks HTTP/2.
    pub(crate) fn http2<B>(&self, body: B) -> Result<Request<B>, String> {
        let uri = Uri::builder()
            .scheme(self.scheme)
            .authority(self.authority.as_str())
            .path_and_query(self.path.clone())
            .build()
            .map_err(|error| format!("the request target cannot be sent: {error}"))?;
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_2;
        let fields = request.headers_mut();
        for (name, value) in self.fields.iter().filter(|(name, _)| *name != header::HOST) {
            fields.append(name.clone(), value.clone());
        }
        if self.wants_trailers {
            fields.insert(header::TE, HeaderValue::from_static("trailers"));
        }
        Ok(request)
    }
}

/// The trailers of a recorded body; none when there were none that can be sent.
pub(crate) fn trailers(lines_of: &[u8]) -> Option<HeaderMap> {
    let mut fields = HeaderMap::new();
    for (name, value) in lines(lines_of).filter_map(split_field) {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            fields.append(name, value);
        }
    }
    (!fields.is_empty()).then_some(fields)
}

fn fields(head: &Head, authority: &str) -> Result<(HeaderMap, bool), String> {
    let listed: Vec<String> = head
        .fields_as_text()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| {
            value.split(',').map(|name| name.trim().to_ascii_lowercase()).collect::<Vec<_>>()
        })
        .collect();
    let mut fields = HeaderMap::new();
    let mut wants_trailers = false;
    for (name, value) in head.fields() {
        let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
        if lower == "te" {
            wants_trailers |= value.eq_ignore_ascii_case(b"trailers");
        }
        if HOP.contains(&lower.as_str()) || lower != "host" && listed.contains(&lower) {
            continue;
        }
        let cannot = || format!("the header `{lower}` cannot be sent");
        let name = HeaderName::from_bytes(name).map_err(|_| cannot())?;
        let value = if name == header::HOST { authority.as_bytes() } else { value };
        fields.append(name, HeaderValue::from_bytes(value).map_err(|_| cannot())?);
    }
    Ok((fields, wants_trailers))
}

/// Path and query at the target. An absolute target (RFC 9112 section 3.2.2) loses its host.
fn local_path(recorded: &str, target: &Upstream) -> String {
    let path = match recorded.split_once("://") {
        Some((scheme, rest)) if ["http", "https"].contains(&scheme) => {
            rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
        }
        _ => recorded,
    };
    if path == "*" { path.to_owned() } else { format!("{}{path}", target.base_path()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use bytes::Bytes;

    fn rebuilt(head: &'static [u8], version: HttpVersion, keep_host: bool) -> Rebuilt {
        let target = Upstream::parse("http://127.0.0.1:4000/base").unwrap();
        let options = Options { keep_host, ..Options::to(target) };
        Rebuilt::of(&Head(Bytes::from_static(head)), version, true, &options).unwrap()
    }

    fn text(fields: &HeaderMap) -> String {
        let each = fields.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap()));
        each.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn fields_keep_their_order_and_lose_only_what_belongs_to_one_hop() {
        let head = b"POST /a%20b?c=d HTTP/1.1\r\nX-First: 1\r\nHost: shop.example\r\n\
            Connection: close, X-Hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\
            Expect: 100-continue\r\nAccept: a\r\nAccept: b\r\nX-Last: 2\r\n\r\n";
        let sent = rebuilt(head, HttpVersion::Http11, false);
        let request = sent.http1(()).unwrap();
        assert_eq!(request.uri(), "/base/a%20b?c=d");
        assert_eq!(
            text(request.headers()),
            "x-first: 1, host: 127.0.0.1:4000, accept: a, accept: b, x-last: 2, \
            transfer-encoding: chunked"
        );
        let kept = rebuilt(head, HttpVersion::Http11, true).http1(()).unwrap();
        assert_eq!(kept.headers().get("host").unwrap(), "shop.example");
    }

    #[test]
    fn a_request_of_http_2_is_sent_over_http_1_where_the_target_speaks_only_that() {
        let head = b":method: POST\r\n:path: /a\r\n:scheme: https\r\n:authority: shop.example\r\n\
            cookie: a=1\r\nte: trailers\r\ncookie: b=2\r\n";
        let sent = rebuilt(head, HttpVersion::Http2, false);
        let http1 = sent.http1(()).unwrap();
        assert_eq!(
            text(http1.headers()),
            "host: 127.0.0.1:4000, cookie: a=1; b=2, transfer-encoding: chunked"
        );
        let http2 = sent.http2(()).unwrap();
        assert_eq!(http2.uri(), "http://127.0.0.1:4000/base/a");
        assert_eq!(text(http2.headers()), "cookie: a=1, cookie: b=2, te: trailers");
    }

    #[test]
    fn an_absolute_target_is_sent_as_its_path() {
        let target = Upstream::parse("http://127.0.0.1:4000").unwrap();
        assert_eq!(local_path("http://shop.example/a?b", &target), "/a?b");
        assert_eq!(local_path("https://shop.example", &target), "/");
        assert_eq!(local_path("*", &target), "*");
        assert_eq!(local_path("/a?to=http://x/y", &target), "/a?to=http://x/y");
    }
}
