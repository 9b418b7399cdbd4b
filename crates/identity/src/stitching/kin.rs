//! Connections that go on with one TLS session: they are of one TLS client, and so of one client, unless
//! several firm credentials were seen on them. Then a proxy's or a browser's sessions are shared.

use wayside_exchange::{ExchangeId, Link, LinkKind, Links};

use super::Sighting;
use super::recent::Recent;
use super::seats::{Owner, Refused, Seats};

/// Connections whose first one is remembered.
const CONNECTIONS: usize = 16_384;
/// First connections of a session that was taken up again.
const SESSIONS: usize = 8192;
/// What waits, and what was given on this ground since the client's credential was accepted last: more could
/// not be taken back.
const MOST: usize = 16;

#[derive(Debug)]
pub(super) struct Kin {
    /// The first connection of each one's session.
    first: Recent<u64, u64>,
    /// By that.
    sessions: Recent<u64, Session>,
}

/// The connections of one TLS session.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) owner: Owner,
    pub(super) refused: Refused,
    /// Names without a firm credential, and where they were seen.
    pub(super) waiting: Vec<(u64, Box<str>)>,
    /// Those that were given to the owner.
    pub(super) given: Vec<(u64, Box<str>)>,
}

impl Default for Kin {
    fn default() -> Self {
        Self { first: Recent::of(CONNECTIONS), sessions: Recent::of(SESSIONS) }
    }
}

impl Kin {
    pub(super) fn forgotten(&self) -> u64 {
        self.first.forgotten() + self.sessions.forgotten()
    }

    /// Remembers with whose session the connection goes on. Those that went on with this one may have been
    /// seen first: then what they are known by joins what this one goes on with.
    pub(super) fn meet(
        &mut self,
        seen: &Sighting<'_>,
        links: &Links,
        seats: &mut Seats,
        found: &mut Vec<Link>,
    ) {
        let Some(before) = seen.resumed.filter(|_| seen.connection != 0 && !seen.relayed) else {
            return;
        };
        if self.first.get(&seen.connection).is_some() {
            return;
        }
        let first = self.first_of(before);
        if first == seen.connection {
            return;
        }
        self.first.insert(seen.connection, first);
        if self.sessions.get_mut(&first).is_none() {
            self.sessions.insert(first, seats.session(first));
        }
        let later = self.sessions.take(&seen.connection);
        if let (Some(later), Some(session)) = (later, self.sessions.get_mut(&first)) {
            session.join(later, seen, links, seats, found);
        }
    }

    /// The first connection of the session, as far as it is known.
    fn first_of(&self, connection: u64) -> u64 {
        let mut first = connection;
        while let Some(&before) = self.first.get(&first) {
            first = before;
        }
        first
    }

    fn session(&mut self, connection: u64) -> Option<&mut Session> {
        let first = self.first_of(connection);
        self.sessions.get_mut(&first)
    }

    /// The client uses the session.
    pub(super) fn firm(
        &mut self,
        seen: &Sighting<'_>,
        owner: &str,
        links: &Links,
        seats: &mut Seats,
        found: &mut Vec<Link>,
    ) {
        if seen.relayed {
            return;
        }
        let Some(session) = self.session(seen.connection) else { return };
        session.refused.hear(seen);
        if session.is_of(owner, links) {
            if seen.is_accepted() {
                session.given.clear();
            }
        } else {
            session.used_by(owner, seen, seats, found);
        }
    }

    /// The one client of the session on which `seen` shows nothing firm.
    pub(super) fn owner(&mut self, seen: &Sighting<'_>, links: &Links) -> Option<Box<str>> {
        if seen.relayed {
            return None;
        }
        let session = self.session(seen.connection)?;
        let place = (seen.connection, seen.name.into());
        match &session.owner {
            Owner::One(owner) => {
                let is_new = !session.given.contains(&place);
                if is_new && session.given.len() >= MOST {
                    return None;
                }
                let owner = links.root(owner).into();
                session.given.extend(is_new.then_some(place));
                Some(owner)
            }
            Owner::Nobody if session.waiting.len() < MOST && !session.waiting.contains(&place) => {
                session.waiting.push(place);
                None
            }
            _ => None,
        }
    }

    /// The credential of the session's one client, when it was refused last.
    pub(super) fn refused(&mut self, connection: u64) -> Option<Box<str>> {
        let session = self.session(connection)?;
        session.refused.of(&session.owner)
    }

    /// More than one client turned out to use the session.
    pub(super) fn shared(&mut self, connection: u64) {
        if let Some(session) = self.session(connection) {
            session.owner = Owner::Several;
        }
    }
}

impl Session {
    fn is_of(&self, client: &str, links: &Links) -> bool {
        matches!(&self.owner, Owner::One(one) if links.root(one) == client || **one == *client)
    }

    /// A client uses it who is not known to.
    fn used_by(
        &mut self,
        client: &str,
        seen: &Sighting<'_>,
        seats: &mut Seats,
        found: &mut Vec<Link>,
    ) {
        match self.owner {
            Owner::Nobody => {
                self.owner = Owner::One(client.into());
                self.give(seen, seats, found);
            }
            Owner::One(_) => self.share(seen, seats, found),
            Owner::Several => {}
        }
    }

    /// What waits is its one client's.
    fn give(&mut self, seen: &Sighting<'_>, seats: &mut Seats, found: &mut Vec<Link>) {
        let Owner::One(client) = &self.owner else { return };
        for (connection, name) in std::mem::take(&mut self.waiting) {
            if seats.give(connection, &name) {
                found.push(on(seen, connection, &name, client, 85));
                self.given.push((connection, name));
            }
        }
    }

    /// Several clients use it: nothing is given on its ground.
    fn share(&mut self, seen: &Sighting<'_>, seats: &mut Seats, found: &mut Vec<Link>) {
        self.owner = Owner::Several;
        self.take_back(0, seen, seats, found);
    }

    /// What was given waits again where it was, but for the `kept` that were first.
    fn take_back(
        &mut self,
        kept: usize,
        seen: &Sighting<'_>,
        seats: &mut Seats,
        found: &mut Vec<Link>,
    ) {
        for (connection, name) in self.given.drain(kept.min(self.given.len())..) {
            if seats.take_back(connection, &name) {
                found.push(on(seen, connection, &name, &name, 0));
            }
        }
    }

    /// `later` turned out to go on with this one.
    fn join(
        &mut self,
        later: Session,
        seen: &Sighting<'_>,
        links: &Links,
        seats: &mut Seats,
        found: &mut Vec<Link>,
    ) {
        self.waiting.extend(later.waiting);
        self.given.extend(later.given);
        if !matches!(later.owner, Owner::Nobody) {
            self.refused = later.refused;
        }
        match later.owner {
            Owner::One(client) if !self.is_of(links.root(&client), links) => {
                self.used_by(&client, seen, seats, found);
            }
            Owner::Several => self.share(seen, seats, found),
            Owner::One(_) | Owner::Nobody => {}
        }
        self.give(seen, seats, found);
        self.waiting.truncate(MOST);
        self.take_back(MOST, seen, seats, found);
    }
}

fn on(seen: &Sighting<'_>, connection: u64, name: &str, client: &str, confidence: u8) -> Link {
    Link {
        connection: Some(connection),
        from: ExchangeId(0),
        ..seen.lasting(name, client, LinkKind::Resumption, confidence)
    }
}
