//! Who calls: a thousand clients, the n-th with about one n-th of the first one's share, each in
//! sessions with idle gaps between them.

use wayside_examples::chance::Chance;
use wayside_exchange::{Micros, SessionId, Timestamp};

/// How many there are.
pub const CLIENTS: u64 = 1000;
/// Sessions of the busiest client in a month.
const SESSIONS: f64 = 400.0;
/// Exchanges in one of its sessions.
const LENGTH: f64 = 320.0;
const MONTH: f64 = 30.0 * 86_400e6;
/// More than the idle limit at which a recorder begins a new session.
const LEAST_GAP: u64 = 31 * 60_000_000;

/// One client and what it does next.
#[derive(Clone, Debug)]
pub struct Client {
    /// From 0, the busiest.
    pub rank: u64,
    /// Its session; none before the first exchange of the next one.
    pub session: Option<SessionId>,
    /// Its connection.
    pub connection: u64,
    /// Exchanges that its session still has.
    left: u64,
}

impl Client {
    /// The client of this rank, and when it begins.
    pub fn new(rank: u64, begin: Timestamp, chance: &mut Chance) -> (Self, Timestamp) {
        let client = Self { rank, session: None, connection: 0, left: 0 };
        let first = chance.number() % client.gap() as u64;
        (client, begin.plus(Micros(first)))
    }

    /// How it is called.
    pub fn name(&self) -> String {
        format!("key:client-{:04}", self.rank)
    }

    /// Begins a session where none is under way.
    pub fn enter(&mut self, id: SessionId, connection: u64, chance: &mut Chance) -> SessionId {
        if let Some(session) = self.session {
            return session;
        }
        let most = (2.0 * LENGTH / self.share()) as u64;
        self.left = chance.between(1, most.max(1));
        self.connection = connection;
        *self.session.insert(id)
    }

    /// When its next exchange starts, after one at `at`.
    pub fn next(&mut self, at: Timestamp, chance: &mut Chance) -> Timestamp {
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return at.plus(Micros(chance.between(50_000, 4_000_000)));
        }
        self.session = None;
        let most = 2 * self.gap() as u64;
        at.plus(Micros(chance.between(LEAST_GAP, most.max(LEAST_GAP))))
    }

    /// The average time between two sessions, in microseconds.
    fn gap(&self) -> f64 {
        MONTH / (SESSIONS / self.share())
    }

    /// Number and length of its sessions shrink by the same factor.
    fn share(&self) -> f64 {
        ((self.rank + 1) as f64).sqrt()
    }
}
