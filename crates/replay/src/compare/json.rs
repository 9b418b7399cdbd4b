//! JSON by field: each difference with its pointer (RFC 6901). Numbers are equal by value, the
//! order of an object's members does not matter, arrays are compared by index.

use serde_json::Value;

use super::Differences;
use super::short::short_value;
use crate::report::{Change, DifferenceKind};

/// Adds what differs between `recorded` and `replayed` to `found`.
pub(super) fn compare(recorded: &Value, replayed: &Value, found: &mut Differences) {
    // The parser bounds the depth (128), so recursion is bounded with it.
    fields(recorded, replayed, &mut String::new(), found);
}

fn fields(recorded: &Value, replayed: &Value, at: &mut String, found: &mut Differences) {
    match (recorded, replayed) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, old) in old {
                match new.get(name) {
                    Some(new) => within(at, name, |at| fields(old, new, at, found)),
                    None => {
                        within(at, name, |at| add(found, Change::Missing, at, Some(old), None));
                    }
                }
            }
            for (name, new) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                within(at, name, |at| add(found, Change::Added, at, None, Some(new)));
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            if old.len() != new.len() {
                found.add(
                    DifferenceKind::Body,
                    Change::Changed,
                    at,
                    Some(elements(old.len())),
                    Some(elements(new.len())),
                );
            }
            for (n, (old, new)) in old.iter().zip(new).enumerate() {
                within(at, &n.to_string(), |at| fields(old, new, at, found));
            }
        }
        (Value::Number(old), Value::Number(new)) if same_number(old, new) => {}
        (old, new) if old == new => {}
        (old, new) => {
            let same_type = std::mem::discriminant(old) == std::mem::discriminant(new);
            let change = if same_type { Change::Changed } else { Change::Type };
            add(found, change, at, Some(old), Some(new));
        }
    }
}

fn add(
    found: &mut Differences,
    change: Change,
    at: &str,
    recorded: Option<&Value>,
    replayed: Option<&Value>,
) {
    let (recorded, replayed) = (recorded.map(short_value), replayed.map(short_value));
    found.add(DifferenceKind::Body, change, at, recorded, replayed);
}

fn elements(count: usize) -> Value {
    Value::String(format!("{count} element{}", if count == 1 { "" } else { "s" }))
}

/// Runs `inside` with `name` added to the pointer `at`.
fn within(at: &mut String, name: &str, inside: impl FnOnce(&mut String)) {
    let length = at.len();
    at.push('/');
    at.push_str(&name.replace('~', "~0").replace('/', "~1"));
    inside(at);
    at.truncate(length);
}

/// Whether two numbers are the same: whole ones exactly, others as doubles.
#[allow(clippy::float_cmp, reason = "the same text gives the same double")]
fn same_number(old: &serde_json::Number, new: &serde_json::Number) -> bool {
    old == new || (old.is_f64() || new.is_f64()) && old.as_f64() == new.as_f64()
}
