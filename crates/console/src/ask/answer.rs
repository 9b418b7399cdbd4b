//! An answer whose body may still be coming: read whole, in pieces, or line by line.

use axum::body::{Body, BodyDataStream};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use crate::error::ConsoleError;
use crate::refusal::Refusal;

/// An answer. Dropped, it tells the one who answers that nobody listens any more.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    body: Body,
    /// The connection's own work, which goes on as long as somebody reads.
    tasks: JoinSet<()>,
}

/// The lines of an answer.
#[derive(Debug)]
pub struct Lines {
    body: BodyDataStream,
    waiting: BytesMut,
    /// Nothing is polled after its end.
    ended: bool,
    _tasks: JoinSet<()>,
}

impl Answer {
    pub(super) fn new(response: Response, tasks: JoinSet<()>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, body, tasks }
    }

    /// An answer of a router in this process.
    pub(crate) fn in_process(response: Response) -> Self {
        Self::new(response, JoinSet::new())
    }

    /// This answer when it is a good one; else what it says is wrong, as an error.
    pub async fn or_refused(self) -> Result<Self, ConsoleError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let status = self.status;
        let said = self.bytes().await?;
        let refusal = serde_json::from_slice(&said).unwrap_or_else(|_| {
            Refusal::new(status, String::from_utf8_lossy(&said).trim().to_owned())
        });
        Err(refused(status, refusal))
    }

    /// The body in pieces, as they come.
    pub fn pieces(self) -> impl Stream<Item = Result<Bytes, ConsoleError>> + Unpin {
        let Self { body, tasks, .. } = self;
        body.into_data_stream().map_err(move |error| {
            let _open = &tasks;
            ConsoleError::BrokenOff(error)
        })
    }

    /// The body line by line, as they come.
    pub fn lines(self) -> Lines {
        let body = self.body.into_data_stream();
        Lines { body, waiting: BytesMut::new(), ended: false, _tasks: self.tasks }
    }

    /// The whole body.
    pub async fn bytes(self) -> Result<Bytes, ConsoleError> {
        let mut pieces = self.pieces();
        let mut all = BytesMut::new();
        while let Some(piece) = pieces.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all.freeze())
    }

    /// The body as one JSON value.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, ConsoleError> {
        serde_json::from_slice(&self.bytes().await?).map_err(ConsoleError::NotUnderstood)
    }
}

impl Lines {
    /// The next line without its end; none after the last, however often it is asked. A listing that
    /// failed under way says so here, once.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ConsoleError> {
        if self.ended {
            return Ok(None);
        }
        let next = self.read().await;
        self.ended |= !matches!(next, Ok(Some(_)));
        next
    }

    async fn read(&mut self) -> Result<Option<Bytes>, ConsoleError> {
        let mut searched = 0;
        loop {
            let fresh = self.waiting.get(searched..).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|&byte| byte == b'\n') {
                let mut line = self.waiting.split_to(searched + end + 1);
                line.truncate(searched + end);
                return whole(line.freeze()).map(Some);
            }
            searched = self.waiting.len();
            if let Some(piece) = self.body.next().await {
                self.waiting.extend_from_slice(&piece.map_err(ConsoleError::BrokenOff)?);
            } else {
                self.ended = true;
                let rest = self.waiting.split().freeze();
                return if rest.is_empty() { Ok(None) } else { whole(rest).map(Some) };
            }
        }
    }
}

fn whole(line: Bytes) -> Result<Bytes, ConsoleError> {
    if line.starts_with(b"{\"error\":")
        && let Ok(refusal) = serde_json::from_slice(&line)
    {
        return Err(refused(StatusCode::INTERNAL_SERVER_ERROR, refusal));
    }
    Ok(line)
}

fn refused(status: StatusCode, refusal: Refusal) -> ConsoleError {
    let Refusal { error, hint, column, .. } = refusal;
    ConsoleError::Refused { status, error, hint, column }
}
