//! Exchanges: the listing, the live tail, and one of them.

pub(crate) mod body;
pub(crate) mod follow;
pub(crate) mod messages;
mod whole;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderValue, StatusCode, header};
use wayside_exchange::filter::Filter;
use wayside_exchange::view::ExchangeView;
use wayside_exchange::{Exchange, ExchangeId, Half};
use wayside_store::{Order, Store};

use crate::api::Api;
use crate::asked::Asked;
use crate::outflow;
use crate::refusal::{Refusal, blocking};
use crate::row::RowView;
use crate::serve::Stopping;

/// `/api/exchanges`
pub(crate) async fn listing(
    State(api): State<Api>,
    stopping: Option<Extension<Stopping>>,
    asked: Asked,
) -> Result<Response, Refusal> {
    if !asked.follow {
        return found(api.store, asked.filter, asked.order, asked.limit, asked.rows).await;
    }
    let Some(recorder) = &api.recorder else {
        return Err(Refusal::new(StatusCode::CONFLICT, "no recorder runs, so nothing new comes")
            .hint("leave `follow` out to list what was recorded"));
    };
    let feed = recorder.follow();
    Ok(follow::tail(feed, api.store, asked, stopping.map(|Extension(stopping)| stopping)))
}

/// What `filter` finds: `rows` of it, or whole views.
pub(crate) async fn found(
    store: Store,
    filter: Filter,
    order: Order,
    limit: Option<usize>,
    rows: bool,
) -> Result<Response, Refusal> {
    outflow::lines(move |out| {
        let found = store.find(filter, order).until(out.abandoned());
        for summary in found.take(limit.unwrap_or(usize::MAX)) {
            let summary = summary?;
            if rows {
                out.line(&RowView::from(&summary))?;
            } else if let Some(view) = whole::view(&store, summary.id)? {
                out.line(&view)?;
            }
        }
        Ok(())
    })
    .await
}

/// `/api/exchanges/{id}`
pub(crate) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<ExchangeView>, Refusal> {
    let id = id_of(&id)?;
    let view = blocking(move || whole::view(&api.store, id)).await?;
    view.map(Json).ok_or_else(|| unknown(id))
}

/// `/api/exchanges/{id}/request/head` and its like: the head as it was on the wire.
pub(crate) async fn head(
    State(api): State<Api>,
    Path((id, half)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let (id, half) = (id_of(&id)?, half_of(&half)?);
    let exchange = stored(&api.store, id).await?;
    let message = exchange.message(half).ok_or_else(|| without(half))?;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    let sandbox = HeaderValue::from_static(body::SANDBOX);
    let headers = [(header::CONTENT_TYPE, plain), (header::CONTENT_SECURITY_POLICY, sandbox)];
    Ok((headers, message.head.0.clone()).into_response())
}

async fn stored(store: &Store, id: ExchangeId) -> Result<Exchange, Refusal> {
    let store = store.clone();
    blocking(move || store.exchange(id)).await?.ok_or_else(|| unknown(id))
}

fn id_of(text: &str) -> Result<ExchangeId, Refusal> {
    text.parse().map_err(|_| {
        Refusal::not_found(format!("`{text}` is not the id of an exchange"))
            .hint("`/api/resolve/PREFIX` completes the beginning of an id")
    })
}

fn half_of(text: &str) -> Result<Half, Refusal> {
    match text {
        "request" => Ok(Half::Request),
        "response" => Ok(Half::Response),
        _ => Err(Refusal::not_found(format!("an exchange has no `{text}`"))
            .hint("it has a `request` and a `response`")),
    }
}

fn unknown(id: ExchangeId) -> Refusal {
    Refusal::not_found(format!("no exchange `{id}`"))
}

fn without(half: Half) -> Refusal {
    Refusal::not_found(format!("this exchange has no {}", half.as_str()))
}
