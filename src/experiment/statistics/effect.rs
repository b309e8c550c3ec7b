//! Effect sizes: how much it matters, not only whether it is there.
//!
//! ```text
//! Cohen's d      (x̄_A − x̄_B) / s,  s² = ((n_A−1)s_A² + (n_B−1)s_B²) / (n_A+n_B−2)
//! Hedges' g      d · (1 − 3 / (4(n_A+n_B) − 9))            less biased for few replications
//! d_z            D̄ / s_D                                    paired differences
//! Cliff's delta  (#{a > b} − #{a < b}) / (n_A n_B)          ordinal, in [−1, 1]
//! Vargha–Delaney (#{a > b} + #{a = b}/2) / (n_A n_B)        = (delta + 1) / 2
//! ```
//! Sources: Cohen, *Statistical Power Analysis for the Behavioral Sciences*, 1988; Hedges, 1981; Cliff,
//! Psychological Bulletin 114(3), 1993; Vargha and Delaney, 2000; words for delta: Romano et al., 2006.

use super::moments::Moments;

/// Cohen's d of `a` over `b`; `None` where it has no spread to measure by.
pub fn cohen_d(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (Moments::of(a), Moments::of(b));
    if a.n + b.n < 3 || a.n == 0 || b.n == 0 {
        return None;
    }
    let sum = |m: &Moments| m.variance() * m.n.saturating_sub(1) as f64;
    let pooled = ((sum(&a) + sum(&b)) / (a.n + b.n - 2) as f64).sqrt();
    (pooled > 0.0).then(|| (a.mean - b.mean) / pooled)
}

/// Hedges' g.
pub fn hedges_g(a: &[f64], b: &[f64]) -> Option<f64> {
    let n = (a.len() + b.len()) as f64;
    Some(cohen_d(a, b)? * (1.0 - 3.0 / (4.0 * n - 9.0)))
}

/// Cohen's d_z of paired differences.
pub fn cohen_dz(differences: &[f64]) -> Option<f64> {
    let moments = Moments::of(differences);
    (moments.deviation() > 0.0).then(|| moments.mean / moments.deviation())
}

/// Cliff's delta of `a` over `b`; `None` if one is empty.
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut sorted = b.to_vec();
    sorted.sort_by(f64::total_cmp);
    let won = |&x: &f64| {
        let below = sorted.partition_point(|y| *y < x);
        let above = sorted.len() - sorted.partition_point(|y| *y <= x);
        below as i64 - above as i64
    };
    let dominance: i64 = a.iter().map(won).sum();
    Some(dominance as f64 / (a.len() * b.len()) as f64)
}

/// Vargha and Delaney's A: the chance that a value of `a` exceeds one of `b`, ties counting half.
pub fn vargha_delaney(a: &[f64], b: &[f64]) -> Option<f64> {
    Some(0.5 * (cliffs_delta(a, b)? + 1.0))
}

/// Romano's word for a Cliff's delta: below 0.147 negligible, 0.33 small, 0.474 medium.
pub fn word(delta: f64) -> &'static str {
    match delta.abs() {
        size if size < 0.147 => "negligible",
        size if size < 0.33 => "small",
        size if size < 0.474 => "medium",
        _ => "large",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // means 2 and 3, both variances 1: d = -1; g = -1·(1 - 3/15)
        let (a, b) = ([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]);
        assert!((cohen_d(&a, &b).unwrap() + 1.0).abs() < 1e-12);
        assert!((hedges_g(&a, &b).unwrap() + 0.8).abs() < 1e-12);
        // one pair won, six lost, two tied
        assert!((cliffs_delta(&a, &b).unwrap() + 5.0 / 9.0).abs() < 1e-12);
        assert!((vargha_delaney(&a, &b).unwrap() - 2.0 / 9.0).abs() < 1e-12);
        assert_eq!(word(-5.0 / 9.0), "large");
    }

    #[test]
    fn nothing_to_measure_by() {
        assert_eq!(cohen_d(&[1.0, 1.0], &[2.0, 2.0]), None);
        assert_eq!(cliffs_delta(&[], &[1.0]), None);
        assert_eq!(cliffs_delta(&[1.0], &[1.0]), Some(0.0));
        assert_eq!(cohen_dz(&[1.0, 3.0]), Some(2.0 / std::f64::consts::SQRT_2));
    }
}
