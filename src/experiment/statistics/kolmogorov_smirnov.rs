//! Kolmogorov–Smirnov: the largest distance between two distribution functions.
//!
//! ```text
//! one sample   D = sup |F_n − F|,     λ = D (√n + 0.12 + 0.11/√n)
//! two samples  D = sup |F_n − G_m|,   the same with n → nm/(n+m)
//! p            Q(λ) = 2 Σ_{j≥1} (−1)^{j−1} e^{−2j²λ²}
//! ```
//! The factor is Stephens' (JRSS B 32, 1970), good from n = 4. Source of Q: Kolmogorov, 1933; Press et al.,
//! *Numerical Recipes*, 14.3.

use super::percentile::sorted;

/// The distance and the p-value of "no difference".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// D.
    pub d: f64,
    /// The p-value.
    pub p: f64,
}

/// `sample` against the distribution function `cdf`; of nothing, no distance.
pub fn one_sample(sample: &[f64], cdf: impl Fn(f64) -> f64) -> Distance {
    let n = sample.len() as f64;
    let mut d: f64 = 0.0;
    for (index, x) in sorted(sample).into_iter().enumerate() {
        let f = cdf(x);
        d = d.max(f - index as f64 / n).max((index + 1) as f64 / n - f);
    }
    Distance { d, p: p_value(d, n) }
}

/// Two samples against each other; ties are stepped over together.
pub fn two_sample(a: &[f64], b: &[f64]) -> Distance {
    let (a, b) = (sorted(a), sorted(b));
    let (n, m) = (a.len() as f64, b.len() as f64);
    let share = |values: &[f64], x: f64| values.partition_point(|y| *y <= x) as f64 / values.len() as f64;
    let d = a.iter().chain(&b).map(|&x| (share(&a, x) - share(&b, x)).abs()).fold(0.0, f64::max);
    Distance { d, p: p_value(d, n * m / (n + m)) }
}

fn p_value(d: f64, n: f64) -> f64 {
    if n == 0.0 || n.is_nan() {
        return 1.0;
    }
    let root = n.sqrt();
    upper_tail((root + 0.12 + 0.11 / root) * d)
}

/// Q(λ): the upper tail of Kolmogorov's distribution.
pub fn upper_tail(lambda: f64) -> f64 {
    if lambda < 0.2 {
        return 1.0; // below 1e-12 from 1, where the series converges slowly
    }
    let term = |j: f64| libm::exp(-2.0 * j * j * lambda * lambda);
    let sum: f64 = (1..=100).map(|j| if j % 2 == 1 { term(f64::from(j)) } else { -term(f64::from(j)) }).sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_values_of_the_limit() {
        for (lambda, p) in [(1.2238, 0.10), (1.3581, 0.05), (1.6276, 0.01), (1.9495, 0.001)] {
            assert!((upper_tail(lambda) - p).abs() < 5e-5, "{lambda}: {}", upper_tail(lambda));
        }
    }

    #[test]
    fn by_hand() {
        // uniform against 0.1, 0.4, 0.7: steps 1/3, 2/3, 1: the largest gap is 1 - 0.7
        let one = one_sample(&[0.7, 0.1, 0.4], |x| x);
        assert!((one.d - 0.3).abs() < 1e-12);
        // 1 2 3 against 2 3 4: at 1 the first has 1/3, the second nothing
        assert!((two_sample(&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]).d - 1.0 / 3.0).abs() < 1e-12);
        let same = two_sample(&[1.0, 1.0, 2.0], &[1.0, 1.0, 2.0]);
        assert_eq!((same.d, same.p), (0.0, 1.0));
        assert_eq!(two_sample(&[1.0], &[2.0]).d, 1.0);
    }
}
