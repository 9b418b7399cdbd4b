//! Places exchanges in sessions: one client's exchanges with no gap beyond the idle limit.
//!
//! Exchanges may come out of order. Memory is bounded: when there are too many clients, those idle
//! for longest are forgotten, and begin a new session should they come back.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use wayside_exchange::{ExchangeId, Micros, SessionId, Timestamp};

/// The sessions that may still grow.
#[derive(Debug)]
pub struct Sessions {
    idle: Micros,
    limit: usize,
    clients: HashMap<Box<str>, Recent, RandomState>,
}

/// A client's newest session and the one before it, for what arrives late.
#[derive(Clone, Copy, Debug)]
struct Recent {
    newest: Span,
    before: Option<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    session: SessionId,
    from: Timestamp,
    to: Timestamp,
}

impl Sessions {
    /// Half an hour.
    pub const IDLE: Micros = Micros(30 * 60 * 1_000_000);
    /// How many clients are remembered.
    pub const CLIENTS: usize = 65_536;

    /// No session yet; a gap longer than `idle` ends one.
    pub fn new(idle: Micros) -> Self {
        Self::with_limit(idle, Self::CLIENTS)
    }

    /// As [`Sessions::new`], remembering at most `limit` clients (at least one).
    pub fn with_limit(idle: Micros, limit: usize) -> Self {
        Self { idle, limit: limit.max(1), clients: HashMap::default() }
    }

    /// The session of exchange `id`, which `client` started at `started_at`: the one it falls into,
    /// else a new one named after it.
    pub fn place(&mut self, client: &str, id: ExchangeId, started_at: Timestamp) -> SessionId {
        self.settle(client, SessionId(id), started_at)
    }

    /// Takes up a stored exchange after a restart: `client` was in `session` at `at`. In any order.
    pub fn seed(&mut self, client: &str, session: SessionId, at: Timestamp) {
        let idle = self.idle;
        if let Some(recent) = self.clients.get_mut(client) {
            for span in [Some(&mut recent.newest), recent.before.as_mut()].into_iter().flatten() {
                if span.session == session {
                    span.widen(at);
                    return;
                }
            }
            let span = Span { session, from: at, to: at };
            if span.from > recent.newest.to.plus(idle) || session > recent.newest.session {
                recent.before = Some(std::mem::replace(&mut recent.newest, span));
            } else if recent.before.is_none_or(|before| before.session < session) {
                recent.before = Some(span);
            }
            return;
        }
        self.settle(client, session, at);
    }

    /// Exchanges of `name` turned out to be those of `client`, who has no session yet: theirs is its own.
    pub fn adopt(&mut self, name: &str, client: &str) {
        if self.clients.contains_key(client) {
            return;
        }
        let Some(&Recent { newest, .. }) = self.clients.get(name) else { return };
        if self.clients.len() >= self.limit {
            self.forget_the_idle();
        }
        self.clients.insert(client.into(), Recent { newest, before: None });
    }

    /// An exchange of `client` went on until `at`: its session is not idle before that.
    pub fn touch(&mut self, client: &str, session: SessionId, at: Timestamp) {
        if let Some(recent) = self.clients.get_mut(client) {
            if recent.newest.session == session {
                recent.newest.widen(at);
            } else if let Some(before) = recent.before.as_mut().filter(|s| s.session == session) {
                before.widen(at);
            }
        }
    }

    /// How many clients are remembered.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    fn settle(&mut self, client: &str, name: SessionId, at: Timestamp) -> SessionId {
        let fresh = Span { session: name, from: at, to: at };
        let Some(recent) = self.clients.get_mut(client) else {
            if self.clients.len() >= self.limit {
                self.forget_the_idle();
            }
            self.clients.insert(client.into(), Recent { newest: fresh, before: None });
            return name;
        };
        if recent.newest.reaches(at, self.idle) {
            recent.newest.widen(at);
            return recent.newest.session;
        }
        if at > recent.newest.to {
            recent.before = Some(std::mem::replace(&mut recent.newest, fresh));
            return name;
        }
        match recent.before.as_mut() {
            Some(before) if before.reaches(at, self.idle) => {
                before.widen(at);
                before.session
            }
            Some(before) if at < before.from => name,
            _ => {
                recent.before = Some(fresh);
                name
            }
        }
    }

    /// Makes room for an eighth of the limit at once, so that a flood of clients costs each of them
    /// a constant share.
    fn forget_the_idle(&mut self) {
        let mut ends: Vec<Timestamp> =
            self.clients.values().map(|recent| recent.newest.to).collect();
        let room = (self.limit / 8).min(ends.len().saturating_sub(1));
        let (_, &mut longest, _) = ends.select_nth_unstable(room);
        let mut to_go = room + 1;
        self.clients.retain(|_, recent| {
            let goes = to_go > 0 && recent.newest.to <= longest;
            to_go -= usize::from(goes);
            !goes
        });
    }
}

impl Span {
    fn reaches(&self, at: Timestamp, idle: Micros) -> bool {
        at >= self.from.minus(idle) && at <= self.to.plus(idle)
    }

    fn widen(&mut self, at: Timestamp) {
        self.from = self.from.min(at);
        self.to = self.to.max(at);
    }
}

#[cfg(test)]
mod tests;
