//! `/metrics`: the running recorder in figures, for Prometheus and whatever else reads its formats.
//!
//! Everything told is counted already: a scrape copies counters and asks the store for nothing but its size.
//! Label values come from traffic, so there are so many of each at most; docs/metrics.md says how many.

mod families;
mod label;
mod page;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};

use crate::api::Api;
use crate::refusal::{Refusal, blocking};
use crate::status;

use families::Scrape;
pub(crate) use page::{Form, Page};

/// `GET /metrics`
pub(crate) async fn metrics(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let recorder = api.recorder.clone().ok_or_else(|| {
        Refusal::not_found("no recorder runs, so there is nothing to measure")
            .hint("start one with `wayside record UPSTREAM`")
    })?;
    let form = Form::asked_for(&headers);
    let status = status::of(api.clone()).await?;
    let text = blocking(move || {
        let mut page = Page::new(form);
        Scrape::of(&api, &*recorder, &status).write(&mut page);
        Ok::<_, Refusal>(page.finish())
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, form.content_type())], text).into_response())
}
