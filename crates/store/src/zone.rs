//! What a block can be told to lack without reading it: the zone map that filters prune by.
//!
//! Times, statuses and latency stand in the block's own header. Clients, sessions and routes are
//! sets of 32-bit hashes; a collision costs reading a block in vain, never a wrong answer.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::sync::Arc;

use foldhash::fast::RandomState;
use wayside_exchange::filter::Zone;
use wayside_exchange::{ExchangeId, Micros, SessionId, Summary, Timestamp};

use crate::catalogue::Group;
use crate::codec::{Take, put};
use crate::index::Index;
use crate::text::hints::GroupTexts;

/// A set larger than this says nothing and is not kept.
const MOST: usize = 256;

/// The clients, sessions and routes of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ZoneSets {
    clients: Hashes,
    sessions: Hashes,
    routes: Hashes,
}

/// Sorted hashes; none when there are too many to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hashes(Option<Box<[u32]>>);

/// Collects the sets of one block, then of the next.
#[derive(Debug, Default)]
pub(crate) struct ZoneBuilder {
    clients: HashSet<u32, RandomState>,
    sessions: HashSet<u32, RandomState>,
    routes: HashSet<u32, RandomState>,
}

/// A block as a filter sees it.
pub(crate) struct BlockZone<'a> {
    pub(crate) group: &'a Group,
    pub(crate) sets: GroupSets<'a>,
    pub(crate) texts: GroupTexts<'a>,
    /// Under which names a client may stand; none where that is its own.
    pub(crate) names: Option<&'a ClientNamed<'a>>,
}

/// What the index says of a group, looked up when it is first asked for.
pub(crate) struct GroupSets<'a> {
    index: Option<&'a Index>,
    group: &'a Group,
    known: OnceCell<Option<ZoneSets>>,
}

/// The names of a client; none where they may be any.
pub(crate) type ClientNamed<'a> = dyn Fn(&str) -> Option<Arc<[String]>> + 'a;

impl ZoneBuilder {
    /// Adds a row.
    pub(crate) fn add(&mut self, row: &Summary) {
        for (set, hash) in [
            (&mut self.clients, hash(row.client.as_bytes())),
            (&mut self.sessions, hash_of_session(row.session)),
            (&mut self.routes, hash(row.route.as_bytes())),
        ] {
            if set.len() <= MOST {
                set.insert(hash);
            }
        }
    }

    /// The sets of the rows since the last call.
    pub(crate) fn take(&mut self) -> ZoneSets {
        let sets = ZoneSets {
            clients: Hashes::of(&self.clients),
            sessions: Hashes::of(&self.sessions),
            routes: Hashes::of(&self.routes),
        };
        self.clients.clear();
        self.sessions.clear();
        self.routes.clear();
        sets
    }
}

impl<'a> GroupSets<'a> {
    /// Of a group of a log beside which there is this index.
    pub(crate) fn of(index: Option<&'a Index>, group: &'a Group) -> Self {
        Self { index, group, known: OnceCell::new() }
    }

    /// Whether one of the sets may have what is looked for; any may of which nothing is known.
    fn may_have(&self, which: impl Fn(&ZoneSets) -> &Hashes, hash: u32) -> bool {
        let known = self.known.get_or_init(|| self.index?.zone(self.group));
        known.as_ref().is_none_or(|sets| which(sets).may_have(hash))
    }
}

impl ZoneSets {
    /// Appends the sets to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for Hashes(set) in [&self.clients, &self.sessions, &self.routes] {
            let Some(set) = set else {
                put(out, 0);
                continue;
            };
            put(out, set.len() as u64 + 1);
            for hash in set {
                out.extend_from_slice(&hash.to_le_bytes());
            }
        }
    }

    /// Reads the sets back.
    pub(crate) fn decode(take: &mut Take<'_>) -> Option<Self> {
        Some(Self {
            clients: Hashes::decode(take)?,
            sessions: Hashes::decode(take)?,
            routes: Hashes::decode(take)?,
        })
    }
}

impl Hashes {
    fn of(set: &HashSet<u32, RandomState>) -> Self {
        if set.len() > MOST {
            return Self(None);
        }
        let mut hashes: Box<[u32]> = set.iter().copied().collect();
        hashes.sort_unstable();
        Self(Some(hashes))
    }

    fn decode(take: &mut Take<'_>) -> Option<Self> {
        let Some(len) = take.number()?.checked_sub(1) else { return Some(Self(None)) };
        if len > MOST as u64 {
            return None;
        }
        (0..len).map(|_| take.u32()).collect::<Option<Box<[u32]>>>().map(|set| Self(Some(set)))
    }

    fn may_have(&self, hash: u32) -> bool {
        self.0.as_ref().is_none_or(|set| set.binary_search(&hash).is_ok())
    }
}

impl Zone for BlockZone<'_> {
    fn ids(&self) -> (ExchangeId, ExchangeId) {
        (ExchangeId(self.group.first), ExchangeId(self.group.last))
    }

    fn times(&self) -> (Timestamp, Timestamp) {
        (Timestamp(self.group.earliest), Timestamp(self.group.latest))
    }

    fn may_have_status(&self, class: u8) -> bool {
        class > 7 || self.group.statuses & (1 << class) != 0
    }

    fn longest_latency(&self) -> Micros {
        match self.group.longest {
            u32::MAX => Micros(u64::MAX),
            longest => Micros(u64::from(longest)),
        }
    }

    fn may_have_client(&self, client: &str) -> bool {
        let may_have =
            |client: &str| self.sets.may_have(|sets| &sets.clients, hash(client.as_bytes()));
        match self.names {
            None => may_have(client),
            Some(names) => names(client).is_none_or(|names| {
                names.iter().any(|name| may_have(name) && self.texts.may_have(name))
            }),
        }
    }

    fn has_links(&self) -> bool {
        self.names.is_some()
    }

    fn may_have_session(&self, session: SessionId) -> bool {
        self.sets.may_have(|sets| &sets.sessions, hash_of_session(session))
    }

    fn may_have_route(&self, route: &str) -> bool {
        self.sets.may_have(|sets| &sets.routes, hash(route.as_bytes()))
    }

    fn may_have_text(&self, text: &str) -> bool {
        self.texts.may_have(text)
    }
}

/// The bit of a status in a block's header; 0 for none, and for what is outside of 100 to 599.
pub(crate) fn status_bit(status: Option<u16>) -> u8 {
    match status.map(|status| status / 100) {
        Some(class @ 1..=5) => 1 << class,
        // A class that HTTP does not have must not be pruned away.
        Some(_) => 0xff,
        None => 1,
    }
}

fn hash(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

fn hash_of_session(session: SessionId) -> u32 {
    hash(&session.0.0.to_le_bytes())
}
