//! Contrasts in plain sentences.

use wayside_exchange::view::{Reason, Share};

use super::contrast::{Contrast, Side};
use super::traits::{Aspect, Feature, Table};
use crate::verdict::words::percent;

/// The contrast as it is told.
pub(super) fn reason(
    table: &Table<'_>,
    one: &Contrast,
    also: Vec<String>,
    words: &str,
    side: Side,
) -> Reason {
    let (name, lacks) =
        table.name(one.quality).map_or((None, false), |(name, lacks)| (Some(name), lacks));
    let what = name.map(|name| phrase(name, lacks)).unwrap_or_default();
    let (share, expected) = (percent(one.share), percent(one.expected));
    let sentence = match side {
        Side::Own => format!(
            "{share} of its {words} {what}, {expected} of its other ones on the same routes"
        ),
        Side::Peers => {
            let others = match one.peers {
                1 => "the one other client".to_owned(),
                peers => format!("{peers} other clients"),
            };
            format!(
                "{share} of its {words} {what}, {expected} of those of {others} on the same routes"
            )
        }
    };
    Reason {
        among: match side {
            Side::Own => "own",
            Side::Peers => "peers",
        }
        .to_owned(),
        aspect: name.map_or("", |name| aspect(name.aspect)).to_owned(),
        name: name.map(|name| name.name.clone()).unwrap_or_default(),
        value: name.and_then(|name| name.value.clone()),
        lacks,
        sentence,
        with: Share { count: one.with.0 as u64, of: one.with.1 as u64 },
        against: Share { count: one.against.0 as u64, of: one.against.1 as u64 },
        lift: one.lift(),
        confidence: (1.0 - one.chance).clamp(0.0, 0.9999),
        also,
    }
}

/// A trait in a few words, as in a list.
pub(super) fn of(name: Option<(&Feature, bool)>) -> String {
    name.map(|(name, lacks)| phrase(name, lacks)).unwrap_or_default()
}

/// A trait as what requests do.
fn phrase(Feature { aspect, name, value }: &Feature, lacks: bool) -> String {
    let verb = |has: &str, lacks_it: &str| if lacks { lacks_it.to_owned() } else { has.to_owned() };
    match (aspect, value) {
        (Aspect::Body, Some(value)) if name.is_empty() => format!("have a body of {value} JSON"),
        (Aspect::Body, Some(value)) => format!("have `{name}` in the body as {value}"),
        (Aspect::Body, None) => format!("{} `{name}` in the body", verb("have", "have no")),
        (Aspect::Query, Some(value)) => format!("ask with `{name}={value}`"),
        (Aspect::Query, None) => format!("ask {} `{name}`", verb("with", "without")),
        (Aspect::Header, Some(value)) => format!("have the header `{name}: {value}`"),
        (Aspect::Header, None) => format!("have {} header `{name}`", verb("the", "no")),
        (Aspect::PageSize, _) => format!("ask for pages of {name} and more"),
        (Aspect::RequestSize, _) => format!("send {name} and more"),
        (Aspect::ResponseSize, _) => format!("are answered with {name} and more"),
        (Aspect::Connection, _) => "are the first on their connection".to_owned(),
        (Aspect::HttpVersion, _) => format!("come by {name}"),
        (Aspect::Hour, _) => format!("come between {name}:00 and {name}:59 UTC"),
    }
}

/// As `aspect` in JSON.
fn aspect(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Body => "body",
        Aspect::Query => "query",
        Aspect::PageSize => "page_size",
        Aspect::Header => "header",
        Aspect::RequestSize => "request_size",
        Aspect::Connection => "connection",
        Aspect::HttpVersion => "http_version",
        Aspect::Hour => "hour",
        Aspect::ResponseSize => "response_size",
    }
}
