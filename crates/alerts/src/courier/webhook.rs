//! A webhook: each message is posted to a URL, which may hold a secret and is therefore never said.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use wayside_exchange::cause::chain;
use wayside_transport::client_tls::UpstreamTrust;
use wayside_transport::dial::Fence;
use wayside_transport::post::{Endpoint, Poster};

use super::Failure;
use crate::AlertsError;

/// A URL to post to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook(Endpoint);

impl Webhook {
    /// Parses an http or https URL; a query is welcome.
    pub fn parse(url: &str) -> Result<Self, AlertsError> {
        Endpoint::parse(url).map(Self).map_err(|error| unfit(&error))
    }

    /// What may be shown of it: `https://host/...`.
    pub fn shown(&self) -> String {
        self.0.shown()
    }

    pub(crate) fn poster(
        &self,
        trust: &UpstreamTrust,
        fence: Fence,
    ) -> Result<Poster, AlertsError> {
        self.0.poster(trust, fence).map_err(|error| unfit(&error))
    }
}

fn unfit(error: &wayside_transport::Error) -> AlertsError {
    AlertsError::Webhook { reason: chain(error) }
}

pub(crate) async fn deliver(poster: &Poster, message: Bytes) -> Result<(), Failure> {
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, json)]);
    let answer = poster.post(headers, message).await;
    let status = answer.map_err(|error| Failure::Later(chain(&error)))?.status;
    if status.is_success() {
        return Ok(());
    }
    let said = format!("it answered {status}");
    let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    match status {
        status if status.is_server_error() || busy.contains(&status) => Err(Failure::Later(said)),
        status if status.is_redirection() => {
            Err(Failure::Never(format!("{said}, and redirects are not followed")))
        }
        _ => Err(Failure::Never(said)),
    }
}
