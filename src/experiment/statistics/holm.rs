//! Holm's step-down correction of p-values for many tests at once.
//!
//! ```text
//! sorted ascending:  adjusted_i = max_{j ≤ i} min(1, (m − j + 1)·p_j)
//! ```
//! It keeps the chance of any false alarm below α, supposes no independence, and is never worse than
//! Bonferroni. Source: Holm, Scandinavian Journal of Statistics 6(2), 1979.

/// Adjusted p-values in the order given.
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (step, &index) in order.iter().enumerate() {
        let left = (p_values.len() - step) as f64;
        largest = largest.max((left * p_values[index]).min(1.0));
        adjusted[index] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_p_adjust_of_r() {
        // p.adjust(c(.01,.02,.03,.04,.05), "holm") = .05 .08 .09 .09 .09
        let got = adjusted(&[0.03, 0.01, 0.05, 0.02, 0.04]);
        for (got, expected) in got.iter().zip([0.09, 0.05, 0.09, 0.08, 0.09]) {
            assert!((got - expected).abs() < 1e-12);
        }
        assert_eq!(adjusted(&[0.7, 0.9]), [1.0, 1.0]);
    }
}
