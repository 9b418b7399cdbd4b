//! One client's latencies told apart into fast and slow: on each route where the two groups are farthest
//! apart (N. Otsu: A threshold selection method from gray-level histograms, IEEE SMC 9, 1979), on logarithms.

use super::pick::One;

/// With fewer on a route nothing is told apart.
const LEAST: usize = 10;
/// Groups that explain less than this of the variance are no groups: halves of a normal distribution
/// explain 64 %, those of a uniform one 75 %.
const APART: f64 = 0.8;

/// What one client's exchanges are when told apart.
pub(super) struct Halves {
    pub(super) slow: Vec<One>,
    pub(super) fast: Vec<One>,
    /// Whether they are two kinds; if not, these are just the slower and the faster half on each route.
    pub(super) clear: bool,
}

/// The slow ones, and the fast ones of the same routes.
pub(super) fn slow_and_fast(all: impl Iterator<Item = One>) -> Halves {
    let mut all: Vec<One> = all.collect();
    all.sort_by(|a, b| a.route.cmp(&b.route));
    let routes: Vec<&[One]> =
        all.chunk_by(|a, b| a.route == b.route).filter(|on| on.len() >= LEAST).collect();
    let limits: Vec<Option<f64>> = routes.iter().map(|on_route| threshold(on_route)).collect();
    let clear = limits.iter().any(Option::is_some);
    let mut halves = Halves { slow: Vec::new(), fast: Vec::new(), clear };
    for (on_route, limit) in routes.into_iter().zip(limits) {
        let limit = if clear { limit } else { median(on_route) };
        let Some(limit) = limit else { continue };
        let (slow, fast): (Vec<One>, Vec<One>) =
            on_route.iter().cloned().partition(|one| ln(one) > limit);
        halves.slow.extend(slow);
        halves.fast.extend(fast);
    }
    halves
}

fn median(on_route: &[One]) -> Option<f64> {
    let mut values: Vec<f64> = on_route.iter().map(ln).collect();
    values.sort_by(f64::total_cmp);
    values.get((values.len() / 2).checked_sub(1)?).copied()
}

fn ln(one: &One) -> f64 {
    (one.latency.0.max(1) as f64).ln()
}

/// Above it the slow ones lie; none when the latencies are of one kind.
fn threshold(on_route: &[One]) -> Option<f64> {
    let mut values: Vec<f64> = on_route.iter().map(ln).collect();
    values.sort_by(f64::total_cmp);
    let count = values.len();
    let sum: f64 = values.iter().sum();
    let mean = sum / count as f64;
    let whole: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let (mut below, mut best, mut limit) = (0.0, 0.0, None);
    for (n, pair) in values.windows(2).enumerate() {
        let &[value, next] = pair else { continue };
        below += value;
        let (few, many) = ((n + 1) as f64, (count - n - 1) as f64);
        let apart = few * many / count as f64 * (below / few - (sum - below) / many).powi(2);
        if next > value && apart > best {
            (best, limit) = (apart, Some(f64::midpoint(value, next)));
        }
    }
    limit.filter(|_| best > APART * whole)
}
