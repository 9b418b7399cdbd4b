//! How many connections may be open, in all and for each client address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// How many connections may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// In all: the limit `connections`.
    pub total: usize,
    /// From one client address: the limit `connections-per-address`.
    pub per_address: usize,
}

impl Default for ConnectionLimits {
    /// Generous for one address: behind a load balancer all clients share one.
    fn default() -> Self {
        Self { total: 16_384, per_address: 8_192 }
    }
}

/// A connection refused because enough are open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused a connection from `{client}`: limit `{limit}` ({allowed}) reached")]
pub struct LimitReached {
    /// The setting that holds it: `--max-connections` or `--max-connections-per-address`.
    pub limit: &'static str,
    /// Its value.
    pub allowed: usize,
    /// Who was refused.
    pub client: IpAddr,
}

/// Connections that are open now.
#[derive(Debug)]
pub(super) struct Counts {
    limits: ConnectionLimits,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    /// Only addresses with a connection, so it is as bounded as the total.
    by_address: HashMap<IpAddr, usize>,
}

impl Counts {
    pub(super) fn new(limits: ConnectionLimits) -> Self {
        Self { limits, open: Mutex::default() }
    }

    pub(super) fn enter(&self, client: IpAddr) -> Result<(), LimitReached> {
        let reached = |limit, allowed| Err(LimitReached { limit, allowed, client });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.limits.total {
            return reached("--max-connections", self.limits.total);
        }
        let from_client = open.by_address.get(&client).copied().unwrap_or(0);
        if from_client >= self.limits.per_address {
            return reached("--max-connections-per-address", self.limits.per_address);
        }
        open.by_address.insert(client, from_client + 1);
        open.total += 1;
        Ok(())
    }

    pub(super) fn leave(&self, client: IpAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        if let Entry::Occupied(mut count) = open.by_address.entry(client) {
            if *count.get() > 1 {
                *count.get_mut() -= 1;
            } else {
                count.remove();
            }
        }
    }
}
