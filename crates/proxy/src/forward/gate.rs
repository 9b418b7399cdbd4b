//! Holds a request body back until the backend says 100 Continue (RFC 9110 section 10.1.1).
//!
//! hyper tells the client to go on as soon as the body is asked for. So the body is asked for when
//! the backend has said so, or when it has said nothing for a second: clients wait no longer either.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::tap::Gate;

const PATIENCE: Duration = Duration::from_secs(1);

/// Opens a gate.
#[derive(Debug)]
pub(super) struct Gatekeeper(Rc<RefCell<Opening>>);

#[derive(Debug, Default)]
struct Opening {
    open: bool,
    waker: Option<Waker>,
}

impl Gatekeeper {
    pub(super) fn new() -> Self {
        Self(Rc::default())
    }

    pub(super) fn open(&self) {
        let mut opening = self.0.borrow_mut();
        opening.open = true;
        if let Some(waker) = opening.waker.take() {
            waker.wake();
        }
    }

    /// Resolves when the gate is open, or patience is over.
    pub(super) fn opened(&self) -> Gate {
        let opening = Rc::clone(&self.0);
        Box::pin(async move {
            let opened = std::future::poll_fn(|context| {
                let mut opening = opening.borrow_mut();
                if opening.open {
                    return Poll::Ready(());
                }
                opening.waker = Some(context.waker().clone());
                Poll::Pending
            });
            // Either way the body may go.
            let _ = tokio::time::timeout(PATIENCE, opened).await;
        })
    }
}
