//! Two bodies: JSON by field, other text by its first differing line, other bytes by the first
//! differing offset. Content codings are undone on both sides, so that a backend that compresses
//! and one that does not can answer the same.

use serde_json::Value;
use wayside_exchange::content;

use super::short::short;
use super::{Answer, Differences, Kept, json};
use crate::report::{Change, DifferenceKind};

/// The longest decoded body that is compared by field: a parsed one takes several times its size.
const JSON_LIMIT: usize = 16 << 20;
/// How many bytes are quoted from where two bodies part.
const QUOTED_BYTES: usize = 16;

/// Adds what differs between the bodies to `found`.
pub(super) fn compare(
    recorded: &Answer<'_>,
    replayed: &Answer<'_>,
    limit: usize,
    found: &mut Differences,
) {
    let (old, new) = match (&recorded.body, &replayed.body) {
        (Kept::NotWhole, _) | (_, Kept::NotWhole) => return,
        (Kept::Whole(old), Kept::Whole(new)) => (old, new),
        (old, new) => return hashes(old, new, found),
    };
    let (old_codings, new_codings) = (recorded.codings(), replayed.codings());
    if old == new && old_codings == new_codings {
        return;
    }
    let decoded = content::decode(&old_codings, old, limit)
        .ok()
        .zip(content::decode(&new_codings, new, limit).ok())
        .filter(|(old, new)| !old.truncated && !new.truncated);
    let Some((old, new)) = decoded else { return bytes(old, new, found) };
    let (old, new) = (old.bytes.as_slice(), new.bytes.as_slice());
    if old == new {
        return;
    }
    if old.len().max(new.len()) <= JSON_LIMIT
        && let Some((old, new)) = parsed(recorded, old).zip(parsed(replayed, new))
    {
        return json::compare(&old, &new, found);
    }
    let is_text =
        |answer: &Answer<'_>, bytes: &[u8]| content::is_text(answer.first("content-type"), bytes);
    if is_text(recorded, old) && is_text(replayed, new) {
        lines(old, new, found);
    } else {
        bytes(old, new, found);
    }
}

/// The body as JSON, when it says that it is, or looks so and is.
fn parsed(answer: &Answer<'_>, bytes: &[u8]) -> Option<Value> {
    let said = answer.first("content-type").is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind.ends_with("/json") || kind.ends_with("+json")
    });
    let looks = matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
    if said || looks { serde_json::from_slice(bytes).ok() } else { None }
}

fn lines(old: &[u8], new: &[u8], found: &mut Differences) {
    let mut olds = old.split(|&b| b == b'\n');
    let mut news = new.split(|&b| b == b'\n');
    for number in 1_usize.. {
        let (old, new) = (olds.next(), news.next());
        if old == new && old.is_some() {
            continue;
        }
        let quoted = |line: &[u8]| Value::String(short(&String::from_utf8_lossy(line)));
        let change = match (old, new) {
            (Some(_), None) => Change::Missing,
            (None, Some(_)) => Change::Added,
            _ => Change::Changed,
        };
        let at = format!("line {number}");
        return found.add(DifferenceKind::Body, change, &at, old.map(quoted), new.map(quoted));
    }
}

fn bytes(old: &[u8], new: &[u8], found: &mut Differences) {
    let offset = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let at = format!("byte {offset}");
    let (old, new) = (excerpt(old, offset), excerpt(new, offset));
    found.add(DifferenceKind::Body, Change::Changed, &at, Some(old), Some(new));
}

/// Some bytes in hexadecimal from `offset`, and the length of the whole.
fn excerpt(bytes: &[u8], offset: usize) -> Value {
    use std::fmt::Write;
    let mut text = String::new();
    for byte in bytes.iter().skip(offset).take(QUOTED_BYTES) {
        let _ = write!(text, "{byte:02x} ");
    }
    let _ = write!(text, "({} bytes)", bytes.len());
    Value::String(text)
}

fn hashes(old: &Kept, new: &Kept, found: &mut Differences) {
    let (old, new) = (old.sha256(), new.sha256());
    if old != new {
        found.add(
            DifferenceKind::Body,
            Change::Changed,
            "sha256",
            old.map(Value::String),
            new.map(Value::String),
        );
    }
}
