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
    /// Whether a processor was idle since the last look, during which the asker worked for `worked`. Where
    /// the system does not tell, it is taken to be idle.
    pub(super) fn look(&mut self, worked: Duration) -> bool {
        let Some(idle) = idle_ticks() else { return true };
        let now = Instant::now();
        let Some((then, before)) = self.last.replace((now, idle)) else { return false };
        let elapsed = now.duration_since(then).as_secs_f64();
        let idle = idle.saturating_sub(before) as f64 / TICKS + worked.as_secs_f64();
        idle >= SPARE * elapsed
    }
}

/// Ticks that all processors together have been idle, waiting for the disk included (proc(5)).
fn idle_ticks() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let mut fields = stat.lines().next()?.split_ascii_whitespace().skip(4);
    let (idle, waiting) = (fields.next()?, fields.next()?);
    Some(idle.parse::<u64>().ok()? + waiting.parse::<u64>().ok()?)
}
