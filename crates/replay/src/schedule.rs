//! When the next exchange may be sent: the recorded order and the pace, without a clock of its own.
//!
//! Times are counted from the start of the replay. Exchanges start in recorded order, so only the
//! next one is ever looked at. A gap counts from when something was due rather than from when it
//! was done, so that a timer's coarseness does not add up over thousands of exchanges.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::options::Pace;
use crate::plan::Place;

/// Follows a replay and says what comes next.
#[derive(Debug)]
pub(crate) struct Schedule {
    places: Vec<Place>,
    pace: Pace,
    next: usize,
    /// When the exchange before the next one was due.
    due: Duration,
    /// How many of the ends, in recorded order and without a hole, have come.
    ended: usize,
    /// When the last of these came.
    ended_at: Duration,
    /// Ends that came before their turn.
    early: BTreeSet<usize>,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send this one, as soon as the replay is that old.
    Send {
        /// Which, by its place in the plan.
        step: usize,
        /// When.
        due: Duration,
    },
    /// Nothing can be sent before something that runs has ended.
    Wait,
    /// Everything was sent.
    Done,
}

impl Schedule {
    /// Of a plan whose steps have these places.
    pub(crate) fn new(places: Vec<Place>, pace: Pace) -> Self {
        Self {
            places,
            pace,
            next: 0,
            due: Duration::ZERO,
            ended: 0,
            ended_at: Duration::ZERO,
            early: BTreeSet::new(),
        }
    }

    /// What comes next.
    pub(crate) fn next(&self) -> Next {
        let Some(place) = self.places.get(self.next) else { return Next::Done };
        if place.after > self.ended {
            return Next::Wait;
        }
        let since = if place.from_start { self.due } else { self.ended_at };
        let gap = self.pace.of(Duration::from_micros(place.gap.0));
        // With a faster backend an end may come long before it did; the start before it still was.
        let due = since.saturating_add(gap).max(self.due);
        Next::Send { step: self.next, due }
    }

    /// The next one was sent, as it was `due`.
    pub(crate) fn sent(&mut self, due: Duration) {
        self.next += 1;
        self.due = due;
    }

    /// The exchange of `step` ended, `at` this age of the replay.
    pub(crate) fn ended(&mut self, step: usize, at: Duration) {
        let Some(place) = self.places.get(step) else { return };
        self.early.insert(place.end);
        while self.early.remove(&self.ended) {
            self.ended += 1;
            self.ended_at = at;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::plan::{Span, places};
    use wayside_exchange::Timestamp;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn schedule(spans: &[(i64, i64)], pace: Pace) -> Schedule {
        let spans: Vec<_> = spans
            .iter()
            .map(|&(started, ended)| Span {
                started_at: Timestamp(started * 1000),
                ended_at: Timestamp(ended * 1000),
                serial: None,
            })
            .collect();
        Schedule::new(places(&spans), pace)
    }

    #[test]
    fn think_time_is_kept_divided_or_left_out() {
        for (pace, due) in [(Pace::Recorded, 330), (Pace::Times(10.0), 60), (Pace::Max, 30)] {
            let mut schedule = schedule(&[(0, 100), (400, 500)], pace);
            assert_eq!(schedule.next(), Next::Send { step: 0, due: MS(0) });
            schedule.sent(MS(0));
            assert_eq!(schedule.next(), Next::Wait);
            schedule.ended(0, MS(30));
            assert_eq!(schedule.next(), Next::Send { step: 1, due: MS(due) });
            schedule.sent(MS(due));
            assert_eq!(schedule.next(), Next::Done);
        }
    }

    #[test]
    fn what_overlapped_is_sent_without_waiting_for_an_end() {
        let mut schedule = schedule(&[(0, 100), (40, 90), (95, 200)], Pace::Recorded);
        schedule.sent(MS(0));
        assert_eq!(schedule.next(), Next::Send { step: 1, due: MS(40) });
        schedule.sent(MS(40));
        assert_eq!(schedule.next(), Next::Wait);
        // The first one ends out of turn: the third waited for the second only.
        schedule.ended(0, MS(45));
        assert_eq!(schedule.next(), Next::Wait);
        schedule.ended(1, MS(1000));
        assert_eq!(schedule.next(), Next::Send { step: 2, due: MS(1005) });
    }
}
