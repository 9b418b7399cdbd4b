//! Values with an order: numbers, durations, sizes, statuses and points in time.

use crate::time::{Micros, Timestamp};

/// Numbers from `low` to `high`, both included; none when `low` is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) low: u64,
    pub(super) high: u64,
}

/// Units of durations in microseconds.
const DURATIONS: [(&str, u64); 10] = [
    ("us", 1),
    ("µs", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("sec", 1_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
    ("w", 604_800_000_000),
];

/// Units of sizes in bytes.
const SIZES: [(&str, u64); 8] = [
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
];

/// How far `at:` reaches to both sides unless it says so.
const NEAR: Micros = Micros(60_000_000);

impl Range {
    const NOTHING: Range = Range { low: 1, high: 0 };

    pub(super) fn contains(self, number: u64) -> bool {
        self.low <= number && number <= self.high
    }

    /// Reads `5`, `=5`, `>5`, `>=5`, `<5`, `<=5`, `2..5`, `2..` or `..5`, each number by `one`.
    fn parse(text: &str, one: impl Fn(&str) -> Option<u64>) -> Option<Range> {
        let range = if let Some(rest) = text.strip_prefix(">=") {
            Range { low: one(rest)?, high: u64::MAX }
        } else if let Some(rest) = text.strip_prefix('>') {
            let above = one(rest)?.checked_add(1);
            above.map_or(Range::NOTHING, |low| Range { low, high: u64::MAX })
        } else if let Some(rest) = text.strip_prefix("<=") {
            Range { low: 0, high: one(rest)? }
        } else if let Some(rest) = text.strip_prefix('<') {
            let below = one(rest)?.checked_sub(1);
            below.map_or(Range::NOTHING, |high| Range { low: 0, high })
        } else if let Some((low, high)) = text.split_once("..") {
            if low.is_empty() && high.is_empty() {
                return None;
            }
            let low = if low.is_empty() { 0 } else { one(low)? };
            let high = if high.is_empty() { u64::MAX } else { one(high)? };
            if low > high {
                return None;
            }
            Range { low, high }
        } else {
            let number = one(text.strip_prefix('=').unwrap_or(text))?;
            Range { low: number, high: number }
        };
        Some(range)
    }

    /// Plain numbers.
    pub(super) fn numbers(text: &str) -> Option<Range> {
        Range::parse(text, whole_number)
    }

    /// Durations in microseconds; without a unit they are milliseconds.
    pub(super) fn durations(text: &str) -> Option<Range> {
        Range::parse(text, |one| duration(one, Some(1_000)))
    }

    /// Sizes in bytes.
    pub(super) fn sizes(text: &str) -> Option<Range> {
        Range::parse(text, |one| {
            let (number, unit) = split_unit(one)?;
            let unit = unit.to_ascii_lowercase();
            scaled(number, SIZES.iter().find(|(name, _)| *name == unit)?.1)
        })
    }

    /// Statuses: numbers of three digits, or `5xx`.
    pub(super) fn statuses(text: &str) -> Option<Range> {
        let lower = text.to_ascii_lowercase();
        if let Some(class) = lower.strip_suffix("xx") {
            let class = whole_number(class).filter(|class| (1..=9).contains(class))?;
            return Some(Range { low: class * 100, high: class * 100 + 99 });
        }
        let status = |one: &str| whole_number(one).filter(|status| (100..=999).contains(status));
        Range::parse(text, status)
    }
}

/// A span of time around `at`, as `2026-11-20T14:05±5m` or with `+-` or `+/-`; a minute without either.
pub(super) fn around(text: &str) -> Option<(Timestamp, Timestamp)> {
    let around = ["±", "+/-", "+-"].into_iter().find_map(|sign| text.split_once(sign));
    let (at, reach) = match around {
        Some((at, reach)) => (at, Micros(duration(reach, None)?)),
        None => (text, NEAR),
    };
    let at = Timestamp::parse(at)?;
    Some((at.minus(reach), at.plus(reach)))
}

/// A point in time: RFC 3339, or a duration back from `now`.
pub(super) fn point(text: &str, now: Timestamp) -> Option<Timestamp> {
    match duration(text, None) {
        Some(back) => Some(now.minus(Micros(back))),
        None => Timestamp::parse(text),
    }
}

/// Microseconds of `1.5s` or `1h30m`; a number without a unit is in `bare`, where that is allowed.
fn duration(text: &str, bare: Option<u64>) -> Option<u64> {
    if let (Ok(_), Some(bare)) = (text.parse::<f64>(), bare) {
        return scaled(text, bare);
    }
    let mut total = 0_u64;
    let mut rest = text;
    loop {
        let (number, after) = split_unit(rest)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        let unit = DURATIONS.iter().find(|(name, _)| *name == unit)?.1;
        total = total.checked_add(scaled(number, unit)?)?;
        if next.is_empty() {
            return Some(total);
        }
        rest = next;
    }
}

/// The digits and dots in front, and what follows them.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at_checked(end).filter(|(number, _)| !number.is_empty())
}

fn whole_number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `number`, which may have a fraction, times `unit`, rounded.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let value = (number.parse::<f64>().ok()? * unit as f64).round();
    // Above 2^53 a fraction has no meaning left.
    (value < 9.0e15).then_some(value as u64)
}
