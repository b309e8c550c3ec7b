//! What replications say together: each metric with its intervals, the recovery's distribution and stages, the
//! fans of serving pods, and the steady state.
//!
//! A replication counts once, however many incidents or pods it has: incidents of one run are not independent.

use std::collections::BTreeSet;

use crate::engine::{Seed, Span};
use crate::outcome::Run;
use crate::outcome::study::{
    CdfPoint, Curve, Estimate, FAN, Fan, Horizon, MetricSummary, QUANTILES, Replicate, Steady, Stop, Study,
};
use crate::scenario::Scenario;

use super::replications::Plan;
use super::statistics::bootstrap::{self, Method};
use super::statistics::{Interval, Moments, percentile, t_interval, warm_up};

/// Resamples of a bootstrap.
pub const RESAMPLES: usize = 2000;
/// Most points of a distribution's curve.
const CDF_POINTS: usize = 200;
/// Batches of a single steady run.
const BATCHES: usize = 10;

/// Sums up.
pub(super) fn study(scenario: &Scenario, plan: &Plan, replicates: Vec<Replicate>, stop: Stop) -> Study {
    let duration = scenario.duration.value;
    let run = Run {
        scenario: scenario.name.to_string(),
        text: scenario.text(),
        seed: scenario.seed,
        policy: scenario.policy_name(),
        ..Run::default()
    };
    let steady = match plan.horizon {
        Horizon::Terminating => Vec::new(),
        Horizon::SteadyState => steady(&replicates, duration, plan.confidence),
    };
    Study {
        run,
        duration,
        horizon: plan.horizon,
        confidence: plan.confidence,
        expectations: scenario.expect.iter().map(|one| (one.text.clone(), held(&one.text, &replicates))).collect(),
        metrics: metrics(&replicates, plan.confidence),
        steady,
        recovery: recovery(&replicates, plan.confidence),
        stages: stages(&replicates, plan.confidence),
        fans: fans(&replicates),
        replicates,
        stop,
    }
}

/// Of how many runs an expectation held: the broken ones begin with its words.
fn held(text: &str, replicates: &[Replicate]) -> usize {
    let broken = |run: &&Replicate| run.broken.iter().any(|broken| broken.starts_with(&format!("{text} (")));
    replicates.len() - replicates.iter().filter(broken).count()
}

/// The names of all metrics with a value, in the order of the first replicate that has each.
pub fn metric_names(replicates: &[Replicate]) -> Vec<(String, String)> {
    let (mut seen, mut names) = (BTreeSet::new(), Vec::new());
    for value in replicates.iter().flat_map(|replicate| &replicate.values) {
        if seen.insert(value.metric.as_str()) {
            names.push((value.metric.clone(), value.unit.clone()));
        }
    }
    names
}

fn metrics(replicates: &[Replicate], confidence: f64) -> Vec<MetricSummary> {
    let summary = |(metric, unit): (String, String)| {
        let sample: Vec<f64> = replicates.iter().filter_map(|replicate| replicate.value(&metric)).collect();
        summarised(metric, unit, &sample, confidence)
    };
    metric_names(replicates).into_iter().map(summary).collect()
}

/// One metric over the replications.
pub fn summarised(metric: String, unit: String, sample: &[f64], confidence: f64) -> MetricSummary {
    let never = sample.iter().filter(|value| !value.is_finite()).count();
    let finite = never == 0 && !sample.is_empty();
    let moments = Moments::of(sample);
    let mean = |sample: &[f64]| Moments::of(sample).mean;
    let mut stream = Seed(0).stream("bootstrap", 0);
    let resampled = match finite {
        true => bootstrap::interval(sample, mean, Method::Bca, confidence, RESAMPLES, &mut stream),
        false => None,
    };
    let sorted = percentile::sorted(sample);
    let quantile = |q: f64| {
        let value = safe_quantile(&sorted, q)?;
        let interval = percentile::ranks(sorted.len() as u64, q, confidence);
        Some((q, value, interval.map(|(low, high)| (sorted[low as usize - 1], sorted[high as usize - 1]))))
    };
    MetricSummary {
        metric,
        unit,
        n: sample.len(),
        never,
        moments: finite.then(|| (moments.mean, moments.deviation())),
        t: if finite { t_interval(sample, confidence).map(estimate) } else { None },
        bootstrap: resampled.map(estimate),
        quantiles: QUANTILES.into_iter().filter_map(quantile).collect(),
    }
}

/// A quantile that may lie among infinite values, where nothing can be interpolated.
fn safe_quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let above = (q * (sorted.len().checked_sub(1)?) as f64).ceil() as usize;
    if sorted[above].is_finite() { percentile::quantile(sorted, q) } else { Some(f64::INFINITY) }
}

fn estimate(interval: Interval) -> Estimate {
    Estimate { value: interval.estimate, low: interval.low, high: interval.high }
}

