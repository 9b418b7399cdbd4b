//! The JSON that other programs rely on: field names, order and units of the design's contract.
//!
//! Times are RFC 3339 in UTC with microseconds, durations milliseconds, sizes bytes.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::connection::{HttpVersion, Tls};
use crate::head::{Head, as_text, lines, split_field};
use crate::id::{ExchangeId, SessionId};
use crate::link::LinkKind;
use crate::links::Links;
use crate::outcome::{BodyEnd, Failure, Half, Marks, Outcome};
use crate::stored::{Exchange, Message};
use crate::summary::Evidence;
use crate::time::{Timestamp, Timing};

/// An exchange, as `exchanges --json` and `show --json` print it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExchangeView {
    /// Its id.
    pub id: ExchangeId,
    /// When its request head had arrived.
    pub started_at: Timestamp,
    /// The client's name or label.
    pub client: String,
    /// Its session.
    pub session: SessionId,
    /// The downstream connection.
    pub connection: u64,
    /// The request method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The authority that was asked for.
    pub host: String,
    /// The path without the query.
    pub path: String,
    /// Method and path template.
    pub route: String,
    /// The final status; null when there was none.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it has no complete response; null when it has.
    pub failure: Option<Failure>,
    /// The version in which the client spoke.
    pub http_version: HttpVersion,
    /// The client's address.
    pub client_addr: SocketAddr,
    /// What TLS agreed on; null without TLS.
    pub tls: Option<Tls>,
    /// Where the time went.
    pub timing: Timing,
    /// The request.
    pub request: MessageView,
    /// The interim responses (1xx), in order.
    #[serde(default)]
    pub interim: Vec<InterimView>,
    /// The response; null when there was none.
    pub response: Option<MessageView>,
    /// What is missing.
    pub marks: Marks,
    /// Why it is believed to be that client's.
    pub evidence: Vec<Evidence>,
    /// Why it belongs to another client than its own evidence names; null when it does not.
    #[serde(default)]
    pub stitched: Option<StitchView>,
}

/// Why an exchange belongs to another client than its own evidence names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StitchView {
    /// What its own evidence names.
    pub name: String,
    /// What kind of reason.
    pub kind: LinkKind,
    /// How sure it is, from 0 to 1.
    pub confidence: f64,
    /// The exchange that proves it.
    pub proof: ExchangeId,
}

/// An interim response (RFC 9110 section 15.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InterimView {
    /// From 100 to 199.
    pub status: u16,
    /// The header fields in order, duplicates apart.
    pub headers: Vec<(String, String)>,
}

/// One half of an exchange.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageView {
    /// The header fields in order, duplicates apart.
    pub headers: Vec<(String, String)>,
    /// True length of the body as transferred.
    pub body_bytes: u64,
    /// How many of them were kept.
    pub body_kept: u64,
    /// How the body ended.
    pub body_end: BodyEnd,
    /// Whether secrets were taken out of it: what is shown has tokens in their place, and another
    /// length.
    #[serde(default)]
    pub body_redacted: bool,
    /// SHA-256 of the body as transferred, in hexadecimal; null unless the whole body was kept, and
    /// when it is redacted, since anyone could try guesses at the secrets with it.
    pub body_sha256: Option<String>,
    /// The trailer fields in order.
    pub trailers: Vec<(String, String)>,
}

/// A session, as `sessions --json` prints it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// The client's name or label.
    pub client: String,
    /// When its first exchange started.
    pub started_at: Timestamp,
    /// When its last exchange so far ended.
    pub ended_at: Timestamp,
    /// How many exchanges.
    pub exchanges: u64,
    /// How many of them were errors (status of 400 and above, upstream failed, refused).
    pub errors: u64,
    /// How many different routes.
    pub routes: u64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile of latency in milliseconds.
    pub p95_ms: f64,
    /// Bytes of bodies, both ways.
    pub bytes: u64,
}

