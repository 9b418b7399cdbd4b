//! Label values: short enough for a database that keeps each for ever, and still told apart.

use std::borrow::Cow;

/// Bytes of a label's value.
const LONGEST: usize = 160;

/// `value`, or its beginning and a hash of the whole.
fn bounded(value: &str) -> Cow<'_, str> {
    if value.len() <= LONGEST {
        return Cow::Borrowed(value);
    }
    let mut end = LONGEST - 10;
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let beginning = value.get(..end).unwrap_or_default();
    Cow::Owned(format!("{beginning}~{:08x}", hash(value)))
}

/// `value` as it is told: bounded, and with nothing in it that would do something to a terminal.
pub(super) fn shown(value: &str) -> Cow<'_, str> {
    let odd = |c: char| c.is_control() && c != '\n';
    let value = bounded(value);
    if value.contains(odd) {
        return Cow::Owned(value.replace(odd, "\u{fffd}"));
    }
    value
}

/// FNV-1a, 32 bits: the same for ever, as a label's value must be.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_and_stay_apart() {
        assert_eq!(bounded("GET /orders/{id}"), "GET /orders/{id}");
        let long = "ä".repeat(500);
        let (one, other) = (format!("{long}1"), format!("{long}2"));
        assert!(bounded(&one).len() <= LONGEST && bounded(&one).starts_with('ä'));
        assert_ne!(bounded(&one), bounded(&other));
    }
}
