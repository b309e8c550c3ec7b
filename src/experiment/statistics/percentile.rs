//! Percentiles, and their interval by order statistics, which supposes nothing about the distribution.
//!
//! ```text
//! P(X_(l) ≤ ξ_q ≤ X_(u)) ≥ P(l ≤ B ≤ u−1),  B binomial(n, q)
//! ```
//! `l` is the largest rank with `P(B < l) ≤ α/2`, `u` the smallest with `P(B ≥ u) ≤ α/2`.
//! Source: David and Nagaraja, *Order Statistics*, 7.1; Conover, *Practical Nonparametric Statistics*, 3.2.

use super::beta::binomial_cdf;
use super::interval::Interval;

/// The `q` quantile of sorted values: linear between order statistics, Hyndman and Fan's type 7 (the
/// default of R and NumPy). `None` of nothing.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let position = q.clamp(0.0, 1.0) * last as f64;
    let below = (position.floor() as usize).min(last);
    let above = (below + 1).min(last);
    let share = position - below as f64;
    Some(sorted[below] + share * (sorted[above] - sorted[below]))
}

/// The values in ascending order.
pub fn sorted(sample: &[f64]) -> Vec<f64> {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Ranks `(l, u)`, from 1, whose order statistics enclose the `q` quantile with at least `confidence`;
/// `None` if `n` is too small for that.
pub fn ranks(n: u64, q: f64, confidence: f64) -> Option<(u64, u64)> {
    let tail = 0.5 * (1.0 - confidence) + 1e-12; // the sum of exact fractions may end a bit above
    let low = (1..=n).take_while(|&rank| binomial_cdf(rank - 1, n, q) <= tail).last()?;
    let high = (1..=n).find(|&rank| 1.0 - binomial_cdf(rank - 1, n, q) <= tail)?;
    Some((low, high))
}

/// The `q` quantile of `sample` with its order-statistic interval; `None` if there are too few values for
/// `confidence`.
pub fn interval(sample: &[f64], q: f64, confidence: f64) -> Option<Interval> {
    let values = sorted(sample);
    let n = values.len() as u64;
    let (low, high) = ranks(n, q, confidence)?;
    Some(Interval {
        estimate: quantile(&values, q)?,
        low: values[low as usize - 1],
        high: values[high as usize - 1],
        confidence,
        n,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_around_the_median_are_those_of_the_tables() {
        // Conover, table of the sign test: n = 10: 2 and 9 (97.9 %); 20: 6 and 15 (95.9 %); 30: 10 and 21
        assert_eq!(ranks(10, 0.5, 0.95), Some((2, 9)));
        assert_eq!(ranks(20, 0.5, 0.95), Some((6, 15)));
        assert_eq!(ranks(30, 0.5, 0.95), Some((10, 21)));
        assert_eq!(ranks(5, 0.5, 0.95), None, "six values are the fewest for 95 %");
        assert_eq!(ranks(6, 0.5, 0.95), Some((1, 6)));
        assert_eq!(ranks(100, 0.99, 0.95), None, "the maximum of 100 is too often below the 99th percentile");
    }

    #[test]
    fn quantiles_interpolate_as_in_r() {
        // quantile(c(1, 2, 4, 8), c(0, .25, .5, .9)) = 1, 1.75, 3, 6.8
        let values = [1.0, 2.0, 4.0, 8.0];
        for (q, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            assert!((quantile(&values, q).unwrap() - expected).abs() < 1e-12, "{q}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn the_interval_is_made_of_order_statistics() {
        let sample: Vec<f64> = (1..=10).rev().map(|x| f64::from(x) * 10.0).collect();
        let interval = interval(&sample, 0.5, 0.95).unwrap();
        assert_eq!((interval.low, interval.estimate, interval.high), (20.0, 55.0, 90.0));
    }
}
