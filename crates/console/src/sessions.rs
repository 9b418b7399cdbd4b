//! Sessions: the listing, one of them, and its exchanges.
//!
//! A listing counts the exchanges that the filter matches. Newest first keeps only the sessions under
//! way at one time, and the names of those told: the scan goes down through the ids, a session is
//! named after its first exchange, so below that name it is complete and can go out.

use std::collections::{BTreeMap, HashSet};

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use wayside_analytics::{SessionFold, SessionList};
use wayside_exchange::filter::Filter;
use wayside_exchange::view::SessionView;
use wayside_exchange::{ExchangeId, Micros, SessionId, Summary};
use wayside_store::{Found, Order, StoreError};

use crate::api::Api;
use crate::asked::Asked;
use crate::asker::Asker;
use crate::exchanges;
use crate::outflow::{self, Outflow, Stop};
use crate::refusal::{Refusal, blocking};

/// A session is named after the exchange that was recorded first. Others may have started before it
/// and ended later; so much earlier they are still looked for.
const EARLIER: Micros = Micros(60_000_000);

/// `/api/sessions`
pub(crate) async fn listing(State(api): State<Api>, asked: Asked) -> Result<Response, Refusal> {
    let limit = asked.limit.unwrap_or(usize::MAX);
    outflow::lines(move |out| {
        let found = api.store.find(asked.filter, asked.order).until(out.abandoned());
        match asked.order {
            Order::NewestFirst => newest_first(found, limit, out),
            Order::OldestFirst => {
                let mut list = SessionList::default();
                for summary in found {
                    let summary = summary?;
                    if summary.has_request() {
                        list.add(&summary);
                    }
                }
                list.views().iter().take(limit).try_for_each(|view| out.line(view))
            }
        }
    })
    .await
}

/// `/api/sessions/{id}`
pub(crate) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<SessionView>, Refusal> {
    let id = id_of(&id)?;
    let filter = within(&asked, id)?;
    let waiting = Asker::default();
    let gone = waiting.gone();
    let found = move || api.store.find(filter, Order::OldestFirst).until(gone);
    let view = blocking(move || fold(found(), id)).await?;
    view.map(Json).ok_or_else(|| unknown(id))
}

/// `/api/sessions/{id}/exchanges`
pub(crate) async fn its_exchanges(
    State(api): State<Api>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let filter = within(&asked, id_of(&id)?)?;
    exchanges::found(api.store, filter, asked.order, asked.limit, true).await
}

fn newest_first(
    found: impl Iterator<Item = Result<Summary, StoreError>>,
    limit: usize,
    out: &mut Outflow,
) -> Result<(), Stop> {
    let mut under_way: BTreeMap<SessionId, SessionFold> = BTreeMap::new();
    let mut told: HashSet<SessionId> = HashSet::new();
    for summary in found {
        let summary = summary?;
        let complete = SessionId(ExchangeId::floor(summary.id.started_at().plus(EARLIER)));
        while let Some(newest) = under_way.last_entry().filter(|entry| *entry.key() > complete) {
            if told.len() >= limit {
                return Ok(());
            }
            let (id, fold) = newest.remove_entry();
            out.line(&fold.view())?;
            told.insert(id);
        }
        if told.len() >= limit {
            return Ok(());
        }
        if summary.has_request() && !told.contains(&summary.session) {
            under_way
                .entry(summary.session)
                .and_modify(|fold| fold.add(&summary))
                .or_insert_with(|| SessionFold::new(&summary));
        }
    }
    let left = limit.saturating_sub(told.len());
    under_way.values().rev().take(left).try_for_each(|fold| out.line(&fold.view()))
}

fn fold(found: Found, id: SessionId) -> Result<Option<SessionView>, StoreError> {
    let mut session: Option<SessionFold> = None;
    for summary in found {
        let summary = summary?;
        match &mut session {
            _ if summary.session != id => {}
            Some(fold) => fold.add(&summary),
            None => session = Some(SessionFold::new(&summary)),
        }
    }
    Ok(session.map(|fold| fold.view()))
}

fn within(asked: &Asked, id: SessionId) -> Result<Filter, Refusal> {
    asked.within(&format!("session:{id}"))
}

fn id_of(text: &str) -> Result<SessionId, Refusal> {
    text.parse().map_err(|_| {
        Refusal::not_found(format!("`{text}` is not the id of a session"))
            .hint("`/api/resolve/PREFIX` completes the beginning of an id")
    })
}

fn unknown(id: SessionId) -> Refusal {
    Refusal::not_found(format!("no session `{id}`"))
}
