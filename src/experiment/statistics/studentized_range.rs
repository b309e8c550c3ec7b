//! The studentised range with infinite degrees of freedom: the range of k standard normal values.
//!
//! ```text
//! P(R ≤ q) = k ∫ φ(z) [Φ(z) − Φ(z − q)]^{k−1} dz
//! ```
//! by Simpson's rule on [−8, 8 + q]; the quantile by bisection. Source: Harter, 1960; Demšar, JMLR 7, 2006,
//! table 5, whose critical values are these quantiles over √2.

use super::normal;

const PANELS: usize = 2000;

/// `P(R ≤ q)` for the range of `k` values.
pub fn cdf(q: f64, k: usize) -> f64 {
    if q <= 0.0 {
        return 0.0;
    }
    let (low, high) = (-8.0, 8.0 + q);
    let step = (high - low) / PANELS as f64;
    let value = |index: usize| {
        let z = low + step * index as f64;
        let inside = normal::cdf(z) - normal::cdf(z - q);
        normal::density(z) * (1..k).fold(1.0, |power, _| power * inside)
    };
    let weight = |index: usize| match index {
        0 | PANELS => 1.0,
        odd if odd % 2 == 1 => 4.0,
        _ => 2.0,
    };
    let sum: f64 = (0..=PANELS).map(|index| weight(index) * value(index)).sum();
    (k as f64 * sum * step / 3.0).min(1.0)
}

/// The value the range stays below with probability `p`.
pub fn quantile(p: f64, k: usize) -> f64 {
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if cdf(middle, k) < p {
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
    fn demsars_table() {
        let table = [(0.95, 2, 1.960), (0.95, 4, 2.569), (0.95, 10, 3.164), (0.90, 2, 1.645), (0.90, 6, 2.589)];
        for (p, k, q) in table {
            let got = quantile(p, k) / std::f64::consts::SQRT_2;
            assert!((got - q).abs() < 6e-4, "{p} {k}: {got}");
        }
    }
}
