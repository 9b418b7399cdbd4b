//! Gathers what HTTP/2 writes into few writes.
//!
//! h2 writes and flushes each DATA frame by itself. Where many streams are answered in the same
//! moment, that is a TLS record and a system call for each of them. So its writes gather here, and
//! leave when the connection's task has done all it could, or when enough have gathered: later by no
//! more than the work of that one poll, since the task that polls hyper polls [`Cork::poll_drain`]
//! right after.

use std::cell::{RefCell, RefMut};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that gather at most: four TLS records of the largest size.
const FULL: usize = 64 << 10;

/// A stream whose writes gather. Clones are the same stream.
#[derive(Debug)]
pub(crate) struct Cork<S>(Rc<RefCell<Gathering<S>>>);

#[derive(Debug)]
struct Gathering<S> {
    stream: S,
    waiting: Vec<u8>,
    /// Of what waits, so much has left.
    left: usize,
    /// Written since the last flush.
    unflushed: bool,
}

impl<S> Cork<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self(Rc::new(RefCell::new(Gathering {
            stream,
            waiting: Vec::new(),
            left: 0,
            unflushed: false,
        })))
    }

    fn borrow(&self) -> RefMut<'_, Gathering<S>> {
        self.0.borrow_mut()
    }

    /// Gives the memory back: nothing is under way, and nothing may be for long.
    pub(crate) fn rest(&self) {
        let mut gathering = self.borrow();
        if gathering.waiting.is_empty() {
            gathering.waiting = Vec::new();
        }
    }
}

impl<S: AsyncWrite + Unpin> Cork<S> {
    /// Sends what has gathered.
    pub(crate) fn poll_drain(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.borrow().poll_drain(context)
    }
}

impl<S: AsyncWrite + Unpin> Gathering<S> {
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.waiting.get(self.left..).filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.left += written;
            self.unflushed = true;
        }
        self.waiting.clear();
        self.left = 0;
        if self.unflushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_gather(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.waiting.len() == FULL {
            ready!(self.poll_drain(context))?;
        }
        let before = self.waiting.len();
        self.waiting.reserve_exact(FULL - before);
        for slice in slices {
            let room = FULL - self.waiting.len();
            self.waiting.extend_from_slice(slice.get(..room).unwrap_or(slice));
        }
        Poll::Ready(Ok(self.waiting.len() - before))
    }
}

impl<S> Clone for Cork<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Cork<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.borrow().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Cork<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.borrow().poll_gather(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.borrow().poll_gather(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Done at once: whoever polls hyper drains afterwards.
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut gathering = self.borrow();
        ready!(gathering.poll_drain(context))?;
        Pin::new(&mut gathering.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn writes_leave_together_and_in_order_when_drained() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut cork = Cork::new(ours);
        cork.write_all(b"one ").await.unwrap();
        cork.flush().await.unwrap();
        cork.write_all(b"two").await.unwrap();
        let mut seen = [0; 16];
        let early = poll_fn(|context| {
            let mut seen = ReadBuf::new(&mut seen);
            Poll::Ready(Pin::new(&mut theirs).poll_read(context, &mut seen).is_ready())
        });
        assert!(!early.await);
        poll_fn(|context| cork.poll_drain(context)).await.unwrap();
        let read = theirs.read(&mut seen).await.unwrap();
        assert_eq!(&seen[..read], b"one two");
    }

    #[tokio::test]
    async fn more_than_gathers_waits_for_room_and_a_shutdown_sends_the_rest() {
        let (ours, mut theirs) = tokio::io::duplex(1000);
        let mut cork = Cork::new(ours);
        let sent: Vec<u8> = (0..3 * FULL + 7).map(|n| (n % 251) as u8).collect();
        let sending = async {
            cork.write_all(&sent).await.unwrap();
            cork.shutdown().await.unwrap();
        };
        let mut received = Vec::new();
        let ((), read) = tokio::join!(sending, theirs.read_to_end(&mut received));
        assert_eq!(read.unwrap(), sent.len());
        assert_eq!(received, sent);
    }
}
