//! Wilcoxon's signed-rank test: the paired comparison that supposes no normal distribution.
//!
//! ```text
//! V = sum of the ranks of |D_r| over r with D_r > 0; pairs with D_r = 0 are left out
//! ```
//! Exact without ties up to 50 pairs, else normal with tie correction and continuity correction:
//! `σ² = n(n+1)(2n+1)/24 − Σ(t³−t)/48`. Source: Wilcoxon, Biometrics Bulletin 1(6), 1945; Hollander and
//! Wolfe, *Nonparametric Statistical Methods*, 3.1.

use super::normal;
use super::ranks::{mid_ranks, tie_sum};

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRank {
    /// The sum of ranks of positive differences.
    pub v: f64,
    /// Pairs that differ.
    pub n: usize,
    /// The two-sided p-value.
    pub p: f64,
}

impl SignedRank {
    /// The matched-pairs rank-biserial correlation, the effect size that goes with the test: the share of the rank sum
    /// for a rise minus that against, `4V / (n(n+1)) − 1` (Kerby, Comprehensive Psychology 3, 2014); 0 if no pair differs.
    pub fn rank_biserial(&self) -> f64 {
        let n = self.n as f64;
        if self.n == 0 { 0.0 } else { 4.0 * self.v / (n * (n + 1.0)) - 1.0 }
    }
}

/// Largest number of pairs for which the exact distribution is counted.
const EXACT: usize = 50;

/// Tests whether the differences are symmetric about 0. With none that differ, p is 1.
pub fn signed_rank(differences: &[f64]) -> SignedRank {
    let differences: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let sizes: Vec<f64> = differences.iter().map(|d| d.abs()).collect();
    let ranks = mid_ranks(&sizes);
    let v = differences.iter().zip(&ranks).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let ties = tie_sum(&sizes);
    let n = differences.len();
    let p = if ties == 0.0 && n <= EXACT { exact(v, n) } else { approximate(v, n, ties) };
    SignedRank { v, n, p: p.min(1.0) }
}

/// Counts the subsets of {1 … n} whose sum is as far out as `v`.
fn exact(v: f64, n: usize) -> f64 {
    let most = n * (n + 1) / 2;
    let mut subsets = vec![0.0; most + 1];
    subsets[0] = 1.0;
    for rank in 1..=n {
        for sum in (rank..=most).rev() {
            subsets[sum] += subsets[sum - rank];
        }
    }
    let outer = (v as usize).min(most - v as usize);
    let tail: f64 = subsets[..=outer].iter().sum();
    2.0 * tail / subsets.iter().sum::<f64>()
}

fn approximate(v: f64, n: usize, ties: f64) -> f64 {
    let n = n as f64;
    let mean = n * (n + 1.0) / 4.0;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - ties / 48.0;
    let distance = ((v - mean).abs() - 0.5).max(0.0);
    if variance == 0.0 { 1.0 } else { 2.0 * normal::cdf(-distance / variance.sqrt()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rank_biserial_weighs_ranks_for_and_against() {
        // ranks of 1, −2, 3, 4: 1, 2, 3, 4; for 8, against 2 of 10
        assert!((signed_rank(&[1.0, -2.0, 3.0, 4.0]).rank_biserial() - 0.6).abs() < 1e-12);
        assert!((signed_rank(&[-1.0, -2.0]).rank_biserial() + 1.0).abs() < 1e-12);
        assert_eq!(signed_rank(&[0.0]).rank_biserial(), 0.0);
    }

    #[test]
    fn depression_scores_of_hollander_and_wolfe() {
        // their table 3.1 in thousandths, also R's example: V = 40, p = 0.01953 one-sided
        let before = [1830, 500, 1620, 2480, 1680, 1880, 1550, 3060, 1300];
        let after = [878, 647, 598, 2050, 1060, 1290, 1060, 3140, 1290];
        let differences: Vec<f64> = before.iter().zip(&after).map(|(a, b)| f64::from(a - b)).collect();
        let test = signed_rank(&differences);
        assert_eq!(test.v, 40.0);
        assert!((test.p - 2.0 * 10.0 / 512.0).abs() < 1e-12, "{}", test.p);
    }

    #[test]
    fn zeros_are_left_out_and_ties_corrected() {
        // Student's sleep data in R: V = 45 of nine pairs, p = 0.009091
        let differences = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4];
        let test = signed_rank(&differences);
        assert_eq!((test.v, test.n), (45.0, 9));
        assert!((test.p - 0.009_091).abs() < 5e-7, "{}", test.p);
        assert_eq!(signed_rank(&[0.0, 0.0]).p, 1.0);
    }
}
