//! `[clients."Acme"]` in the configuration: what people call a client, by which names it is known, and
//! what is said of it.

use std::path::Path;

use toml::de::{DeTable, DeValue};
use wayside_exchange::{EvidenceKind, Label};

use super::file::Table;
use crate::report::trouble::Trouble;

const EXAMPLE: &str =
    "[clients.\"Acme\"]\nmatch = [\"key:3f9a1c220b7d\", \"sub:acme-*\"]\nstar = true";

/// The labels in the table of clients.
pub(super) fn labels(clients: &Table<'_>, path: &Path) -> Result<Vec<Label>, Trouble> {
    let Some(clients) = table(clients) else {
        return Err(wrong("clients", path, "it is a table of clients"));
    };
    clients.iter().map(|(name, value)| label(name.get_ref(), value, path)).collect()
}

fn table<'a, 't>(value: &'a Table<'t>) -> Option<&'a DeTable<'t>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

fn label(name: &str, value: &Table<'_>, path: &Path) -> Result<Label, Trouble> {
    let place = format!("clients.\"{name}\"");
    let Some(table) = table(value) else { return Err(wrong(&place, path, "it is a table")) };
    if name.trim().is_empty() {
        return Err(wrong(&place, path, "a client needs a name"));
    }
    let mut label = Label { name: name.to_owned(), ..Label::default() };
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("match", value) => label.matching = matching(value, &place, path)?,
            ("star", DeValue::Boolean(star)) => label.star = *star,
            ("group", DeValue::String(group)) => label.group = Some(group.clone().into_owned()),
            ("star" | "group", _) => {
                return Err(wrong(&place, path, "`star` is true or false, `group` a text"));
            }
            (key, _) => {
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

fn matching(value: &DeValue<'_>, place: &str, path: &Path) -> Result<Vec<String>, Trouble> {
    let several: Vec<&DeValue<'_>> = match value {
        DeValue::Array(several) => several.iter().map(toml::Spanned::get_ref).collect(),
        one => vec![one],
    };
    let read = |value: &DeValue<'_>| {
        let DeValue::String(text) = value else {
            return Err(wrong(place, path, "`match` is a list of names"));
        };
        spelled(text).ok_or_else(|| {
            let reason = format!("`{text}` does not begin with `key:`, `bearer:` or the like");
            wrong(place, path, &reason)
        })
    };
    several.into_iter().map(read).collect()
}

/// A name as the recording has it: claims stand for the tokens that they came in, users for their log-in.
pub(super) fn spelled(text: &str) -> Option<String> {
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
