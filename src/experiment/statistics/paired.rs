//! Two policies under common random numbers: the interval of their differences.
//!
//! ```text
//! D_r = A_r − B_r,   D̄ ± t(n−1, 1−α/2) · s_D/√n
//! ```
//! Replication r of both meets the same arrivals, run times and failures, so what they share cancels.
//! Source: Law, *Simulation Modeling and Analysis*, 10.2.1 (paired-t).

use super::interval::{Interval, t_interval_of};
use super::moments::Moments;
use super::student_t;

/// A paired comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// `A − B`, replication by replication.
    pub differences: Vec<f64>,
    /// The interval of their mean.
    pub interval: Interval,
    /// The t statistic; infinite if all differences are equal and not 0, 0 if all are 0.
    pub t: f64,
    /// The two-sided p-value of "no difference".
    pub p: f64,
    /// 1 − Var(A−B) / (Var A + Var B): what common random numbers saved; negative if they cost.
    pub variance_reduction: f64,
}

/// Compares `a` with `b`, replication by replication; `None` if they differ in length or have fewer than
/// two values.
pub fn compare(a: &[f64], b: &[f64], confidence: f64) -> Option<Paired> {
    if a.len() != b.len() {
        return None;
    }
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let moments = Moments::of(&differences);
    let interval = t_interval_of(&moments, confidence)?;
    let t = match (moments.mean, moments.standard_error()) {
        (0.0, _) => 0.0,
        (mean, error) => mean / error,
    };
    let p = if t.is_infinite() { 0.0 } else { student_t::two_sided(t, (moments.n - 1) as f64) };
    let apart = Moments::of(a).variance() + Moments::of(b).variance();
    let variance_reduction = if apart == 0.0 { 0.0 } else { 1.0 - moments.variance() / apart };
    Some(Paired { differences, interval, t, p, variance_reduction })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hours of sleep gained under two drugs: Student 1908, R's data set `sleep`.
    const FIRST: [f64; 10] = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    const SECOND: [f64; 10] = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

    #[test]
    fn students_own_example() {
        let paired = compare(&SECOND, &FIRST, 0.95).unwrap();
        assert!((paired.interval.estimate - 1.58).abs() < 1e-12);
        assert!((paired.t - 4.0621).abs() < 5e-5, "{}", paired.t);
        assert!((paired.p - 0.002_833).abs() < 5e-7, "{}", paired.p);
        assert!((paired.interval.low - 0.700_114_2).abs() < 5e-8);
        assert!((paired.interval.high - 2.459_885_8).abs() < 5e-8);
        assert!(paired.variance_reduction > 0.75);
    }

    #[test]
    fn equal_runs_do_not_differ() {
        let paired = compare(&FIRST, &FIRST, 0.95).unwrap();
        assert_eq!((paired.t, paired.p, paired.interval.high), (0.0, 1.0, 0.0));
        assert_eq!(compare(&FIRST, &FIRST[1..], 0.95), None);
    }
}
