//! `[clients."Acme"]` in the configuration: what people call a client, by which names it is known, and
//! what is said of it.

use std::path::Path;

use toml::Value;
use wayside_exchange::{EvidenceKind, Label};

use super::file::CLIENTS;
use crate::report::trouble::Trouble;

const EXAMPLE: &str =
    "[clients.\"Acme\"]\nmatch = [\"key:3f9a1c220b7d\", \"sub:acme-*\"]\nstar = true";

/// The labels in the text of a file that is TOML.
pub(super) fn labels(text: &str, path: &Path) -> Result<Vec<Label>, Trouble> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let Some(value) = table.get(CLIENTS).cloned() else { return Ok(Vec::new()) };
    let Value::Table(clients) = value else {
        return Err(wrong("clients", path, "it is a table of clients"));
    };
    clients.into_iter().map(|(name, value)| label(name, value, path)).collect()
}

fn label(name: String, value: Value, path: &Path) -> Result<Label, Trouble> {
    let place = format!("clients.\"{name}\"");
    let Value::Table(table) = value else { return Err(wrong(&place, path, "it is a table")) };
    if name.trim().is_empty() {
        return Err(wrong(&place, path, "a client needs a name"));
    }
    let mut label = Label { name, ..Label::default() };
    for (key, value) in table {
        match (key.as_str(), value) {
            ("match", value) => label.matching = matching(value, &place, path)?,
            ("star", Value::Boolean(star)) => label.star = star,
            ("group", Value::String(group)) => label.group = Some(group),
            ("star" | "group", _) => {
                return Err(wrong(&place, path, "`star` is true or false, `group` a text"));
            }
            _ => {
                let reason = format!("there is no `{key}`, only `match`, `star` and `group`");
                return Err(wrong(&place, path, &reason));
            }
        }
    }
    if label.matching.is_empty() {
        return Err(wrong(&place, path, "`match` says by which names it is known"));
    }
    Ok(label)
}

fn matching(value: Value, place: &str, path: &Path) -> Result<Vec<String>, Trouble> {
    let several = match value {
        Value::Array(several) => several,
        one => vec![one],
    };
    let read = |value: Value| {
        let Value::String(text) = value else {
            return Err(wrong(place, path, "`match` is a list of names"));
        };
        spelled(&text).ok_or_else(|| {
            let reason = format!("`{text}` does not begin with `key:`, `bearer:` or the like");
            wrong(place, path, &reason)
        })
    };
    several.into_iter().map(read).collect()
}

/// A name as the recording has it: claims stand for the tokens that they came in, users for their log-in.
fn spelled(text: &str) -> Option<String> {
    let (kind, token) = text.split_once(':')?;
    let kind = match kind {
        "sub" | "client_id" | "azp" | "token" => "bearer",
        "user" => "basic",
        "addr" => "addr",
        known => {
            let is_known = |kind: &EvidenceKind| kind.names_a_client() && kind.as_str() == known;
            EvidenceKind::ALL.iter().any(is_known).then_some(known)?
        }
    };
    Some(format!("{kind}:{token}"))
}

fn wrong(place: &str, path: &Path, reason: &str) -> Trouble {
    Trouble::misused(format!("wrong value in `{place}` in `{}`", path.display()))
        .cause(reason.to_owned())
        .hint(format!("write it as\n{EXAMPLE}"))
}
