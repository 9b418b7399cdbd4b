//! An exchange as a table needs it: what its summary says, without heads and hashes.

use serde::{Deserialize, Serialize};
use wayside_exchange::{
    ExchangeId, Failure, HttpVersion, Marks, Micros, Outcome, SessionId, Summary, Timestamp, Timing,
};

/// An exchange in a row, as `rows=1` gives it. Fields that the full view has too have its names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RowView {
    /// Its id.
    pub id: ExchangeId,
    /// When its request head had arrived.
    pub started_at: Timestamp,
    /// The client's name.
    pub client: String,
    /// Its session.
    pub session: SessionId,
    /// The request method; empty when no request was read.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The authority that was asked for.
    pub host: String,
    /// The path without the query.
    pub path: String,
    /// Path and query.
    pub target: String,
    /// Method and path template.
    pub route: String,
    /// The final status; null when there was none.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it has no complete response; null when it has.
    pub failure: Option<Failure>,
    /// How long it took in all.
    pub latency_ms: Micros,
    /// Where the time went.
    pub timing: Timing,
    /// True length of the request body.
    pub request_bytes: u64,
    /// True length of the response body.
    pub response_bytes: u64,
    /// What is missing.
    pub marks: Marks,
    /// The version in which the client spoke.
    pub http_version: HttpVersion,
}

impl From<&Summary> for RowView {
    fn from(summary: &Summary) -> Self {
        Self {
            id: summary.id,
            started_at: summary.started_at,
            client: summary.client.clone(),
            session: summary.session,
            method: summary.method.clone(),
            url: summary.url(),
            host: summary.host.clone(),
            path: summary.path().to_owned(),
            target: summary.target.clone(),
            route: summary.route.clone(),
            status: summary.status,
            outcome: summary.outcome,
            failure: summary.failure.clone(),
            latency_ms: summary.latency(),
            timing: summary.timing,
            request_bytes: summary.request_bytes,
            response_bytes: summary.response_bytes,
            marks: summary.marks,
            http_version: summary.http_version,
        }
    }
}
