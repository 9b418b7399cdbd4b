//! How the recorder does: for probes in a word, for people and programs in figures.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use wayside_exchange::Timestamp;
use wayside_exchange::view::{BoardView, DiskView, RemovedView, StatusView};

use crate::api::Api;
use crate::push::{PushTally, PushView};
use crate::refusal::{Refusal, blocking};

/// What `/api/status` answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ConsoleStatus {
    /// The figures.
    #[serde(flatten)]
    pub status: StatusView,
    /// The version of Wayside that answers.
    pub version: String,
    /// Since when the recorder runs; null when none does.
    pub started_at: Option<Timestamp>,
    /// Where the proxy and the console listen, as URLs.
    pub listening: Vec<String>,
    /// How pushing the metrics goes; absent where nobody is pushed any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otlp: Option<PushView>,
}

/// Alive: it answers.
pub(crate) async fn health() -> &'static str {
    "ok\n"
}

/// Whether all is well; else 503 with what is not, a line each.
pub(crate) async fn ready(State(api): State<Api>) -> Result<Response, Refusal> {
    let problems = of(api).await?.status.problems;
    if problems.is_empty() {
        return Ok("ok\n".into_response());
    }
    let text = format!("degraded\n{}\n", problems.join("\n"));
    Ok((StatusCode::SERVICE_UNAVAILABLE, text).into_response())
}

/// Everything.
pub(crate) async fn status(State(api): State<Api>) -> Result<Json<ConsoleStatus>, Refusal> {
    of(api).await.map(Json)
}

pub(crate) async fn of(api: Api) -> Result<ConsoleStatus, Refusal> {
    blocking(move || {
        let status = match &api.recorder {
            Some(recorder) => recorder.status(),
            None => at_rest(&api),
        };
        Ok::<_, Refusal>(ConsoleStatus {
            status,
            version: api.facts.version,
            started_at: api.facts.started_at,
            listening: api.facts.listening,
            otlp: api.pushed.as_ref().map(PushTally::view),
        })
    })
    .await
}

/// `/api/board`: five numbers and who fares worst.
pub(crate) async fn board(State(api): State<Api>) -> Result<Json<BoardView>, Refusal> {
    let recorder = api.recorder.ok_or_else(|| {
        Refusal::not_found("no recorder runs, so nothing is live")
            .hint("start one with `wayside record UPSTREAM`")
    })?;
    Ok(Json(recorder.board().as_ref().clone()))
}

/// The status of a store on which no recorder runs.
fn at_rest(api: &Api) -> StatusView {
    let store = api.store.status();
    StatusView {
        recorded_through: store.recorded_through,
        durable_through: store.durable_through,
        disk: DiskView { used: store.used, budget: store.budget, free: store.free },
        stored: store.stored,
        removed: RemovedView { exchanges: store.removed.exchanges, bytes: store.removed.bytes },
        problems: store.problems,
        ..StatusView::default()
    }
}
