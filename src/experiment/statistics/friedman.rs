//! Many policies over many scenarios: Friedman's test, and Nemenyi's critical difference after it.
//!
//! ```text
//! R_j   mean rank of policy j over N scenarios, 1 the best
//! χ²_F  = 12N/(k(k+1)) · [Σ R_j² − k(k+1)²/4]      over 1 − Σ(t³−t)/(N(k³−k)) for ties; k−1 degrees of freedom
//! F_F   = (N−1)χ²_F / (N(k−1) − χ²_F)              k−1 and (k−1)(N−1); Iman and Davenport's, less conservative
//! CD    = q_α √(k(k+1)/(6N)),  q_α = studentised range / √2
//! ```
//! Two policies differ if their mean ranks differ by more than CD. Sources: Friedman, JASA 32, 1937; Iman and
//! Davenport, 1980; Nemenyi, 1963; Demšar, JMLR 7, 2006.

use super::ranks::{mid_ranks, tie_sum};
use super::{beta, chi_squared, studentized_range};

/// The outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Friedman {
    /// Mean rank of each policy, 1 the best.
    pub mean_ranks: Vec<f64>,
    /// χ²_F, corrected for ties.
    pub chi_squared: f64,
    /// Its p-value.
    pub p: f64,
    /// Iman and Davenport's F_F; infinite if all scenarios agree.
    pub f: f64,
    /// Its p-value.
    pub f_p: f64,
    /// Number of scenarios.
    pub n: usize,
}

/// Tests `table[scenario][policy]`, the smallest value being the best (negate what should be large). `None`
/// for fewer than two scenarios or policies, or rows of different lengths.
pub fn test(table: &[Vec<f64>]) -> Option<Friedman> {
    let k = table.first()?.len();
    if table.len() < 2 || k < 2 || table.iter().any(|row| row.len() != k) {
        return None;
    }
    let (n, k_real) = (table.len() as f64, k as f64);
    let mut mean_ranks = vec![0.0; k];
    for row in table {
        for (sum, rank) in mean_ranks.iter_mut().zip(mid_ranks(row)) {
            *sum += rank / n;
        }
    }
    let ties: f64 = table.iter().map(|row| tie_sum(row)).sum();
    let middle = 0.5 * (k_real + 1.0);
    let spread: f64 = mean_ranks.iter().map(|rank| (rank - middle) * (rank - middle)).sum();
    let correction = 1.0 - ties / (n * (k_real * k_real * k_real - k_real));
    let chi2 = if correction == 0.0 { 0.0 } else { 12.0 * n / (k_real * (k_real + 1.0)) * spread / correction };
    let (f, f_p) = iman_davenport(chi2, n, k_real);
    let p = chi_squared::upper_tail(chi2, k_real - 1.0);
    Some(Friedman { mean_ranks, chi_squared: chi2, p, f, f_p, n: table.len() })
}

fn iman_davenport(chi2: f64, n: f64, k: f64) -> (f64, f64) {
    let left = n * (k - 1.0) - chi2;
    if left <= 1e-9 {
        return (f64::INFINITY, 0.0);
    }
    let f = (n - 1.0) * chi2 / left;
    let (d1, d2) = (k - 1.0, (k - 1.0) * (n - 1.0));
    (f, beta::regularized(d2 / (d2 + d1 * f), d2 / 2.0, d1 / 2.0))
}

/// Nemenyi's critical difference of mean ranks of `k` policies over `n` scenarios at level `alpha`.
pub fn critical_difference(k: usize, n: usize, alpha: f64) -> f64 {
    let q = studentized_range::quantile(1.0 - alpha, k) / std::f64::consts::SQRT_2;
    q * ((k * (k + 1)) as f64 / (6 * n) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounding first base, three ways, 22 players: Hollander and Wolfe, table 7.1.
    const BASE: [[f64; 3]; 22] = [
        [5.40, 5.50, 5.55],
        [5.85, 5.70, 5.75],
        [5.20, 5.60, 5.50],
        [5.55, 5.50, 5.40],
        [5.90, 5.85, 5.70],
        [5.45, 5.55, 5.60],
        [5.40, 5.40, 5.35],
        [5.45, 5.50, 5.35],
        [5.25, 5.15, 5.00],
        [5.85, 5.80, 5.70],
        [5.25, 5.20, 5.10],
        [5.65, 5.55, 5.45],
        [5.60, 5.35, 5.45],
        [5.05, 5.00, 4.95],
        [5.50, 5.50, 5.40],
        [5.45, 5.55, 5.50],
        [5.55, 5.55, 5.35],
        [5.45, 5.50, 5.55],
        [5.50, 5.45, 5.25],
        [5.65, 5.60, 5.40],
        [5.70, 5.65, 5.55],
        [6.30, 6.30, 6.25],
    ];

    #[test]
    fn rounding_times_of_hollander_and_wolfe() {
        let table: Vec<Vec<f64>> = BASE.iter().map(|row| row.to_vec()).collect();
        let outcome = test(&table).unwrap();
        assert!((outcome.chi_squared - 11.1429).abs() < 5e-5, "{}", outcome.chi_squared);
        assert!((outcome.p - 0.003_805).abs() < 5e-7, "{}", outcome.p);
    }

    #[test]
    fn demsars_example() {
        // four algorithms, 14 data sets, χ² = 9.28: F = 3.69; CD 1.25 at 0.05 and 1.12 at 0.10
        let (f, p) = iman_davenport(9.28, 14.0, 4.0);
        assert!((f - 3.69).abs() < 0.005 && p < 0.05 && p > 0.01, "{f} {p}");
        assert!((critical_difference(4, 14, 0.05) - 1.25).abs() < 0.005);
        assert!((critical_difference(4, 14, 0.10) - 1.12).abs() < 0.005);
    }

    #[test]
    fn agreement_and_indifference_are_the_extremes() {
        let agree = test(&[vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]]).unwrap();
        assert_eq!((agree.mean_ranks.as_slice(), agree.chi_squared), ([1.0, 2.0, 3.0].as_slice(), 4.0));
        assert_eq!(agree.f, f64::INFINITY);
        let indifferent = test(&[vec![1.0, 1.0], vec![2.0, 2.0]]).unwrap();
        assert_eq!((indifferent.chi_squared, indifferent.p), (0.0, 1.0));
        assert_eq!(test(&[vec![1.0, 2.0], vec![1.0]]), None);
    }
}
