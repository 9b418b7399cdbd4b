//! What Wayside adds to messages when it is told to. By default it adds nothing.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use wayside_exchange::{Connection, ExchangeId, HttpVersion};

/// Header fields to add.
#[derive(Clone, Debug, Default)]
pub struct Additions {
    /// `X-Forwarded-For`, `-Proto` and `-Host` towards the backend.
    pub forwarded: bool,
    /// `Via` both ways (RFC 9110 section 7.6.3).
    pub via: bool,
    /// A response header field that carries the exchange's id to the client.
    pub exchange_id: Option<HeaderName>,
}

impl Additions {
    /// Adds to a request that goes upstream.
    pub(crate) fn to_request(
        &self,
        headers: &mut HeaderMap,
        connection: &Connection,
        version: HttpVersion,
        host: &str,
    ) {
        if self.forwarded {
            let scheme = if connection.tls.is_some() { "https" } else { "http" };
            let client = connection.client_addr.ip().to_string();
            for (name, value) in [
                ("x-forwarded-for", client.as_str()),
                ("x-forwarded-proto", scheme),
                ("x-forwarded-host", host),
            ] {
                if let Ok(value) = HeaderValue::from_str(value) {
                    headers.append(HeaderName::from_static(name), value);
                }
            }
        }
        self.add_via(headers, version);
    }

    /// Adds to a response that goes downstream.
    pub(crate) fn to_response(
        &self,
        headers: &mut HeaderMap,
        version: HttpVersion,
        id: ExchangeId,
    ) {
        if let Some(name) = &self.exchange_id
            && let Ok(value) = HeaderValue::from_str(&id.to_string())
        {
            headers.append(name, value);
        }
        self.add_via(headers, version);
    }

    fn add_via(&self, headers: &mut HeaderMap, version: HttpVersion) {
        if self.via {
            headers.append(
                http::header::VIA,
                HeaderValue::from_static(match version {
                    HttpVersion::Http10 => "1.0 wayside",
                    HttpVersion::Http11 => "1.1 wayside",
                    HttpVersion::Http2 => "2 wayside",
                }),
            );
        }
    }
}
