//! What a replay will do: which exchanges it sends in which order, and which it does not and why.
//!
//! A step holds a few words of its exchange; heads and bodies are read when it is sent, so that the
//! plan of a hundred thousand exchanges stays small.

mod order;
mod skip;

use std::collections::BTreeMap;

use serde::Serialize;
use wayside_exchange::stored::Exchange;
use wayside_exchange::{ExchangeId, Half, HttpVersion, Timestamp};
use wayside_store::Store;

pub use skip::{SkipReason, Skipped};

pub(crate) use order::{Place, Span, places};
pub(crate) use skip::is_safe;

use crate::credentials;
use crate::report::RecordedEnd;
use crate::send::request::target_url;
use crate::{Options, ReplayError};

/// What a replay will do. Serialised, it is what `replay --dry-run --json` prints.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// What is sent, in the order of sending.
    pub steps: Vec<Step>,
    /// What is not, in recorded order.
    pub skipped: Vec<Skipped>,
}

/// One exchange that is sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The recorded exchange.
    pub id: ExchangeId,
    /// When it started in the recording.
    pub started_at: Timestamp,
    /// The request method.
    pub method: String,
    /// The URL that it is sent to.
    pub url: String,
    /// Length of the request body.
    pub request_bytes: u64,
    /// The recorded connection; exchanges of one share one again.
    pub connection: u64,
    /// The version in which it was recorded.
    pub http_version: HttpVersion,
    /// The header fields and query parameters that are left out, as they hold credentials.
    pub withheld: Vec<String>,
    /// Whether sealed credentials are restored in it.
    pub with_credentials: bool,
    /// How it ended in the recording.
    pub recorded: RecordedEnd,
    #[serde(skip)]
    pub(crate) place: Place,
    #[serde(skip)]
    ended_at: Timestamp,
}

impl Plan {
    /// The plan of sending `ids`, in any order, each at most once. Reads every head: call it where
    /// blocking is allowed.
    ///
    /// # Errors
    /// When the store cannot be read, and when credentials would go to another host than they were
    /// recorded for and that was not said.
    pub fn of(store: &Store, ids: &[ExchangeId], options: &Options) -> Result<Plan, ReplayError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut plan = Plan::default();
        let mut skipped = Vec::new();
        for id in ids {
            match store.exchange(id)? {
                None => skipped.push((id.started_at(), Skipped::not_stored(id))),
                Some(exchange) => match skip(store, &exchange, options)? {
                    Some(reason) => {
                        let started_at = exchange.summary.started_at;
                        skipped.push((started_at, Skipped::new(&exchange, reason, options)));
                    }
                    None => plan.steps.push(Step::new(&exchange, options)?),
                },
            }
        }
        skipped.sort_by_key(|(started_at, skipped)| (*started_at, skipped.id));
        plan.skipped = skipped.into_iter().map(|(_, skipped)| skipped).collect();
        plan.steps.sort_by_key(|step| (step.started_at, step.id));
        let spans: Vec<_> = plan.steps.iter().map(Step::span).collect();
        for (step, place) in plan.steps.iter_mut().zip(places(&spans)) {
            step.place = place;
        }
        Ok(plan)
    }

    /// How many exchanges are skipped, by reason.
    pub fn skipped_because(&self) -> BTreeMap<SkipReason, u64> {
        let mut because = BTreeMap::new();
        for skipped in &self.skipped {
            *because.entry(skipped.reason).or_default() += 1;
        }
        because
    }

    /// How many exchanges were asked for.
    pub fn len(&self) -> usize {
        self.steps.len() + self.skipped.len()
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Step {
    fn new(exchange: &Exchange, options: &Options) -> Result<Self, ReplayError> {
        let summary = &exchange.summary;
        let sealed = !exchange.sealed.is_empty() || exchange.request.body.redacted;
        if sealed && options.with_credentials {
            credentials::check(summary, options)?;
        }
        let with_credentials = sealed && options.with_credentials;
        let withheld = if with_credentials { Vec::new() } else { credentials::withheld(exchange) };
        Ok(Self {
            id: summary.id,
            started_at: summary.started_at,
            method: summary.method.clone(),
            url: target_url(summary, options),
            request_bytes: exchange.request.body.bytes,
            connection: summary.connection,
            http_version: summary.http_version,
            withheld,
            with_credentials,
            recorded: RecordedEnd::of(exchange),
            place: Place::default(),
            ended_at: summary.ended_at(),
        })
    }

    fn span(&self) -> Span {
        let serial = (self.http_version != HttpVersion::Http2).then_some(self.connection);
        Span { started_at: self.started_at, ended_at: self.ended_at, serial }
    }
}

impl Skipped {
    fn new(exchange: &Exchange, reason: SkipReason, options: &Options) -> Self {
        let summary = &exchange.summary;
        let url =
            if summary.method.is_empty() { String::new() } else { target_url(summary, options) };
        let recorded = RecordedEnd::of(exchange);
        Self { id: summary.id, method: summary.method.clone(), url, reason, recorded }
    }

    fn not_stored(id: ExchangeId) -> Self {
        Self {
            id,
            method: String::new(),
            url: String::new(),
            reason: SkipReason::NotStored,
            recorded: RecordedEnd::default(),
        }
    }
}

impl RecordedEnd {
    fn of(exchange: &Exchange) -> Self {
        let summary = &exchange.summary;
        Self {
            status: summary.status,
            latency_ms: summary.latency().as_millis(),
            bytes: exchange.response.as_ref().map_or(0, |response| response.body.bytes),
        }
    }
}
/// Why an exchange is not sent; none when it is. One whose sealed secrets went in part with a segment that
/// retention deleted cannot be sent with them.
fn skip(
    store: &Store,
    exchange: &Exchange,
    options: &Options,
) -> Result<Option<SkipReason>, ReplayError> {
    let is_needed = options.with_credentials && exchange.request.body.redacted;
    if is_needed && !store.is_revealable(exchange.summary.id, Half::Request)? {
        return Ok(Some(SkipReason::RequestBodyNotWhole));
    }
    Ok(SkipReason::of(exchange, options.allow_writes))
}
