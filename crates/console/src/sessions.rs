//! Sessions: the listing, one of them, and its exchanges.
//!
//! A listing counts the exchanges that the filter matches. Newest first keeps only the sessions under
//! way at one time, and the names of those told: the scan goes down through the ids, a session is
//! named after its first exchange, so below that name it is complete and can go out.

use std::collections::HashSet;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use wayside_analytics::SessionList;
use wayside_exchange::filter::Filter;
use wayside_exchange::view::SessionView;
use wayside_exchange::{ExchangeId, Glance, Micros, SessionId};
use wayside_store::{Order, Scan, StoreError};

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
        let scan = api.store.scan(asked.filter, asked.order).until(out.abandoned());
        match asked.order {
            Order::NewestFirst => newest_first(scan, limit, out),
            Order::OldestFirst => {
                let views = scan.total(add, SessionList::merge)?.views();
                views.iter().take(limit).try_for_each(|view| out.line(view))
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
    let scan = move || api.store.scan(filter, Order::OldestFirst).until(gone);
    let view = blocking(move || whole(scan())).await?;
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

fn newest_first(mut scan: Scan, limit: usize, out: &mut Outflow) -> Result<(), Stop> {
    let mut parts: Vec<SessionList> = scan.parts();
    let mut under_way = SessionList::default();
    let mut told: HashSet<(SessionId, String)> = HashSet::new();
    while told.len() < limit && scan.fold(&mut parts, add)? {
        for part in &mut parts {
            under_way.merge(std::mem::take(part));
        }
        let complete_above =
            scan.horizon().map(|id| SessionId(ExchangeId::floor(id.started_at().plus(EARLIER))));
        for fold in under_way.take_above(complete_above) {
            if told.len() < limit && told.insert((fold.id(), fold.client().to_owned())) {
                out.line(&fold.view())?;
            }
        }
    }
    Ok(())
}

fn add(list: &mut SessionList, row: &Glance<'_>) {
    if row.has_request() {
        list.add(row);
    }
}

/// The one session that a scan finds.
fn whole(scan: Scan) -> Result<Option<SessionView>, StoreError> {
    Ok(scan.total(SessionList::add, SessionList::merge)?.total())
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
