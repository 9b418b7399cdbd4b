//! What changes the recording: pins, erasing, and sealing what rests in clear. The last two are for whoever
//! can open the control socket, and for nobody else.

use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use wayside_exchange::Timestamp;
use wayside_exchange::filter::Filter;
use wayside_store::{Cleared, Erased, Order, Pin, Selection};

use crate::api::Api;
use crate::clock;
use crate::outflow;
use crate::refusal::{Refusal, blocking};

/// A pin, as `/api/pins` gives it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PinView {
    /// The filter: what it matches stays.
    pub filter: String,
    /// When it was pinned.
    pub since: Timestamp,
    /// How many exchanges it matches now.
    pub exchanges: u64,
}

/// What `DELETE /api/pins` answers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct UnpinnedView {
    /// Pins that are gone.
    pub pins: u64,
}

/// What `POST /api/erase` answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ErasedView {
    /// Whether it only says what would go.
    pub dry_run: bool,
    /// Exchanges that are gone, or would be.
    pub exchanges: u64,
    /// Exchanges that still run, and are left alone.
    pub running: u64,
    /// Segments that were written anew, or would be.
    pub segments: u64,
    /// Bytes that this freed.
    pub freed_bytes: u64,
    /// Pins that meant nothing else.
    pub pins: u64,
    /// Bytes, uncompressed, that were searched afterwards for what was erased.
    pub searched_bytes: u64,
    /// Places where something of it was found.
    pub found: u64,
    /// Blocks in which the client's name stands in exchanges of others.
    pub mentions: u64,
    /// Segments that are damaged, and therefore stay as they are.
    pub damaged: Vec<String>,
}

/// What `POST /api/reseal` answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ClearedView {
    /// Exchanges that had something in clear.
    pub exchanges: u64,
    /// Secrets that were in clear and are sealed.
    pub secrets: u64,
    /// Exchanges that still run, and are left alone.
    pub running: u64,
    /// Exchanges that could not be read or sealed, and stay as they are.
    pub unreadable: u64,
    /// Segments that were written anew.
    pub segments: u64,
    /// Bytes, uncompressed, that were searched afterwards.
    pub searched_bytes: u64,
    /// Exchanges in which something is still in clear.
    pub found: u64,
    /// Blocks in which some of it stands where no rule sees it.
    pub mentions: u64,
    /// Segments that are damaged, and therefore stay as they are.
    pub damaged: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToReseal {
    #[serde(default)]
    filter: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pinned {
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    all: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToErase {
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    client: Option<String>,
    #[serde(default)]
    dry_run: u8,
}

/// `GET /api/pins`
pub(crate) async fn pins(State(api): State<Api>) -> Result<Response, Refusal> {
    outflow::lines(move |out| {
        for pin in api.store.pins()? {
            out.line(&view(&api, pin)?)?;
        }
        Ok(())
    })
    .await
}

/// `POST /api/pins?filter=...`
pub(crate) async fn pin(
    State(api): State<Api>,
    Query(asked): Query<Pinned>,
) -> Result<Json<PinView>, Refusal> {
    let filter = asked.filter.filter(|filter| !filter.trim().is_empty());
    let filter = filter.ok_or_else(|| Refusal::misused("what is to be pinned?"))?;
    let since = clock::now();
    Filter::parse(&filter, since)?;
    blocking(move || {
        let pin = Pin { filter, since };
        api.store.pin(pin.clone())?;
        view(&api, pin)
    })
    .await
    .map(Json)
}

/// `DELETE /api/pins?filter=...`, or `?all=1`
pub(crate) async fn unpin(
    State(api): State<Api>,
    Query(asked): Query<Pinned>,
) -> Result<Json<UnpinnedView>, Refusal> {
    let Pinned { filter, all } = asked;
    let meant = move |pin: &Pin| all > 0 || filter.as_ref() == Some(&pin.filter);
    let pins = blocking(move || api.store.unpin(meant)).await?;
    if pins == 0 && all == 0 {
        return Err(Refusal::not_found("that is not pinned").hint("`wayside pin` lists the pins"));
    }
    Ok(Json(UnpinnedView { pins }))
}

fn view(api: &Api, pin: Pin) -> Result<PinView, Refusal> {
    let Pin { filter, since } = pin;
    let matching = Filter::parse(&filter, since)?;
    let scan = api.store.scan(matching, Order::OldestFirst);
    let exchanges = scan.total(|count: &mut u64, _| *count += 1, |sum, part| *sum += part)?;
    Ok(PinView { filter, since, exchanges })
}

/// The routes that the console does not have.
pub fn changes(api: Api) -> Router {
    Router::new()
        .route("/api/erase", post(erase))
        .route("/api/reseal", post(reseal))
        .with_state(api)
}

async fn erase(
    State(api): State<Api>,
    Query(asked): Query<ToErase>,
) -> Result<Json<ErasedView>, Refusal> {
    let selection = match (&asked.client, &asked.filter) {
        (Some(client), None) => Selection::of_client(client),
        (None, Some(filter)) if !filter.trim().is_empty() => {
            Selection::matching(Filter::parse(filter, clock::now())?)
        }
        _ => {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "what is to be erased?")
                .hint("say `client` or `filter`"));
        }
    };
    let dry_run = asked.dry_run > 0;
    let client = asked.client;
    let erased = blocking(move || {
        if dry_run {
            return Ok::<_, Refusal>(api.store.would_erase(&selection)?);
        }
        let erased = api.store.erase(selection)?;
        if let Some(client) = client {
            api.alerts.forget(&client)?;
        }
        Ok(erased)
    })
    .await?;
    Ok(Json(ErasedView::new(dry_run, &erased)))
}

async fn reseal(
    State(api): State<Api>,
    Query(asked): Query<ToReseal>,
) -> Result<Json<ClearedView>, Refusal> {
    let filter = Filter::parse(asked.filter.as_deref().unwrap_or_default(), clock::now())?;
    let resealer = api.resealer.as_ref().map(|make| make());
    let Some(resealer) = resealer else {
        return Err(Refusal::new(StatusCode::CONFLICT, "there is no key to seal with here"));
    };
    let selection = Selection::matching(filter);
    let cleared = blocking(move || api.store.reseal(selection, resealer)).await?;
    Ok(Json(ClearedView::of(&cleared)))
}

impl ClearedView {
    fn of(cleared: &Cleared) -> Self {
        Self {
            exchanges: cleared.exchanges,
            secrets: cleared.secrets,
            running: cleared.running,
            unreadable: cleared.unreadable,
            segments: cleared.segments,
            searched_bytes: cleared.searched,
            found: cleared.found,
            mentions: cleared.mentions,
            damaged: cleared.damaged.iter().map(|path| path.display().to_string()).collect(),
        }
    }
}

impl ErasedView {
    fn new(dry_run: bool, erased: &Erased) -> Self {
        Self {
            dry_run,
            exchanges: erased.exchanges,
            running: erased.running,
            segments: erased.segments,
            freed_bytes: erased.freed,
            pins: erased.pins,
            searched_bytes: erased.searched,
            found: erased.found,
            mentions: erased.mentions,
            damaged: erased.damaged.iter().map(|path| path.display().to_string()).collect(),
        }
    }
}
