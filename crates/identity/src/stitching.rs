//! Stitching: follows clients through missing, wrong, expired and rotated credentials.
//!
//! It sees exchanges as they end and answers with links from the names that their evidence gives to the
//! clients that they are. A credential is *firm* once it was accepted: it names a client by itself, and
//! two firm ones are joined only where one visibly took the other's place. Everything else (no
//! credential, one that was never accepted, a cookie) is *loose*, and belongs to whoever it can be
//! shown to be. Every table is bounded.

mod holdings;
mod kin;
mod neighbours;
mod recent;
mod seats;
mod sighting;

use wayside_exchange::{EvidenceKind, Link, LinkKind, Links, Timestamp};

use holdings::{Devices, Given, Giver};
use kin::Kin;
use neighbours::Neighbours;
use recent::Recent;
use seats::Seats;
pub use sighting::Sighting;
use sighting::{is_fingerprint, is_loose};

/// Credentials that are remembered to have been accepted.
const CREDENTIALS: usize = 32_768;
/// Requests that were under way when a credential was replaced may still carry the old one.
const OVERLAP: u64 = 60_000_000;

/// Who is who, as far as it was seen lately.
#[derive(Debug)]
pub struct Stitcher {
    credentials: Recent<Box<str>, Credential>,
    seats: Seats,
    kin: Kin,
    given: Given,
    devices: Devices,
    neighbours: Neighbours,
}

/// A credential that was accepted.
#[derive(Debug)]
struct Credential {
    /// When the earliest exchange with it began, of those that were seen: those of different connections
    /// come a little out of order.
    first: Timestamp,
    /// What took its place, by nothing stronger than that it came after, and when.
    replaced: Option<(Box<str>, Timestamp)>,
}

impl Default for Stitcher {
    fn default() -> Self {
        Self {
            credentials: Recent::of(CREDENTIALS),
            seats: Seats::default(),
            kin: Kin::default(),
            given: Given::default(),
            devices: Devices::default(),
            neighbours: Neighbours::default(),
        }
    }
}

impl Stitcher {
    /// Things that it has forgotten for want of room: connections, tokens, credentials and the like.
    pub fn forgotten(&self) -> u64 {
        self.credentials.forgotten()
            + self.seats.forgotten()
            + self.kin.forgotten()
            + self.given.forgotten()
            + self.devices.forgotten()
            + self.neighbours.forgotten()
    }

    /// Sees an exchange that has ended; `links` are those that it has answered so far. Exchanges of
    /// different connections may come a little out of order.
    pub fn see(&mut self, seen: &Sighting<'_>, links: &Links) -> Vec<Link> {
        let mut found = Vec::new();
        if seen.name.is_empty() {
            return found;
        }
        self.kin.meet(seen, links, &mut self.seats, &mut found);
        let owner = self.owner(seen, false, links, &mut found);
        // Who used what this one was given, and came first all the same.
        for early in self.given.take(seen, owner.as_deref(), links) {
            self.owner(&early.sighting(), true, links, &mut found);
        }
        found
    }

    fn owner(
        &mut self,
        seen: &Sighting<'_>,
        again: bool,
        links: &Links,
        found: &mut Vec<Link>,
    ) -> Option<Box<str>> {
        if self.is_firm(seen, links) {
            Some(self.firm(seen, again, links, found))
        } else {
            self.loose(seen, links, found)
        }
    }

    /// Whether the exchange names its client by a credential that was accepted, now or before.
    fn is_firm(&self, seen: &Sighting<'_>, links: &Links) -> bool {
        // Whoever shows a certificate has its key: it was accepted in the handshake.
        seen.has_credential()
            && (seen.kind() == Some(EvidenceKind::Certificate)
                || seen.is_accepted()
                || self.credentials.get(seen.name).is_some()
                || links.root(seen.name) != seen.name)
    }

    fn firm(
        &mut self,
        seen: &Sighting<'_>,
        again: bool,
        links: &Links,
        found: &mut Vec<Link>,
    ) -> Box<str> {
        let is_new = match self.credentials.get_mut(seen.name) {
            Some(known) if again || seen.at < known.first => {
                known.first = seen.at.min(known.first);
                true
            }
            None => {
                let credential = Credential { first: seen.at, replaced: None };
                self.credentials.insert(seen.name.into(), credential);
                true
            }
            Some(known) => {
                let came_back = known.replaced.take_if(|(_, at)| {
                    seen.is_accepted() && seen.at.since(*at).0 > OVERLAP && seen.at > *at
                });
                if let Some((other, _)) = came_back {
                    // It was not replaced: two clients take turns.
                    found.push(seen.lasting(&other, &other, LinkKind::Rotation, 0));
                    self.seats.shared(seen.connection);
                    self.kin.shared(seen.connection);
                    self.devices.shared(seen);
                }
                false
            }
        };
        let mut owner: Box<str> = links.root(seen.name).into();
        if is_new
            && *owner == *seen.name
            && let Some((client, kind, confidence)) = self.predecessor(seen, links)
        {
            found.push(seen.lasting(seen.name, &client, kind, confidence));
            owner = links.root(&client).into();
        }
        for giver in self.given.of(seen) {
            match (giver, giver.client(links)) {
                (Giver::Exchange { name, connection, id, .. }, None) => {
                    found.push(seen.just(name, *connection, *id, &owner, LinkKind::Token, 97));
                }
                (_, Some((client, _))) if client.starts_with("cookie:") && *client != *owner => {
                    found.push(seen.lasting(client, &owner, LinkKind::Token, 97));
                }
                _ => {}
            }
        }
        self.together(seen, &owner, links, found);
        let strangers = self.seats.firm(seen, &owner, links, found);
        if strangers {
            self.neighbours.pooled(seen);
        }
        self.kin.firm(seen, &owner, links, &mut self.seats, found);
        self.devices.firm(seen, &owner, links);
        self.neighbours.firm(seen, &owner);
        owner
    }

