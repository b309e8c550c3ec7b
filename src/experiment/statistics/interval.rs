//! A confidence interval, and that of a mean.
//!
//! ```text
//! x̄ ± t(n−1, 1−α/2) · s/√n
//! ```
//! Source: Student, Biometrika 6(1), 1908; Law, *Simulation Modeling and Analysis*, 4.5.

use super::moments::Moments;
use super::student_t;

/// An estimate with the interval that covers the truth with the given confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The point estimate.
    pub estimate: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The confidence asked for, such as 0.95.
    pub confidence: f64,
    /// How many replications it is made of.
    pub n: u64,
}

impl Interval {
    /// Half the width.
    pub fn half_width(&self) -> f64 {
        0.5 * (self.high - self.low)
    }

    /// The half width over the estimate's size; infinite for an estimate of 0 that is not certain.
    pub fn relative_half_width(&self) -> f64 {
        let half = self.half_width();
        if half == 0.0 { 0.0 } else { half / self.estimate.abs() }
    }

    /// Whether `value` lies in it, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

/// The t interval of the mean of independent replications; `None` with fewer than two.
pub fn t_interval(sample: &[f64], confidence: f64) -> Option<Interval> {
    t_interval_of(&Moments::of(sample), confidence)
}

/// The same from moments.
pub fn t_interval_of(moments: &Moments, confidence: f64) -> Option<Interval> {
    if moments.n < 2 {
        return None;
    }
    let t = student_t::quantile(0.5 + 0.5 * confidence, (moments.n - 1) as f64);
    let half = t * moments.standard_error();
    let Moments { n, mean, .. } = *moments;
    Some(Interval { estimate: mean, low: mean - half, high: mean + half, confidence, n })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_ten() {
        // mean 5.5, s = 3.0276503541, t = 2.2621571628: half width 2.1658506
        let sample: Vec<f64> = (1..=10).map(f64::from).collect();
        let interval = t_interval(&sample, 0.95).unwrap();
        assert_eq!(interval.estimate, 5.5);
        assert!((interval.half_width() - 2.165_850_5).abs() < 1e-6, "{}", interval.half_width());
        assert!((interval.relative_half_width() - 2.165_850_5 / 5.5).abs() < 1e-6);
        assert_eq!(interval.n, 10);
    }

    #[test]
    fn a_certain_sample_has_no_width_and_one_value_no_interval() {
        let certain = t_interval(&[0.0, 0.0, 0.0], 0.99).unwrap();
        assert_eq!((certain.low, certain.high, certain.relative_half_width()), (0.0, 0.0, 0.0));
        assert_eq!(t_interval(&[1.0], 0.95), None);
    }
}
