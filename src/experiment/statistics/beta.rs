//! The regularised incomplete beta function `I_x(a, b)`, from which Student's t, F and the binomial
//! follow.
//!
//! Continued fraction by the modified Lentz method, on the side where it converges quickly.
//! Source: DLMF 8.17.22; Press et al., *Numerical Recipes*, 6.4.

const TINY: f64 = 1e-300;
const STEPS: u32 = 400;

/// `I_x(a, b)` for `a, b > 0` and `x` in [0, 1], about 1e-14.
pub fn regularized(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - regularized(1.0 - x, b, a);
    }
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = libm::exp(a * libm::log(x) + b * libm::log1p(-x) - log_beta) / a;
    front * continued_fraction(x, a, b)
}

fn continued_fraction(x: f64, a: f64, b: f64) -> f64 {
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut product = d;
    for step in 1..STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = product;
        for coefficient in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + coefficient * d);
            c = away_from_zero(1.0 + coefficient / c);
            product *= d * c;
        }
        if (product - before).abs() <= 1e-16 * product.abs() {
            break;
        }
    }
    product
}

/// `P(X ≤ k)` for X binomial with `n` trials of probability `p`: `I_{1-p}(n - k, k + 1)` (DLMF 8.17.5).
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    if k >= n { 1.0 } else { regularized(1.0 - p, (n - k) as f64, (k + 1) as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_met() {
        // integer a, b: I_x(2,3) = 6x² - 8x³ + 3x⁴, I_x(1,b) = 1 - (1-x)^b
        for x in [0.01, 0.3, 0.5, 0.77, 0.999] {
            let polynomial = x * x * (6.0 - 8.0 * x + 3.0 * x * x);
            assert!((regularized(x, 2.0, 3.0) - polynomial).abs() < 1e-14, "{x}");
            let power = 1.0 - (1.0 - x) * (1.0 - x) * (1.0 - x);
            assert!((regularized(x, 1.0, 3.0) - power).abs() < 1e-14, "{x}");
        }
        assert!((regularized(0.5, 70.0, 70.0) - 0.5).abs() < 1e-13);
    }

    #[test]
    fn binomial_is_the_sum_of_its_terms() {
        // 10 trials of 1/2: (1 + 10 + 45) / 1024
        assert!((binomial_cdf(2, 10, 0.5) - 56.0 / 1024.0).abs() < 1e-14);
        assert_eq!(binomial_cdf(10, 10, 0.5), 1.0);
    }
}