/// The share of incidents that are over after each length of time, `Σ_r k_r(x) / Σ_r n_r`, with the pointwise
/// band of a bootstrap over replications.
pub fn recovery(replicates: &[Replicate], confidence: f64) -> Vec<CdfPoint> {
    let each = |replicate: &Replicate| {
        let times: Vec<f64> = replicate.recoveries.iter().filter_map(|recovery| recovery.seconds).collect();
        (percentile::sorted(&times), replicate.recoveries.len())
    };
    let runs: Vec<(Vec<f64>, usize)> = replicates.iter().map(each).collect();
    let all: Vec<f64> = runs.iter().flat_map(|(times, _)| times).copied().collect();
    let all = percentile::sorted(&all);
    if all.is_empty() {
        return Vec::new();
    }
    let step = all.len().div_ceil(CDF_POINTS);
    let mut places: Vec<f64> = all.iter().skip(step - 1).step_by(step).chain(all.last()).copied().collect();
    places.dedup();
    let mut stream = Seed(0).stream("bootstrap-cdf", 0);
    let weights: Vec<Vec<usize>> =
        (0..RESAMPLES / 4).map(|_| runs.iter().map(|_| stream.below(runs.len() as u64) as usize).collect()).collect();
    let share = |picked: &mut dyn Iterator<Item = &(usize, usize)>| {
        let (over, of) = picked.fold((0, 0), |sum, (over, of)| (sum.0 + over, sum.1 + of));
        if of == 0 { 0.0 } else { over as f64 / of as f64 }
    };
    let point = |at: f64| {
        let counts: Vec<(usize, usize)> =
            runs.iter().map(|(times, n)| (times.partition_point(|time| *time <= at), *n)).collect();
        let resampled: Vec<f64> =
            weights.iter().map(|picked| share(&mut picked.iter().map(|index| &counts[*index]))).collect();
        let resampled = percentile::sorted(&resampled);
        let tail = 0.5 * (1.0 - confidence);
        let end = |p| percentile::quantile(&resampled, p).unwrap_or(0.0);
        let value = share(&mut counts.iter());
        CdfPoint { at, share: Estimate { value, low: end(tail), high: end(1.0 - tail) } }
    };
    places.into_iter().map(point).collect()
}

/// Means of the stages over the recoveries of each replication, with t intervals over replications.
fn stages(replicates: &[Replicate], confidence: f64) -> Vec<Estimate> {
    let means: Vec<[f64; 6]> = replicates
        .iter()
        .filter_map(|replicate| {
            let stages: Vec<[f64; 6]> = replicate.recoveries.iter().filter_map(|recovery| recovery.stages).collect();
            let n = stages.len() as f64;
            let sum = |index: usize| stages.iter().map(|stage| stage[index]).sum::<f64>();
            (!stages.is_empty()).then(|| [0, 1, 2, 3, 4, 5].map(|index| sum(index) / n))
        })
        .collect();
    if means.is_empty() {
        return Vec::new();
    }
    let of = |index: usize| {
        let sample: Vec<f64> = means.iter().map(|stages| stages[index]).collect();
        let alone = Estimate { value: sample[0], low: sample[0], high: sample[0] };
        t_interval(&sample, confidence).map_or(alone, estimate)
    };
    (0..6).map(of).collect()
}

/// Curves of one name, one for each replicate that has it.
fn of_name<'a>(replicates: &'a [Replicate], name: &str) -> Vec<&'a Curve> {
    replicates.iter().filter_map(|replicate| replicate.curve(name)).collect()
}

fn fans(replicates: &[Replicate]) -> Vec<Fan> {
    let Some(first) = replicates.first() else { return Vec::new() };
    let workload = |curve: &Curve| {
        let label = curve.name.strip_prefix("pods_serving{workload=\"")?;
        label.strip_suffix("\"}").map(ToString::to_string)
    };
    let fan = |workload: String| {
        let serving = of_name(replicates, &format!("pods_serving{{workload=\"{workload}\"}}"));
        let desired = of_name(replicates, &format!("pods_desired{{workload=\"{workload}\"}}"));
        let stretches = serving.iter().map(|curve| curve.lows.len()).min().unwrap_or(0);
        let wanted = |index: usize| -> Vec<f64> { desired.iter().map(|curve| curve.means[index]).collect() };
        let quantiles = |index: usize| {
            let fewest: Vec<f64> = serving.iter().map(|curve| curve.lows[index]).collect();
            let sorted = percentile::sorted(&fewest);
            FAN.map(|q| percentile::quantile(&sorted, q).unwrap_or(0.0))
        };
        Fan {
            desired: (0..stretches).map(|index| Moments::of(&wanted(index)).mean).collect(),
            quantiles: (0..stretches).map(quantiles).collect(),
            workload,
        }
    };
    first.curves.iter().filter_map(workload).map(fan).collect()
}

/// The steady state: MSER-5 on the mean of the replications' curves decides what is cut off all of them.
fn steady(replicates: &[Replicate], duration: Span, confidence: f64) -> Vec<Steady> {
    let Some(first) = replicates.first() else { return Vec::new() };
    let available: Vec<Replicate> = replicates.iter().map(available).collect();
    let of_all = available[0].curves.iter().filter_map(|curve| steady_curve(curve, &available, duration, confidence));
    let of_each = first.curves.iter().filter_map(|curve| steady_curve(curve, replicates, duration, confidence));
    of_all.chain(of_each).collect()
}

