//! What an exchange can have or lack: headers, parameters, the shape of its body, its size, its hour, its
//! connection. Values are told where a name has few of them; secrets were sealed before they were stored.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher as _;

use serde_json::Value;
use wayside_exchange::{Exchange, ExchangeId, HttpVersion, content};

use super::pick::{Connections, One};
use crate::findings::{Lookup, is_page, is_page_size, parameters};
use crate::tables::FixedState;

/// Names with more different values are only there or not there.
const VALUES: usize = 12;
/// A longer value says nothing to anybody.
const LONGEST: usize = 80;
/// So much of a body is looked at, and so many places in it.
const BODY: usize = 256 * 1024;
const PLACES: usize = 64;
const DEPTH: usize = 4;
const SIZES: [(u64, &str); 4] =
    [(1_000, "1 kB"), (10_000, "10 kB"), (100_000, "100 kB"), (1_000_000, "1 MB")];
const PAGES: [u64; 5] = [50, 100, 200, 500, 1000];
/// Headers that every message has anew, or that say what another trait says.
const LEFT_OUT: [&str; 8] = [
    "host",
    "content-length",
    "date",
    "connection",
    "transfer-encoding",
    "traceparent",
    "tracestate",
    "x-request-id",
];
/// Headers whose values name the client: that it is another one than its peers is no reason.
const WHO: [&str; 6] =
    ["authorization", "cookie", "x-api-key", "proxy-authorization", "x-forwarded-for", "forwarded"];

/// A kind of trait, the more telling ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    Body,
    Query,
    PageSize,
    Header,
    RequestSize,
    Connection,
    HttpVersion,
    Hour,
    ResponseSize,
}

/// A trait.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Feature {
    pub(super) aspect: Aspect,
    pub(super) name: String,
    /// None for being there at all.
    pub(super) value: Option<String>,
}

/// A trait, or the lack of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quality {
    /// Its number in the table.
    pub(super) number: usize,
    pub(super) lacks: bool,
}

/// An exchange that was looked up.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    number: usize,
    pub(super) route: String,
    pub(super) client: String,
}

/// Traits, and who has them.
pub(super) struct Table<'a> {
    connections: &'a Connections,
    known: BTreeMap<ExchangeId, Looked>,
    traits: BTreeMap<Feature, BTreeSet<usize>>,
    telling: Vec<(Feature, BTreeSet<usize>)>,
}

impl<'a> Table<'a> {
    pub(super) fn new(connections: &'a Connections) -> Self {
        Self { connections, known: BTreeMap::new(), traits: BTreeMap::new(), telling: Vec::new() }
    }

    /// Looks an exchange up; none when it is gone.
    pub(super) fn add(&mut self, one: &One, lookup: &mut dyn Lookup) -> Option<Looked> {
        if let Some(known) = self.known.get(&one.id) {
            return Some(known.clone());
        }
        let exchange = lookup.exchange(one.id)?;
        let body = (exchange.request.body.bytes > 0).then(|| lookup.request_body(one.id)).flatten();
        let summary = &exchange.summary;
        let number = self.known.len();
        let first = self.connections.is_first(summary.connection, summary.id);
        for name in names(&exchange, body.as_deref(), first) {
            self.traits.entry(name).or_default().insert(number);
        }
        let looked =
            Looked { number, route: summary.route.clone(), client: summary.client.clone() };
        self.known.insert(one.id, looked.clone());
        Some(looked)
    }

    /// Leaves out the traits that all have, or too few to tell, and values of names that have many.
    pub(super) fn keep_the_telling(&mut self) {
        let mut values: BTreeMap<(Aspect, String), usize> = BTreeMap::new();
        for name in self.traits.keys().filter(|name| name.value.is_some()) {
            *values.entry((name.aspect, name.name.clone())).or_default() += 1;
        }
        let many = |name: &Feature| {
            let known = values.get(&(name.aspect, name.name.clone()));
            name.value.is_some() && known.is_some_and(|count| *count > VALUES)
        };
        let whole = self.known.len();
        self.telling = std::mem::take(&mut self.traits)
            .into_iter()
            .filter(|(name, has)| !many(name) && has.len() >= 3 && has.len() < whole)
            .collect();
        // Of what the same exchanges have, the value says more than the name; the kind of a value in a
        // body says less.
        self.telling.sort_by_key(|(name, _)| {
            let plain = (name.aspect == Aspect::Body) == name.value.is_some();
            (name.aspect, plain, name.clone())
        });
    }

    /// All that can be held against each other.
    pub(super) fn qualities(&self) -> impl Iterator<Item = Quality> {
        let both = self.telling.iter().enumerate().flat_map(|(number, (name, _))| {
            let has = Some(Quality { number, lacks: false });
            // That something has no certain value is no way of asking.
            let lacks = name.value.is_none() && name.can_lack();
            [has, lacks.then_some(Quality { number, lacks: true })]
        });
        both.flatten()
    }

    pub(super) fn has(&self, one: &Looked, quality: Quality) -> bool {
        let has =
            self.telling.get(quality.number).is_some_and(|(_, has)| has.contains(&one.number));
        has != quality.lacks
    }

