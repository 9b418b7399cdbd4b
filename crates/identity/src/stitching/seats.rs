//! Who sits on a connection: one client, unless several firm credentials were seen on it, which makes
//! it a proxy's.

use wayside_exchange::{ExchangeId, Link, LinkKind, Links};

use super::Sighting;
use super::kin::Session;
use super::recent::Recent;

/// Connections that are remembered.
const CONNECTIONS: usize = 16_384;
/// Names without a firm credential that are told apart on one connection.
const NAMES: usize = 8;

#[derive(Debug)]
pub(super) struct Seats(Recent<u64, Seat>);

#[derive(Debug, Default)]
struct Seat {
    owner: Owner,
    /// Names that belong to whoever it will be.
    waiting: Vec<Box<str>>,
    /// Names that were linked to the owner.
    linked: Vec<Box<str>>,
    refused: Refused,
}

/// The firm credential that was refused last, until one is accepted.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused(Option<Box<str>>);

impl Refused {
    pub(super) fn hear(&mut self, seen: &Sighting<'_>) {
        if seen.is_refused() {
            self.0 = Some(seen.name.into());
        } else if seen.is_accepted() {
            self.0 = None;
        }
    }

    /// That of the one owner.
    pub(super) fn of(&self, owner: &Owner) -> Option<Box<str>> {
        if matches!(owner, Owner::One(_)) { self.0.clone() } else { None }
    }
}

/// Whose something is.
#[derive(Clone, Debug, Default)]
pub(super) enum Owner {
    #[default]
    Nobody,
    One(Box<str>),
    Several,
}

impl Default for Seats {
    fn default() -> Self {
        Self(Recent::of(CONNECTIONS))
    }
}

impl Seats {
    pub(super) fn forgotten(&self) -> u64 {
        self.0.forgotten()
    }

    /// The client sits here, too. Says whether others do.
    pub(super) fn firm(
        &mut self,
        seen: &Sighting<'_>,
        owner: &str,
        links: &Links,
        found: &mut Vec<Link>,
    ) -> bool {
        if seen.connection == 0 || seen.relayed {
            return false;
        }
        let seat = self.0.of_number(seen.connection);
        seat.refused.hear(seen);
        match &seat.owner {
            Owner::Nobody => {
                seat.owner = Owner::One(owner.into());
                let waiting = std::mem::take(&mut seat.waiting);
                // What was guessed before belongs to this one now.
                let guessed = std::mem::take(&mut seat.linked);
                for name in guessed.into_iter().chain(waiting) {
                    found.push(on(seen, &name, owner, LinkKind::Connection, 90));
                    seat.linked.push(name);
                }
                false
            }
            Owner::One(one) if links.root(one) == owner || **one == *owner => false,
            Owner::One(_) => {
                seat.owner = Owner::Several;
                for name in seat.linked.drain(..) {
                    found.push(on(seen, &name, &name, LinkKind::Connection, 0));
                }
                true
            }
            Owner::Several => false,
        }
    }

    /// The client of a connection on which `seen` shows nothing firm; `guess` where nobody else is it.
    pub(super) fn loose(
        &mut self,
        seen: &Sighting<'_>,
        guess: Option<(&str, LinkKind, u8)>,
        links: &Links,
        found: &mut Vec<Link>,
    ) -> Option<Box<str>> {
        if seen.connection == 0 || seen.relayed {
            return None;
        }
        let seat = self.0.of_number(seen.connection);
        let (owner, kind, confidence) = match (&seat.owner, guess) {
            (Owner::One(owner), _) => (links.root(owner), LinkKind::Connection, 90),
            (Owner::Nobody, Some(guess)) => guess,
            (Owner::Nobody, None) => {
                if !seat.waiting.iter().chain(&seat.linked).any(|name| **name == *seen.name)
                    && seat.waiting.len() < NAMES
                {
                    seat.waiting.push(seen.name.into());
                }
                return None;
            }
            (Owner::Several, _) => return None,
        };
        let owner: Box<str> = owner.into();
        if *owner != *seen.name
            && !seat.linked.iter().any(|name| **name == *seen.name)
            && seat.linked.len() < NAMES
        {
            seat.waiting.retain(|name| **name != *seen.name);
            seat.linked.push(seen.name.into());
            found.push(on(seen, seen.name, &owner, kind, confidence));
        }
        Some(owner)
    }

    /// The credential of the connection's one client, when it was refused last.
    pub(super) fn refused(&mut self, connection: u64) -> Option<Box<str>> {
        let seat = self.0.get_mut(&connection)?;
        seat.refused.of(&seat.owner)
    }

    /// What a session that began on this connection begins with.
    pub(super) fn session(&self, connection: u64) -> Session {
        let Some(seat) = self.0.get(&connection) else { return Session::default() };
        let waiting = seat.waiting.iter().map(|name| (connection, name.clone()));
        Session {
            owner: seat.owner.clone(),
            refused: seat.refused.clone(),
            waiting: waiting.collect(),
            ..Session::default()
        }
    }

    /// A name that waits is given to somebody who does not sit here. Says whether it still waited.
    pub(super) fn give(&mut self, connection: u64, name: &str) -> bool {
        let Some(seat) = self.0.get_mut(&connection) else { return false };
        let waits = seat.waiting.iter().position(|waiting| **waiting == *name);
        let Some(at) = waits.filter(|_| matches!(seat.owner, Owner::Nobody)) else { return false };
        seat.linked.push(seat.waiting.remove(at));
        true
    }

    /// A name that was given to somebody who does not sit here waits again. Says whether it was his.
    pub(super) fn take_back(&mut self, connection: u64, name: &str) -> bool {
        let Some(seat) = self.0.get_mut(&connection) else { return false };
        let linked = seat.linked.iter().position(|linked| **linked == *name);
        let Some(at) = linked.filter(|_| matches!(seat.owner, Owner::Nobody)) else { return false };
        seat.waiting.push(seat.linked.remove(at));
        true
    }

    /// More than one client turned out to sit here.
    pub(super) fn shared(&mut self, connection: u64) {
        if let Some(seat) = self.0.get_mut(&connection) {
            seat.owner = Owner::Several;
        }
    }
}

fn on(seen: &Sighting<'_>, name: &str, client: &str, kind: LinkKind, confidence: u8) -> Link {
    Link {
        connection: Some(seen.connection),
        from: ExchangeId(0),
        ..seen.lasting(name, client, kind, confidence)
    }
}
