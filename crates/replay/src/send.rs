//! Sends one recorded exchange to the target and takes what comes back. Whatever goes wrong with it
//! is a result of the replay, said in plain words, and never stops it.

mod answer;
mod body;
mod lane;
pub(crate) mod request;

use std::error::Error;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use hyper::body::Incoming;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};
use wayside_exchange::cause::chain;
use wayside_exchange::stored::Exchange;
use wayside_exchange::{Half, Outcome};
use wayside_store::Store;
use wayside_transport::client_tls::ClientTls;
use wayside_transport::dial::{Dialer, Scheme};

pub(crate) use answer::Arrived;

use crate::plan::{Plan, Step, is_safe};
use crate::{Options, ReplayError, credentials};
use answer::{GaveUp, Room};
use body::{Outgoing, Recorded};
use lane::{Kind, Lanes, Line};
use request::Rebuilt;

/// Longer than any replay, and short enough to be added to any point in time.
pub(crate) const YEAR: Duration = Duration::from_hours(365 * 24);

/// Sends the steps of one plan.
pub(crate) struct Sender {
    store: Store,
    options: Arc<Options>,
    lanes: Lanes,
    room: Room,
}

/// What came of sending one step.
pub(crate) struct Sent {
    /// The recorded exchange; none where it could not be read.
    pub(crate) exchange: Option<Exchange>,
    /// From sending to the end.
    pub(crate) latency: Duration,
    /// The answer, or why there is none. None where it was given up as in the recording.
    pub(crate) answer: Result<Option<Arrived>, String>,
}

/// A step that is ready to go.
struct Prepared {
    exchange: Exchange,
    rebuilt: Rebuilt,
    body: Recorded,
    trailers: Option<HeaderMap>,
}

/// Why an attempt brought no response.
enum Missed {
    /// The target had closed the connection and nothing was sent: here is the body again.
    Unsent(Box<Outgoing>),
    /// The connection broke before a response, and part of the request may have arrived.
    Broken(String),
    /// There is no connection, or the request cannot be put into this version of HTTP.
    Impossible(String),
    /// The target was silent for too long.
    Silent,
    /// The recorded client did not wait for it either.
    GaveUp,
}

impl Sender {
    pub(crate) fn new(store: &Store, plan: &Plan, options: &Options) -> Result<Self, ReplayError> {
        let target = options.target.clone();
        let tls = match target.scheme() {
            Scheme::Http => None,
            Scheme::Https => Some(ClientTls::new(&options.trust).map_err(ReplayError::Target)?),
        };
        let dialer = Dialer::new(target, tls, options.timeout).map_err(ReplayError::Target)?;
        let dialer = dialer.fenced(options.fence.clone());
        Ok(Self {
            store: store.clone(),
            options: Arc::new(options.clone()),
            lanes: Lanes::new(dialer, options.prior_knowledge, &plan.steps),
            room: Room::new(),
        })
    }

    /// Prepares `step`, sends it when it is `due`, and reads the answer to its end.
    pub(crate) async fn send(&self, step: &Step, due: Instant) -> Sent {
        let sent = match self.prepare(step).await {
            Ok(prepared) => self.send_prepared(step, prepared, due).await,
            Err((exchange, error)) => {
                wait_until(due).await;
                Sent { exchange: exchange.map(|e| *e), latency: Duration::ZERO, answer: Err(error) }
            }
        };
        self.lanes.done(step.connection);
        sent
    }

    async fn prepare(&self, step: &Step) -> Result<Prepared, (Option<Box<Exchange>>, String)> {
        let (store, options) = (self.store.clone(), Arc::clone(&self.options));
        let (id, with_credentials) = (step.id, step.with_credentials);
        let prepared = spawn_blocking(move || {
            let unread = |error: &dyn Error| {
                (None, format!("could not read the recording: {}", chain(error)))
            };
            let exchange = store
                .exchange(id)
                .map_err(|error| unread(&error))?
                .ok_or_else(|| (None, "it is not in the store any more".to_owned()))?;
            match prepare(&store, &exchange, with_credentials, &options) {
                Ok((rebuilt, body, trailers)) => Ok(Prepared { exchange, rebuilt, body, trailers }),
                Err(error) => Err((Some(Box::new(exchange)), error)),
            }
        });
        prepared.await.unwrap_or_else(|_| Err((None, "reading the recording broke off".to_owned())))
    }

