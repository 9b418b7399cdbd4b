//! An answer that is written while it is read: a blocking producer, a short queue, a streamed body.
//!
//! The queue holds the producer back when the asker is slow, and stops it when the asker has gone. A
//! producer that may search long without putting anything looks at [`Outflow::abandoned`] meanwhile.
//! The status waits for the first bytes, so what fails at once is refused properly; what fails later
//! says so in a last line and breaks the body off, because a body that just ends would look whole.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, header};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::asker::Asker;
use crate::refusal::Refusal;

pub(crate) const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");
/// Pieces that may wait for the asker.
const DEPTH: usize = 4;
/// Bytes that are gathered before they go.
const PIECE: usize = 32 << 10;
/// Lines that come slower than this go at once.
const SLOW: Duration = Duration::from_millis(20);

/// Where a producer puts what it makes.
pub(crate) struct Outflow {
    sender: mpsc::Sender<Message>,
    abandoned: Arc<AtomicBool>,
    waiting: BytesMut,
    sent_at: Option<Instant>,
    lines: bool,
}

enum Message {
    Piece(Bytes),
    /// The producer came to its end; a queue that closes without it belongs to one that broke.
    End,
    Failed(Refusal),
}

/// The asker's end of the queue.
struct Inflow {
    receiver: mpsc::Receiver<Message>,
    _asker: Asker,
}

/// Why a producer stops before its end.
pub(crate) enum Stop {
    /// Nobody listens any more.
    AskerGone,
    /// It cannot go on.
    Failed(Refusal),
}

impl<E: Into<Refusal>> From<E> for Stop {
    fn from(error: E) -> Self {
        Stop::Failed(error.into())
    }
}

impl Outflow {
    /// Turns true when the asker has gone.
    pub(crate) fn abandoned(&self) -> Arc<AtomicBool> {
        self.abandoned.clone()
    }

    /// Puts one line of JSON.
    pub(crate) fn line(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        self.lines = true;
        self.waiting.extend_from_slice(&line_of(value)?);
        let slow = self.sent_at.is_none_or(|at| at.elapsed() > SLOW);
        if slow || self.waiting.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// Puts bytes as they are.
    pub(crate) fn piece(&mut self, bytes: Bytes) -> Result<(), Stop> {
        self.send(Message::Piece(bytes))
    }

    fn flush(&mut self) -> Result<(), Stop> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = self.waiting.split().freeze();
        self.send(Message::Piece(piece))
    }

    fn send(&mut self, message: Message) -> Result<(), Stop> {
        self.sent_at = Some(Instant::now());
        self.sender.blocking_send(message).map_err(|_| Stop::AskerGone)
    }

    fn finish(mut self, made: Result<(), Stop>) -> Result<(), Stop> {
        match made {
            Ok(()) => {
                self.flush()?;
                self.send(Message::End)
            }
            Err(Stop::Failed(refusal)) => {
                if self.lines {
                    tracing::error!(error = %refusal, "a listing broke off");
                    self.waiting.extend_from_slice(&line_of(&refusal)?);
                    self.flush()?;
                }
                self.send(Message::Failed(refusal))
            }
            Err(Stop::AskerGone) => Err(Stop::AskerGone),
        }
    }
}

/// One line of JSON.
pub(crate) fn line_of(value: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    let mut line = serde_json::to_vec(value).map_err(|error| Refusal::failed(&error))?;
    line.push(b'\n');
    Ok(line)
}

/// The lines that `produce` puts, as an answer.
pub(crate) async fn lines(
    produce: impl FnOnce(&mut Outflow) -> Result<(), Stop> + Send + 'static,
) -> Result<Response, Refusal> {
    let mut response = Response::new(body(produce).await?);
    response.headers_mut().insert(header::CONTENT_TYPE, NDJSON);
    Ok(response)
}

/// What `produce` puts, as a body.
pub(crate) async fn body(
    produce: impl FnOnce(&mut Outflow) -> Result<(), Stop> + Send + 'static,
) -> Result<Body, Refusal> {
    let (sender, receiver) = mpsc::channel(DEPTH);
    let asker = Asker::default();
    let abandoned = asker.gone();
    let mut inflow = Inflow { receiver, _asker: asker };
    tokio::task::spawn_blocking(move || {
        let mut out =
            Outflow { sender, abandoned, waiting: BytesMut::new(), sent_at: None, lines: false };
        let made = produce(&mut out);
        // Whoever is gone need not be told.
        let _ = out.finish(made);
    });
    let first = match inflow.next().await {
        Some(Err(refusal)) => return Err(refusal),
        Some(Ok(piece)) => piece,
        None => return Ok(Body::empty()),
    };
    let rest = stream::unfold(inflow, |mut inflow| async {
        inflow.next().await.map(|piece| (piece, inflow))
    });
    Ok(Body::from_stream(stream::iter([Ok(first)]).chain(rest)))
}

impl Inflow {
    async fn next(&mut self) -> Option<Result<Bytes, Refusal>> {
        match self.receiver.recv().await {
            Some(Message::Piece(piece)) => Some(Ok(piece)),
            Some(Message::End) => None,
            Some(Message::Failed(refusal)) => Some(Err(refusal)),
            None => Some(Err(Refusal::new(
                http::StatusCode::INTERNAL_SERVER_ERROR,
                "the answer was broken off by a fault of Wayside",
            ))),
        }
    }
}

#[cfg(test)]
mod tests;
