//! Posts to a URL of somebody else's, over a connection of its own each time.
//!
//! Such a URL may hold a secret, so no more of it than the host is ever said. Redirects are not followed: whoever
//! answers with one is not whom the secret is for.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::client_tls::{ClientTls, UpstreamTrust};
use crate::dial::{DialError, Dialer, Fence, Scheme, Upstream};
use crate::{Error, Result};

/// How long one try may take, and reaching the host of it.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
/// How much of an answer's body is read.
const ANSWER: usize = 16 * 1024;

/// A URL to post to.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: Upstream,
    /// Path and query.
    target: String,
}

/// Posts to one endpoint.
#[derive(Debug, Clone)]
pub struct Poster {
    endpoint: Endpoint,
    dialer: Dialer,
}

/// What was answered.
#[derive(Debug)]
pub struct Posted {
    /// The status.
    pub status: StatusCode,
    /// The header.
    pub headers: HeaderMap,
    /// The body; empty when it was too long or broke off.
    pub body: Bytes,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The host was not reached.
    #[error(transparent)]
    Unreached(#[from] DialError),
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
}

impl Endpoint {
    /// Parses an http or https URL; a query is welcome.
    pub fn parse(url: &str) -> Result<Self> {
        let wrong = |reason: &str| Error::BadEndpoint { reason: reason.to_owned() };
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| wrong("it has no scheme, `https://`"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let is_plain = target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if !is_plain || target.parse::<http::uri::PathAndQuery>().is_err() {
            return Err(wrong("its path or query has something in it that must be escaped"));
        }
        let host =
            Upstream::parse(&format!("{scheme}://{authority}")).map_err(|error| match error {
                Error::BadUpstream { reason, .. } => Error::BadEndpoint { reason },
                other => wrong(&other.to_string()),
            })?;
        Ok(Self { host, target })
    }

    /// The same one, at `path` when it has none of its own.
    #[must_use]
    pub fn or_at(mut self, path: &str) -> Self {
        if self.target == "/" {
            path.clone_into(&mut self.target);
        } else if let Some(query) = self.target.strip_prefix("/?") {
            self.target = format!("{path}?{query}");
        }
        self
    }

    /// What may be shown of it: `https://host/...`.
    pub fn shown(&self) -> String {
        format!("{}/...", self.host)
    }

    /// Who posts there, trusting `trust` over https and never dialling what `fence` keeps out.
    pub fn poster(&self, trust: &UpstreamTrust, fence: Fence) -> Result<Poster> {
        let tls = match self.host.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(ClientTls::new(trust)?),
        };
        let dialer = Dialer::new(self.host.clone(), tls, CONNECT)?.fenced(fence);
        Ok(Poster { endpoint: self.clone(), dialer })
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.shown())
    }
}

impl Poster {
    /// Posts `body` once, within ten seconds; `headers` say what it is.
    pub async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<Posted, PostError> {
        match timeout(PATIENCE, self.try_once(headers, body)).await {
            Ok(posted) => posted,
            Err(_) => Err(PostError::Silent(PATIENCE)),
        }
    }

    async fn try_once(&self, headers: HeaderMap, body: Bytes) -> Result<Posted, PostError> {
        let dialled = self.dialer.dial_http1().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(dialled.stream)).await?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.endpoint.target.parse().unwrap_or_default();
        *request.headers_mut() = headers;
        let agent = HeaderValue::from_static(concat!("wayside/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        if let Ok(host) = HeaderValue::try_from(self.endpoint.host.authority()) {
            request.headers_mut().insert(header::HOST, host);
        }
        let exchange = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, ANSWER).collect().await;
            let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Ok::<_, PostError>(Posted { status: head.status, headers: head.headers, body })
        };
        // How the connection ended is what the exchange says; it may end well before its answer is taken.
        let driving = async {
            let _ = connection.await;
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            posted = exchange => posted,
            never = driving => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_url_is_taken_with_its_query_and_its_secret_never_shown() {
        let endpoint = Endpoint::parse("https://hooks.test/services/T0/s3cret?sig=s3cret").unwrap();
        assert_eq!(endpoint.target, "/services/T0/s3cret?sig=s3cret");
        assert_eq!(endpoint.shown(), "https://hooks.test/...");
        assert!(!format!("{endpoint:?}").contains("s3cret"));
        assert_eq!(Endpoint::parse("http://h:81?a=s3cret").unwrap().target, "/?a=s3cret");
        for wrong in [
            "s3cret",
            "ftp://h/s3cret",
            "https://u:s3cret@h/",
            "https://h/s3cret#a",
            "https://h/s3 cret",
        ] {
            let said = Endpoint::parse(wrong).unwrap_err().to_string();
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn a_path_is_added_where_there_is_none() {
        for (url, target) in [
            ("http://collector:4318", "/v1/metrics"),
            ("http://collector:4318/", "/v1/metrics"),
            ("http://collector:4318?key=1", "/v1/metrics?key=1"),
            ("http://collector/otlp/v1/metrics", "/otlp/v1/metrics"),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().or_at("/v1/metrics").target, target, "{url}");
        }
    }
}
