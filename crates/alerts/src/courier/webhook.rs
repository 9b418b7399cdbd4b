//! A webhook: each message is posted to a URL, which may hold a secret and is therefore never said.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use wayside_exchange::cause::chain;
use wayside_transport::client_tls::{ClientTls, UpstreamTrust};
use wayside_transport::dial::{Dialer, Fence, Scheme, Upstream};

use super::Failure;
use crate::AlertsError;

/// How long one try may take, and reaching the host of it.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// A URL to post to.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    host: Upstream,
    /// Path and query.
    target: String,
}

impl Webhook {
    /// Parses an http or https URL; a query is welcome.
    pub fn parse(url: &str) -> Result<Self, AlertsError> {
        let wrong = |reason: &str| AlertsError::Webhook { reason: reason.to_owned() };
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| wrong("it has no scheme, `https://`"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if target.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'#') {
            return Err(wrong("its path or query has something in it that must be escaped"));
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let host =
            Upstream::parse(&format!("{scheme}://{authority}")).map_err(|error| match error {
                wayside_transport::Error::BadUpstream { reason, .. } => {
                    AlertsError::Webhook { reason }
                }
                other => wrong(&other.to_string()),
            })?;
        Ok(Self { host, target })
    }

    /// What may be shown of it: `https://host/...`.
    pub fn shown(&self) -> String {
        format!("{}/...", self.host)
    }

    pub(crate) fn dialer(
        &self,
        trust: &UpstreamTrust,
        fence: Fence,
    ) -> Result<Dialer, AlertsError> {
        let unfit =
            |error: wayside_transport::Error| AlertsError::Webhook { reason: chain(&error) };
        let tls = match self.host.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(ClientTls::new(trust).map_err(unfit)?),
        };
        Ok(Dialer::new(self.host.clone(), tls, CONNECT).map_err(unfit)?.fenced(fence))
    }

    pub(crate) async fn deliver(&self, dialer: &Dialer, message: Bytes) -> Result<(), Failure> {
        match timeout(PATIENCE, self.post(dialer, message)).await {
            Ok(posted) => posted,
            Err(_) => Err(Failure::Later(format!("no answer within {PATIENCE:?}"))),
        }
    }

    async fn post(&self, dialer: &Dialer, message: Bytes) -> Result<(), Failure> {
        let later = |error: &dyn std::error::Error| Failure::Later(chain(error));
        let dialled = dialer.dial_http1().await.map_err(|error| later(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(dialled.stream)).await.map_err(|error| later(&error))?;
        let request = Request::post(&self.target)
            .header(header::HOST, self.host.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("wayside/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(message))
            .map_err(|error| Failure::Never(error.to_string()))?;
        // The connection ends with this try; what the answer says beyond its status is nobody's concern.
        let answered = tokio::select! {
            answered = sender.send_request(request) => answered,
            ended = connection => match ended {
                Err(error) => Err(error),
                Ok(()) => return Err(Failure::Later("the connection was closed".to_owned())),
            },
        };
        let status = answered.map_err(|error| later(&error))?.status();
        if status.is_success() {
            return Ok(());
        }
        let said = format!("it answered {status}");
        let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        match status {
            status if status.is_server_error() || busy.contains(&status) => {
                Err(Failure::Later(said))
            }
            status if status.is_redirection() => {
                Err(Failure::Never(format!("{said}, and redirects are not followed")))
            }
            _ => Err(Failure::Never(said)),
        }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({})", self.shown())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_url_is_taken_with_its_query_and_its_secret_never_shown() {
        let hook = Webhook::parse("https://hooks.test/services/T0/s3cret?sig=s3cret").unwrap();
        assert_eq!(hook.target, "/services/T0/s3cret?sig=s3cret");
        assert_eq!(hook.shown(), "https://hooks.test/...");
        assert!(!format!("{hook:?}").contains("s3cret"));
        assert_eq!(Webhook::parse("http://h:81?a=s3cret").unwrap().target, "/?a=s3cret");
        for wrong in [
            "s3cret",
            "ftp://h/s3cret",
            "https://u:s3cret@h/",
            "https://h/s3cret#a",
            "https://h/s3 cret",
        ] {
            let said = Webhook::parse(wrong).unwrap_err().to_string();
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}
