//! Clients: the listing, one with the evidence that its exchanges are its own, and taking links back.

mod episodes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use wayside_analytics::harm::Harms;
use wayside_analytics::{ClientFold, Clients, Stars, Thresholds};
use wayside_exchange::filter::{Filter, quoted};
use wayside_exchange::view::ClientView;
use wayside_exchange::{
    Evidence, EvidenceKind, ExchangeId, Glance, LinkKind, Links, Summary, Timestamp,
};
use wayside_store::{Found, Order, Store, StoreError};

use crate::api::Api;
use crate::asked::Asked;
use crate::asker::Asker;
use crate::clock;
use crate::outflow;
use crate::refusal::{Refusal, blocking};
use episodes::Episodes;
pub use episodes::{Ended, Episode};

/// Different evidence of one client beyond this is left out.
const EVIDENCE: usize = 256;
/// Different links to one client beyond this are left out.
const LINKS: usize = 256;

/// A client with its evidence, as `/api/clients/{name}` gives it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientDetail {
    /// The client.
    #[serde(flatten)]
    pub client: ClientView,
    /// What its exchanges brought, strongest kind first; at most 256 different pieces.
    pub evidence: Vec<Evidence>,
    /// Why exchanges belong to it whose own evidence names somebody else, the most frequent first; at most
    /// 256.
    #[serde(default)]
    pub links: Vec<LinkView>,
    /// Its episodes of wrong credentials, oldest first; of more than a hundred, the newest.
    #[serde(default)]
    pub episodes: Vec<Episode>,
    /// How many episodes came before those.
    #[serde(default)]
    pub earlier_episodes: u64,
}

/// Why exchanges that go by one name belong to a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkView {
    /// What their own evidence names.
    pub name: String,
    /// What kind of reason.
    pub kind: LinkKind,
    /// How sure it is, from 0 to 1; of several the least sure.
    pub confidence: f64,
    /// How many exchanges.
    pub exchanges: u64,
    /// An exchange that proves it; of several the latest.
    pub proof: ExchangeId,
    /// When the first of the exchanges started.
    pub first_seen: Timestamp,
    /// When the last of them started.
    pub last_seen: Timestamp,
}

/// What `POST` and `DELETE /api/clients/{name}/split` answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SplitView {
    /// The name.
    pub name: String,
    /// Whether it stands by itself now.
    pub apart: bool,
    /// The client to which its exchanges belong now, as far as they belong to one.
    pub client: String,
    /// How many exchanges go by it.
    pub exchanges: u64,
}

/// `/api/clients`: worst first, whatever the order; over the exchanges that the filter matches.
pub(crate) async fn listing(State(api): State<Api>, asked: Asked) -> Result<Response, Refusal> {
    let limit = asked.limit.unwrap_or(usize::MAX);
    outflow::lines(move |out| {
        let filter = asked.filter;
        let scan = api.store.scan(filter.clone(), Order::NewestFirst).until(out.abandoned());
        let thresholds = api.thresholds();
        let clients = scan.total_of(told_apart(&api, &thresholds), add, Clients::merge)?;
        let mut views = clients.views(&thresholds);
        if asked.harm {
            find_harm(&mut views, &api.store, filter, out.abandoned())?;
        }
        api.store.links(|links| views.iter_mut().for_each(|view| label(view, links)));
        views.iter().take(limit).try_for_each(|view| out.line(view))
    })
    .await
}

/// Adds what the configuration says of a client.
fn label(view: &mut ClientView, links: &Links) {
    if let Some(label) = links.label(&view.name) {
        view.label = Some(label.name.clone());
        view.star = label.star;
        view.group.clone_from(&label.group);
    }
}

/// `POST /api/clients/{name}/split`
pub(crate) async fn split(api: State<Api>, name: Path<String>) -> Result<Json<SplitView>, Refusal> {
    set_apart(api, name, true).await
}

/// `DELETE /api/clients/{name}/split`
pub(crate) async fn rejoin(
    api: State<Api>,
    name: Path<String>,
) -> Result<Json<SplitView>, Refusal> {
    set_apart(api, name, false).await
}

