//! What the cells say: each metric with intervals, paired differences from the baseline, ranks over blocks.

use crate::experiment::replicate::Failed;
use crate::experiment::statistics::{effect, friedman, holm, paired, wilcoxon};
use crate::experiment::summary::{metric_names, recovery, summarised};
use crate::outcome::comparison::{ArmResult, Block, Common, Compared, Comparison, Difference, Ranking};
use crate::outcome::study::{Estimate, Replicate};

use super::design::Design;

/// Metrics told if none are asked for, as far as they have values.
const HEADLINE: [&str; 11] = [
    "recovery_seconds_mean",
    "availability_ratio",
    "unavailable_pod_seconds",
    "pods_evicted_total",
    "pod_scheduling_seconds{stat=\"mean\"}",
    "unscheduled_pod_seconds",
    "cpu_requested_ratio",
    "fragmentation_ratio",
    "node_imbalance_ratio",
    "gpu_requested_ratio",
    "gpu_fragmentation_ratio",
];

/// Metrics of which more is better; of all others less is.
const MORE_IS_BETTER: [&str; 14] = [
    "availability_ratio",
    "quorum_availability_ratio",
    "tolerated_availability_ratio",
    "availability_nines",
    "complete_ratio",
    "any_serving_ratio",
    "serving_pods_min",
    "pods_serving",
    "cpu_requested_ratio",
    "memory_requested_ratio",
    "gpu_requested_ratio",
    "nodes_ready",
    "headroom_nodes",
    "gpu_allocation_percent",
];

/// The level of the test that the critical difference belongs to.
const LEVEL: f64 = 0.05;

/// Compares.
///
/// # Errors
/// Policies did not meet the same arrivals: a comparison of them would mean nothing.
pub(super) fn compare(design: &Design, table: Vec<Vec<Vec<Replicate>>>) -> Result<Comparison, Failed> {
    let common = common(design, &table);
    if design.policies_only && !common.arrivals {
        return Err(Failed::Other(format!(
            "policies met different arrivals ({}); nothing was compared",
            common.first.unwrap_or_default()
        )));
    }
    let metrics = chosen(design, &table).into_iter().map(|(metric, unit)| compared(design, &table, metric, unit));
    let metrics = metrics.collect();
    let block = |(block, arms): (&super::design::Block, &Vec<Vec<Replicate>>)| Block {
        label: block.label.clone(),
        scenario: block.scenario.clone(),
        parameters: block.parameters.clone(),
        along: block.along,
        recovery: arms.iter().map(|runs| recovery(runs, design.confidence)).collect(),
    };
    Ok(Comparison {
        name: design.name.clone(),
        provenance: design.provenance.clone(),
        settings: design.settings.clone(),
        seeds: design.seeds.clone(),
        confidence: design.confidence,
        arms_are: design.arms_are.clone(),
        arms: design.arms.clone(),
        arm_parameters: design.arm_parameters.clone(),
        baseline: design.baseline,
        blocks: design.blocks.iter().zip(&table).map(block).collect(),
        metrics,
        replicates: table,
        common,
    })
}

/// Whether all arms of each block met the same under each seed.
fn common(design: &Design, table: &[Vec<Vec<Replicate>>]) -> Common {
    let mut common = Common { arrivals: true, faults: true, first: None };
    for (block, arms) in design.blocks.iter().zip(table) {
        let Some((first, others)) = arms.split_first() else { continue };
        for (index, runs) in others.iter().enumerate() {
            for (run, base) in runs.iter().zip(first) {
                let arrivals = run.arrivals == base.arrivals;
                let faults = run.faults == base.faults;
                if !(arrivals && faults) && common.first.is_none() {
                    let what = if arrivals { "faults" } else { "arrivals" };
                    let (a, b) = (&design.arms[0], &design.arms[index + 1]);
                    let place = if block.label.is_empty() { String::new() } else { format!(", {}", block.label) };
                    common.first = Some(format!("{what} of {a} and {b} differ under seed {}{place}", run.seed));
                }
                common.arrivals &= arrivals;
                common.faults &= faults;
            }
        }
    }
    common
}

/// The metrics to tell: those asked for, or a choice of those with values.
fn chosen(design: &Design, table: &[Vec<Vec<Replicate>>]) -> Vec<(String, String)> {
    let all: Vec<Replicate> = table.iter().flatten().flatten().cloned().collect();
    let known = metric_names(&all);
    let unit = |metric: &str| known.iter().find(|(name, _)| name == metric).map(|(_, unit)| unit.clone());
    if !design.metrics.is_empty() {
        let wanted = design.metrics.iter().map(|metric| (metric.clone(), unit(metric).unwrap_or_default()));
        return wanted.collect();
    }
    let headline: Vec<(String, String)> =
        HEADLINE.iter().filter_map(|metric| Some(((*metric).to_string(), unit(metric)?))).collect();
    if headline.is_empty() { known.into_iter().filter(|(name, _)| !name.contains('{')).collect() } else { headline }
}