/// A client, as `clients --json` prints it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClientView {
    /// Its name.
    pub name: String,
    /// The label that was configured for it; null when there is none.
    pub label: Option<String>,
    /// When its first exchange started.
    pub first_seen: Timestamp,
    /// When its last exchange so far started.
    pub last_seen: Timestamp,
    /// How many exchanges.
    pub requests: u64,
    /// How many were answered with a status of 400 to 499.
    pub errors_4xx: u64,
    /// How many were answered with a status of 500 and above, or not at all by the backend's fault.
    pub errors_5xx: u64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile of latency in milliseconds.
    pub p95_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
    /// How soon answers begin, how many requests run at once, and how much is carried.
    #[serde(flatten)]
    pub pace: PaceView,
    /// Where the time of an exchange went, on average.
    #[serde(default)]
    pub time: TimeView,
    /// The share of all time that the backend was waited for, from 0 to 1.
    #[serde(default)]
    pub time_share: f64,
    /// How much slower others are while it is active; null unless it was asked for and can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm: Option<HarmView>,
    /// How many sessions.
    pub sessions: u64,
    /// What is wrong with it, worst first.
    pub verdicts: Vec<Verdict>,
    /// Whether the configuration marks it with a star.
    #[serde(default)]
    pub star: bool,
    /// The group that was configured for it; null when there is none.
    #[serde(default)]
    pub group: Option<String>,
}

/// Where the time of an exchange went, on average: the parts add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeView {
    /// Until the client had sent its request.
    pub upload_ms: f64,
    /// Wayside's own work.
    pub ours_ms: f64,
    /// Getting a connection to the backend.
    pub connect_ms: f64,
    /// Until the backend began to answer, from when it had the whole request.
    pub wait_ms: f64,
    /// Until the client had the whole answer.
    pub download_ms: f64,
}

/// How much slower others are while a client is active: on its routes, or, where nobody else calls those, on all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HarmView {
    /// So many times as long they wait.
    pub slowdown: f64,
    /// Where that lies, 95 % sure for all clients that were looked at together: at least this.
    pub low: f64,
    /// At most this.
    pub high: f64,
    /// Spells of activity that were held against the quiet beside them.
    pub spells: u64,
    /// Whether nobody else calls its routes, so that all routes of the others were looked at.
    #[serde(default)]
    pub everywhere: bool,
}

/// A claim about a client, with what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// `latency`, `error_4xx`, `error_5xx`, `cancelled` or `threshold`.
    pub kind: String,
    /// What a threshold is about: `latency`, `4xx`, `5xx` or an objective as it was written, with ` on ROUTE` where
    /// it is one route's; not there for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The route that it is about; null for all of them.
    pub route: Option<String>,
    /// The claim in one plain sentence.
    pub sentence: String,
    /// How far off: the measured figure divided by the baseline.
    pub effect: f64,
    /// What it was compared with.
    pub baseline: f64,
    /// The time span, such as `all` or `15m`.
    pub window: String,
    /// Over how many exchanges.
    pub sample: u64,
    /// From 0 to 1; null for a plain threshold, which needs none.
    pub confidence: Option<f64>,
    /// Since when.
    pub since: Timestamp,
}

impl Verdict {
    /// Of two verdicts on a client with the same topic the later is the earlier one, grown or shrunk. The route
    /// is no part of it: it is where most of the trouble is, which changes.
    pub fn topic(&self) -> (&str, &str) {
        (&self.kind, self.rule.as_deref().unwrap_or_default())
    }
}

/// A verdict and whom it is about, as `outliers --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutlierView {
    /// The client's name.
    pub client: String,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// A filter for the exchanges that prove it.
    pub exchanges: String,
    /// What sets its exchanges apart, the strongest first; null unless it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Vec<Reason>>,
}

/// What sets an outlier's exchanges apart from others, as `outliers --why --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// `own`: its bad exchanges against its other ones; `peers`: against those of other clients.
    pub among: String,
    /// `body`, `query`, `page_size`, `header`, `request_size`, `connection`, `http_version`, `hour` or
    /// `response_size`.
    pub aspect: String,
    /// The name of the header, parameter or place in the body; the size, hour or version.
    pub name: String,
    /// Its value, or the kind of value in a body; null for being there at all.
    pub value: Option<String>,
    /// Whether it is the lack of it.
    pub lacks: bool,
    /// The contrast in one plain sentence.
    pub sentence: String,
    /// Exchanges with it among those that are to be explained.
    pub with: Share,
    /// The same among those that they are held against.
    pub against: Share,
    /// How many times as often, within routes.
    pub lift: f64,
    /// From 0 to 1, counting how many contrasts were tried. Against few peers it is never high: which
    /// peculiarity of one client it is, one client cannot prove.
    pub confidence: f64,
    /// Other traits that tell the same exchanges apart.
    pub also: Vec<String>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Those that have it.
    pub count: u64,
    /// All that were looked at.
    pub of: u64,
}

