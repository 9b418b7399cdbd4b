//! A response as it arrives: kept whole within bounds, hashed beyond them, and given up where the
//! recorded client gave up.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::body::Taken;
use crate::compare::Kept;

/// What all responses that are held at once may take.
const ALL_HELD: usize = 256 << 20;
const PERMIT: usize = 4 << 10;

/// Memory for response bodies, shared by all that run.
#[derive(Clone)]
pub(crate) struct Room(Arc<Semaphore>);

/// Where a client went away in the recording, and so does the replay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GaveUp {
    /// How much of the response body it had.
    pub(crate) bytes: u64,
    /// By when.
    pub(crate) at: Instant,
}

/// A response with its body.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) trailers: HeaderMap,
    /// How much of the body came.
    pub(crate) bytes: u64,
    pub(crate) body: Kept,
    /// Why the body is not whole; none where it is, or was given up as in the recording.
    pub(crate) error: Option<String>,
    /// Held until the body has been compared.
    _room: Vec<OwnedSemaphorePermit>,
}

impl Arrived {
    /// Whether the whole response was read, so that its connection can take another request.
    pub(crate) fn is_to_the_end(&self) -> bool {
        self.body != Kept::NotWhole
    }
}

impl Room {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ALL_HELD / PERMIT)))
    }

    fn try_take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let permits = u32::try_from(bytes.div_ceil(PERMIT)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(permits).ok()
    }
}

/// Reads a response to its end. The target may be silent for `patience` at most.
pub(crate) async fn read(
    response: http::Response<Incoming>,
    room: &Room,
    limit: u64,
    patience: Duration,
    gave_up: Option<GaveUp>,
) -> Arrived {
    let (head, mut body) = response.into_parts();
    let mut holding = Holding { kept: BytesMut::new(), hasher: None, taken: 0, room: Vec::new() };
    let mut trailers = HeaderMap::new();
    let mut bytes = 0_u64;
    let mut error = None;
    let mut whole = true;
    loop {
        if gave_up.is_some_and(|gave_up| bytes >= gave_up.bytes && gave_up.bytes > 0) {
            whole = false;
            break;
        }
        let silent = Instant::now() + patience;
        let until = gave_up.map_or(silent, |gave_up| gave_up.at.min(silent));
        match timeout_at(until, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => {
                    bytes += data.len() as u64;
                    holding.add(&data, room, limit);
                }
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            },
            Ok(Some(Err(cause))) => {
                error = Some(format!(
                    "the response body broke off after {bytes} bytes: {}",
                    wayside_exchange::cause::chain(&cause)
                ));
                break;
            }
            Err(_) => {
                whole = false;
                if until == silent {
                    error = Some(format!("no more of the response body within {patience:?}"));
                }
                break;
            }
        }
    }
    let body = if whole && error.is_none() { holding.kept(bytes) } else { Kept::NotWhole };
    Arrived {
        status: head.status.as_u16(),
        headers: head.headers,
        trailers,
        bytes,
        body,
        error,
        _room: holding.room,
    }
}

/// Waits for the response head, as long as the target may be silent or the recorded client waited.
/// None when it did not come.
pub(crate) async fn head<T>(
    answer: impl Future<Output = T>,
    taken: &Taken,
    patience: Duration,
    gave_up: Option<GaveUp>,
) -> Option<T> {
    let begun = Instant::now();
    let mut answer = std::pin::pin!(answer);
    loop {
        let silent = taken.last(begun) + patience;
        let until = gave_up.map_or(silent, |gave_up| gave_up.at.min(silent));
        match timeout_at(until, &mut answer).await {
            Ok(answer) => return Some(answer),
            Err(_) if until == silent && taken.last(begun) + patience > silent => {}
            Err(_) => return None,
        }
    }
}

struct Holding {
    kept: BytesMut,
    hasher: Option<Sha256>,
    taken: usize,
    room: Vec<OwnedSemaphorePermit>,
}

impl Holding {
    fn add(&mut self, data: &Bytes, room: &Room, limit: u64) {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data);
            return;
        }
        let needed = self.kept.len() + data.len();
        if needed as u64 <= limit && self.fits(needed, room) {
            self.kept.extend_from_slice(data);
            return;
        }
        let mut hasher = Sha256::new();
        hasher.update(&self.kept);
        hasher.update(data);
        self.hasher = Some(hasher);
        self.kept = BytesMut::new();
        self.room.clear();
    }

    /// Takes room as the body grows, doubling, so that a long one asks seldom.
    fn fits(&mut self, needed: usize, room: &Room) -> bool {
        if needed > self.taken {
            let more = (needed - self.taken).max(self.taken);
            let Some(permit) = room.try_take(more) else { return false };
            self.taken += more;
            self.room.push(permit);
        }
        true
    }

    fn kept(&mut self, bytes: u64) -> Kept {
        match self.hasher.take() {
            Some(hasher) => Kept::Hashed { bytes, sha256: hasher.finalize().into() },
            None => Kept::Whole(std::mem::take(&mut self.kept).freeze()),
        }
    }
}
