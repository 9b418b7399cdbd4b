//! The seam between carrying traffic and keeping it: what the proxy says while an exchange runs.
//!
//! `proxy` calls [`Record`], `recorder` implements it. One value serves one worker thread.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::connection::{Connection, HttpVersion};
use crate::id::ExchangeId;
use crate::outcome::{BodyEnd, Failure, Half, Outcome};
use crate::time::{Timestamp, Timing};

/// One thing that happened to an exchange. Events of one exchange come in order, on one thread:
/// `Started`, then any of the middle ones, then exactly one `Ended`.
#[derive(Debug)]
pub enum Event<'a> {
    /// The request head has arrived.
    Started {
        /// The exchange.
        id: ExchangeId,
        /// When the head had arrived.
        at: Timestamp,
        /// The connection it came over.
        connection: &'a Arc<Connection>,
        /// The version in which the client speaks.
        version: HttpVersion,
        /// The head in the form of [`crate::Head`].
        head: &'a [u8],
    },
    /// An interim response (1xx) came and was passed on.
    Informed {
        /// The exchange.
        id: ExchangeId,
        /// The head in the form of [`crate::Head`].
        head: &'a [u8],
    },
    /// The response head has arrived.
    Answered {
        /// The exchange.
        id: ExchangeId,
        /// The head in the form of [`crate::Head`].
        head: &'a [u8],
    },
    /// Bytes of a body, or of an upgraded connection, passed.
    Passed {
        /// The exchange.
        id: ExchangeId,
        /// Which way.
        half: Half,
        /// When, on bodies that are recorded message by message.
        at: Option<Timestamp>,
        /// The bytes.
        data: &'a Bytes,
    },
    /// A body has ended. Sent for every body that had any byte or did not end well.
    BodyEnded {
        /// The exchange.
        id: ExchangeId,
        /// Which body.
        half: Half,
        /// How.
        end: BodyEnd,
        /// Trailer lines in the form of [`crate::Head`], without start line; empty when none came.
        trailers: &'a [u8],
    },
    /// The exchange is over.
    Ended {
        /// The exchange.
        id: ExchangeId,
        /// How.
        outcome: Outcome,
        /// Why, when the response is not complete.
        failure: Option<&'a Failure>,
        /// Where the time went.
        timing: Timing,
    },
    /// A connection never came to its first exchange: its TLS handshake failed. It is an exchange of
    /// its own, refused, without method or URL.
    HandshakeFailed {
        /// Its id.
        id: ExchangeId,
        /// When.
        at: Timestamp,
        /// The connection, with the server name that was asked for, if it came that far.
        connection: &'a Arc<Connection>,
        /// Why.
        failure: &'a Failure,
    },
}

/// Takes what happened to the store, or wherever it goes. Every call returns at once: it never
/// blocks, never fails, and never delays the traffic.
pub trait Record {
    /// Takes one event.
    fn record(&self, event: Event<'_>);

    /// Ready when more can be taken. Only an overloaded recorder that was told to hold the traffic
    /// rather than to shed captures is ever pending.
    fn poll_room(&self, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    /// Ready when what was told of this exchange so far would survive a power loss: the last byte of
    /// its answer leaves then. Only a recorder that was told to promise that is ever pending.
    fn poll_kept(&self, _id: ExchangeId, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