/// A time in which rules would have said something, as `outliers --rule FILE --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpisodeView {
    /// When its first quarter hour began.
    pub from: Timestamp,
    /// When its last one ended.
    pub until: Timestamp,
    /// How many they are.
    pub quarters: u64,
    /// What would have been said in the worst of them.
    #[serde(flatten)]
    pub worst: OutlierView,
}

/// A way of using the API that costs someone, as `findings --json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingView {
    /// The client's name.
    pub client: String,
    /// `n_plus_one`, `polling`, `retry_storm`, `401_loop`, `retry_after_ignored`, `duplicate_writes`,
    /// `pagination_restarts`, `connection_per_request`, `no_compression` or `oversized_pages`.
    pub kind: String,
    /// The route that it is about; null for several.
    pub route: Option<String>,
    /// What it does, in one plain sentence.
    pub sentence: String,
    /// How many exchanges; of kinds that headers and bodies tell, an estimate from samples.
    pub count: u64,
    /// What that cost, an estimate.
    pub cost: CostView,
    /// When the first of them started.
    pub first_seen: Timestamp,
    /// When the last of them started.
    pub last_seen: Timestamp,
    /// Some of the exchanges.
    pub examples: Vec<ExchangeId>,
    /// A filter for the client's exchanges on the route.
    pub exchanges: String,
}

/// What a finding cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostView {
    /// Requests that need not have been.
    pub requests: u64,
    /// Seconds that the backend took to answer them.
    pub backend_seconds: f64,
    /// Bytes of bodies that need not have been sent.
    pub bytes: u64,
}

/// A route, as `routes --json` prints it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteView {
    /// Method and path template.
    pub route: String,
    /// How many exchanges.
    pub requests: u64,
    /// How many clients; from 1,024 on it counts no further.
    pub clients: u64,
    /// How many were answered with a status of 400 to 499.
    pub errors_4xx: u64,
    /// How many were answered with a status of 500 and above, or not at all by the backend's fault.
    pub errors_5xx: u64,
    /// How many the client broke off.
    pub cancelled: u64,
    /// Median latency in milliseconds.
    pub p50_ms: f64,
    /// 95th percentile of latency in milliseconds.
    pub p95_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
    /// How soon answers begin, how many requests run at once, and how much is carried.
    #[serde(flatten)]
    pub pace: PaceView,
    /// Where the time of an exchange went, on average.
    #[serde(default)]
    pub time: TimeView,
    /// The share of all time spent waiting that was spent on it, from 0 to 1.
    pub time_share: f64,
}

/// How soon answers begin, how many requests run at once, and how much is carried: of a client, or on a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PaceView {
    /// Median time to first byte in milliseconds: from the request head to the response head.
    pub first_byte_p50_ms: f64,
    /// 95th percentile of it.
    pub first_byte_p95_ms: f64,
    /// 99th percentile of it.
    pub first_byte_p99_ms: f64,
    /// Requests that ran at once, on average from the beginning of the first to the end of the last.
    pub concurrency: f64,
    /// Bytes of bodies, both ways.
    pub bytes: u64,
}

/// The last minute, or what there is of it, as of some seconds ago.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatelyView {
    /// Until when.
    pub until: Timestamp,
    /// Over how many seconds.
    pub span_s: f64,
    /// How many exchanges ended.
    pub requests: u64,
    /// The same for each second.
    pub per_second: f64,
    /// How many were answered with a status of 400 to 499.
    pub errors_4xx: u64,
    /// How many were answered with a status of 500 and above, or not at all by the backend's fault.
    pub errors_5xx: u64,
    /// How many the client broke off.
    pub cancelled: u64,
    /// 95th percentile of latency in milliseconds.
    pub p95_ms: f64,
    /// How many exchanges have a latency.
    pub timed: u64,
}

/// One of the clients that fare worst, over the last 15 minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorstView {
    /// The client's name.
    pub client: String,
    /// How many exchanges.
    pub requests: u64,
    /// How many were answered with a status of 400 to 499.
    pub errors_4xx: u64,
    /// How many were answered with a status of 500 and above, or not at all by the backend's fault.
    pub errors_5xx: u64,
    /// How many it broke off.
    pub cancelled: u64,
    /// Average latency in milliseconds.
    pub average_ms: f64,
    /// How many verdicts stand.
    pub verdicts: u64,
}

