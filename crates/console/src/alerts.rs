//! Alerts: which there are, how telling people of them goes, and that somebody knows.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use wayside_alerts::{Alert, AlertsError, Delivery};
use wayside_analytics::call;

use crate::api::Api;
use crate::asked::Asked;
use crate::clock;
use crate::outflow;
use crate::refusal::{Refusal, blocking};

/// `/api/alerts`: the oldest first, unless `order=newest`.
pub(crate) async fn listing(State(api): State<Api>, asked: Asked) -> Result<Response, Refusal> {
    if !asked.written.trim().is_empty() {
        return Err(Refusal::misused("alerts take no filter")
            .hint("`/api/outliers` compares over the exchanges that a filter matches"));
    }
    let limit = asked.limit.unwrap_or(usize::MAX);
    outflow::lines(move |out| {
        let mut alerts = api.alerts.list()?;
        if asked.order == wayside_store::Order::NewestFirst {
            alerts.reverse();
        }
        alerts.truncate(limit);
        api.store.links(|links| alerts.iter_mut().for_each(|one| call(&mut one.outlier, links)));
        alerts.iter().try_for_each(|alert| out.line(alert))
    })
    .await
}

/// `/api/alerts/delivery`
pub(crate) async fn delivery(State(api): State<Api>) -> Json<Delivery> {
    Json(api.alerts.delivery())
}

/// `POST /api/alerts/{id}/acknowledgement`
pub(crate) async fn acknowledge(
    State(api): State<Api>,
    Path(id): Path<u64>,
) -> Result<Json<Alert>, Refusal> {
    blocking(move || api.alerts.acknowledge(id, clock::now())).await.map(Json)
}

impl From<AlertsError> for Refusal {
    fn from(error: AlertsError) -> Self {
        match error {
            AlertsError::Unknown { .. } => {
                Self::not_found(error.to_string()).hint("`wayside alerts` lists them")
            }
            other => Self::failed(&other),
        }
    }
}
