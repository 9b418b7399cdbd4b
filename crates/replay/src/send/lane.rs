//! Connections to the target: one lane for each recorded connection. What shared a connection
//! shares one again; over HTTP/1.1 a lane opens another only while the first is busy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::task::JoinSet;
use wayside_exchange::HttpVersion;
use wayside_exchange::cause::chain;
use wayside_transport::Alpn;
use wayside_transport::dial::Dialer;

use super::body::Outgoing;
use crate::plan::Step;

/// Idle lanes beyond this many are closed, the longest unused first: a recorded client may have
/// kept thousands of connections.
const LANES: usize = 512;

/// All lanes. Dropping it closes every connection at once.
pub(crate) struct Lanes {
    dialer: Dialer,
    prior_knowledge: bool,
    open: Mutex<Open>,
    tasks: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct Open {
    /// How many steps still need each recorded connection.
    steps: HashMap<u64, usize>,
    /// The lanes in use, and when each was asked for last, counted in requests.
    lanes: HashMap<u64, (Arc<Lane>, u64)>,
    clock: u64,
}

/// The connections that stand for one recorded connection.
#[derive(Default)]
pub(crate) struct Lane {
    idle: Mutex<Vec<http1::SendRequest<Outgoing>>>,
    /// Locked while dialling too, so that streams that start together share one connection.
    shared: tokio::sync::Mutex<Option<http2::SendRequest<Outgoing>>>,
}

/// A connection that takes one request.
pub(crate) struct Line {
    pub(crate) kind: Kind,
    /// Whether it has carried a request before, so that the target may have closed it since.
    pub(crate) reused: bool,
}

pub(crate) enum Kind {
    Http1(http1::SendRequest<Outgoing>),
    Http2(http2::SendRequest<Outgoing>),
}

impl Lanes {
    pub(crate) fn new(dialer: Dialer, prior_knowledge: bool, steps: &[Step]) -> Self {
        let mut open = Open::default();
        for step in steps {
            *open.steps.entry(step.connection).or_default() += 1;
        }
        let tasks = Mutex::new(JoinSet::new());
        Self { dialer, prior_knowledge, open: Mutex::new(open), tasks }
    }

    /// The lane of a recorded connection.
    pub(crate) fn lane(&self, connection: u64) -> Arc<Lane> {
        let mut open = lock(&self.open);
        open.clock += 1;
        let clock = open.clock;
        let entry = open.lanes.entry(connection).or_default();
        entry.1 = clock;
        let lane = Arc::clone(&entry.0);
        open.close_idle();
        lane
    }

    /// A step of this connection is over.
    pub(crate) fn done(&self, connection: u64) {
        let mut open = lock(&self.open);
        let left = open.steps.get_mut(&connection).map_or(0, |steps| {
            *steps = steps.saturating_sub(1);
            *steps
        });
        if left == 0 {
            open.steps.remove(&connection);
            open.lanes.remove(&connection);
        }
    }

    /// A connection for a request that was recorded in `version`, a new one if `fresh`. An error
    /// says in plain words why there is none.
    pub(crate) async fn line(
        &self,
        lane: &Lane,
        version: HttpVersion,
        title_case: bool,
        fresh: bool,
    ) -> Result<Line, String> {
        if version != HttpVersion::Http2 {
            if !fresh && let Some(line) = lane.reuse().await {
                return Ok(line);
            }
            return self.dial(true, title_case).await.map(Line::first);
        }
        let mut shared = lane.shared.lock().await;
        if fresh {
            *shared = None;
        }
        if let Some(sender) = shared.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(Line { kind: Kind::Http2(sender.clone()), reused: true });
        }
        if !fresh && let Some(line) = lane.reuse().await {
            return Ok(line);
        }
        let kind = self.dial(false, title_case).await?;
        if let Kind::Http2(sender) = &kind {
            *shared = Some(sender.clone());
        }
        Ok(Line::first(kind))
    }

    async fn dial(&self, http1: bool, title_case: bool) -> Result<Kind, String> {
        let dialled = if http1 { self.dialer.dial_http1().await } else { self.dialer.dial().await };
        let dialled = dialled.map_err(|error| error.to_string())?;
        let prior_knowledge = self.prior_knowledge && !http1 && dialled.tls.is_none();
        let io = TokioIo::new(dialled.stream);
        let failed = |error: hyper::Error| format!("could not speak HTTP: {}", chain(&error));
        if dialled.alpn == Some(Alpn::Http2) || prior_knowledge {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .handshake(io)
                .await
                .map_err(failed)?;
            self.keep(connection);
            return Ok(Kind::Http2(sender));
        }
        let (sender, connection) = http1::Builder::new()
            .title_case_headers(title_case)
            .handshake(io)
            .await
            .map_err(failed)?;
        self.keep(connection);
        Ok(Kind::Http1(sender))
    }

    /// Runs a connection until its lane lets it go.
    fn keep(&self, connection: impl Future<Output = hyper::Result<()>> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the target ended");
            }
        });
    }
}

impl Open {
    /// Closes the connections of the lane that nobody has used for longest, when there are many.
    fn close_idle(&mut self) {
        if self.lanes.len() <= LANES {
            return;
        }
        let idle = self.lanes.iter().filter(|(_, (lane, _))| Arc::strong_count(lane) == 1);
        if let Some(connection) = idle.min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id) {
            self.lanes.remove(&connection);
        }
    }
}

impl Lane {
    /// An idle connection that is still open.
    async fn reuse(&self) -> Option<Line> {
        loop {
            let mut sender = lock(&self.idle).pop()?;
            if sender.ready().await.is_ok() {
                return Some(Line { kind: Kind::Http1(sender), reused: true });
            }
        }
    }

    /// Takes back a connection whose response was read to its end.
    pub(crate) fn give_back(&self, kind: Kind) {
        if let Kind::Http1(sender) = kind
            && !sender.is_closed()
        {
            lock(&self.idle).push(sender);
        }
    }
}

impl Line {
    fn first(kind: Kind) -> Self {
        Self { kind, reused: false }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
