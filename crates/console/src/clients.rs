//! Clients: the listing, and one with the evidence that its exchanges are its own.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use wayside_analytics::harm::Harms;
use wayside_analytics::{ClientFold, Clients, Thresholds};
use wayside_exchange::filter::Filter;
use wayside_exchange::view::ClientView;
use wayside_exchange::{Evidence, Glance, Summary};
use wayside_store::{Found, Order, Store, StoreError};

use crate::api::Api;
use crate::asked::Asked;
use crate::asker::Asker;
use crate::outflow;
use crate::refusal::{Refusal, blocking};

/// Different evidence of one client beyond this is left out.
const EVIDENCE: usize = 256;

/// A client with its evidence, as `/api/clients/{name}` gives it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientDetail {
    /// The client.
    #[serde(flatten)]
    pub client: ClientView,
    /// What its exchanges brought, strongest kind first; at most 256 different pieces.
    pub evidence: Vec<Evidence>,
}

/// `/api/clients`: worst first, whatever the order; over the exchanges that the filter matches.
pub(crate) async fn listing(State(api): State<Api>, asked: Asked) -> Result<Response, Refusal> {
    let limit = asked.limit.unwrap_or(usize::MAX);
    outflow::lines(move |out| {
        let filter = asked.filter;
        let scan = api.store.scan(filter.clone(), Order::NewestFirst).until(out.abandoned());
        let clients = scan.total_of(Clients::promised(&api.thresholds), add, Clients::merge)?;
        let mut views = clients.views(&api.thresholds);
        if asked.harm {
            find_harm(&mut views, &api.store, filter, out.abandoned())?;
        }
        views.iter().take(limit).try_for_each(|view| out.line(view))
    })
    .await
}

/// Clients whose harm is looked for: those for whom the backend works most.
const HARMFUL: usize = 10;

/// Fills in how much slower others are while the heaviest clients are active.
fn find_harm(
    views: &mut [ClientView],
    store: &Store,
    filter: Filter,
    gone: Arc<AtomicBool>,
) -> Result<(), StoreError> {
    let first = views.iter().map(|view| view.first_seen).min().unwrap_or_default();
    let last = views.iter().map(|view| view.last_seen).max().unwrap_or_default();
    let mut heaviest: Vec<&mut ClientView> = views.iter_mut().collect();
    heaviest.sort_by(|a, b| b.time_share.total_cmp(&a.time_share));
    heaviest.truncate(HARMFUL);
    let names = heaviest.iter().map(|view| view.name.clone()).collect();
    let harms = Harms::of(names, first, last);
    let scan = store.scan(filter, Order::NewestFirst).until(gone);
    let harms = scan.total_of(harms, Harms::add, Harms::merge)?;
    for (view, harm) in heaviest.into_iter().zip(harms.views()) {
        view.harm = harm;
    }
    Ok(())
}

/// `/api/clients/{name}`
pub(crate) async fn one(
    State(api): State<Api>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Json<ClientDetail>, Refusal> {
    let unknown = Refusal::not_found(format!("no client `{name}`"));
    let waiting = Asker::default();
    let gone = waiting.gone();
    let detail = blocking(move || {
        let found = api.store.find(asked_for(&name, &asked), Order::OldestFirst);
        let Some(mut detail) = fold(found.until(gone.clone()), &name, &api.thresholds)? else {
            return Ok::<_, StoreError>(None);
        };
        // What is wrong with it shows in comparison with all others.
        let all = api.store.scan(asked.filter, Order::NewestFirst).until(gone);
        let views = all
            .total_of(Clients::promised(&api.thresholds), add, Clients::merge)?
            .views(&api.thresholds);
        if let Some(view) = views.into_iter().find(|view| view.name == name) {
            detail.client.verdicts = view.verdicts;
        }
        Ok(Some(detail))
    })
    .await?;
    detail.map(Json).ok_or_else(|| unknown.hint("`/api/clients` lists them"))
}

pub(crate) fn add(clients: &mut Clients, row: &Glance<'_>) {
    if row.has_request() {
        clients.add(row);
    }
}

fn asked_for(name: &str, asked: &Asked) -> Filter {
    let term = format!("client:\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    // A name that the filter language cannot say is looked for among all.
    asked.within(&term).unwrap_or_else(|_| asked.filter.clone())
}

fn fold(
    found: Found,
    name: &str,
    thresholds: &Thresholds,
) -> Result<Option<ClientDetail>, StoreError> {
    let mut client: Option<ClientFold> = None;
    let mut evidence: Vec<Evidence> = Vec::new();
    for summary in found {
        let summary: Summary = summary?;
        if summary.client != name {
            continue;
        }
        for piece in &summary.evidence {
            if evidence.len() < EVIDENCE && !evidence.contains(piece) {
                evidence.push(piece.clone());
            }
        }
        match &mut client {
            Some(fold) => fold.add(&summary.glance()),
            None => client = Some(ClientFold::new(&summary.glance())),
        }
    }
    evidence.sort_by(|a, b| (a.kind, &a.token).cmp(&(b.kind, &b.token)));
    Ok(client.map(|fold| ClientDetail { client: fold.view(thresholds), evidence }))
}
