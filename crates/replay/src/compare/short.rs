//! Long values cut short, so that a report stays readable and bounded.

use serde_json::Value;

/// The longest text in characters that is quoted whole.
const QUOTED: usize = 200;

/// `text`, cut at [`QUOTED`] characters.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// `value` itself, or the beginning of its text where that is long.
pub(super) fn short_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(short(text)),
        Value::Object(_) | Value::Array(_) => {
            let text = value.to_string();
            if text.len() <= QUOTED { value.clone() } else { Value::String(short(&text)) }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
