//! Generated arrivals: when pods come by a random process, how large they are and how long they run.
//!
//! ```text
//! renewal   gaps drawn one after another; exponential gaps are a Poisson process
//! diurnal   a Poisson process whose rate swings: λ(t) = (1 + a·cos(2π(t − peak)/period)) / mean, by thinning
//! batches   gaps between batches; a batch has a geometric number of pods of the given mean
//! ```
//! Three streams, one for gaps, sizes and run times each, so that a change of one moves no draw of another. Source of
//! thinning: Lewis and Shedler, Naval Research Logistics 26(3), 1979.

use crate::cluster::{Name, SpecId};
use crate::engine::{Distribution, Seed, Span, Stream, Time};

use super::{Arrival, Source};

/// When pods come.
#[derive(Clone, Debug, PartialEq)]
pub enum Process {
    /// Gaps between one pod and the next.
    Renewal(Distribution),
    /// A rate that swings.
    Diurnal {
        /// Mean gap over a whole period.
        mean: Span,
        /// How far the rate swings, from 0 (not at all) to 1 (down to nothing).
        amplitude: f64,
        /// From peak to peak.
        period: Span,
        /// The first peak.
        peak: Span,
    },
    /// Several at once.
    Batches {
        /// Gaps between batches.
        gap: Distribution,
        /// Mean number of pods in a batch, 1 or more.
        size: f64,
    },
}

/// What a generator is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// When pods come.
    pub process: Process,
    /// Templates, each with its weight.
    pub sizes: Vec<(f64, SpecId)>,
    /// How long pods run; `None`: as the template says.
    pub run_for: Option<Distribution>,
    /// The base of generated names.
    pub base: Name,
    /// The process begins here.
    pub from: Time,
    /// Nothing comes from here on.
    pub until: Time,
    /// At most so many pods.
    pub count: u64,
}

/// Arrivals of a plan.
pub struct Generator {
    plan: Plan,
    clock: Time,
    left: u64,
    /// Pods of the current batch yet to come.
    in_batch: u64,
    gaps: Stream,
    sizes: Stream,
    durations: Stream,
}

impl Generator {
    /// The `index`-th generator of a run.
    pub fn new(plan: Plan, seed: Seed, index: u64) -> Self {
        Generator {
            clock: plan.from,
            left: plan.count,
            in_batch: 0,
            gaps: seed.stream("arrival-gap", index),
            sizes: seed.stream("arrival-size", index),
            durations: seed.stream("arrival-duration", index),
            plan,
        }
    }

    /// When the next pod comes.
    fn advance(&mut self) -> Time {
        match &self.plan.process {
            Process::Renewal(gap) => self.clock = later(self.clock, gap.sample(&mut self.gaps)),
            Process::Diurnal { mean, amplitude, period, peak } => {
                let fastest = Distribution::Exponential { mean: Span((mean.0 as f64 / (1.0 + amplitude)) as u64) };
                loop {
                    self.clock = later(self.clock, fastest.sample(&mut self.gaps));
                    let turn = (self.clock.0 as f64 - peak.0 as f64) / period.0 as f64;
                    let rate = 1.0 + amplitude * libm::cos(2.0 * std::f64::consts::PI * turn);
                    if self.gaps.unit() * (1.0 + amplitude) < rate || self.clock >= self.plan.until {
                        break;
                    }
                }
            }
            Process::Batches { gap, size } => {
                if self.in_batch == 0 {
                    self.clock = later(self.clock, gap.sample(&mut self.gaps));
                    self.in_batch = geometric(*size, &mut self.gaps);
                }
                self.in_batch -= 1;
            }
        }
        self.clock
    }

    fn size(&mut self) -> SpecId {
        let total: f64 = self.plan.sizes.iter().map(|(weight, _)| weight).sum();
        let mut left = self.sizes.unit() * total;
        for (weight, spec) in &self.plan.sizes {
            if left < *weight {
                return *spec;
            }
            left -= weight;
        }
        self.plan.sizes[self.plan.sizes.len() - 1].1
    }
}

/// Saturates: a gap of a heavy tail may reach beyond all time.
fn later(clock: Time, gap: Span) -> Time {
    Time(clock.0.saturating_add(gap.0))
}

