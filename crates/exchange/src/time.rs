//! Points in time and durations, as types with their units.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time: microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A duration in microseconds; shown and serialised as milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u64);

/// Where the time of one exchange went. The parts may overlap (an upload goes on while the backend
/// already answers), so they need not add up to `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From the request head to the end of the request body.
    #[serde(rename = "upload_ms")]
    pub upload: Micros,
    /// Getting an upstream connection; zero when a pooled one was used.
    #[serde(rename = "connect_ms")]
    pub connect: Micros,
    /// From the request head's departure upstream to the response head.
    #[serde(rename = "wait_ms")]
    pub wait: Micros,
    /// From the response head to the last byte of the response body.
    #[serde(rename = "download_ms")]
    pub download: Micros,
    /// From the request head to the end of the exchange.
    #[serde(rename = "total_ms")]
    pub total: Micros,
    /// Wayside's own share: from the request head to its departure upstream, without `connect`.
    #[serde(rename = "overhead_ms")]
    pub overhead: Micros,
}

impl Timestamp {
    /// The duration since `earlier`; zero when the clock went back.
    pub fn since(self, earlier: Timestamp) -> Micros {
        Micros(self.0.saturating_sub(earlier.0).max(0) as u64)
    }

    /// The point in time `later` after this one.
    #[must_use]
    pub fn plus(self, later: Micros) -> Timestamp {
        Timestamp(self.0.saturating_add_unsigned(later.0))
    }

    /// The point in time `earlier` before this one.
    #[must_use]
    pub fn minus(self, earlier: Micros) -> Timestamp {
        Timestamp(self.0.saturating_sub_unsigned(earlier.0))
    }

    /// Reads RFC 3339 (`2026-11-20T14:05:00Z`, offsets allowed, seconds may be absent).
    pub fn parse(text: &str) -> Option<Timestamp> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(Timestamp(at.as_microsecond()));
        }
        let at: jiff::civil::DateTime = text.parse().ok()?;
        let at = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
        Some(Timestamp(at.as_microsecond()))
    }

    /// Reads a date as HTTP writes it (`Fri, 20 Nov 2026 14:05:00 GMT`, RFC 9110 section 5.6.7).
    pub fn parse_http_date(text: &str) -> Option<Timestamp> {
        let at = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Timestamp(at.timestamp().as_microsecond()))
    }
}

impl Micros {
    /// As milliseconds.
    pub fn as_millis(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl From<std::time::Duration> for Micros {
    fn from(duration: std::time::Duration) -> Self {
        Micros(duration.as_micros().min(u128::from(u64::MAX)) as u64)
    }
}

/// Before 1970 there is no time.
impl From<std::time::SystemTime> for Timestamp {
    fn from(at: std::time::SystemTime) -> Self {
        let since = at.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// RFC 3339 in UTC with microseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => write!(f, "{at:.6}"),
            Err(_) => write!(f, "{} us after 1970", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time"))
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_millis())
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ms = f64::deserialize(deserializer)?;
        Ok(Micros((ms * 1000.0).round().max(0.0) as u64))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_time_is_shown_in_utc_with_microseconds_and_reads_back() {
        let at = Timestamp(1_795_000_000_123_456);
        assert_eq!(at.to_string(), "2026-11-18T11:06:40.123456Z");
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        assert_eq!(Timestamp(1_795_000_000_000_000).to_string(), "2026-11-18T11:06:40.000000Z");
        assert_eq!(
            Timestamp::parse("2026-11-18T12:06:40+01:00"),
            Timestamp::parse("2026-11-18T11:06:40")
        );
    }

    #[test]
    fn a_duration_is_never_negative() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Micros(0));
        assert_eq!(serde_json::to_string(&Micros(1500)).unwrap(), "1.5");
    }
}
