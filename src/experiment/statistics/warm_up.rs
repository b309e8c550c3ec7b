//! Warm-up of steady-state runs: MSER-5, and the batch means that follow it.
//!
//! ```text
//! batches of 5 → m means x_1 … x_m;   d* = argmin_{0 ≤ d ≤ m/2}  Σ_{i>d} (x_i − x̄_d)² / (m − d)²
//! ```
//! A minimum at the bound says that the run is too short. Terminating scenarios (a node fails at two
//! minutes) have no warm-up to remove. Source: White and Minnox, 1994; White, Simulation 69(6), 1997; Spratt,
//! 1998; caveats: Hoad and Robinson, WSC 2011.

use super::interval::{Interval, t_interval};
use super::moments::Moments;

/// Observations in a batch.
pub const BATCH: usize = 5;

/// What MSER-5 says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// Observations to leave out at the start, a multiple of [`BATCH`].
    pub cut: usize,
    /// The statistic at its minimum.
    pub statistic: f64,
    /// Whether the minimum lies at the bound: the run should be longer.
    pub too_short: bool,
}

/// Where the steady state of `series` begins; `None` with fewer than two whole batches. A last, broken
/// batch is left out.
pub fn mser5(series: &[f64]) -> Option<WarmUp> {
    let means: Vec<f64> = batch_means(series, BATCH);
    let bound = means.len() / 2;
    if bound == 0 {
        return None;
    }
    // from the end to the start, so that each truncation adds one batch to the moments of the rest
    let mut rest = Moments::default();
    let mut best: Option<(usize, f64)> = None;
    for (d, &mean) in means.iter().enumerate().rev() {
        rest.push(mean);
        let n = rest.n as f64;
        let statistic = rest.variance() * (n - 1.0) / (n * n);
        if d <= bound && best.is_none_or(|(_, least)| statistic <= least) {
            best = Some((d, statistic));
        }
    }
    best.map(|(d, statistic)| WarmUp { cut: d * BATCH, statistic, too_short: d == bound })
}

/// Means of consecutive whole batches of `size` observations.
pub fn batch_means(series: &[f64], size: usize) -> Vec<f64> {
    series.chunks_exact(size.max(1)).map(|batch| batch.iter().sum::<f64>() / batch.len() as f64).collect()
}

/// The interval of a steady-state mean from one long run without its warm-up, by `batches` batch means
/// (Schmeiser, Operations Research 30(3), 1982: 10 to 30). `None` if there is less than one observation
/// a batch.
pub fn batch_interval(series: &[f64], batches: usize, confidence: f64) -> Option<Interval> {
    let size = series.len() / batches.max(1);
    if size == 0 {
        return None;
    }
    t_interval(&batch_means(&series[series.len() - size * batches..], size), confidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_is_cut_and_nothing_of_the_level() {
        // two batches of 100, then a level that swings evenly around 10
        let level = |i: usize| if i.is_multiple_of(2) { 9.0 } else { 11.0 };
        let series: Vec<f64> = (0..100).map(|i| if i < 10 { 100.0 } else { level(i / 5) }).collect();
        let found = mser5(&series).unwrap();
        assert_eq!((found.cut, found.too_short), (10, false));
        // 18 batches, each 1 away from the mean: 18 / 18²
        assert!((found.statistic - 1.0 / 18.0).abs() < 1e-12);
    }

    #[test]
    fn an_endless_ramp_is_too_short() {
        let series: Vec<f64> = (0..100).map(f64::from).collect();
        assert!(mser5(&series).unwrap().too_short);
        assert_eq!(mser5(&series[..9]), None);
    }

    #[test]
    fn a_level_needs_no_cut() {
        assert_eq!(mser5(&[3.0; 50]).map(|found| found.cut), Some(0));
    }

    #[test]
    fn batch_interval_leaves_out_the_odd_start() {
        let series: Vec<f64> = (0..23).map(f64::from).collect();
        // batches of two from 3 on: 3.5, 5.5 … 21.5
        assert_eq!(batch_interval(&series, 10, 0.95).map(|interval| interval.estimate), Some(12.5));
        assert_eq!(batch_interval(&series, 30, 0.95), None);
    }
}
