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

    /// Counts a connection from `peer`, and for the address of `client` where that is known.
    pub(super) fn enter(&self, peer: IpAddr, client: Option<IpAddr>) -> Result<(), LimitReached> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= self.limits.total {
            let (limit, allowed) = ("--max-connections", self.limits.total);
            return Err(LimitReached { limit, allowed, client: peer });
        }
        if let Some(client) = client {
            open.claim(client, self.limits)?;
        }
        open.total += 1;
        Ok(())
    }

    /// Counts a connection that has entered for the address of `client`, and not for the one `before`.
    pub(super) fn turns_out(
        &self,
        before: Option<IpAddr>,
        client: IpAddr,
    ) -> Result<(), LimitReached> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.claim(client, self.limits)?;
        open.disclaim(before);
        Ok(())
    }

    pub(super) fn leave(&self, client: Option<IpAddr>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        open.disclaim(client);
    }
}

impl Open {
    fn claim(&mut self, client: IpAddr, limits: ConnectionLimits) -> Result<(), LimitReached> {
        let from_client = self.by_address.get(&client).copied().unwrap_or(0);
        if from_client >= limits.per_address {
            let (limit, allowed) = ("--max-connections-per-address", limits.per_address);
            return Err(LimitReached { limit, allowed, client });
        }
        self.by_address.insert(client, from_client + 1);
        Ok(())
    }

    fn disclaim(&mut self, client: Option<IpAddr>) {
        if let Some(client) = client
            && let Entry::Occupied(mut count) = self.by_address.entry(client)
        {
            if *count.get() > 1 {
                *count.get_mut() -= 1;
            } else {
                count.remove();
            }
        }
    }
}
