//! Pushes what `/metrics` tells to a collector, as OTLP over HTTP.
//!
//! One message is on its way at most, and none waits: counters are cumulative, so the next message says all that
//! one which was not taken had said. What cannot be delivered is counted and said, and harms nothing else.

mod answer;
mod pace;

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};
use wayside_exchange::Timestamp;
use wayside_exchange::cause::chain;
use wayside_exchange::escape::for_terminal;
use wayside_transport::post::Poster;

use crate::api::Api;
use crate::clock;
use crate::metrics::{Message, told};
use answer::Answer;
use pace::Pace;

/// How long the last figures may take when the recorder stops.
const GRACE: Duration = Duration::from_secs(2);

/// Where the figures go, and how often.
#[derive(Clone, Debug)]
pub struct Pushing {
    /// Who takes them to the collector.
    pub poster: Poster,
    /// What each message has in its header beside what it needs.
    pub headers: HeaderMap,
    /// What is told of this recorder with each message: the attributes of the resource.
    pub attributes: Vec<(String, String)>,
    /// How often.
    pub interval: Duration,
    /// How it goes.
    pub tally: PushTally,
}

/// How it goes, shared with whoever tells it.
#[derive(Clone, Debug)]
pub struct PushTally(Arc<Mutex<PushView>>);

/// How pushing goes, as `/api/status` says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushView {
    /// To whom, as far as it may be shown.
    pub to: String,
    /// Messages that were taken.
    pub delivered: u64,
    /// Messages that were not.
    pub failed: u64,
    /// Figures that were not wanted of what was taken.
    pub rejected: u64,
    /// When one was taken last.
    pub delivered_at: Option<Timestamp>,
    /// What went wrong last; null when the last one was taken whole.
    pub error: Option<String>,
}

impl PushTally {
    /// Of nothing yet.
    pub fn new(to: String) -> Self {
        Self(Arc::new(Mutex::new(PushView { to, ..PushView::default() })))
    }

    pub(crate) fn view(&self) -> PushView {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts one; a change is said once, not every time.
    fn count(&self, answer: &Answer, now: Timestamp) {
        let mut view = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let error = match answer {
            Answer::Taken { rejected, said } => {
                view.delivered += 1;
                view.rejected = view.rejected.saturating_add(*rejected);
                view.delivered_at = Some(now);
                said.clone()
            }
            Answer::Later { reason, .. } | Answer::Never { reason } => {
                view.failed += 1;
                Some(reason.clone())
            }
        };
        match (&view.error, &error) {
            (None, Some(error)) => {
                tracing::warn!("the collector did not take the metrics: {}", for_terminal(error));
            }
            (Some(_), None) => tracing::info!("the collector takes the metrics again"),
            _ => {}
        }
        view.error = error;
    }
}

/// Pushes the figures until `stop`, and then, where they were taken before, the last ones.
pub async fn push(pushing: Pushing, api: Api, stop: impl Future<Output = ()>) {
    let mut pace = Pace::of(pushing.interval);
    let mut stop = std::pin::pin!(stop);
    loop {
        // What is under way when the recorder stops is broken off: the last message says more.
        let once = async {
            let answer = pushing.once(&api).await;
            sleep(pace.after(&answer)).await;
        };
        tokio::select! {
            () = once => {}
            () = &mut stop => break,
        }
    }
    if pushing.tally.view().error.is_none() && timeout(GRACE, pushing.once(&api)).await.is_err() {
        tracing::warn!("stopped before the collector had the last metrics");
    }
}

impl Pushing {
    async fn once(&self, api: &Api) -> Answer {
        let answer = match self.message(api).await {
            Ok(message) => Answer::of(self.poster.post(self.headers(), message).await),
            Err(reason) => Answer::Never { reason },
        };
        self.tally.count(&answer, clock::now());
        answer
    }

    async fn message(&self, api: &Api) -> Result<Bytes, String> {
        let begun = api.facts.started_at.unwrap_or_default();
        let message = Message::new(&api.facts.version, begun, clock::now());
        let attributes = self.attributes.clone();
        let finish = move |message: Message| compressed(&message.finish(&attributes));
        let message = told(api.clone(), message, finish).await.map_err(|refusal| refusal.error)?;
        message.map_err(|error| chain(&error))
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(header::CONTENT_TYPE, protobuf);
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers
    }
}

/// Routes and names repeat in every family: a tenth is left.
fn compressed(message: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(message)?;
    encoder.finish().map(Bytes::from)
}
