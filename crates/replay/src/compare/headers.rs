//! The header fields that matter. What differs with every answer (dates, request ids, cookies'
//! values, validators) or with every hop says nothing about the backend's behaviour.

use std::collections::BTreeMap;

use serde_json::Value;

use super::short::short;
use super::{Answer, Differences};
use crate::report::{Change, DifferenceKind};

/// Fields that belong to one answer or one hop.
const IGNORED: [&str; 32] = [
    "age",
    "alt-svc",
    "cf-ray",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "nel",
    "proxy-connection",
    "report-to",
    "server-timing",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "traceparent",
    "tracestate",
    "request-id",
    "x-amz-cf-id",
    "x-amz-id-2",
    "x-amz-request-id",
    "x-amzn-requestid",
    "x-amzn-trace-id",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-correlation-id",
    "x-envoy-upstream-service-time",
    "x-request-id",
    "x-response-time",
    "x-runtime",
    "x-trace-id",
];

/// Fields of which it matters only that they are there: their values change with time, deployment
/// or body, and the body is compared by itself.
const PRESENCE: [&str; 9] = [
    "etag",
    "expires",
    "last-modified",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-ratelimit-used",
];

/// Adds what differs between the header fields to `found`.
pub(super) fn compare(recorded: &Answer<'_>, replayed: &Answer<'_>, found: &mut Differences) {
    let (old, new) = (grouped(recorded), grouped(replayed));
    for (name, old) in &old {
        match new.get(name) {
            None => {
                found.add(DifferenceKind::Header, Change::Missing, name, Some(quoted(old)), None);
            }
            Some(new) if old != new => found.add(
                DifferenceKind::Header,
                Change::Changed,
                name,
                Some(quoted(old)),
                Some(quoted(new)),
            ),
            Some(_) => {}
        }
    }
    // Without a body (HEAD) the length says what there would have been; else the body says it.
    if recorded.body.is_empty()
        && replayed.body.is_empty()
        && let Some((old, new)) =
            recorded.first("content-length").zip(replayed.first("content-length"))
        && old != new
    {
        let (old, new) = (Some(quoted(old)), Some(quoted(new)));
        found.add(DifferenceKind::Header, Change::Changed, "content-length", old, new);
    }
    for (name, new) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        found.add(DifferenceKind::Header, Change::Added, name, None, Some(quoted(new)));
    }
}

/// The fields that matter by name in lower case, repeated ones joined (RFC 9110 section 5.3).
fn grouped(answer: &Answer<'_>) -> BTreeMap<String, String> {
    let hop: Vec<String> = answer
        .fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("connection"))
        .flat_map(|(_, value)| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let fields = answer.fields.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let trailers = answer.trailers.iter();
    let trailers = trailers.map(|(name, v)| (format!("trailer {}", name.to_ascii_lowercase()), v));
    let mut grouped: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in fields.chain(trailers) {
        if IGNORED.contains(&name.as_str()) || hop.contains(&name) {
            continue;
        }
        let (name, value) = match name.as_str() {
            // A cookie's value is new with every session; that it is set matters.
            "set-cookie" => {
                let cookie = value.split(['=', ';']).next().unwrap_or_default().trim();
                (format!("cookie {cookie}"), "set".to_owned())
            }
            "location" | "content-location" => {
                let place = local_place(value, &answer.hosts, answer.base_path);
                (name, place)
            }
            _ if PRESENCE.contains(&name.as_str()) => (name, "set".to_owned()),
            _ => (name, value.split(',').map(str::trim).collect::<Vec<_>>().join(", ")),
        };
        if name.starts_with("cookie ") {
            grouped.insert(name, value);
            continue;
        }
        grouped
            .entry(name)
            .and_modify(|all| {
                all.push_str(", ");
                all.push_str(&value);
            })
            .or_insert(value);
    }
    grouped
}

/// A location on the answering host as its path, so that both hosts' ways to say it are equal.
fn local_place(location: &str, hosts: &[String], base_path: &str) -> String {
    let rest = location.strip_prefix("http://").or_else(|| location.strip_prefix("https://"));
    let rest = rest.or_else(|| location.strip_prefix("//"));
    let path = match rest {
        None => location,
        Some(rest) => {
            let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            if !hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
                return location.to_owned();
            }
            path
        }
    };
    let local = path.strip_prefix(base_path).filter(|rest| {
        !base_path.is_empty() && (rest.is_empty() || rest.starts_with(['/', '?', '#']))
    });
    match local.unwrap_or(path) {
        "" => "/".to_owned(),
        local => local.to_owned(),
    }
}

fn quoted(text: &str) -> Value {
    Value::String(short(text))
}
