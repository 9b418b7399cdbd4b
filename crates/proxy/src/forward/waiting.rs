//! Waits for the answer, and meanwhile for interim responses and for the time to run out.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep};

use crate::wiretap::Wire;

/// What came first.
pub(super) enum Awaited<T> {
    Interim(Bytes),
    Done(T),
    TimedOut,
}

/// An answer that is waited for.
pub(super) struct Waiting<'a, F> {
    sending: Pin<&'a mut F>,
    wire: Option<&'a Wire>,
    limit: Option<Pin<&'a mut Sleep>>,
}

impl<'a, F: Future> Waiting<'a, F> {
    /// Waits for `sending`, until `limit` is over if there is one.
    pub(super) fn new(
        sending: Pin<&'a mut F>,
        wire: Option<&'a Wire>,
        limit: Option<Pin<&'a mut Sleep>>,
    ) -> Self {
        Self { sending, wire, limit }
    }

    /// Waits for `more` from now on.
    pub(super) fn extend(&mut self, more: Option<Duration>) {
        match (more, &mut self.limit) {
            (Some(more), Some(limit)) => limit.as_mut().reset(Instant::now() + more),
            _ => self.limit = None,
        }
    }

    /// What comes next.
    pub(super) async fn next(&mut self) -> Awaited<F::Output> {
        std::future::poll_fn(|context| {
            // First what came before the answer: both may be there by now.
            if let Some(Poll::Ready(head)) = self.wire.map(|wire| wire.poll_interim(context)) {
                return Poll::Ready(Awaited::Interim(head));
            }
            if let Poll::Ready(done) = self.sending.as_mut().poll(context) {
                return Poll::Ready(Awaited::Done(done));
            }
            match &mut self.limit {
                Some(limit) => limit.as_mut().poll(context).map(|()| Awaited::TimedOut),
                None => Poll::Pending,
            }
        })
        .await
    }
}
