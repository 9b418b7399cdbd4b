//! Made-up traffic of which it is known whose each exchange is: clients that lose, mistype, renew and
//! rotate their credentials, behind addresses and proxies that they share.

mod callers;

use std::collections::HashMap;

use wayside_examples::chance::Chance;
use wayside_exchange::{Evidence, EvidenceKind, ExchangeId, Links, Timestamp};
use wayside_identity::{Sighting, Stitcher};

/// Microseconds in a second.
const SECOND: u64 = 1_000_000;
const BEGIN: u64 = 1_790_812_800 * SECOND;

/// One exchange, as stitching sees it, and whose it is.
#[derive(Clone, Debug)]
pub struct Event {
    /// Microseconds since 1970.
    pub at: u64,
    /// Whose it is.
    pub client: u32,
    /// The connection.
    pub connection: u64,
    /// The one whose TLS session it goes on with.
    pub resumed: Option<u64>,
    /// What it shows, strongest first.
    pub evidence: Vec<Evidence>,
    /// The user agent.
    pub agent: u64,
    /// How it was answered.
    pub status: u16,
}

/// How clients come by their credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Servers with an API key that is mistyped, forgotten and rotated.
    Keys,
    /// Phones with tokens that expire and are renewed, and addresses that change.
    Tokens,
    /// Signed tokens that name their user, expired now and then.
    Claims,
    /// Browsers with session cookies that change at the login.
    Cookies,
    /// Scripts with a connection for each request, and some of them without the key.
    Scripts,
    /// Offices: several clients with the same programme at one address.
    Offices,
    /// Proxies: many clients on the same few connections.
    Proxies,
    /// Two people who take turns with one device.
    Tablets,
    /// Clients without any credential.
    Nameless,
    /// Two at one address with one programme: one with a key, one that needs none.
    Neighbours,
    /// Scripts with a connection for each request, which resume their TLS session.
    Resumers,
    /// Proxies that resume one session for all their clients, with a connection for each request.
    Relays,
    /// Two at one address with one user agent and other TLS libraries, one of them always refused.
    Strangers,
}

impl Habit {
    /// All of them.
    pub const ALL: [Habit; 13] = [
        Habit::Keys,
        Habit::Tokens,
        Habit::Claims,
        Habit::Cookies,
        Habit::Scripts,
        Habit::Offices,
        Habit::Proxies,
        Habit::Tablets,
        Habit::Nameless,
        Habit::Neighbours,
        Habit::Resumers,
        Habit::Relays,
        Habit::Strangers,
    ];

    /// What it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Habit::Keys => "API keys, mistyped, forgotten and rotated",
            Habit::Tokens => "phones, tokens renewed every 15 min",
            Habit::Claims => "signed tokens, expired now and then",
            Habit::Cookies => "browsers, cookies changed at login",
            Habit::Scripts => "scripts, a connection for each request",
            Habit::Offices => "offices, six clients at one address",
            Habit::Proxies => "proxies, clients on shared connections",
            Habit::Tablets => "tablets that two people share",
            Habit::Nameless => "no credentials at all",
            Habit::Neighbours => "neighbours, one of them without a key",
            Habit::Resumers => "scripts that resume their TLS session",
            Habit::Relays => "proxies that resume one for all",
            Habit::Strangers => "neighbours with other TLS libraries",
        }
    }
}

/// How many exchanges went to whom they belong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// All of them.
    pub exchanges: u64,
    /// Those that were given to some client.
    pub given: u64,
    /// Those that were given to the right one.
    pub right: u64,
}

impl Score {
    /// Of those that were given to a client, the share that is its own.
    pub fn precision(&self) -> f64 {
        self.right as f64 / self.given.max(1) as f64
    }

    /// Of all, the share that its client was given.
    pub fn recall(&self) -> f64 {
        self.right as f64 / self.exchanges.max(1) as f64
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Score) -> Score {
        Score {
            exchanges: self.exchanges + other.exchanges,
            given: self.given + other.given,
            right: self.right + other.right,
        }
    }
}

/// The traffic of some hours of `clients` clients (or a few more) of one habit, in order.
pub fn traffic(habit: Habit, clients: u32, hours: u64, seed: u64) -> Vec<Event> {
    let mut world = World { chance: Chance::new(seed), events: Vec::new(), clients: 0, sockets: 0 };
    callers::of(habit, clients, hours * 3600 * SECOND, &mut world);
    let World { mut events, .. } = world;
    events.sort_by_key(|event| event.at);
    events
}

