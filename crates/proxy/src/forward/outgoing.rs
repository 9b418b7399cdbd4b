//! The request as the backend gets it: target, version, host and header fields of the next hop.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request, StatusCode, Version, request};
use hyper::body::{Body, Frame, SizeHint};
use wayside_exchange::HttpVersion;
use wayside_transport::dial;

use super::{Forward, Outgoing};
use crate::fields::{self, Onward};
use crate::refusal::Refusal;
use crate::tap::Tap;

/// A request body on its way upstream.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// There is none.
    Empty,
    /// The client's, streaming through.
    Passing(Box<Tap>),
}

impl Forward<'_> {
    /// Makes `outgoing` fit for the next hop.
    pub(super) fn outgoing(
        &self,
        outgoing: Outgoing,
        http2: bool,
        upgrade: bool,
    ) -> Result<Request<RequestBody>, Refusal> {
        let Outgoing { mut parts, body } = outgoing;
        let host = host_of(&parts);
        parts.headers =
            fields::onward(std::mem::take(&mut parts.headers), Onward { http2, upgrade });
        let upstream = self.carriage.pool.dialer().upstream();
        let host_text = host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default();
        self.settings.additions.to_request(
            &mut parts.headers,
            &self.downstream.connection,
            self.version,
            host_text,
        );
        let path = target(&parts, upstream.base_path())?;
        if http2 {
            parts.uri = absolute(upstream, host.as_ref(), path)?;
            parts.version = Version::HTTP_2;
        } else {
            parts.uri = Uri::from(path);
            parts.version = Version::HTTP_11;
            match (parts.headers.get_mut(HOST), host) {
                (Some(sent), Some(host)) => *sent = host,
                (Some(_), None) => {}
                (None, host) => put_host_first(&mut parts, host, upstream)?,
            }
            let framed = parts.headers.contains_key(CONTENT_LENGTH);
            if !framed && matches!(body, RequestBody::Passing(_)) {
                // hyper leaves the body of a GET away unless told its framing.
                parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
        Ok(Request::from_parts(parts, body))
    }
}

/// The authority that the client asked for. That of the target goes before the field: it is what HTTP/2
/// has, and in HTTP/1.1 the field is to be ignored then (RFC 9112 section 3.2.2).
pub(crate) fn host_of(parts: &request::Parts) -> Option<HeaderValue> {
    let target = parts.uri.authority().map(|authority| HeaderValue::from_str(authority.as_str()));
    target.and_then(Result::ok).or_else(|| parts.headers.get(HOST).cloned())
}

/// The path and query as sent, behind the upstream's base path; `*` stays `*`.
fn target(parts: &request::Parts, base: &str) -> Result<PathAndQuery, Refusal> {
    let path = parts.uri.path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    if base.is_empty() || (path == "*" && parts.method == Method::OPTIONS) {
        return Ok(path);
    }
    PathAndQuery::try_from(format!("{base}{path}")).map_err(|error| {
        Refusal::bad_request(StatusCode::BAD_REQUEST, format!("the request target is bad: {error}"))
    })
}

fn absolute(
    upstream: &dial::Upstream,
    host: Option<&HeaderValue>,
    path: PathAndQuery,
) -> Result<Uri, Refusal> {
    let bad = |error: http::Error| {
        Refusal::bad_request(StatusCode::BAD_REQUEST, format!("the request's host is bad: {error}"))
    };
    let authority = match host {
        Some(host) => Authority::try_from(host.as_bytes()).map_err(|error| bad(error.into()))?,
        None => {
            Authority::try_from(upstream.authority().as_str()).map_err(|error| bad(error.into()))?
        }
    };
    let scheme = match upstream.scheme() {
        dial::Scheme::Http => Scheme::HTTP,
        dial::Scheme::Https => Scheme::HTTPS,
    };
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(path);
    uri.build().map_err(bad)
}

/// A `Host` where HTTP/2 or HTTP/1.0 brought none, at the place where it belongs (RFC 9112 3.2).
fn put_host_first(
    parts: &mut request::Parts,
    host: Option<HeaderValue>,
    upstream: &dial::Upstream,
) -> Result<(), Refusal> {
    let host = match host {
        Some(host) => host,
        None => HeaderValue::from_str(&upstream.authority()).map_err(|error| {
            Refusal::bad_request(StatusCode::BAD_REQUEST, format!("no usable host: {error}"))
        })?,
    };
    let rest = std::mem::take(&mut parts.headers);
    parts.headers.reserve(rest.len() + 1);
    parts.headers.insert(HOST, host);
    parts.headers.extend(rest);
    Ok(())
}

/// The words for a version of HTTP.
pub(crate) fn version_of(version: Version) -> HttpVersion {
    match version {
        Version::HTTP_2 => HttpVersion::Http2,
        Version::HTTP_10 => HttpVersion::Http10,
        _ => HttpVersion::Http11,
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Empty => Poll::Ready(None),
            Self::Passing(tap) => Pin::new(&mut **tap).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Passing(tap) => tap.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Passing(tap) => tap.size_hint(),
        }
    }
}
