//! False discoveries: with a thousand clients one chance in a thousand comes every time.

use super::Comparison;

/// Fills in the share of false ones to expect among all that stand out at least as much.
pub(super) fn control(all: &mut [Comparison]) {
    let mut chances: Vec<f64> = all.iter().map(|one| one.chance).collect();
    adjust(&mut chances);
    for (one, adjusted) in all.iter_mut().zip(chances) {
        one.false_discoveries = adjusted;
    }
}

/// Puts in the place of each chance the share of false ones to expect among all that are as small (Benjamini,
/// Hochberg: Controlling the False Discovery Rate, JRSS B 1995, as adjusted chances).
pub(crate) fn adjust(chances: &mut [f64]) {
    let count = chances.len() as f64;
    let mut order: Vec<&mut f64> = chances.iter_mut().collect();
    order.sort_by(|a, b| a.total_cmp(b));
    let mut least = 1.0_f64;
    for (n, chance) in order.into_iter().enumerate().rev() {
        least = least.min(*chance * count / (n + 1) as f64);
        *chance = least;
    }
}
