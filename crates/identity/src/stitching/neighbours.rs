//! Who shares an address and a user agent: the weakest reason. It serves for requests that were refused
//! where only one client was seen lately; others may well be of somebody who needs no credential.

use wayside_exchange::{Links, Micros, Timestamp};

use super::Sighting;
use super::recent::Recent;

/// Addresses with a user agent that are remembered.
const ADDRESSES: usize = 16_384;
/// Whoever was not seen for so long is not there any more.
const WINDOW: Micros = Micros(30 * 60 * 1_000_000);
/// More clients at one address are not told apart.
const CLIENTS: usize = 4;
/// So many connections of one address are given to its client on this ground, until a credential is
/// accepted there again.
const MOST: u32 = 100;

#[derive(Debug)]
pub(super) struct Neighbours {
    places: Recent<Box<str>, Place>,
    /// Addresses of proxies: several clients were seen on one connection from there.
    pools: Recent<Box<str>, ()>,
}

/// An address and a user agent.
#[derive(Debug, Default)]
struct Place {
    clients: Vec<(Box<str>, Timestamp)>,
    /// The user agents that share its name.
    agents: Vec<(u64, Timestamp)>,
    guesses: u32,
}

impl Default for Neighbours {
    fn default() -> Self {
        Self { places: Recent::of(ADDRESSES), pools: Recent::of(ADDRESSES) }
    }
}

impl Neighbours {
    pub(super) fn forgotten(&self) -> u64 {
        self.places.forgotten() + self.pools.forgotten()
    }

    /// Whether several clients come from this address on one connection.
    pub(super) fn is_pooled(&self, seen: &Sighting<'_>) -> bool {
        self.pools.get(seen.host()).is_some()
    }

    pub(super) fn pooled(&mut self, seen: &Sighting<'_>) {
        self.pools.insert(seen.host().into(), ());
    }

    /// The client is here.
    pub(super) fn firm(&mut self, seen: &Sighting<'_>, owner: &str) {
        let place = self.places.of_name(seen.address());
        place.is_used_by(seen);
        place.guesses = 0;
        note(&mut place.clients, |client| **client == *owner, || owner.into(), seen.at);
    }

    /// The one client that a refused request can be of.
    pub(super) fn owner(&mut self, seen: &Sighting<'_>, links: &Links) -> Option<Box<str>> {
        let pooled = self.is_pooled(seen);
        let place = self.places.of_name(seen.address());
        place.is_used_by(seen);
        if pooled || !seen.is_refused() || place.guesses >= MOST {
            return None;
        }
        let client = place.only(seen, links)?;
        place.guesses += 1;
        Some(client)
    }
}

impl Place {
    fn is_used_by(&mut self, seen: &Sighting<'_>) {
        // What is not known is no other.
        if seen.agent != 0 {
            note(&mut self.agents, |agent| *agent == seen.agent, || seen.agent, seen.at);
        }
    }

    /// The only client that was here lately, where only one kind of user agent was.
    fn only(&mut self, seen: &Sighting<'_>, links: &Links) -> Option<Box<str>> {
        let lately = |at: Timestamp| seen.at.since(at) <= WINDOW || at >= seen.at;
        self.clients.retain(|(_, last)| lately(*last));
        self.agents.retain(|(_, last)| lately(*last));
        let (first, rest) = self.clients.split_first()?;
        let client = links.root(&first.0);
        let alone =
            self.agents.len() < 2 && rest.iter().all(|(other, _)| links.root(other) == client);
        alone.then(|| client.into())
    }
}

/// Notes when one of a few was seen last.
fn note<T>(
    all: &mut Vec<(T, Timestamp)>,
    is: impl Fn(&T) -> bool,
    make: impl Fn() -> T,
    at: Timestamp,
) {
    if let Some((_, last)) = all.iter_mut().find(|(one, _)| is(one)) {
        *last = at.max(*last);
    } else if all.len() < CLIENTS {
        all.push((make(), at));
    }
}