fn compared(design: &Design, table: &[Vec<Vec<Replicate>>], metric: String, unit: String) -> Compared {
    let more_is_better = MORE_IS_BETTER.contains(&metric.split('{').next().unwrap_or_default());
    let results: Vec<Vec<ArmResult>> = table.iter().map(|arms| block_results(design, arms, &metric, &unit)).collect();
    let ranking = ranking(&results, more_is_better);
    Compared { metric, unit, more_is_better, results, ranking }
}

fn block_results(design: &Design, arms: &[Vec<Replicate>], metric: &str, unit: &str) -> Vec<ArmResult> {
    let value = |run: &Replicate| run.value(metric);
    let baseline = &arms[design.baseline];
    let mut results: Vec<ArmResult> = arms
        .iter()
        .enumerate()
        .map(|(index, runs)| {
            let sample: Vec<f64> = runs.iter().filter_map(value).collect();
            let summary = summarised(metric.to_string(), unit.to_string(), &sample, design.confidence);
            // seeds that give only one of the two a value make no pair, and are not passed over in silence
            let pairs: Option<Vec<(f64, f64)>> =
                runs.iter().zip(baseline).map(|(run, base)| value(run).zip(value(base))).collect();
            let difference = (index != design.baseline)
                .then(|| pairs.and_then(|pairs| difference(&pairs, design.confidence)))
                .flatten();
            ArmResult { sample, summary, difference }
        })
        .collect();
    let mut found: Vec<&mut Difference> = results.iter_mut().filter_map(|arm| arm.difference.as_mut()).collect();
    let adjusted = holm::adjusted(&found.iter().map(|difference| difference.p).collect::<Vec<_>>());
    found.iter_mut().zip(adjusted).for_each(|(difference, holm)| difference.holm = holm);
    results
}

/// The paired differences; `None` if a value is infinite or there are fewer than two pairs.
fn difference(pairs: &[(f64, f64)], confidence: f64) -> Option<Difference> {
    if pairs.iter().any(|(a, b)| !a.is_finite() || !b.is_finite()) {
        return None;
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let paired = paired::compare(&a, &b, confidence)?;
    let delta = effect::cliffs_delta(&a, &b)?;
    let interval = paired.interval;
    Some(Difference {
        mean: Estimate { value: interval.estimate, low: interval.low, high: interval.high },
        p: paired.p,
        holm: paired.p,
        wilcoxon: wilcoxon::signed_rank(&paired.differences).p,
        dz: effect::cohen_dz(&paired.differences),
        delta,
        word: effect::word(delta),
        variance_reduction: paired.variance_reduction,
        each: paired.differences,
    })
}

/// Friedman's test on the means of each block; `None` with a single block, or where a mean is missing.
fn ranking(results: &[Vec<ArmResult>], more_is_better: bool) -> Option<Ranking> {
    let sign = if more_is_better { -1.0 } else { 1.0 };
    let means = |arms: &Vec<ArmResult>| -> Option<Vec<f64>> {
        arms.iter().map(|arm| arm.summary.moments.map(|(mean, _)| sign * mean)).collect()
    };
    let table: Vec<Vec<f64>> = results.iter().map(means).collect::<Option<_>>()?;
    let found = friedman::test(&table)?;
    Some(Ranking {
        critical_difference: friedman::critical_difference(found.mean_ranks.len(), found.n, LEVEL),
        chi_squared: (found.chi_squared, found.p),
        f: (found.f, found.f_p),
        blocks: found.n,
        mean_ranks: found.mean_ranks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_infinite_value_makes_no_difference_but_no_false_one_either() {
        assert!(difference(&[(1.0, 2.0), (f64::INFINITY, 2.0)], 0.95).is_none());
        let found = difference(&[(2.0, 1.0), (4.0, 2.0), (6.0, 3.0)], 0.95).unwrap();
        // differences 1, 2, 3: mean 2, t = 2/(1/√3) = 3.46, p = 0.0742 with two degrees of freedom
        assert!((found.mean.value - 2.0).abs() < 1e-12 && (found.p - 0.0742).abs() < 1e-4, "{found:?}");
        assert_eq!(found.each, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn ranks_follow_the_direction_of_the_metric() {
        let arm = |mean: f64| ArmResult {
            summary: summarised("x".into(), String::new(), &[mean, mean], 0.95),
            ..ArmResult::default()
        };
        let blocks = vec![vec![arm(1.0), arm(2.0)], vec![arm(3.0), arm(4.0)]];
        assert_eq!(ranking(&blocks, false).unwrap().mean_ranks, [1.0, 2.0]);
        assert_eq!(ranking(&blocks, true).unwrap().mean_ranks, [2.0, 1.0]);
        assert!(ranking(&blocks[..1], true).is_none());
    }
}
