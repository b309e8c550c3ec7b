//! The plain data of many runs of one scenario under several seeds: what is kept of each run, and what
//! they say together.

use serde::{Deserialize, Serialize};

use super::Run;
use super::expressions::FailedExpression;
use crate::engine::Span;

/// What is kept of one run of many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Replicate {
    /// Its seed.
    pub seed: u64,
    /// Hash over its stream of changes.
    pub digest: u64,
    /// Hash over what arrived: equal for every policy under one seed.
    pub arrivals: u64,
    /// Hash over the faults that struck: equal for every policy under one seed.
    pub faults: u64,
    /// Every value of every metric.
    pub values: Vec<Value>,
    /// The recoveries, in order of the fault.
    pub recoveries: Vec<Recovery>,
    /// The expectations that were broken, with what was observed.
    pub broken: Vec<String>,
    /// Faults written by hand that never struck anybody.
    pub idle_faults: Vec<String>,
    /// Quantities over time, averaged over equal stretches of the run.
    pub curves: Vec<Curve>,
    /// Expressions of own policies that failed while they ran.
    pub failed_expressions: Vec<FailedExpression>,
}

/// A fault written by hand that never struck anybody in some runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdleFault {
    /// Its name.
    pub fault: String,
    /// How many runs it did not strike in.
    pub idle: usize,
    /// Of how many.
    pub of: usize,
}

/// The faults that did not strike in every run, in the order they were first missed.
pub fn idle_faults<'a>(runs: impl IntoIterator<Item = &'a Replicate>) -> Vec<IdleFault> {
    let (mut found, mut of): (Vec<IdleFault>, usize) = (Vec::new(), 0);
    for run in runs {
        of += 1;
        for fault in &run.idle_faults {
            match found.iter_mut().find(|known| known.fault == *fault) {
                Some(known) => known.idle += 1,
                None => found.push(IdleFault { fault: fault.clone(), idle: 1, of: 0 }),
            }
        }
    }
    found.iter_mut().for_each(|fault| fault.of = of);
    found
}

impl std::fmt::Display for IdleFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the fault `{}` never struck anybody in {} of {} runs", self.fault, self.idle, self.of)
    }
}

/// One value of one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// Name and labels as in `expect:`.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// The value; `None`: infinite, as a recovery that never came.
    pub value: Option<f64>,
}

/// One incident of one workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// The workload.
    pub workload: String,
    /// Seconds until whole again; `None`: not within the run.
    pub seconds: Option<f64>,
    /// Seconds of each of [`super::STAGES`], where it came to an end.
    pub stages: Option<[f64; 6]>,
}

/// A quantity over time, as its mean over equal stretches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Name and labels: `pods_serving{workload="web"}`.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The means, in order of time.
    pub means: Vec<f64>,
    /// The least value in each stretch, of pods serving only.
    #[serde(default)]
    pub lows: Vec<f64>,
}

impl Replicate {
    /// The value of a metric; infinite if it never came, `None` if the run gives it none.
    pub fn value(&self, metric: &str) -> Option<f64> {
        let row = self.values.iter().find(|value| value.metric == metric)?;
        Some(row.value.unwrap_or(f64::INFINITY))
    }

    /// The curve of this name.
    pub fn curve(&self, name: &str) -> Option<&Curve> {
        self.curves.iter().find(|curve| curve.name == name)
    }
}

/// What the length of a run means (Law, *Simulation Modeling and Analysis*, ch. 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Horizon {
    /// The run begins and ends where the question does.
    #[default]
    Terminating,
    /// The run is a window on a system that goes on for ever; its beginning is cut off.
    SteadyState,
}

impl Horizon {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Horizon::Terminating => "terminating",
            Horizon::SteadyState => "steady-state",
        }
    }
}

/// An estimate with the ends of its interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// One metric over all replications.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricSummary {
    /// Name and labels.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Replications that give it a value.
    pub n: usize,
    /// How many of those values are infinite.
    pub never: usize,
    /// Mean and standard deviation; `None` if a value is infinite.
    pub moments: Option<(f64, f64)>,
    /// The t interval of the mean.
    pub t: Option<Estimate>,
    /// The bootstrap (BCa) interval of the mean.
    pub bootstrap: Option<Estimate>,
    /// The [`QUANTILES`].
    pub quantiles: Vec<Quantile>,
}

/// A quantile: its share, its value, and its order-statistic interval where there are enough replications.
pub type Quantile = (f64, f64, Option<(f64, f64)>);

/// The quantiles that are told.
pub const QUANTILES: [f64; 3] = [0.5, 0.9, 0.95];

/// A quantity in steady state: its time average without the warm-up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steady {
    /// Name and labels of the quantity.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// What MSER-5 cuts off at the start.
    pub warm_up: Span,
    /// The minimum lay at the bound: the run should be longer.
    pub too_short: bool,
    /// The time average with its interval: over replications, or by batch means of a single run.
    pub mean: Option<Estimate>,
}

/// A point of an empirical distribution with its band.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CdfPoint {
    /// The value, in seconds.
    pub at: f64,
    /// The share of incidents that were over by then.
    pub share: Estimate,
}

/// Quantiles over the replications, along time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fan {
    /// The workload.
    pub workload: String,
    /// Replicas wanted: the mean over replications.
    pub desired: Vec<f64>,
    /// The quantiles [`FAN`] of the fewest pods serving in each stretch of time.
    pub quantiles: Vec<[f64; 5]>,
}

/// The quantiles of a [`Fan`].
pub const FAN: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Why no more replications were run.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Stop {
    /// There were as many as asked for.
    #[default]
    Count,
    /// The metric is as precise as wanted: metric, relative half width wanted and reached.
    Precise(String, f64, f64),
    /// It is not, and no more were allowed: metric, relative half width wanted and reached.
    Exhausted(String, f64, f64),
    /// None of the runs has a value of this metric.
    Missing(String),
}

/// All replications of a scenario and what they say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Study {
    /// What was run; the seed is that of the first.
    pub run: Run,
    /// Virtual length of each run.
    pub duration: Span,
    /// What that length means.
    pub horizon: Horizon,
    /// Confidence of all intervals.
    pub confidence: f64,
    /// The runs, by seed.
    pub replicates: Vec<Replicate>,
    /// Why there are not more.
    pub stop: Stop,
    /// What was expected, and of how many runs it held.
    pub expectations: Vec<(String, usize)>,
    /// Every metric.
    pub metrics: Vec<MetricSummary>,
    /// Quantities in steady state; none for a terminating horizon.
    pub steady: Vec<Steady>,
    /// The distribution of the recovery time over all incidents.
    pub recovery: Vec<CdfPoint>,
    /// Mean seconds of each of [`super::STAGES`] over the recoveries.
    pub stages: Vec<Estimate>,
    /// Serving pods over time.
    pub fans: Vec<Fan>,
}

impl Study {
    /// How many seeds broke an expectation.
    pub fn broken(&self) -> usize {
        self.replicates.iter().filter(|replicate| !replicate.broken.is_empty()).count()
    }

    /// The faults that did not strike under every seed.
    pub fn idle_faults(&self) -> Vec<IdleFault> {
        idle_faults(&self.replicates)
    }
}
