//! Student's t distribution.
//!
//! ```text
//! P(|T| > t) = I_{ν/(ν+t²)}(ν/2, 1/2)
//! ```
//! The quantile inverts it by bisection, which cannot fail to converge.
//! Source: DLMF 8.17; Abramowitz and Stegun 26.7.1.

use super::beta;

/// `P(T ≤ t)` with `df` degrees of freedom.
pub fn cdf(t: f64, df: f64) -> f64 {
    let tail = 0.5 * two_sided(t, df);
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// `P(|T| > |t|)`: the two-sided p-value.
pub fn two_sided(t: f64, df: f64) -> f64 {
    beta::regularized(df / (df + t * t), df / 2.0, 0.5)
}

/// The value below which T lies with probability `p`, in (0, 1).
pub fn quantile(p: f64, df: f64) -> f64 {
    if p < 0.5 {
        return -quantile(1.0 - p, df);
    }
    let tail = 2.0 * (1.0 - p);
    let (mut low, mut high) = (0.0, 1.0);
    while two_sided(high, df) > tail && high < 1e300 {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if two_sided(middle, df) > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, df, t) in [
            (0.975, 1.0, 12.706_204_736_2),
            (0.975, 9.0, 2.262_157_162_8),
            (0.975, 29.0, 2.045_229_642_1),
            (0.95, 5.0, 2.015_048_373_3),
            (0.995, 2.0, 9.924_843_200_9),
            (0.9995, 10.0, 4.586_893_858_7),
            (0.5, 3.0, 0.0),
            (0.025, 9.0, -2.262_157_162_8),
        ] {
            assert!((quantile(p, df) - t).abs() < 1e-9, "{p} {df}: {}", quantile(p, df));
        }
    }

    #[test]
    fn one_and_two_degrees_of_freedom_have_closed_forms() {
        // Cauchy: 1/2 + atan(t)/π; two: 1/2 + t/(2√(2+t²))
        for t in [-3.0, -0.5, 0.0, 1.0, 20.0f64] {
            assert!((cdf(t, 1.0) - (0.5 + libm::atan(t) / std::f64::consts::PI)).abs() < 1e-13);
            assert!((cdf(t, 2.0) - (0.5 + t / (2.0 * (2.0 + t * t).sqrt()))).abs() < 1e-13);
        }
    }
}
