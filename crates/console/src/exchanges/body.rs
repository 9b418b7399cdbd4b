//! Bodies: as transferred, or decoded.
//!
//! Recorded bytes are hostile. Whatever they claim to be, they go out as a file to save, sandboxed
//! and unsniffed, so that no browser runs them as a page of the console.

use std::io::{self, Read};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use wayside_exchange::{Exchange, Half, content};
use wayside_store::Store;

use super::{half_of, id_of, stored, without};
use crate::api::Api;
use crate::asked::Asked;
use crate::outflow;
use crate::refusal::{Refusal, blocking};

pub(super) const SANDBOX: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";
/// Says `1` when a decoded body goes on beyond what was sent.
const TRUNCATED: HeaderName = HeaderName::from_static("wayside-truncated");
/// A decoded body ends here.
const DECODED: usize = 64 << 20;
const PIECE: usize = 64 << 10;

/// `/api/exchanges/{id}/request/body` and its like.
pub(crate) async fn body(
    State(api): State<Api>,
    Path((id, half)): Path<(String, String)>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (id, half) = (id_of(&id)?, half_of(&half)?);
    let exchange = stored(&api.store, id).await?;
    let message = exchange.message(half).ok_or_else(|| without(half))?;
    let name = format!("attachment; filename=\"{id}-{}.bin\"", half.as_str());
    let mut response = if asked.decoded {
        decoded(api.store, exchange, half).await?
    } else {
        let stored = message.body.stored;
        let mut response = Response::new(raw(api.store, exchange, half).await?);
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(stored));
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

async fn raw(store: Store, exchange: Exchange, half: Half) -> Result<Body, Refusal> {
    outflow::body(move |out| {
        let Some(mut reader) = store.body(exchange.summary.id, half)? else { return Ok(()) };
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let read = (&mut reader).take(PIECE as u64).read_to_end(&mut piece);
            if read.map_err(|error| unreadable(&error))? == 0 {
                return Ok(());
            }
            out.piece(Bytes::from(piece))?;
        }
    })
    .await
}

async fn decoded(store: Store, exchange: Exchange, half: Half) -> Result<Response, Refusal> {
    let (bytes, truncated) = blocking(move || {
        let mut bytes = Vec::new();
        if let Some(reader) = store.body(exchange.summary.id, half)? {
            let mut reader = reader.take(DECODED as u64);
            reader.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        }
        let message = exchange.message(half);
        let more = message.is_some_and(|message| {
            let body = &message.body;
            body.bytes > body.kept || body.stored > bytes.len() as u64
        });
        let codings = message.map(|message| {
            let values = message.head.fields_as_text();
            let codings = values.filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"));
            codings.map(|(_, value)| value).collect::<Vec<_>>().join(", ")
        });
        let decoded =
            content::decode(&codings.unwrap_or_default(), &bytes, DECODED).map_err(|error| {
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
                    .hint("without `decoded=1` the body comes as transferred")
            })?;
        Ok::<_, Refusal>((decoded.bytes, decoded.truncated || more))
    })
    .await?;
    let mut response = Response::new(Body::from(bytes));
    if truncated {
        response.headers_mut().insert(TRUNCATED, HeaderValue::from_static("1"));
    }
    Ok(response)
}

fn unreadable(error: &io::Error) -> Refusal {
    Refusal::failed(error)
}