    async fn send_prepared(&self, step: &Step, prepared: Prepared, due: Instant) -> Sent {
        let Prepared { exchange, rebuilt, body, trailers } = prepared;
        let lane = self.lanes.lane(step.connection);
        let patience = self.options.timeout;
        let mut repeated = is_safe(&step.method).then(|| body.again()).flatten();
        let mut body = body.outgoing(rebuilt.chunked, trailers.clone());
        let mut fresh = false;
        let (begun, gave_up, answered) = loop {
            let title_case = rebuilt.title_case;
            let dialled = self.lanes.line(&lane, step.http_version, title_case, fresh).await;
            wait_until(due).await;
            let begun = Instant::now();
            let gave_up = gave_up(&exchange, begun);
            let free = match dialled {
                Ok(free) => free,
                Err(error) => break (begun, gave_up, Err(Missed::Impossible(error))),
            };
            // A kept connection may have been closed while nobody used it. That says nothing about
            // the backend, so what can be sent again is, once, on a fresh one.
            let stale = free.reused && !fresh;
            fresh = true;
            match attempt(free, &rebuilt, body, patience, gave_up).await {
                Err(Missed::Unsent(unsent)) if stale => body = *unsent,
                Err(Missed::Broken(_)) if stale && repeated.is_some() => {
                    let again = repeated.take().unwrap_or_default();
                    body = again.outgoing(rebuilt.chunked, trailers.clone());
                }
                answered => break (begun, gave_up, answered),
            }
        };
        let answer = match answered {
            Ok((response, kind)) => {
                let limit = self.options.body_limit;
                let arrived = answer::read(response, &self.room, limit, patience, gave_up).await;
                if arrived.is_to_the_end() {
                    lane.give_back(kind);
                }
                Ok(Some(arrived))
            }
            Err(Missed::GaveUp) => Ok(None),
            Err(Missed::Silent) => Err(format!("no response within {patience:?}")),
            Err(Missed::Broken(error) | Missed::Impossible(error)) => Err(error),
            Err(Missed::Unsent(_)) => Err("the target closed the connection".to_owned()),
        };
        Sent { exchange: Some(exchange), latency: begun.elapsed(), answer }
    }
}

/// Timers are coarse to the millisecond: what is due already must not wait for the next one.
async fn wait_until(due: Instant) {
    if due > Instant::now() {
        sleep_until(due).await;
    }
}

/// Where the recorded client went away, and so do we.
fn gave_up(exchange: &Exchange, begun: Instant) -> Option<GaveUp> {
    let summary = &exchange.summary;
    (summary.outcome == Outcome::ClientCancelled).then(|| {
        let waited = Duration::from_micros(summary.latency().0).min(YEAR);
        let bytes = exchange.response.as_ref().map_or(0, |response| response.body.bytes);
        GaveUp { bytes, at: begun + waited }
    })
}

/// Reads what is needed of the store; blocks.
fn prepare(
    store: &Store,
    exchange: &Exchange,
    with_credentials: bool,
    options: &Options,
) -> Result<(Rebuilt, Recorded, Option<HeaderMap>), String> {
    let (head, trailers) = if with_credentials {
        credentials::restored(exchange, options).map_err(|error| error.to_string())?
    } else {
        let trailers = credentials::trailers_without(&exchange.request.trailers);
        (credentials::without(&exchange.request.head).0, trailers)
    };
    let recorded = &exchange.request.body;
    let summary = &exchange.summary;
    let mut rebuilt = Rebuilt::of(&head, summary.http_version, recorded.bytes > 0, options)?;
    let revealed = if with_credentials { options.sealing_key.as_deref() } else { None };
    let bytes = if revealed.is_some() { recorded.bytes } else { recorded.stored };
    if recorded.redacted && revealed.is_none() {
        rebuilt.set_length(bytes);
    }
    let unread =
        |error: &dyn Error| format!("could not read the recorded request body: {}", chain(error));
    let body = if bytes == 0 {
        Recorded::default()
    } else {
        let gone = "the recorded request body is not in the store any more";
        let reader: Box<dyn Read + Send> = if let Some(key) = revealed {
            let reader = store.revealed(summary.id, Half::Request, key);
            Box::new(reader.map_err(|error| unread(&error))?.ok_or(gone)?)
        } else {
            let reader = store.body(summary.id, Half::Request);
            Box::new(reader.map_err(|error| unread(&error))?.ok_or(gone)?)
        };
        Recorded::read(reader, bytes).map_err(|error| unread(&error))?
    };
    Ok((rebuilt, body, request::trailers(&trailers)))
}

async fn attempt(
    line: Line,
    rebuilt: &Rebuilt,
    body: Outgoing,
    patience: Duration,
    gave_up: Option<GaveUp>,
) -> Result<(http::Response<Incoming>, Kind), Missed> {
    let taken = body.taken();
    let request = match line.kind {
        Kind::Http1(_) => rebuilt.http1(body),
        Kind::Http2(_) => rebuilt.http2(body),
    };
    let request = request.map_err(Missed::Impossible)?;
    let mut kind = line.kind;
    let answered = match &mut kind {
        Kind::Http1(sender) => {
            answer::head(sender.try_send_request(request), &taken, patience, gave_up).await
        }
        Kind::Http2(sender) => {
            answer::head(sender.try_send_request(request), &taken, patience, gave_up).await
        }
    };
    match answered {
        Some(Ok(response)) => Ok((response, kind)),
        Some(Err(mut error)) => Err(match error.take_message() {
            Some(unsent) => Missed::Unsent(Box::new(unsent.into_body())),
            None => Missed::Broken(chain(error.error())),
        }),
        None if gave_up.is_some_and(|gave_up| gave_up.at <= Instant::now()) => Err(Missed::GaveUp),
        None => Err(Missed::Silent),
    }
}
