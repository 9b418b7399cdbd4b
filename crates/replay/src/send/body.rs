//! A recorded request body on its way out: short ones at once, long ones in pieces read from the
//! store as the target takes them.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The longest body that is read whole before it is sent.
const AT_ONCE: u64 = 64 << 10;
const PIECE: usize = 64 << 10;

/// A recorded body, ready to be read.
pub(crate) enum Recorded {
    /// Short, or none.
    Short(Bytes),
    /// Long: its reader, and its length.
    Long(Box<dyn Read + Send>, u64),
}

impl Default for Recorded {
    fn default() -> Self {
        Self::Short(Bytes::new())
    }
}

/// A request body for hyper.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    ready: VecDeque<Bytes>,
    pieces: Option<mpsc::Receiver<io::Result<Bytes>>>,
    trailers: Option<HeaderMap>,
    /// How much is still to come; none for one that does not say (chunked).
    left: Option<u64>,
    ended: bool,
    taken: Taken,
}

/// When the target last took a piece of the body: an upload that goes on is no silence.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken(Arc<Mutex<Option<Instant>>>);

impl Taken {
    /// When; `since` where it took nothing yet.
    pub(crate) fn last(&self, since: Instant) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(since).max(since)
    }

    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Outgoing {
    /// Follows the upload.
    pub(crate) fn taken(&self) -> Taken {
        self.taken.clone()
    }
}

impl Recorded {
    /// Reads what is short; blocks.
    pub(crate) fn read(mut reader: Box<dyn Read + Send>, bytes: u64) -> io::Result<Self> {
        if bytes > AT_ONCE {
            return Ok(Self::Long(reader, bytes));
        }
        let mut body = Vec::with_capacity(bytes as usize);
        reader.read_to_end(&mut body)?;
        if body.len() as u64 == bytes {
            Ok(Self::Short(Bytes::from(body)))
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// The same body once more, where it is at hand.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Short(bytes) => Some(Self::Short(bytes.clone())),
            Self::Long(..) => None,
        }
    }

    /// For hyper. `chunked` bodies do not say their length; only these have trailers.
    pub(crate) fn outgoing(self, chunked: bool, trailers: Option<HeaderMap>) -> Outgoing {
        let mut body = Outgoing { trailers, ..Outgoing::default() };
        let length = match self {
            Self::Short(bytes) => {
                let length = bytes.len() as u64;
                if length > 0 {
                    body.ready.push_back(bytes);
                }
                length
            }
            Self::Long(reader, length) => {
                let (sender, pieces) = mpsc::channel(2);
                // Ends by itself when the other side is dropped: a piece later it finds nobody.
                tokio::task::spawn_blocking(move || read_pieces(reader, length, &sender));
                body.pieces = Some(pieces);
                length
            }
        };
        let told = !chunked && body.trailers.is_none();
        body.left = told.then_some(length);
        body.ended = told && length == 0;
        body
    }
}

fn read_pieces(
    reader: Box<dyn Read + Send>,
    length: u64,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) {
    let mut reader = reader.take(length);
    let mut left = length;
    while left > 0 {
        let mut piece = vec![0; PIECE.min(left as usize)];
        let read = match reader.read(&mut piece) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                piece.truncate(read);
                left -= read as u64;
                Ok(Bytes::from(piece))
            }
            Err(error) => Err(error),
        };
        let failed = read.is_err();
        if sender.blocking_send(read).is_err() || failed {
            return;
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let mut piece = this.ready.pop_front();
        if piece.is_none()
            && let Some(pieces) = &mut this.pieces
        {
            piece = match ready!(pieces.poll_recv(context)) {
                Some(Ok(piece)) => Some(piece),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => None,
            };
        }
        if let Some(piece) = piece {
            this.taken.now();
            if let Some(left) = &mut this.left {
                *left = left.saturating_sub(piece.len() as u64);
                this.ended = *left == 0;
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        this.pieces = None;
        this.ended = true;
        Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
