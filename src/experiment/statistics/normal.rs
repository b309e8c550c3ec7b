//! The standard normal distribution.
//!
//! `Φ(z) = erfc(-z/√2) / 2`; the quantile is that of [`crate::engine::distribution::normal_quantile`].

pub use crate::engine::distribution::normal_quantile as quantile;

/// `P(Z ≤ z)`.
pub fn cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The density at `z`.
pub fn density(z: f64) -> f64 {
    libm::exp(-0.5 * z * z) * (0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cdf_and_quantile_undo_each_other() {
        assert!((cdf(1.959_963_984_540_054) - 0.975).abs() < 1e-15);
        for p in [1e-6, 0.02, 0.5, 0.9, 0.999] {
            assert!((cdf(quantile(p)) - p).abs() < 1e-14 * (1.0 + 1.0 / p).min(1e3));
        }
        assert!((density(0.0) - 0.398_942_280_401_432_7).abs() < 1e-15);
    }
}