/// The run's availability over time, `Σ min(serving, desired) / Σ desired` of each stretch, sums over the workloads
/// whose curves are kept.
fn available(run: &Replicate) -> Replicate {
    let named =
        |name: &str| -> Vec<&Curve> { run.curves.iter().filter(|curve| curve.name.starts_with(name)).collect() };
    let (serving, desired) = (named("pods_serving{"), named("pods_desired{"));
    let stretches = serving.iter().chain(&desired).map(|curve| curve.means.len()).min().unwrap_or(0);
    let ratio = |index: usize| {
        let wanted: f64 = desired.iter().map(|curve| curve.means[index]).sum();
        let had: f64 =
            serving.iter().zip(&desired).map(|(had, wanted)| had.means[index].min(wanted.means[index])).sum();
        if wanted > 0.0 { had / wanted } else { 1.0 }
    };
    let curve = Curve {
        name: "overall_availability_ratio".to_string(),
        unit: "ratio".to_string(),
        means: (0..stretches).map(ratio).collect(),
        lows: Vec::new(),
    };
    Replicate { curves: vec![curve], ..Replicate::default() }
}

fn steady_curve(curve: &Curve, replicates: &[Replicate], duration: Span, confidence: f64) -> Option<Steady> {
    let curves = of_name(replicates, &curve.name);
    let stretches = curves.iter().map(|curve| curve.means.len()).min()?;
    let mean_at = |index: usize| curves.iter().map(|curve| curve.means[index]).sum::<f64>() / curves.len() as f64;
    let averaged: Vec<f64> = (0..stretches).map(mean_at).collect();
    let found = warm_up::mser5(&averaged)?;
    let means: Vec<f64> = curves.iter().map(|curve| Moments::of(&curve.means[found.cut..stretches]).mean).collect();
    let interval = match means.as_slice() {
        [_] => warm_up::batch_interval(&curves[0].means[found.cut..stretches], BATCHES, confidence),
        _ => t_interval(&means, confidence),
    };
    Some(Steady {
        name: curve.name.clone(),
        unit: curve.unit.clone(),
        warm_up: Span((u128::from(duration.0) * found.cut as u128 / stretches as u128) as u64),
        too_short: found.too_short,
        mean: interval.map(estimate),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::study::Recovery;

    fn with_recoveries(seconds: &[Option<f64>]) -> Replicate {
        let recovery = |seconds: &Option<f64>| Recovery {
            seconds: *seconds,
            stages: seconds.map(|seconds| [seconds, 0.0, 0.0, 0.0, 0.0, 1.0]),
            ..Recovery::default()
        };
        Replicate { recoveries: seconds.iter().map(recovery).collect(), ..Replicate::default() }
    }

    #[test]
    fn the_distribution_counts_incidents_that_never_end() {
        let replicates = [with_recoveries(&[Some(10.0), Some(20.0)]), with_recoveries(&[Some(10.0), None])];
        let points = recovery(&replicates, 0.95);
        let shares: Vec<(f64, f64)> = points.iter().map(|point| (point.at, point.share.value)).collect();
        assert_eq!(shares, [(10.0, 0.5), (20.0, 0.75)]);
        // a resample of the second replication alone has 1/2 at 20 s, of the first alone 2/2
        assert_eq!((points[1].share.low, points[1].share.high), (0.5, 1.0));
    }

    #[test]
    fn stages_are_means_of_replications_not_of_incidents() {
        // replication means 15 and 30: not the pooled (10+20+30)/3
        let replicates = [with_recoveries(&[Some(10.0), Some(20.0)]), with_recoveries(&[Some(30.0)])];
        assert_eq!(stages(&replicates, 0.95)[0].value, 22.5);
        assert!(stages(&[with_recoveries(&[None])], 0.95).is_empty());
    }

    #[test]
    fn a_value_that_never_came_has_no_mean_but_quantiles() {
        let sample = [1.0, 2.0, 3.0, f64::INFINITY];
        let summary = summarised("x".to_string(), "seconds".to_string(), &sample, 0.95);
        assert_eq!((summary.n, summary.never, summary.moments), (4, 1, None));
        // type 7: the median is between the second and third, 0.9 between the third and infinity
        assert_eq!((summary.quantiles[0].1, summary.quantiles[1].1), (2.5, f64::INFINITY));
    }

    #[test]
    fn the_warm_up_is_cut_off() {
        // ten stretches of a transient, then a constant: everything before the constant goes
        let mut means = vec![0.0; 10];
        means.extend([5.0; 50]);
        let curve = Curve { name: "load".to_string(), unit: "pods".to_string(), means, lows: Vec::new() };
        let replicate = Replicate { curves: vec![curve], ..Replicate::default() };
        let found = &steady(&[replicate.clone(), replicate], Span::from_secs(60), 0.95)[0];
        assert_eq!((found.warm_up, found.too_short), (Span::from_secs(10), false));
        assert_eq!(found.mean.unwrap().value, 5.0);
    }
}
