//! What the API stands on, and its routes.

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use tokio::sync::broadcast;
use wayside_alerts::Alerts;
use wayside_analytics::meters::Meters;
use wayside_analytics::{Standards, Thresholds};
use wayside_exchange::view::{BoardView, OutlierView, StatusView};
use wayside_exchange::{Summary, Timestamp};
use wayside_store::{Resealing, Store};

use crate::exchanges::{self, body, messages};
use crate::push::PushTally;
use crate::refusal::Refusal;
use crate::{
    alerts, clients, findings, keeping, metrics, outliers, resolve, routes, sessions, status,
    welcome,
};

/// A running recorder, as far as the console looks into it.
pub trait Live: Send + Sync {
    /// How it does now.
    fn status(&self) -> StatusView;
    /// Every exchange from now on, as it is recorded.
    fn follow(&self) -> broadcast::Receiver<Arc<Summary>>;
    /// Who is an outlier now, worst first.
    fn outliers(&self) -> Arc<Vec<OutlierView>>;
    /// Five numbers and who fares worst, as of some seconds ago.
    fn board(&self) -> Arc<BoardView>;
    /// What was counted by route since it started.
    fn meters(&self) -> Meters;
    /// What it carries now.
    fn load(&self) -> Load;
}

/// What a recorder carries.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// Connections from clients that are open.
    pub connections: u64,
    /// How many bytes may wait to be recorded.
    pub queue_budget: u64,
}

/// Makes one for each time that it is asked.
pub type Resealers = Arc<dyn Fn() -> Box<dyn Resealing> + Send + Sync>;

/// What the API stands on.
#[derive(Clone)]
pub struct Api {
    /// What was recorded.
    pub store: Store,
    /// The recorder of this process; none when the store is only read.
    pub recorder: Option<Arc<dyn Live>>,
    /// Makes what seals secrets that rest in clear; none where nothing can.
    pub resealer: Option<Resealers>,
    /// What clients' figures are held against; it may be replaced at any time.
    pub standards: Standards,
    /// Who was told of what.
    pub alerts: Alerts,
    /// How pushing the metrics goes; none where nobody is pushed any.
    pub pushed: Option<PushTally>,
    /// What the status says beside the recorder's own figures.
    pub facts: ConsoleFacts,
}

/// What only the wiring knows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ConsoleFacts {
    /// The version of Wayside.
    pub version: String,
    /// Since when the recorder runs; none when none does.
    pub started_at: Option<Timestamp>,
    /// Where the proxy and the console listen, as URLs.
    pub listening: Vec<String>,
}

impl Api {
    /// What the clients of the recording are held against now.
    pub(crate) fn thresholds(&self) -> Thresholds {
        self.store.links(|links| self.standards.for_clients_of(links))
    }
}

/// The API without any question of who asks.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/", get(welcome::page))
        .route("/health", get(status::health))
        .route("/ready", get(status::ready))
        .route("/api/status", get(status::status))
        .route("/api/exchanges", get(exchanges::listing))
        .route("/api/exchanges/{id}", get(exchanges::one))
        .route("/api/exchanges/{id}/messages", get(messages::messages))
        .route("/api/exchanges/{id}/{half}/head", get(exchanges::head))
        .route("/api/exchanges/{id}/{half}/body", get(body::body))
        .route("/api/sessions", get(sessions::listing))
        .route("/api/sessions/{id}", get(sessions::one))
        .route("/api/sessions/{id}/exchanges", get(sessions::its_exchanges))
        .route("/api/clients", get(clients::listing))
        .route("/api/clients/{name}", get(clients::one))
        .route("/api/clients/{name}/split", post(clients::split).delete(clients::rejoin))
        .route("/api/outliers", get(outliers::listing))
        .route("/api/findings", get(findings::listing))
        .route("/api/routes", get(routes::listing))
        .route("/api/board", get(status::board))
        .route("/api/alerts", get(alerts::listing))
        .route("/api/alerts/delivery", get(alerts::delivery))
        .route("/api/alerts/{id}/acknowledgement", post(alerts::acknowledge))
        .route("/metrics", get(metrics::metrics))
        .route("/api/resolve/{prefix}", get(resolve::resolve))
        .route("/api/pins", get(keeping::pins).post(keeping::pin).delete(keeping::unpin))
        .fallback(no_such_path)
        .method_not_allowed_fallback(only_get)
        .layer(map_response(guarded))
        .with_state(api)
}

async fn no_such_path(uri: Uri) -> Refusal {
    Refusal::not_found(format!("there is nothing at `{}`", uri.path()))
        .hint("`/` lists what there is")
}

async fn only_get(method: Method) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("`{method}` is not understood here"))
        .hint("what can be read is read with GET")
}

/// Recorded traffic is hostile: nothing of it may run, be framed, be sniffed or be kept by a
/// browser's cache.
pub(crate) async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