/// 1, 2, …, with this mean: `⌈ln U / ln(1 − 1/mean)⌉`.
fn geometric(mean: f64, stream: &mut Stream) -> u64 {
    let unit = stream.unit();
    if mean <= 1.0 { 1 } else { (libm::log(unit) / libm::log1p(-1.0 / mean)).ceil().max(1.0) as u64 }
}

impl Source for Generator {
    fn next(&mut self) -> Option<Arrival> {
        if self.left == 0 {
            return None;
        }
        let at = self.advance();
        if at >= self.plan.until {
            self.left = 0;
            return None;
        }
        self.left -= 1;
        let spec = self.size();
        let run_for = self.plan.run_for.as_ref().map(|length| length.sample(&mut self.durations).max(Span(1)));
        Some(Arrival { at, spec, run_for, base: self.plan.base })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(process: Process, until: u64, count: u64) -> Vec<Arrival> {
        let plan = Plan {
            process,
            sizes: vec![(3.0, SpecId(0)), (1.0, SpecId(1))],
            run_for: Some(Distribution::Pareto { shape: 1.5, minimum: Span::from_secs(10) }),
            base: Name(0),
            from: Time::ZERO,
            until: Time::from_secs(until),
            count,
        };
        let mut generator = Generator::new(plan, Seed(5), 0);
        std::iter::from_fn(|| Source::next(&mut generator)).collect()
    }

    const HOUR: u64 = 3600;

    #[test]
    fn a_poisson_process_has_its_rate_its_sizes_and_its_run_times() {
        let gap = Distribution::Exponential { mean: Span::from_secs(10) };
        let found = arrivals(Process::Renewal(gap), 100 * HOUR, u64::MAX);
        // 36,000 expected, standard deviation 190
        assert!((35_200..36_800).contains(&found.len()), "{}", found.len());
        assert!(found.is_sorted_by_key(|arrival| arrival.at));
        let small = found.iter().filter(|arrival| arrival.spec == SpecId(0)).count() as f64 / found.len() as f64;
        assert!((small - 0.75).abs() < 0.01, "{small}");
        // a tail of index 1.5: one in 2^1.5 = 2.83 runs twice the minimum or longer
        let long = found.iter().filter(|arrival| arrival.run_for >= Some(Span::from_secs(20))).count() as f64;
        assert!((long / found.len() as f64 - 1.0 / 2.828).abs() < 0.01, "{long}");
    }

    #[test]
    fn a_diurnal_process_swings_about_its_mean() {
        let process = Process::Diurnal {
            mean: Span::from_secs(10),
            amplitude: 0.8,
            period: Span::from_secs(24 * HOUR),
            peak: Span::from_secs(14 * HOUR),
        };
        let found = arrivals(process, 20 * 24 * HOUR, u64::MAX);
        let hour = |arrival: &Arrival| arrival.at.0 / 1_000_000_000 / HOUR % 24;
        let within = |from, to| found.iter().filter(|arrival| (from..to).contains(&hour(arrival))).count() as f64;
        assert!((found.len() as f64 / (20.0 * 8640.0) - 1.0).abs() < 0.01, "{}", found.len());
        // mean of the cosine over four hours about its peak: sin(π/6)/(π/6) = 0.955; about its trough: −0.955
        let (peak, trough) = (within(12, 16) / 20.0 / 1440.0, within(0, 4) / 20.0 / 1440.0);
        assert!((peak - 1.764).abs() < 0.03 && (trough - 0.236).abs() < 0.02, "{peak} {trough}");
    }

    #[test]
    fn batches_come_together_and_a_count_is_kept() {
        let gap = Distribution::Constant(Span::from_secs(60));
        let found = arrivals(Process::Batches { gap: gap.clone(), size: 5.0 }, 1000 * HOUR, u64::MAX);
        let mean = found.len() as f64 / 59_999.0;
        assert!((mean - 5.0).abs() < 0.1, "{mean}");
        assert!(found.iter().all(|arrival| arrival.at.0 % 60_000_000_000 == 0));
        assert_eq!(arrivals(Process::Renewal(gap), 1000 * HOUR, 7).len(), 7);
    }
}