    /// The client whose credential this new one takes the place of.
    fn predecessor(
        &mut self,
        seen: &Sighting<'_>,
        links: &Links,
    ) -> Option<(Box<str>, LinkKind, u8)> {
        if !seen.is_opaque() {
            return None;
        }
        if seen.kind() == Some(EvidenceKind::Bearer)
            && let Some((client, near)) = self.given.of_token(seen).and_then(|g| g.client(links))
            && near.is(seen)
            && !is_loose(client)
        {
            return Some((client.into(), LinkKind::Token, 97));
        }
        if self.neighbours.is_pooled(seen) {
            return None;
        }
        let refused = self.seats.refused(seen.connection).map(|old| (old, LinkKind::Rotation, 90));
        let refused = refused.or_else(|| {
            self.kin.refused(seen.connection).map(|old| (old, LinkKind::Resumption, 85))
        });
        let refused = refused.or_else(|| {
            let (old, was_refused) = self.devices.last(seen)?;
            let silently = seen.kind() == Some(EvidenceKind::Bearer);
            let confidence = if was_refused { 90 } else { 80 };
            (was_refused || silently).then_some((old, LinkKind::Device, confidence))
        });
        let (old, kind, confidence) = refused?;
        let alike = old.split_once(':').is_some_and(|(kind, token)| {
            seen.kind().is_some_and(|own| own.as_str() == kind) && is_fingerprint(token)
        });
        if !alike || *old == *seen.name {
            return None;
        }
        if let Some(credential) = self.credentials.get_mut(&old) {
            credential.replaced = Some((seen.name.into(), seen.at));
        }
        Some((old, kind, confidence))
    }

    /// Cookies that come with a firm credential are the same client's, unless two clients send them.
    fn together(&mut self, seen: &Sighting<'_>, owner: &str, links: &Links, found: &mut Vec<Link>) {
        let cookies = seen.evidence.iter().filter(|piece| piece.kind == EvidenceKind::Cookie);
        for cookie in cookies.filter(|_| seen.is_accepted()) {
            let name = cookie.to_string();
            let root = links.root(&name);
            if root == owner || name == seen.name || self.given.is_shared(&cookie.token) {
                continue;
            }
            if is_loose(root) {
                found.push(seen.lasting(root, owner, LinkKind::Together, 95));
            } else {
                self.given.share(&cookie.token);
                found.push(seen.lasting(&name, &name, LinkKind::Together, 0));
            }
        }
    }

    /// Finds whose an exchange is that shows no credential that was ever accepted. Gives the client where
    /// a token or cookie shows it: a guess is no ground for further ones.
    fn loose(
        &mut self,
        seen: &Sighting<'_>,
        links: &Links,
        found: &mut Vec<Link>,
    ) -> Option<Box<str>> {
        let is_cookie = seen.kind() == Some(EvidenceKind::Cookie);
        let mut owner: Option<Box<str>> = None;
        for giver in self.given.of(seen) {
            match (giver, giver.client(links)) {
                (Giver::Exchange { name, connection, id, .. }, None) if is_cookie => {
                    found.push(seen.just(name, *connection, *id, seen.name, LinkKind::Cookie, 97));
                }
                (_, Some((client, _))) if owner.is_none() => owner = Some(client.into()),
                _ => {}
            }
        }
        if is_cookie && let Some(client) = &owner {
            if links.root(seen.name) == seen.name && **client != *seen.name {
                found.push(seen.lasting(seen.name, client, LinkKind::Cookie, 97));
            }
            self.seats.loose(seen, None, links, found);
            return owner;
        }
        if let Some(client) = owner {
            let own = seen.just(seen.name, seen.connection, seen.id, &client, LinkKind::Token, 95);
            found.push(own);
            return Some(client);
        }
        let root = links.root(seen.name);
        if is_cookie && root != seen.name {
            return Some(root.into());
        }
        let pooled = self.neighbours.is_pooled(seen);
        if pooled || self.seats.loose(seen, None, links, found).is_none() {
            let kin = if pooled { None } else { self.kin.owner(seen, links) };
            let guess = kin.map(|client| (client, LinkKind::Resumption, 85)).or_else(|| {
                let client = self.devices.owner(seen, links)?;
                Some((client, LinkKind::Device, 85))
            });
            let guess = guess.or_else(|| {
                let client = self.neighbours.owner(seen, links).filter(|_| !is_cookie)?;
                Some((client, LinkKind::Address, 65))
            });
            if let Some((client, kind, confidence)) = guess {
                self.seats.loose(seen, Some((&client, kind, confidence)), links, found);
            }
        }
        is_cookie.then(|| seen.name.into())
    }
}

#[cfg(test)]
mod tests;
