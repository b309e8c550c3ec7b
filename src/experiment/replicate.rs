//! One run of many: a scenario and a seed in, what is kept of its outcome out.

use crate::engine::Time;
use crate::outcome::study::{Curve, Recovery, Replicate, Value};
use crate::outcome::{Outcome, Run, Series, Stage};
use crate::scenario::{self, Diagnostics, Scenario};

use super::run::{Interrupted, Options, Progress, run};

/// Equal stretches of time of which curves keep the mean.
pub const STRETCHES: usize = 240;
/// Workloads whose curves are kept.
const WORKLOADS: usize = 12;

/// Why there is no replicate.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The scenario cannot be built.
    #[error("{0}")]
    Scenario(Box<Diagnostics>),
    /// Stopped from outside.
    #[error("interrupted")]
    Interrupted,
    /// What was finished cannot be kept, or policies do not meet the same demand; in words.
    #[error("{0}")]
    Other(String),
}

impl From<Diagnostics> for Failed {
    fn from(diagnostics: Diagnostics) -> Self {
        Failed::Scenario(Box::new(diagnostics))
    }
}

impl From<Interrupted> for Failed {
    fn from(_: Interrupted) -> Self {
        Failed::Interrupted
    }
}

/// Somebody who waits for many runs, from several threads.
pub trait Watch: Sync {
    /// So many of so many runs are done.
    fn done(&self, finished: usize, total: usize);

    /// Whether to stop.
    fn stopped(&self) -> bool;
}

/// Nobody waits for many runs.
#[derive(Clone, Copy, Debug)]
pub struct Unattended;

impl Watch for Unattended {
    fn done(&self, _: usize, _: usize) {}

    fn stopped(&self) -> bool {
        false
    }
}

/// Looks after a single run within many.
struct OneOfMany<'a>(&'a dyn Watch);

impl Progress for OneOfMany<'_> {
    fn reached(&mut self, _: Time) -> bool {
        !self.0.stopped()
    }
}

/// Runs the scenario under a seed.
///
/// # Errors
/// [`Failed`].
pub fn replicate(scenario: &Scenario, seed: u64, watch: &dyn Watch) -> Result<Replicate, Failed> {
    Ok(kept(&outcome(scenario, seed, watch)?))
}

/// The same in full.
///
/// # Errors
/// [`Failed`].
pub fn outcome(scenario: &Scenario, seed: u64, watch: &dyn Watch) -> Result<Outcome, Failed> {
    let mut scenario = scenario.clone();
    scenario.seed = seed;
    let setup = scenario::build(&scenario)?;
    let options = Options { run: Run { seed, ..Run::default() }, ..Options::default() };
    let mut outcome = run(setup, options, &mut OneOfMany(watch))?;
    outcome.expectations = scenario::judge(&scenario.expect, &outcome);
    Ok(outcome)
}

/// What is kept of an outcome.
pub fn kept(outcome: &Outcome) -> Replicate {
    let value = |row: &crate::outcome::MetricRow| Value {
        metric: row.to_string(),
        unit: row.unit.to_string(),
        value: row.value.is_finite().then_some(row.value),
    };
    let seconds = |stage: Stage| stage.span.as_secs_f64();
    let recovery = |incident: &crate::outcome::Incident| Recovery {
        workload: incident.workload.to_string(),
        seconds: incident.recovery().map(|span| span.as_secs_f64()),
        stages: incident.stages().map(|stages| stages.map(seconds)),
    };
    let broken = outcome.expectations.iter().filter(|expectation| !expectation.held);
    let broken = broken.map(|expectation| match expectation.observed {
        Some(observed) => format!("{} (observed {observed})", expectation.text),
        None => format!("{} (no value)", expectation.text),
    });
    Replicate {
        seed: outcome.run.seed,
        digest: outcome.digest,
        arrivals: outcome.arrivals,
        faults: outcome.fault_trace,
        values: outcome.metrics.iter().map(value).collect(),
        recoveries: outcome
            .incidents
            .iter()
            .filter(|incident| !incident.planned && !incident.undecided)
            .map(recovery)
            .collect(),
        broken: broken.collect(),
        idle_faults: outcome.idle_faults.clone(),
        curves: curves(outcome),
        failed_expressions: outcome.failed_expressions.clone(),
    }
}

/// The curves of the whole cluster and of the first workloads.
fn curves(outcome: &Outcome) -> Vec<Curve> {
    let first: Vec<&str> = outcome.workloads.iter().take(WORKLOADS).map(|workload| workload.label.as_str()).collect();
    let is_kept = |series: &&Series| match series.label("workload") {
        Some(workload) => matches!(series.name, "pods_serving" | "pods_desired") && first.contains(&workload),
        None => series.labels.is_empty(),
    };
    let end = Time(outcome.duration.0);
    outcome.series.iter().filter(is_kept).map(|series| curve(series, end)).collect()
}

fn curve(series: &Series, end: Time) -> Curve {
    let labels: Vec<String> = series.labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let (means, lows) = stretched(series, end, STRETCHES);
    // what a fan is drawn of: in a long run a mean hides all that is shorter than a stretch
    let lows = if series.name == "pods_serving" { lows } else { Vec::new() };
    Curve { name: format!("{}{labels}", series.name), unit: series.unit.to_string(), means, lows }
}

/// Means and least values of a step series over equal stretches until `end`; 0 before its first point.
fn stretched(series: &Series, end: Time, stretches: usize) -> (Vec<f64>, Vec<f64>) {
    let border = |index: usize| (u128::from(end.0) * index as u128 / stretches as u128) as u64;
    let points = &series.points;
    let mut next = 0;
    let mut value = 0.0;
    let (mut means, mut lows) = (Vec::with_capacity(stretches), Vec::with_capacity(stretches));
    for index in 0..stretches {
        let (from, to) = (border(index), border(index + 1));
        let (mut at, mut area) = (from, 0.0);
        // a value that ends where the stretch begins is not one of it
        let mut low = if points.get(next).is_some_and(|point| point.at.0 <= from) { f64::INFINITY } else { value };
        while let Some(point) = points.get(next).filter(|point| point.at.0 < to) {
            area += value * point.at.0.saturating_sub(at) as f64;
            at = at.max(point.at.0);
            value = point.mean;
            low = low.min(point.min);
            next += 1;
        }
        area += value * to.saturating_sub(at) as f64;
        means.push(if to > from { area / (to - from) as f64 } else { value });
        lows.push(if low.is_finite() { low } else { value });
    }
    (means, lows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Point;

    #[test]
    fn stretches_hold_exact_means() {
        let point = |at, value| Point { at: Time(at), mean: value, min: value, max: value };
        // 2 from 0, 4 from 5, 0 from 15; stretches of 10: (2·5+4·5)/10, (4·5+0·5)/10
        let series = Series { points: vec![point(0, 2.0), point(5, 4.0), point(15, 0.0)], ..Series::default() };
        assert_eq!(stretched(&series, Time(20), 2), (vec![3.0, 2.0], vec![2.0, 0.0]));
        // a stretch without a step keeps the value, and a series that begins late is 0 before
        let late = Series { points: vec![point(10, 6.0)], ..Series::default() };
        let values = vec![0.0, 0.0, 6.0, 6.0];
        assert_eq!(stretched(&late, Time(20), 4), (values.clone(), values));
    }
}
