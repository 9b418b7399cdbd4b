//! What the beginning of an id names.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use wayside_exchange::{ExchangeId, SessionId};
use wayside_store::Named;

use crate::api::Api;
use crate::refusal::{Refusal, blocking};

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Resolved {
    Exchange(ExchangeId),
    Session(SessionId),
    Ambiguous(Vec<String>),
}

/// `/api/resolve/{prefix}`
pub(crate) async fn resolve(
    State(api): State<Api>,
    Path(prefix): Path<String>,
) -> Result<Json<Resolved>, Refusal> {
    let nothing = Refusal::not_found(format!("no exchange or session begins with `{prefix}`"));
    match blocking(move || api.store.resolve(&prefix)).await? {
        Named::Exchange(id) => Ok(Json(Resolved::Exchange(id))),
        Named::Session(id) => Ok(Json(Resolved::Session(id))),
        Named::Ambiguous(several) => Ok(Json(Resolved::Ambiguous(several))),
        Named::Nothing => Err(nothing),
    }
}
