//! Interim responses (1xx) that are written beside hyper, which has no way to send them.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use tokio::io::AsyncWrite;

/// What waits to be written between two messages.
#[derive(Debug, Default)]
pub(super) struct Injection {
    waiting: Mutex<Bytes>,
    pending: AtomicBool,
    connection: Mutex<Option<Waker>>,
    sender: Mutex<Option<Waker>>,
}

impl Injection {
    /// Hands over `head`; resolves when it is written. The connection's task has polled its flush
    /// before it ever ran the service that calls this, so its waker is known.
    pub(super) async fn send(&self, head: Bytes) {
        *self.waiting.lock() = head;
        self.pending.store(true, Relaxed);
        if let Some(connection) = self.connection.lock().as_ref() {
            connection.wake_by_ref();
        }
        std::future::poll_fn(|context| {
            if !self.pending.load(Relaxed) {
                return Poll::Ready(());
            }
            *self.sender.lock() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Writes what waits, and remembers whom to wake when something will.
    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.pending.load(Relaxed) {
            let mut connection = self.connection.lock();
            if !connection.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                *connection = Some(context.waker().clone());
            }
            return Poll::Ready(Ok(()));
        }
        let mut waiting = self.waiting.lock();
        while waiting.has_remaining() {
            match Pin::new(&mut *stream).poll_write(context, &waiting) {
                Poll::Ready(Ok(written)) => waiting.advance(written),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        self.pending.store(false, Relaxed);
        if let Some(sender) = self.sender.lock().take() {
            sender.wake();
        }
        Poll::Ready(Ok(()))
    }
}
