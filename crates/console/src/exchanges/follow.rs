//! The live tail: what is recorded from now on and matches, until the asker or the recorder goes.
//!
//! An asker who reads too slowly loses exchanges of the tail, never of the store, and is told how
//! many in a line `{"skipped": n}`. Exchanges are announced a moment before they can be read.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::sleep;
use wayside_exchange::filter::{Answer, Filter};
use wayside_exchange::view::ExchangeView;
use wayside_exchange::{Mark, Summary};
use wayside_store::Store;

use super::whole;
use crate::asked::Asked;
use crate::outflow::{NDJSON, line_of};
use crate::refusal::{Refusal, blocking};
use crate::row::RowView;
use crate::serve::Stopping;

/// How often, and after how long each time, to look for an announced exchange in the store.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

struct Tail {
    feed: broadcast::Receiver<Arc<Summary>>,
    store: Store,
    filter: Filter,
    rows: bool,
    left: usize,
    stopping: Option<Stopping>,
}

/// The line of a live tail that says how many exchanges its asker missed, matching or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// How many.
    pub skipped: u64,
}

impl Skipped {
    /// What `line` says, when it is such a line and no exchange.
    pub fn of(line: &[u8]) -> Option<Self> {
        line.starts_with(b"{\"skipped\":").then(|| serde_json::from_slice(line).ok())?
    }
}

/// What an announced exchange is to the asker.
enum Look {
    Matches(Box<ExchangeView>),
    DoesNot,
    NotYet,
}

/// The answer to `follow=1`.
pub(super) fn tail(
    feed: broadcast::Receiver<Arc<Summary>>,
    store: Store,
    asked: Asked,
    stopping: Option<Stopping>,
) -> Response {
    let Asked { filter, rows, limit, .. } = asked;
    let filter = store.links(|links| filter.renamed(&|name| links.renamed(name)));
    let tail = Tail { feed, store, filter, rows, left: limit.unwrap_or(usize::MAX), stopping };
    let lines = stream::unfold(tail, |mut tail| async {
        tail.next().await.transpose().map(|line| (line, tail))
    });
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(header::CONTENT_TYPE, NDJSON);
    response
}

impl Tail {
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        while self.left > 0 {
            let line = match self.announced().await {
                Ok(summary) => match self.line(&summary).await? {
                    Some(line) => line,
                    None => continue,
                },
                Err(RecvError::Lagged(skipped)) => {
                    return line_of(&Skipped { skipped }).map(|line| Some(line.into()));
                }
                Err(RecvError::Closed) => break,
            };
            self.left -= 1;
            return Ok(Some(line.into()));
        }
        Ok(None)
    }

    async fn announced(&mut self) -> Result<Arc<Summary>, RecvError> {
        let Some(Stopping(stopping)) = &mut self.stopping else {
            return self.feed.recv().await;
        };
        let stop = async {
            let _ = stopping.wait_for(|&stop| stop).await;
        };
        tokio::select! {
            announced = self.feed.recv() => announced,
            () = stop => Err(RecvError::Closed),
        }
    }

    async fn line(&self, summary: &Arc<Summary>) -> Result<Option<Vec<u8>>, Refusal> {
        let answer = self.filter.on_row(&summary.glance(), &**summary);
        match answer {
            Answer::No => return Ok(None),
            Answer::Yes if self.rows => return line_of(&RowView::from(&**summary)).map(Some),
            Answer::Yes | Answer::Unknown => {}
        }
        for _ in 0..LOOKS {
            match self.look(summary, answer).await? {
                Look::Matches(_) if self.rows => {
                    return line_of(&RowView::from(&**summary)).map(Some);
                }
                Look::Matches(view) => return line_of(&view).map(Some),
                Look::DoesNot => return Ok(None),
                Look::NotYet => sleep(PAUSE).await,
            }
        }
        line_of(&Skipped { skipped: 1 }).map(Some)
    }

    async fn look(&self, summary: &Arc<Summary>, answer: Answer) -> Result<Look, Refusal> {
        let (store, filter) = (self.store.clone(), self.filter.clone());
        let summary = Arc::clone(summary);
        let known = matches!(answer, Answer::Yes);
        blocking(move || {
            let Some(exchange) = store.exchange(summary.id)? else { return Ok(Look::NotYet) };
            // What stands there may be how it was while it ran.
            if exchange.summary.marks.contains(Mark::Open) && !summary.marks.contains(Mark::Open) {
                return Ok(Look::NotYet);
            }
            if !known && !whole::matches(&store, &exchange, &filter)? {
                return Ok(Look::DoesNot);
            }
            whole::of(&store, &exchange).map(|view| Look::Matches(Box::new(view)))
        })
        .await
    }
}
