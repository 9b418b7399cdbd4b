//! Whether the machine has a processor to spare.

use std::time::{Duration, Instant};

/// Processors that must be idle, what this thread itself uses counted as idle.
const SPARE: f64 = 0.75;
/// Ticks in a second of `/proc/stat` (`USER_HZ`, 100 on every common architecture).
const TICKS: f64 = 100.0;

/// Looks again and again.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    last: Option<(Instant, u64)>,
}

impl Quiet {
    /// Whether a processor that we may use was idle since the last look, during which the asker worked for
    /// `worked`. Where the system does not tell, it is taken to be idle.
    pub(super) fn look(&mut self, worked: Duration) -> bool {
        let Some(idle) = idle_ticks() else { return true };
        let now = Instant::now();
        let Some((then, before)) = self.last.replace((now, idle)) else { return false };
        let elapsed = now.duration_since(then).as_secs_f64();
        let idle = idle.saturating_sub(before) as f64 / TICKS + worked.as_secs_f64();
        idle >= SPARE * elapsed
    }
}

/// Ticks that the processors which this process may use have been idle, waiting for the disk included
/// (proc(5)).
fn idle_ticks() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let ours = |line: &&str| {
        let number = line.split_ascii_whitespace().next().and_then(|name| name.strip_prefix("cpu"));
        number.and_then(|number| number.parse().ok()).is_some_and(|cpu| lists(allowed, cpu))
    };
    let idle = |line: &str| {
        let mut fields = line.split_ascii_whitespace().skip(4);
        let (idle, waiting): (u64, u64) =
            (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(idle + waiting)
    };
    stat.lines().filter(ours).map(idle).sum()
}

/// Whether a list such as `0-3,8` has a number.
fn lists(ranges: &str, number: u32) -> bool {
    ranges.trim().split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let bound = |text: &str| text.trim().parse::<u32>().ok();
        bound(first).is_some_and(|first| first <= number)
            && bound(last).is_some_and(|last| number <= last)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_processors_has_its_ranges_and_nothing_else() {
        for (list, has, lacks) in [("0-3,8", vec![0, 3, 8], vec![4, 7, 9]), ("1", vec![1], vec![0])]
        {
            assert!(has.iter().all(|&cpu| lists(list, cpu)), "{list}");
            assert!(!lacks.iter().any(|&cpu| lists(list, cpu)), "{list}");
        }
    }
}
