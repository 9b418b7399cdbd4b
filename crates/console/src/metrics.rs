//! `/metrics`: the running recorder in figures, for Prometheus and whatever else reads its formats.
//!
//! The same goes to a collector where one is named (`push`).
//!
//! Everything told is counted already: a scrape copies counters and asks the store for nothing but its size.
//! Label values come from traffic, so there are so many of each at most; docs/metrics.md says how many.

mod families;
mod label;
mod message;
mod page;
mod protobuf;
mod sheet;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};

use crate::api::Api;
use crate::refusal::{Refusal, blocking};
use crate::status;

use families::Scrape;
pub(crate) use message::Message;
pub(crate) use page::{Form, Page};
pub(crate) use protobuf::{Fields, Value};
use sheet::Sheet;

/// `GET /metrics`
pub(crate) async fn metrics(
    State(api): State<Api>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let form = Form::asked_for(&headers);
    let text = told(api, Page::new(form), Page::finish).await?;
    Ok(([(header::CONTENT_TYPE, form.content_type())], text).into_response())
}

/// Everything that there is to tell, written on `sheet` and made into what is sent.
pub(crate) async fn told<S, T>(
    api: Api,
    mut sheet: S,
    finish: impl FnOnce(S) -> T + Send + 'static,
) -> Result<T, Refusal>
where
    S: Sheet + Send + 'static,
    T: Send + 'static,
{
    let recorder = api.recorder.clone().ok_or_else(|| {
        Refusal::not_found("no recorder runs, so there is nothing to measure")
            .hint("start one with `wayside record UPSTREAM`")
    })?;
    let status = status::of(api.clone()).await?;
    blocking(move || {
        Scrape::of(&api, &*recorder, &status).write(&mut sheet);
        Ok::<_, Refusal>(finish(sheet))
    })
    .await
}
