//! False discoveries: with a thousand clients one chance in a thousand comes every time.

use super::Comparison;

/// Fills in the share of false ones to expect among all that stand out at least as much (Benjamini,
/// Hochberg: Controlling the False Discovery Rate, JRSS B 1995, as adjusted chances).
pub(super) fn control(all: &mut [Comparison]) {
    all.sort_by(|a, b| a.chance.total_cmp(&b.chance));
    let count = all.len() as f64;
    let mut least = 1.0_f64;
    for (n, one) in all.iter_mut().enumerate().rev() {
        least = least.min(one.chance * count / (n + 1) as f64);
        one.false_discoveries = least;
    }
}
