//! The chi-squared distribution's upper tail, by the regularised incomplete gamma function.
//!
//! `P(X > x) = Q(k/2, x/2)`: a series below `a + 1`, a continued fraction above.
//! Source: DLMF 8.11.4 and 8.9.2; Press et al., *Numerical Recipes*, 6.2.

const STEPS: u32 = 1000;

/// `P(X > x)` with `k` degrees of freedom.
pub fn upper_tail(x: f64, k: f64) -> f64 {
    upper_gamma(k / 2.0, x / 2.0)
}

/// `Q(a, x) = Γ(a, x) / Γ(a)`.
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let front = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 { 1.0 - front * series(a, x) } else { front * continued_fraction(a, x) }
}

/// `Σ x^n / (a (a+1) … (a+n))`.
fn series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    for step in 1..STEPS {
        term *= x / (a + f64::from(step));
        sum += term;
        if term <= 1e-17 * sum {
            break;
        }
    }
    sum
}

fn continued_fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let mut c = 1e300;
    let mut d = 1.0 / b;
    let mut product = d;
    for step in 1..STEPS {
        let i = f64::from(step);
        let coefficient = -i * (i - a);
        b += 2.0;
        d = 1.0 / (coefficient * d + b);
        c = b + coefficient / c;
        let factor = d * c;
        product *= factor;
        if (factor - 1.0).abs() <= 1e-16 {
            break;
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_values_of_the_tables() {
        // NIST/SEMATECH e-Handbook 1.3.6.7.4: upper critical values
        for (x, k, p) in
            [(3.841, 1.0, 0.05), (5.991, 2.0, 0.05), (18.307, 10.0, 0.05), (15.086, 5.0, 0.01), (118.498, 100.0, 0.1)]
        {
            assert!((upper_tail(x, k) - p).abs() < 2e-5, "{x} {k}: {}", upper_tail(x, k));
        }
        // two degrees of freedom: e^(-x/2)
        assert!((upper_tail(7.0, 2.0) - libm::exp(-3.5)).abs() < 1e-15);
    }
}
