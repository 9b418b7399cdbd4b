//! The messages of a stream: WebSocket, gRPC, server-sent events; a line each, both ways by time.

use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use wayside_exchange::{Exchange, Half, Timestamp};
use wayside_formats::messages::{Message, Messages, interleave};
use wayside_store::{BodyReader, Store, StoreError};

use super::{id_of, stored};
use crate::api::Api;
use crate::outflow;
use crate::refusal::Refusal;

/// Of a longer message only the beginning is shown.
const SHOWN: usize = 64 << 10;

/// One message of a stream, as `/messages` gives it. It has `text` when that is what it holds, else
/// `base64`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageLine {
    /// Which way it went.
    pub half: Half,
    /// When its last byte had come.
    pub at: Timestamp,
    /// `text`, `binary`, `ping`, `close 1000`, `event tick`, `grpc`, ...
    pub kind: String,
    /// Its length.
    pub bytes: u64,
    /// Its content, when that is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its content, when that is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// Whether it goes on beyond what is shown.
    pub truncated: bool,
    /// Whether the stream broke off within it.
    pub incomplete: bool,
}

/// `/api/exchanges/{id}/messages`
pub(crate) async fn messages(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let exchange = stored(&api.store, id_of(&id)?).await?;
    outflow::lines(move |out| {
        let request = half(&api.store, &exchange, Half::Request)?;
        let response = half(&api.store, &exchange, Half::Response)?;
        for message in interleave(request.into_iter().flatten(), response.into_iter().flatten()) {
            let message = message.map_err(|error| Refusal::failed(&error))?;
            out.line(&MessageLine::from(message))?;
        }
        Ok(())
    })
    .await
}

fn half(
    store: &Store,
    exchange: &Exchange,
    half: Half,
) -> Result<Option<Messages<BodyReader>>, StoreError> {
    let body = store.body(exchange.summary.id, half)?;
    Ok(body.map(|body| Messages::new(exchange, half, body, SHOWN)))
}

impl From<Message> for MessageLine {
    fn from(message: Message) -> Self {
        let truncated = (message.data.len() as u64) < message.bytes;
        let (text, base64) = match String::from_utf8(message.data) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        Self {
            half: message.half,
            at: message.at,
            kind: message.kind,
            bytes: message.bytes,
            text,
            base64,
            truncated,
            incomplete: message.incomplete,
        }
    }
}
