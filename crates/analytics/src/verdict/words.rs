//! Figures in sentences: short, with their units.

use crate::blame::Part;

/// `480 ms`, `1.2 s`.
pub(crate) fn duration(ms: f64) -> String {
    if ms < 9.95 {
        format!("{} ms", one_digit(ms))
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{} s", one_digit(ms / 1000.0))
    }
}

/// `1.2 %`, `31 %`.
pub(crate) fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    if percent > 0.0 && percent < 0.05 {
        "less than 0.1 %".to_owned()
    } else if !(9.95..=99.0).contains(&percent) {
        format!("{} %", one_digit(percent))
    } else {
        format!("{percent:.0} %")
    }
}

/// `820 B`, `4.2 kB`, `1.1 GB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)];
    let count = count as f64;
    match units.iter().rev().find(|(_, size)| count >= *size) {
        Some((unit, size)) => format!("{} {unit}", times(count / size)),
        None => format!("{count:.0} B"),
    }
}

/// `1.6`, `12`.
pub(crate) fn times(factor: f64) -> String {
    if factor < 9.95 { one_digit(factor) } else { format!("{factor:.0}") }
}

/// `, most of them on GET /orders`.
pub(crate) fn mostly(route: Option<&str>, what: &str) -> String {
    route.map(|route| format!(", {what} on `{route}`")).unwrap_or_default()
}

/// `, most of it on `GET /orders`, while uploading`.
pub(crate) fn mostly_in(route: Option<&str>, part: Option<Part>, what: &str) -> String {
    match (route, part) {
        (_, None) => mostly(route, what),
        (None, Some(part)) => format!(", {what} {}", part.words()),
        (Some(route), Some(part)) => format!(", {what} on `{route}`, {}", part.words()),
    }
}

fn one_digit(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}
