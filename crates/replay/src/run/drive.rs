//! The loop of a replay, whatever is sent: starts what the schedule says, when it says it, with so
//! many at once at most, and compares while other exchanges run.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until};

use crate::schedule::{Next, Schedule};
use crate::send::YEAR;

/// How long before its time an exchange is prepared: read from the store, connected.
const AHEAD: Duration = Duration::from_millis(500);

/// Runs `schedule` to its end. `send` gets a step and when it is due; what it gives is `compare`d,
/// and what that gives is for `each`, in order of completion.
pub(super) async fn drive<A, C>(
    schedule: &mut Schedule,
    concurrency: usize,
    send: impl AsyncFn(usize, Instant) -> A,
    compare: impl AsyncFn(A) -> C,
    mut each: impl FnMut(C),
) {
    let began = Instant::now();
    let send = async |step, due| (step, send(step, due).await);
    let mut sending = FuturesUnordered::new();
    let mut comparing = FuturesUnordered::new();
    loop {
        // What waits for its comparison holds its answer, so it counts.
        let is_full = sending.len() + comparing.len() >= concurrency;
        let next = if is_full { Next::Wait } else { schedule.next() };
        let mut wake_at = None;
        if let Next::Send { step, due } = next {
            let at = began + due.min(YEAR);
            if at <= Instant::now() + AHEAD {
                schedule.sent(due);
                sending.push(send(step, at));
                continue;
            }
            wake_at = at.checked_sub(AHEAD);
        } else if next == Next::Done && sending.is_empty() && comparing.is_empty() {
            return;
        }
        let wake = async {
            match wake_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some((step, came)) = sending.next(), if !sending.is_empty() => {
                schedule.ended(step, began.elapsed());
                comparing.push(compare(came));
            }
            Some(compared) = comparing.next(), if !comparing.is_empty() => each(compared),
            () = wake => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::Pace;
    use crate::plan::{Span, places};
    use wayside_exchange::Timestamp;

    /// When each step was sent, in milliseconds, where each took `took` of them, and how many ran at
    /// once at most.
    async fn driven(
        spans: &[(i64, i64)],
        pace: Pace,
        concurrency: usize,
        took: &[u64],
    ) -> (Vec<u64>, usize) {
        let spans: Vec<_> = spans
            .iter()
            .map(|&(started, ended)| Span {
                started_at: Timestamp(started * 1000),
                ended_at: Timestamp(ended * 1000),
                serial: None,
            })
            .collect();
        let mut schedule = Schedule::new(places(&spans), pace);
        let sent = RefCell::new(vec![0; spans.len()]);
        let (running, most, compared) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let began = Instant::now();
        drive(
            &mut schedule,
            concurrency,
            async |step, due| {
                sleep_until(due).await;
                running.set(running.get() + 1);
                most.set(running.get().max(most.get()));
                *sent.borrow_mut().get_mut(step).unwrap() = began.elapsed().as_millis() as u64;
                let took = took.get(step).copied().unwrap_or(1);
                tokio::time::sleep(Duration::from_millis(took)).await;
                running.set(running.get() - 1);
            },
            async |()| {},
            |()| compared.set(compared.get() + 1),
        )
        .await;
        assert_eq!(compared.get(), spans.len());
        (sent.into_inner(), most.get())
    }

    #[tokio::test(start_paused = true)]
    async fn the_recorded_pace_keeps_the_gaps_and_a_slower_backend_delays_what_followed() {
        let spans = [(0, 100), (1100, 1200), (5000, 5100)];
        let (sent, _) = driven(&spans, Pace::Recorded, 9, &[100, 700, 100]).await;
        assert_eq!(sent, [0, 1100, 1100 + 700 + 3800]);
        let (sent, _) = driven(&spans, Pace::Times(10.0), 9, &[100, 700, 100]).await;
        assert_eq!(sent, [0, 200, 200 + 700 + 380]);
    }

    #[tokio::test(start_paused = true)]
    async fn at_full_speed_what_overlapped_overlaps_and_what_followed_follows() {
        let spans = [(0, 100), (50, 150), (90, 95), (3000, 3100)];
        let (sent, most) = driven(&spans, Pace::Max, 9, &[30, 40, 20, 10]).await;
        assert_eq!((sent, most), (vec![0, 0, 0, 40], 3));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_run_at_once_than_allowed() {
        let spans: Vec<_> = (0..100).map(|n| (n, 1000)).collect();
        let (sent, most) = driven(&spans, Pace::Max, 4, &[10; 100]).await;
        assert_eq!(most, 4);
        assert_eq!(sent.last(), Some(&240));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_thousand_exchanges_in_a_row_do_not_drift() {
        let spans: Vec<_> = (0..100_000).map(|n| (n * 10, n * 10 + 100_000_000)).collect();
        let (sent, _) = driven(&spans, Pace::Recorded, 200_000, &[]).await;
        assert_eq!(sent.last(), Some(&999_990));
    }
}
