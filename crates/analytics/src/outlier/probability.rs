//! Tails of the two distributions that verdicts rest on, far out where they matter.

/// The chance that a standard normal exceeds `z`: relative error below 1.2e-7 everywhere (Press et al.,
/// Numerical Recipes, `erfcc`).
pub(crate) fn normal_above(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let series = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ];
    let sum = series.iter().fold(0.0, |sum, term| sum * t + term);
    let above = 0.5 * t * (sum - x * x).exp();
    if z >= 0.0 { above } else { 1.0 - above }
}

/// The chance that a gamma-Poisson (negative binomial) count of this mean is at least `count`. Its
/// variance is `mean + dispersion * mean^2`.
pub(crate) fn count_at_least(count: u64, mean: f64, dispersion: f64) -> f64 {
    if count == 0 || mean <= 0.0 {
        return if count == 0 { 1.0 } else { 0.0 };
    }
    let shape = 1.0 / dispersion.max(1e-9);
    let k = count as f64;
    let (stay, go) = (shape / (shape + mean), mean / (shape + mean));
    let ln_first =
        ln_gamma(k + shape) - ln_gamma(shape) - ln_gamma(k + 1.0) + shape * stay.ln() + k * go.ln();
    if k <= mean {
        // Below the mean the lower tail is the shorter sum, and no digits are lost.
        let (mut term, mut sum, mut n) = (ln_first.exp(), 0.0, k);
        while n > 0.0 {
            term *= n / (n - 1.0 + shape) / go;
            n -= 1.0;
            sum += term;
            if term < 1e-17 {
                break;
            }
        }
        return (1.0 - sum).clamp(0.0, 1.0);
    }
    let (mut term, mut sum, mut n) = (1.0, 1.0, k);
    while term > sum * 1e-12 {
        term *= (n + shape) / (n + 1.0) * go;
        n += 1.0;
        sum += term;
    }
    (ln_first + f64::ln(sum)).exp().min(1.0)
}

/// The logarithm of the gamma function for positive `x`: Stirling's series after shifting up.
fn ln_gamma(mut x: f64) -> f64 {
    let mut shift = 0.0;
    while x < 10.0 {
        shift -= x.ln();
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series =
        inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    shift + (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-6 * b.abs()
    }

    #[test]
    fn the_normal_tail_is_right_far_out() {
        for (z, above) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457),
            (-1.0, 0.841_344_746_068_543),
            (3.0, 1.349_898_031_630_09e-3),
            (6.0, 9.865_876_450_377e-10),
            (10.0, 7.619_853_024_160_5e-24),
        ] {
            assert!(close(normal_above(z), above), "{z}: {} {above}", normal_above(z));
        }
    }

    #[test]
    fn the_tail_of_counts_agrees_with_known_values() {
        // Without dispersion it is Poisson: 1 - e^-2, and P(X >= 5) for a mean of 2.
        assert!((count_at_least(1, 2.0, 0.0) - 0.864_664_716_763).abs() < 1e-5);
        assert!((count_at_least(5, 2.0, 0.0) - 0.052_653_017_344).abs() < 1e-5);
        // Dispersion 1 is geometric: P(X >= k) = (m / (1 + m))^k.
        assert!(close(count_at_least(7, 3.0, 1.0), 0.75_f64.powi(7)));
        assert!(close(count_at_least(2, 3.0, 1.0), 0.75_f64.powi(2)));
        assert!(close(count_at_least(200, 3.0, 1.0), 0.75_f64.powi(200)));
        assert!(close(count_at_least(0, 3.0, 1.0), 1.0));
    }
}
