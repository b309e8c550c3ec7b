//! When to stop replicating: the sequential rule by relative half width.
//!
//! ```text
//! stop when n ≥ n₀ and δ(n, α)/|x̄| ≤ γ' = γ/(1+γ)
//! ```
//! γ is the relative error wanted; γ' makes up for dividing by the estimate instead of the truth. Coverage
//! is good for γ ≤ 0.15 and n₀ ≥ 10. Source: Law, *Simulation Modeling and Analysis*, 9.4.1; Law and Kelton,
//! Operations Research 30(2), 1982.

use super::interval::{Interval, t_interval_of};
use super::moments::Moments;

/// The rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// The fewest replications, at least 10 for the coverage to hold.
    pub min: u64,
    /// The most.
    pub max: u64,
    /// The relative error wanted, such as 0.05.
    pub relative_error: f64,
    /// The confidence, such as 0.95.
    pub confidence: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Rule { min: 10, max: 1000, relative_error: 0.05, confidence: 0.95 }
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// It is as precise as wanted.
    Precise(Interval),
    /// It is not, but no more replications are allowed.
    Exhausted(Interval),
    /// So many more replications are likely to be needed: n·(w/γ')² by the present width.
    More(u64),
}

impl Rule {
    /// What to do after the replications in `moments`.
    pub fn judge(&self, moments: &Moments) -> Verdict {
        let min = self.min.max(2);
        let Some(interval) = t_interval_of(moments, self.confidence) else { return Verdict::More(min - moments.n) };
        if moments.n < min {
            return Verdict::More(min - moments.n);
        }
        let wanted = self.relative_error / (1.0 + self.relative_error);
        let width = interval.relative_half_width();
        if width <= wanted {
            return Verdict::Precise(interval);
        }
        if moments.n >= self.max {
            return Verdict::Exhausted(interval);
        }
        let ratio = width / wanted;
        let needed = (moments.n as f64 * ratio * ratio).ceil() as u64;
        Verdict::More(needed.clamp(moments.n + 1, self.max) - moments.n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_never_enough_and_precision_stops() {
        let rule = Rule::default();
        assert_eq!(rule.judge(&Moments::default()), Verdict::More(10));
        assert_eq!(rule.judge(&Moments::of(&[5.0; 9])), Verdict::More(1));
        assert!(matches!(rule.judge(&Moments::of(&[5.0; 10])), Verdict::Precise(_)));
    }

    #[test]
    fn the_number_needed_grows_with_the_square_of_the_width() {
        // 1 … 10: relative half width 0.39379; wanted 0.05/1.05: 10·(8.2697)² = 683.9
        let sample: Vec<f64> = (1..=10).map(f64::from).collect();
        let moments = Moments::of(&sample);
        assert_eq!(Rule::default().judge(&moments), Verdict::More(674));
        assert!(matches!(Rule { max: 10, ..Rule::default() }.judge(&moments), Verdict::Exhausted(_)));
    }

    #[test]
    fn a_mean_of_zero_ends_at_the_most() {
        let moments = Moments::of(&[-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0]);
        assert_eq!(Rule::default().judge(&moments), Verdict::More(990));
    }
}
