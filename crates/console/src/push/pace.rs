//! When the next message goes: at the interval, or, while the collector takes none, later each time.

use std::time::Duration;

use super::answer::Answer;

/// The first pause after a failure, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(2);
/// No collector may silence us for longer.
const PATIENCE: Duration = Duration::from_hours(1);

/// How fast it goes.
pub(super) struct Pace {
    interval: Duration,
    failures: u32,
}

impl Pace {
    pub(super) fn of(interval: Duration) -> Self {
        Self { interval, failures: 0 }
    }

    /// How long to wait after `answer`.
    pub(super) fn after(&mut self, answer: &Answer) -> Duration {
        let Answer::Later { pause, .. } = answer else {
            self.failures = 0;
            return self.interval;
        };
        let longer = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures += 1;
        let asked = pause.unwrap_or_default().min(PATIENCE);
        // So that many recorders, turned away at once, do not come again at once.
        asked + longer.mul_f64(0.5 + 0.5 * chance())
    }
}

/// Anything from zero to one; the middle where the system gives no random bytes.
fn chance() -> f64 {
    let mut byte = [128];
    let _ = aws_lc_rs::rand::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slows_down_while_nothing_is_taken_and_never_comes_before_it_was_asked_to() {
        let interval = Duration::from_secs(15);
        let mut pace = Pace::of(interval);
        let later = |pause| Answer::Later { reason: String::new(), pause };
        let taken = Answer::Taken { rejected: 0, said: None };
        assert_eq!(pace.after(&taken), interval);
        for seconds in [1, 2, 4, 8, 16, 32, 64, 120, 120] {
            let (most, pause) = (Duration::from_secs(seconds), pace.after(&later(None)));
            assert!(most / 2 <= pause && pause <= most, "{pause:?} of {most:?}");
        }
        let asked = Duration::from_mins(5);
        assert!(pace.after(&later(Some(asked))) >= asked);
        assert!(pace.after(&later(Some(Duration::MAX))) <= PATIENCE + LONGEST);
        assert_eq!(pace.after(&taken), interval);
        assert!(pace.after(&later(None)) <= FIRST, "it begins anew");
        let never = Answer::Never { reason: String::new() };
        assert_eq!(pace.after(&never), interval, "the next message is another one");
    }
}
