//! One scenario under many seeds, on several cores, and what the runs say together.
//!
//! Which seeds are run depends on the scenario and on what the runs say, never on the number of jobs: under a
//! stopping rule whole rounds are run, each as large as the rule estimates from all before.

use rayon::prelude::*;

use crate::outcome::Outcome;
use crate::outcome::study::{Horizon, Replicate, Stop, Study};
use crate::scenario::Scenario;

use super::replicate::{Failed, Watch, outcome, replicate};
use super::statistics::Moments;
use super::statistics::sequential::{Rule, Verdict};
use super::summary;

/// How often, and until when.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Replications, or the fewest under a stopping rule. The seeds are the scenario's, and those after it.
    pub count: u64,
    /// Go on until this metric is precise enough.
    pub until: Option<(String, Rule)>,
    /// What the length of a run means.
    pub horizon: Horizon,
    /// Confidence of intervals.
    pub confidence: f64,
    /// Runs at the same time.
    pub jobs: usize,
}

/// Runs `work` for each item on `jobs` threads; the results are in the order of the items.
///
/// # Errors
/// The error of the first item that has one.
///
/// # Panics
/// If the machine gives no threads.
pub fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> Result<R, Failed> + Sync,
) -> Result<Vec<R>, Failed> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.max(1)).build();
    let pool = pool.unwrap_or_else(|error| panic!("no threads to run on: {error}"));
    // all results first: which error comes first must not depend on the threads
    let results: Vec<Result<R, Failed>> = pool.install(|| items.par_iter().map(&work).collect());
    results.into_iter().collect()
}

/// The number of processors.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs the replications.
///
/// # Errors
/// [`Failed`], of the first seed that has one.
pub fn run(scenario: &Scenario, plan: &Plan, watch: &dyn Watch) -> Result<Study, Failed> {
    let mut replicates: Vec<Replicate> = Vec::new();
    let mut wanted = plan.count.max(1);
    let stop = loop {
        let done = replicates.len() as u64;
        let seeds: Vec<u64> = (done..wanted).map(|index| scenario.seed.wrapping_add(index)).collect();
        let finished = std::sync::atomic::AtomicUsize::new(done as usize);
        watch.done(done as usize, wanted as usize);
        let round = in_parallel(&seeds, plan.jobs, |seed| {
            let replicate = replicate(scenario, *seed, watch)?;
            let finished = finished.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            watch.done(finished, wanted as usize);
            Ok(replicate)
        });
        replicates.extend(round?);
        let Some((metric, rule)) = &plan.until else { break Stop::Count };
        let values: Vec<f64> = replicates.iter().filter_map(|replicate| replicate.value(metric)).collect();
        if values.is_empty() {
            break Stop::Missing(metric.clone());
        }
        let reached = |interval: super::statistics::Interval| interval.relative_half_width();
        match judge(rule, &values, replicates.len() as u64) {
            Verdict::Precise(interval) => break Stop::Precise(metric.clone(), rule.relative_error, reached(interval)),
            Verdict::Exhausted(interval) => {
                break Stop::Exhausted(metric.clone(), rule.relative_error, reached(interval));
            }
            // at most twice as many as there are: a first guess may be far off
            Verdict::More(more) => wanted = (wanted + more.min(wanted)).min(rule.max.max(wanted + 1)),
        }
        if replicates.len() as u64 >= rule.max {
            break Stop::Exhausted(metric.clone(), rule.relative_error, f64::INFINITY);
        }
    };
    Ok(summary::study(scenario, plan, replicates, stop))
}

/// One of the runs in full, made once more: the middle one by what was unavailable. `None` if nothing broke in it.
///
/// # Errors
/// [`Failed`].
pub fn example(scenario: &Scenario, study: &Study, watch: &dyn Watch) -> Result<Option<Outcome>, Failed> {
    let unavailable = |run: &&Replicate| run.value("unavailable_pod_seconds").unwrap_or(0.0);
    let mut runs: Vec<&Replicate> = study.replicates.iter().collect();
    runs.sort_by(|one, other| unavailable(one).total_cmp(&unavailable(other)));
    let middle = runs.get(runs.len().saturating_sub(1) / 2).filter(|run| !run.recoveries.is_empty());
    middle.map(|run| outcome(scenario, run.seed, watch)).transpose()
}

/// The rule's verdict; values that are missing or infinite make no interval, so more are wanted.
fn judge(rule: &Rule, values: &[f64], n: u64) -> Verdict {
    if values.iter().any(|value| !value.is_finite()) || values.len() < 2 {
        return Verdict::More(n.max(1));
    }
    rule.judge(&Moments::of(values))
}
