//! The order of a recording, as a constraint that a replay can keep without knowing every pair.
//!
//! An exchange follows those that had ended when it started. Sort the ends: those are always the
//! first `k` of them. So each exchange needs two numbers, how many ends it waits for and which end
//! is its own, and a whole recording takes memory in proportion to its exchanges, not to its pairs.

use wayside_exchange::{Micros, Timestamp};

/// When an exchange ran, and over which connection if that one carried one exchange at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// When it started.
    pub(crate) started_at: Timestamp,
    /// When it ended.
    pub(crate) ended_at: Timestamp,
    /// Its connection, when that one was HTTP/1; none where exchanges share a connection freely.
    pub(crate) serial: Option<u64>,
}

/// The place of an exchange in the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// How many of the ends, in their recorded order, come before it starts.
    pub(crate) after: usize,
    /// Which of the ends is its own.
    pub(crate) end: usize,
    /// The recorded time since what it followed: the last of the ends it waits for, or the start
    /// of the exchange before it, whichever came later. Zero for the first.
    pub(crate) gap: Micros,
    /// Whether the gap counts from that start rather than from that end.
    pub(crate) from_start: bool,
}

/// The places of `spans`, which are sorted by start.
pub(crate) fn places(spans: &[Span]) -> Vec<Place> {
    let ends = settled_ends(spans);
    let mut by_end: Vec<usize> = (0..spans.len()).collect();
    by_end.sort_by_key(|&n| (ends.get(n).copied(), n));
    let mut places = vec![Place::default(); spans.len()];
    for (end, &n) in by_end.iter().enumerate() {
        if let Some(place) = places.get_mut(n) {
            place.end = end;
        }
    }
    let end_of = |rank: usize| by_end.get(rank).and_then(|&n| ends.get(n)).copied();
    let mut after = 0;
    let mut previous: Option<Timestamp> = None;
    for (span, place) in spans.iter().zip(&mut places) {
        while end_of(after).is_some_and(|end| end <= span.started_at) {
            after += 1;
        }
        place.after = after;
        let ended = after.checked_sub(1).and_then(end_of);
        place.from_start = previous >= ended;
        let anchor = previous.max(ended);
        place.gap = anchor.map_or(Micros(0), |anchor| span.started_at.since(anchor));
        previous = Some(span.started_at);
    }
    places
}

/// When each exchange ended, for the purpose of order. On one HTTP/1 connection a request follows
/// the answer before it, even where the recorder took note of the end a moment too late. No
/// exchange ends as it starts, or it would wait for itself.
fn settled_ends(spans: &[Span]) -> Vec<Timestamp> {
    let mut next_start = std::collections::HashMap::new();
    let mut ends: Vec<Timestamp> = spans
        .iter()
        .rev()
        .map(|span| {
            let next = span.serial.and_then(|id| next_start.insert(id, span.started_at));
            let end = next.map_or(span.ended_at, |next: Timestamp| span.ended_at.min(next));
            end.max(span.started_at.plus(Micros(1)))
        })
        .collect();
    ends.reverse();
    ends
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
    use super::*;

    fn span(started: i64, ended: i64) -> Span {
        Span { started_at: Timestamp(started), ended_at: Timestamp(ended), serial: None }
    }

    /// Whether `place` lets the exchange start while the one of `other` runs.
    fn may_overlap(place: Place, other: Place) -> bool {
        place.after <= other.end
    }

    #[test]
    fn what_followed_follows_and_what_overlapped_may_overlap() {
        // a alone; b and c overlap; d overlaps c only; e after all.
        let spans = [span(0, 10), span(20, 50), span(30, 90), span(60, 80), span(100, 110)];
        let places = places(&spans);
        for (n, later) in spans.iter().enumerate() {
            for (m, earlier) in spans.iter().enumerate().take(n) {
                assert_eq!(
                    may_overlap(places[n], places[m]),
                    earlier.ended_at > later.started_at,
                    "{n} after {m}"
                );
            }
        }
    }

    #[test]
    fn a_gap_counts_from_what_came_last_before_it() {
        let places = places(&[span(0, 10), span(25, 100), span(40, 60), span(65, 70)]);
        let gaps: Vec<_> = places.iter().map(|p| (p.gap.0, p.from_start)).collect();
        assert_eq!(gaps, [(0, true), (15, false), (15, true), (5, false)]);
    }

    #[test]
    fn on_one_http_1_connection_a_request_waits_for_the_answer_before_it() {
        let on = |started, ended, serial| Span { serial: Some(serial), ..span(started, ended) };
        let places = places(&[on(0, 12, 1), on(10, 20, 1), on(11, 30, 2)]);
        assert_eq!(places[1].after, 1, "the late end does not make an overlap");
        assert!(may_overlap(places[2], places[1]));
    }

    #[test]
    fn exchanges_that_took_no_time_wait_for_nobody_but_the_past() {
        let places = places(&[span(5, 5), span(5, 5), span(5, 5), span(6, 6)]);
        assert_eq!(places.iter().map(|p| p.after).collect::<Vec<_>>(), [0, 0, 0, 3]);
    }
}