/// Five numbers and who fares worst, as of some seconds ago, as `/api/board` gives it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoardView {
    /// The last minute.
    pub lately: LatelyView,
    /// How many clients called in the last minute.
    pub clients: u64,
    /// How many verdicts stand.
    pub verdicts: u64,
    /// Who fares worst, those with a verdict first.
    pub worst: Vec<WorstView>,
    /// Exchanges of clients that are not compared, since there are so many clients.
    pub uncompared: u64,
}

/// How the recorder does, as `status --json` prints it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StatusView {
    /// Whether a recorder runs on this store.
    pub recording: bool,
    /// Exchanges that the proxy has carried since the recorder started, however they ended.
    pub forwarded: u64,
    /// How many of them are in the store without a mark.
    pub recorded: u64,
    /// How many of them are in the store with a mark.
    pub marked: u64,
    /// How many of them are not in the store, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Exchanges that run now.
    pub open: u64,
    /// Connections that failed in their TLS handshake.
    pub handshakes_failed: u64,
    /// Faults of the program itself since it started; each cost one exchange, connection or answer.
    #[serde(default)]
    pub panics: u64,
    /// The newest exchange up to which everything has been written.
    pub recorded_through: Option<ExchangeId>,
    /// The newest exchange up to which everything survives a power loss.
    pub durable_through: Option<ExchangeId>,
    /// Bytes waiting between the workers and the store.
    pub queue_bytes: u64,
    /// The disk.
    pub disk: DiskView,
    /// Exchanges in the store.
    pub stored: u64,
    /// What retention has removed from it.
    #[serde(default)]
    pub removed: RemovedView,
    /// What is wrong now, in plain words; empty when nothing is.
    pub problems: Vec<String>,
}

/// The store's disk, in bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DiskView {
    /// What the store takes.
    pub used: u64,
    /// What it may take; null without a limit.
    pub budget: Option<u64>,
    /// What is free on the file system.
    pub free: u64,
}

/// What retention has removed, over the life of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedView {
    /// Exchanges.
    pub exchanges: u64,
    /// Bytes of the log.
    pub bytes: u64,
}

impl ExchangeView {
    /// The view of `exchange`. `sha256` gives the hash of a body that was kept whole.
    pub fn new(exchange: &Exchange, sha256: impl Fn(Half) -> Option<String>) -> Self {
        let summary = &exchange.summary;
        let view = |half, message: &Message| MessageView {
            headers: message.head.fields_as_text().collect(),
            body_bytes: message.body.bytes,
            body_kept: message.body.kept,
            body_redacted: message.body.redacted,
            body_end: message.body.end,
            body_sha256: sha256(half),
            trailers: fields_of(&message.trailers),
        };
        Self {
            id: summary.id,
            started_at: summary.started_at,
            client: summary.client.clone(),
            session: summary.session,
            connection: summary.connection,
            method: summary.method.clone(),
            url: summary.url(),
            host: summary.host.clone(),
            path: summary.path().to_owned(),
            route: summary.route.clone(),
            status: summary.status,
            outcome: summary.outcome,
            failure: summary.failure.clone(),
            http_version: summary.http_version,
            client_addr: summary.client_addr,
            tls: summary.tls.clone(),
            timing: summary.timing,
            request: view(Half::Request, &exchange.request),
            interim: exchange.informed.iter().map(InterimView::new).collect(),
            response: exchange.response.as_ref().map(|message| view(Half::Response, message)),
            marks: summary.marks,
            evidence: summary.evidence.clone(),
            stitched: None,
        }
    }

    /// Says why it belongs to another client than its own evidence names.
    #[must_use]
    pub fn stitched_by(mut self, links: &Links) -> Self {
        let own = self.evidence.first().map(ToString::to_string).unwrap_or_default();
        self.stitched = links.reason(&own, self.connection, self.id).map(|reason| StitchView {
            kind: reason.kind,
            confidence: f64::from(reason.confidence) / 100.0,
            proof: reason.proof,
            name: own,
        });
        self
    }
}

impl InterimView {
    fn new(head: &Head) -> Self {
        Self { status: head.status().unwrap_or_default(), headers: head.fields_as_text().collect() }
    }
}

/// The fields of trailer lines.
pub fn fields_of(trailers: &[u8]) -> Vec<(String, String)> {
    lines(trailers).filter_map(split_field).map(|(n, v)| (as_text(n), as_text(v))).collect()
}
