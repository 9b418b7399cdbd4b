//! Strict durability: the last byte of an answer waits until its exchange would survive a power loss.
//! All that wait at once are served by one sync. As long as the disk refuses, they go on waiting: that
//! is what strict means.

use std::sync::Arc;

use wayside_exchange::ExchangeId;
use wayside_exchange::cause::chain;
use wayside_store::Writer;

use super::Desk;
use crate::ticket::Ticket;

/// An exchange whose answer's last byte waits.
#[derive(Debug)]
pub(super) struct Awaited {
    id: ExchangeId,
    ticket: Arc<Ticket>,
    /// The store has taken it as it stands.
    written: bool,
}

impl Awaited {
    pub(super) fn new(id: ExchangeId, ticket: &Arc<Ticket>) -> Self {
        Self { id, ticket: Arc::clone(ticket), written: false }
    }
}

impl Desk {
    /// Writes what is waited for, syncs, and lets the answers go.
    pub(super) fn keep_awaited(&mut self) {
        if self.awaited.is_empty() || self.is_in_doubt() {
            return;
        }
        for n in 0..self.awaited.len() {
            if let Some(id) = self.awaited.get(n).filter(|one| !one.written).map(|one| one.id) {
                let written = self.write_as_it_stands(id);
                if let Some(one) = self.awaited.get_mut(n) {
                    one.written = written;
                }
            }
        }
        if let Err(error) = self.with_writer(Writer::sync) {
            self.counts.problem(Some(chain(&error)));
            return;
        }
        self.awaited.retain(|one| {
            if one.written {
                one.ticket.release();
            }
            !one.written
        });
    }
}
