//! A history: exchanges one after the other, the same for the same seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use wayside_examples::chance::Chance;
use wayside_exchange::{ExchangeId, ExchangeIds, SessionId, Timestamp};

use crate::client::{CLIENTS, Client};
use crate::exchange::{MadeUp, Maker};

/// 2026-10-01T00:00:00Z.
const BEGIN: Timestamp = Timestamp(1_790_812_800_000_000);
const SEED: u64 = 20_261_001;

/// Exchanges in the order of their starts, without end.
pub struct History {
    chance: Chance,
    maker: Maker,
    ids: ExchangeIds,
    clients: Vec<Client>,
    /// Who comes next, and when.
    coming: BinaryHeap<Reverse<(Timestamp, usize)>>,
    connections: u64,
    /// The exchange, counted from 0, whose body holds the rare word.
    rare: u64,
    made: u64,
}

impl History {
    /// A history in which the exchange number `rare` holds the rare word.
    pub fn new(rare: u64) -> Self {
        let mut chance = Chance::new(SEED);
        let (mut clients, mut coming) = (Vec::new(), BinaryHeap::new());
        for rank in 0..CLIENTS {
            let (client, at) = Client::new(rank, BEGIN, &mut chance);
            coming.push(Reverse((at, clients.len())));
            clients.push(client);
        }
        let maker = Maker::new(&mut chance);
        let ids = ExchangeIds::new(0, ExchangeId(0));
        Self { chance, maker, ids, clients, coming, connections: 0, rare, made: 0 }
    }

    /// The next exchange; its buffers serve the one after it.
    pub fn advance(&mut self) -> Option<&MadeUp> {
        let Reverse((at, n)) = self.coming.pop()?;
        let client = self.clients.get_mut(n)?;
        let id = self.ids.next(at);
        if client.session.is_none() {
            self.connections += 1;
        }
        let session = client.enter(SessionId(id), self.connections, &mut self.chance);
        let rare = self.made == self.rare;
        self.maker.make(client, (id, at, session), rare, &mut self.chance);
        let next = client.next(at, &mut self.chance);
        self.coming.push(Reverse((next, n)));
        self.made += 1;
        Some(self.maker.made())
    }
}
