//! Figures for people: sizes, durations, counts and times, short and with their units.

use wayside_exchange::{Micros, Timestamp};

/// `312 B`, `4.2 kB`, `1.1 GB`: powers of 1000.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut units = UNITS.iter();
    let mut unit = units.next().unwrap_or(&"kB");
    // From 999.5 on the rounded figure would read `1000`.
    while value >= 999.5 {
        let Some(next) = units.next() else { break };
        value /= 1000.0;
        unit = next;
    }
    format!("{} {unit}", short(value))
}

/// `640 us`, `12.4 ms`, `1.31 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(micros: Micros) -> String {
    milliseconds(micros.as_millis())
}

/// The same from milliseconds.
pub fn milliseconds(ms: f64) -> String {
    if ms < 0.000_5 {
        return "0 ms".to_owned();
    }
    if ms < 1.0 {
        return format!("{} us", (ms * 1000.0).round());
    }
    if ms < 999.5 {
        return format!("{} ms", short(ms));
    }
    if ms < 59_950.0 {
        return format!("{} s", short(ms / 1000.0));
    }
    let seconds = (ms / 1000.0).round() as u64;
    let pair = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    match seconds {
        0..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..86400 => pair(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => pair(seconds / 86400, "d", seconds % 86400 / 3600, "h"),
    }
}

/// `4 min ago`, `just now`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.since(at).0 / 1_000_000;
    match seconds {
        0..2 => "just now".to_owned(),
        2..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        7200..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86400),
    }
}

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 exchange`, `1,204 exchanges`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `0 %`, `0.4 %`, `12 %`.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 || part == 0 {
        return "0 %".to_owned();
    }
    let percent = part as f64 * 100.0 / whole as f64;
    if percent < 0.1 { "<0.1 %".to_owned() } else { format!("{} %", short(percent)) }
}

/// The time of day in UTC to the millisecond; with the date when it is not today's.
pub fn clock(at: Timestamp, now: Timestamp) -> String {
    let text = at.to_string();
    let Some((date, time)) = text.split_once('T') else { return text };
    let time = time.get(..12).unwrap_or(time);
    if now.to_string().starts_with(date) { time.to_owned() } else { format!("{date} {time}") }
}

/// Three digits at most, and no more after the point than say something.
fn short(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        v if v < 99.95 => format!("{v:.1}").trim_end_matches('0').trim_end_matches('.').to_owned(),
        v => format!("{v:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_a_unit() {
        let shown = [0, 999, 1000, 4200, 999_499, 999_600, 1_100_000_000].map(size);
        assert_eq!(shown, ["0 B", "999 B", "1 kB", "4.2 kB", "999 kB", "1 MB", "1.1 GB"]);
    }

    #[test]
    fn durations_choose_their_unit() {
        let shown = [0.0, 0.64, 12.4, 640.0, 1310.0, 250_000.0, 7_500_000.0, 273_600_000.0]
            .map(milliseconds);
        let expected =
            ["0 ms", "640 us", "12.4 ms", "640 ms", "1.31 s", "4 min 10 s", "2 h 5 min", "3 d 4 h"];
        assert_eq!(shown, expected);
    }

    #[test]
    fn times_are_relative_or_short() {
        let now = Timestamp(1_795_000_000_123_456);
        assert_eq!(ago(Timestamp(now.0 - 240_000_000), now), "4 min ago");
        assert_eq!(ago(Timestamp(now.0 + 5), now), "just now");
        assert_eq!(clock(now, now), "11:06:40.123");
        assert_eq!(clock(now, Timestamp(now.0 + 86_400_000_000)), "2026-11-18 11:06:40.123");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1204, 1_234_567].map(count), ["0", "999", "1,204", "1,234,567"]);
        assert_eq!((counted(1, "exchange"), counted(2, "exchange")).0, "1 exchange");
        assert_eq!([share(0, 0), share(1, 10_000), share(1, 8)], ["0 %", "<0.1 %", "12.5 %"]);
    }
}