async fn set_apart(
    State(api): State<Api>,
    Path(name): Path<String>,
    apart: bool,
) -> Result<Json<SplitView>, Refusal> {
    blocking(move || {
        let (known, is_apart) =
            api.store.links(|links| (links.leads_from(&name), links.is_apart(&name)));
        if apart && !known {
            return Err(Refusal::not_found(format!("`{name}` is not linked to another client"))
                .hint("`wayside clients show NAME` lists the names that are linked to a client"));
        }
        if !apart && !is_apart {
            return Err(Refusal::not_found(format!("`{name}` is not split off")));
        }
        api.store.set_apart(&name, apart)?;
        let client = api.store.links(|links| links.meaning(&name).to_owned());
        let scan = api.store.scan(Filter::all(), Order::OldestFirst);
        let named = scan.own_names(&name)?;
        Ok(Json(SplitView { name, apart, client, exchanges: named }))
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
        let name = api.store.links(|links| match links.meaning(&name) {
            same if same == name => links.renamed(&name).unwrap_or(name),
            other => other.to_owned(),
        });
        let found = api.store.find(asked_for(&name, &asked), Order::OldestFirst);
        let Some(mut detail) = fold(&api, found.until(gone.clone()), &name)? else {
            return Ok::<_, StoreError>(None);
        };
        // What is wrong with it shows in comparison with all others.
        let all = api.store.scan(asked.filter, Order::NewestFirst).until(gone);
        let thresholds = api.thresholds();
        let clients = all.total_of(told_apart(&api, &thresholds), add, Clients::merge)?;
        let views = clients.views(&thresholds);
        if let Some(view) = views.into_iter().find(|view| view.name == name) {
            detail.client.verdicts = view.verdicts;
        }
        api.store.links(|links| label(&mut detail.client, links));
        Ok(Some(detail))
    })
    .await?;
    detail.map(Json).ok_or_else(|| unknown.hint("`/api/clients` lists them"))
}

/// None yet; what is promised will be counted, and none with a star left out.
pub(crate) fn told_apart(api: &Api, thresholds: &Thresholds) -> Clients {
    let stars = api.store.links(|links| Stars::of(links.labels()));
    Clients::promised(thresholds).starring(stars)
}

pub(crate) fn add(clients: &mut Clients, row: &Glance<'_>) {
    if row.has_request() {
        clients.add(row);
    }
}

fn asked_for(name: &str, asked: &Asked) -> Filter {
    let term = format!("client:{}", quoted(name));
    // A name that the filter language cannot say is looked for among all.
    asked.within(&term).unwrap_or_else(|_| asked.filter.clone())
}

fn fold(api: &Api, found: Found, name: &str) -> Result<Option<ClientDetail>, StoreError> {
    let mut client: Option<ClientFold> = None;
    let mut evidence: Vec<Evidence> = Vec::new();
    let mut links: BTreeMap<(String, LinkKind), LinkView> = BTreeMap::new();
    let mut episodes = Episodes::default();
    for summary in found {
        let summary: Summary = summary?;
        if summary.client != name {
            continue;
        }
        for piece in summary.evidence.iter().filter(|piece| piece.kind <= EvidenceKind::Device) {
            if evidence.len() < EVIDENCE && !evidence.contains(piece) {
                evidence.push(piece.clone());
            }
        }
        note_link(api, &summary, &mut links);
        episodes.add(&summary);
        match &mut client {
            Some(fold) => fold.add(&summary.glance()),
            None => client = Some(ClientFold::new(&summary.glance())),
        }
    }
    // What is linked to it is told as that.
    evidence.retain(|piece| {
        let name = piece.to_string();
        !links.keys().any(|(linked, _)| *linked == name)
    });
    evidence.sort_by(|a, b| (a.kind, &a.token).cmp(&(b.kind, &b.token)));
    let mut links: Vec<LinkView> = links.into_values().collect();
    links.sort_by_key(|link| std::cmp::Reverse(link.exchanges));
    let (episodes, earlier_episodes) = episodes.done(clock::now());
    Ok(client.map(|fold| ClientDetail {
        client: fold.view(&api.thresholds()),
        evidence,
        links,
        episodes,
        earlier_episodes,
    }))
}

/// Notes the link by which an exchange belongs to its client, if one does.
fn note_link(api: &Api, summary: &Summary, all: &mut BTreeMap<(String, LinkKind), LinkView>) {
    let Some(own) = summary.evidence.first().map(ToString::to_string) else { return };
    let reason = api.store.links(|links| {
        let reason = links.reason(&own, summary.connection, summary.id)?;
        Some((reason.kind, f64::from(reason.confidence) / 100.0, reason.proof))
    });
    let Some((kind, confidence, proof)) = reason else { return };
    if all.len() >= LINKS && !all.contains_key(&(own.clone(), kind)) {
        return;
    }
    let link = all.entry((own.clone(), kind)).or_insert_with(|| LinkView {
        name: own,
        kind,
        confidence,
        exchanges: 0,
        proof,
        first_seen: summary.started_at,
        last_seen: summary.started_at,
    });
    link.exchanges += 1;
    link.confidence = link.confidence.min(confidence);
    link.proof = proof;
    link.last_seen = link.last_seen.max(summary.started_at);
}
