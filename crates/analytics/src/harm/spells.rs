//! Spells of activity against the quiet right beside them.

use wayside_exchange::view::HarmView;

/// Spells from which on something can be told.
const LEAST: usize = 8;
/// Quiet buckets on either side of a spell that it is held against, at least.
const BESIDE: i64 = 3;
/// The chance that one of all clients' intervals misses the truth.
const MISS: f64 = 0.05;

/// How the others fared in one bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    pub(super) number: i64,
    /// Their log latencies over what is usual.
    pub(super) excess: f64,
    pub(super) active: bool,
}

/// The others' slow-down, with its interval, when `tried` clients are looked at; none with too few spells.
pub(super) fn compare(buckets: &[Bucket], tried: usize) -> Option<HarmView> {
    let differences = differences(buckets);
    let count = differences.len();
    if count < LEAST {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / count as f64;
    let scatter = differences.iter().map(|one| (one - mean).powi(2)).sum::<f64>();
    let freedom = (count - 1) as f64;
    let error = (scatter / freedom / count as f64).sqrt();
    let reach = student(MISS / 2.0 / tried.max(1) as f64, freedom) * error;
    Some(HarmView {
        slowdown: mean.exp(),
        low: (mean - reach).exp(),
        high: (mean + reach).exp(),
        spells: count as u64,
        everywhere: false,
    })
}

/// For each spell the difference from the quiet beside it. No quiet bucket counts for two spells, so the
/// differences are apart from each other.
fn differences(buckets: &[Bucket]) -> Vec<f64> {
    let runs: Vec<&[Bucket]> = buckets.chunk_by(|a, b| a.active == b.active).collect();
    let average = |all: &[&Bucket]| {
        (!all.is_empty()).then(|| all.iter().map(|one| one.excess).sum::<f64>() / all.len() as f64)
    };
    let mut found = Vec::new();
    for (n, spell) in runs.iter().enumerate() {
        let (Some(first), Some(last)) = (spell.first(), spell.last()) else { continue };
        if !first.active {
            continue;
        }
        let near = BESIDE.max(last.number - first.number + 1);
        let before = n.checked_sub(1).and_then(|n| runs.get(n));
        // The quiet between two spells is shared out: its latter half belongs to the later one.
        let before = before.into_iter().flat_map(|quiet| {
            let half = if n >= 2 { quiet.len() / 2 } else { 0 };
            quiet.iter().skip(half).filter(|one| first.number - one.number <= near)
        });
        let after = runs.get(n + 1).into_iter().flat_map(|quiet| {
            let half = if runs.get(n + 2).is_some() { quiet.len() / 2 } else { quiet.len() };
            quiet.iter().take(half).filter(|one| one.number - last.number <= near)
        });
        let quiet: Vec<&Bucket> = before.chain(after).collect();
        let spell: Vec<&Bucket> = spell.iter().collect();
        if let (Some(active), Some(quiet)) = (average(&spell), average(&quiet)) {
            found.push(active - quiet);
        }
    }
    found
}

/// What Student's t exceeds with this chance (Cornish and Fisher's expansion of the quantile; with seven
/// degrees of freedom and more its error is below two percent).
fn student(chance: f64, freedom: f64) -> f64 {
    let z = normal(chance);
    let (z3, z5) = (z.powi(3), z.powi(5));
    let z7 = z.powi(7);
    z + (z3 + z) / (4.0 * freedom)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * z) / (96.0 * freedom.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / (384.0 * freedom.powi(3))
}

/// What a standard normal exceeds with this chance, by bisection.
fn normal(chance: f64) -> f64 {
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if crate::outlier::normal_above(middle) > chance { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_tables() {
        for (chance, freedom, wanted) in
            [(0.025, 7.0, 2.365), (0.005, 9.0, 3.250), (0.0025, 30.0, 3.030), (0.025, 1e9, 1.960)]
        {
            let found = student(chance, freedom);
            assert!((found / wanted - 1.0_f64).abs() < 0.02, "{found} {wanted}");
        }
    }
}