    /// A hash of which of `all` have it.
    pub(super) fn which<'l>(&self, all: impl Iterator<Item = &'l Looked>, quality: Quality) -> u64 {
        FixedState::default().hash_one(all.map(|one| self.has(one, quality)).collect::<Vec<bool>>())
    }

    /// Whether it is a header by which clients are known: against others that is no reason.
    pub(super) fn is_who(&self, quality: Quality) -> bool {
        self.name(quality).is_some_and(|(name, _)| WHO.contains(&name.name.as_str()))
    }

    /// The trait, and whether it is its lack.
    pub(super) fn name(&self, quality: Quality) -> Option<(&Feature, bool)> {
        self.telling.get(quality.number).map(|(name, _)| (name, quality.lacks))
    }
}

impl Feature {
    fn new(aspect: Aspect, name: impl Into<String>, value: Option<&str>) -> Self {
        Self { aspect, name: name.into(), value: value.map(str::to_owned) }
    }

    fn can_lack(&self) -> bool {
        matches!(self.aspect, Aspect::Body | Aspect::Query | Aspect::Header)
    }
}

fn names(exchange: &Exchange, body: Option<&[u8]>, first: Option<bool>) -> BTreeSet<Feature> {
    let summary = &exchange.summary;
    let mut names = BTreeSet::new();
    for (name, value) in exchange.request.head.fields_as_text() {
        let name = name.to_ascii_lowercase();
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        if !WHO.contains(&name.as_str()) && value.len() <= LONGEST {
            names.insert(Feature::new(Aspect::Header, name.clone(), Some(&value)));
        }
        names.insert(Feature::new(Aspect::Header, name, None));
    }
    for (name, value) in parameters(&summary.target) {
        if is_page_size(name) {
            let size = value.parse().unwrap_or(0);
            for least in PAGES.into_iter().filter(|least| size >= *least) {
                names.insert(Feature::new(Aspect::PageSize, least.to_string(), None));
            }
        }
        // Which page it is differs within any one way of asking.
        if !is_page(name) && value.len() <= LONGEST {
            names.insert(Feature::new(Aspect::Query, name, Some(value)));
        }
        names.insert(Feature::new(Aspect::Query, name, None));
    }
    for (aspect, bytes) in [
        (Aspect::RequestSize, summary.request_bytes),
        (Aspect::ResponseSize, summary.response_bytes),
    ] {
        for (_, size) in SIZES.into_iter().filter(|(least, _)| bytes >= *least) {
            names.insert(Feature::new(aspect, size, None));
        }
    }
    let version = match summary.http_version {
        HttpVersion::Http2 => "HTTP/2",
        HttpVersion::Http11 => "HTTP/1.1",
        HttpVersion::Http10 => "HTTP/1.0",
    };
    names.insert(Feature::new(Aspect::HttpVersion, version, None));
    if let Some(hour) = summary.started_at.to_string().get(11..13) {
        names.insert(Feature::new(Aspect::Hour, hour, None));
    }
    if first == Some(true) {
        names.insert(Feature::new(Aspect::Connection, "new", None));
    }
    names.extend(body.map(|body| shape(exchange, body)).unwrap_or_default());
    names
}

/// The names in a body, with what kind of value stands there.
fn shape(exchange: &Exchange, body: &[u8]) -> Vec<Feature> {
    let field = |name: &str| {
        let value = exchange.request.head.field(name).unwrap_or_default();
        String::from_utf8_lossy(value).to_ascii_lowercase()
    };
    let decoded = content::decode(&field("content-encoding"), body, BODY);
    let Ok(decoded) = decoded.map(|decoded| decoded.bytes) else { return Vec::new() };
    let mut names = Vec::new();
    let kind = field("content-type");
    if kind.contains("json") {
        match serde_json::from_slice::<Value>(&decoded) {
            Ok(value) => walk(&value, "", DEPTH, &mut names),
            // Of a body that was cut, or of a longer one, nothing can be said.
            Err(_) if decoded.len() as u64 == exchange.request.body.bytes => {
                names.push(Feature::new(Aspect::Body, "", Some("malformed")));
            }
            Err(_) => {}
        }
    } else if kind.contains("x-www-form-urlencoded") {
        let text = String::from_utf8_lossy(&decoded);
        let keys = text.split('&').filter_map(|pair| pair.split('=').next());
        names.extend(keys.take(PLACES).map(|key| Feature::new(Aspect::Body, key, None)));
    }
    names
}

fn walk(value: &Value, place: &str, depth: usize, names: &mut Vec<Feature>) {
    if depth == 0 || names.len() >= PLACES {
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                if place.len() > LONGEST {
                    continue;
                }
                names.push(Feature::new(Aspect::Body, place.clone(), None));
                names.push(Feature::new(Aspect::Body, place.clone(), Some(kind(value))));
                walk(value, &place, depth - 1, names);
            }
        }
        // The items of a list are alike.
        Value::Array(items) => {
            if let Some(first) = items.first() {
                walk(first, &format!("{place}[]"), depth - 1, names);
            }
        }
        _ => {}
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(items) if items.is_empty() => "an empty list",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