/// The name that each exchange's own evidence gives: an API key, else a token, else the address.
pub fn naive(events: &[Event]) -> Vec<String> {
    events.iter().map(own_name).collect()
}

/// The names that stitching gives, once it has seen all.
pub fn stitched(events: &[Event]) -> (Vec<String>, Links) {
    let (mut stitcher, mut links) = (Stitcher::default(), Links::default());
    for event in events {
        let name = own_name(event);
        let seen = Sighting {
            id: ExchangeId(event.at),
            at: Timestamp(event.at as i64),
            connection: event.connection,
            resumed: event.resumed,
            name: &name,
            evidence: &event.evidence,
            agent: event.agent,
            status: Some(event.status),
            relayed: false,
        };
        for link in stitcher.see(&seen, &links) {
            links.add(&link);
        }
    }
    let client = |event: &Event| {
        let name = own_name(event);
        links.client_of(&name, event.connection, ExchangeId(event.at)).to_owned()
    };
    (events.iter().map(client).collect(), links)
}

/// Compares names with the truth. A name is the client's of whom it has most, where that client has
/// most of its exchanges under that name; what stands under other names was given to nobody.
pub fn score(events: &[Event], names: &[String]) -> Score {
    let mut counts: HashMap<(&str, u32), u64> = HashMap::new();
    for (event, name) in events.iter().zip(names) {
        *counts.entry((name, event.client)).or_default() += 1;
    }
    let mut of_client: HashMap<u32, (u64, &str)> = HashMap::new();
    let mut of_name: HashMap<&str, (u64, u32)> = HashMap::new();
    for (&(name, client), &count) in &counts {
        let best = of_client.entry(client).or_insert((0, name));
        *best = (*best).max((count, name));
        let best = of_name.entry(name).or_insert((0, client));
        *best = (*best).max((count, client));
    }
    let mut score = Score { exchanges: events.len() as u64, ..Score::default() };
    for ((name, client), count) in counts {
        let Some((_, most)) = of_name.get(name) else { continue };
        if of_client.get(most).is_some_and(|(_, home)| *home == name) {
            score.given += count;
            score.right += if *most == client { count } else { 0 };
        }
    }
    score
}

fn own_name(event: &Event) -> String {
    event.evidence.first().map(ToString::to_string).unwrap_or_default()
}

/// What the callers of one habit share.
struct World {
    chance: Chance,
    events: Vec<Event>,
    clients: u32,
    sockets: u64,
}

impl World {
    fn client(&mut self) -> u32 {
        self.clients += 1;
        self.clients
    }

    fn socket(&mut self) -> u64 {
        self.sockets += 1;
        self.sockets
    }

    /// The fingerprint of a secret that nobody else has.
    fn secret(&mut self) -> String {
        format!("{:012x}", self.chance.number() >> 16)
    }

    fn address(&mut self) -> String {
        let number = self.chance.number();
        format!("10.{}.{}.{}", number >> 8 & 255, number >> 16 & 255, number >> 24 & 255)
    }
}

fn piece(kind: EvidenceKind, token: &str) -> Evidence {
    Evidence { kind, token: token.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over all habits, and for each: precision, then recall.
    #[test]
    fn exchanges_go_to_their_clients_however_these_lose_their_credentials() {
        let mut all = Score::default();
        for habit in Habit::ALL {
            let events = traffic(habit, 30, 6, 11);
            let found = score(&events, &stitched(&events).0);
            assert!(found.precision() >= 0.98, "{habit:?}: {found:?}");
            assert!(found.recall() >= 0.90, "{habit:?}: {found:?}");
            all = all.plus(found);
        }
        assert!(all.precision() >= 0.99, "{all:?}: {}", all.precision());
        assert!(all.recall() >= 0.95, "{all:?}: {}", all.recall());
    }

    #[test]
    fn clients_on_shared_connections_and_addresses_stay_apart() {
        for habit in [Habit::Proxies, Habit::Offices, Habit::Tablets, Habit::Relays] {
            let events = traffic(habit, 60, 6, 3);
            let (names, _) = stitched(&events);
            let mut owners: HashMap<&str, u32> = HashMap::new();
            for (event, name) in events.iter().zip(&names) {
                let strong = !name.starts_with("addr:") && !name.starts_with("cookie:");
                if strong && event.status == 200 {
                    let owner = *owners.entry(name).or_insert(event.client);
                    assert_eq!(owner, event.client, "{habit:?}: two clients are `{name}`");
                }
            }
        }
    }
}
