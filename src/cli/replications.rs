//! `sim run --seeds N`: one scenario under many seeds, what the runs say together, its files.

use crate::experiment::replicate;
use crate::experiment::replications::{self, Plan, processors};
use crate::experiment::statistics::sequential::Rule;
use crate::outcome::expressions::FailedExpression;
use crate::outcome::study::{Horizon, Study};
use crate::report::manifest::Head;
use crate::report::{self, Folder};
use crate::scenario::Scenario;
use crate::scenario::schema::replications::HorizonKind;

use super::chaos;
use super::progress::Runs;
use super::run::RunArgs;
use super::{Failure, complain, print};

/// How many replications are asked for, on the command line or in the scenario; `None`: a single run.
pub(super) fn plan(args: &RunArgs, scenario: &Scenario) -> Option<Plan> {
    let wanted = &scenario.replications;
    let count = args.seeds.or(wanted.count.as_ref().map(|count| count.value));
    let confidence = wanted.confidence.value;
    let until = wanted.until.as_ref().filter(|_| args.seeds.is_none()).map(|until| {
        let rule = Rule {
            min: u64::from(count.unwrap_or(10)),
            max: u64::from(until.at_most.value),
            relative_error: until.relative_half_width.value,
            confidence,
        };
        (until.metric.value.clone(), rule)
    });
    if args.seeds.is_some() && wanted.until.is_some() {
        complain("warning: `--seeds` says how many; `replications.until` is left aside");
    }
    let count = count.or(until.as_ref().map(|(_, rule)| rule.min as u32))?;
    let horizon = match wanted.horizon {
        HorizonKind::Terminating => Horizon::Terminating,
        HorizonKind::SteadyState => Horizon::SteadyState,
    };
    Some(Plan { count: count.into(), until, horizon, confidence, jobs: args.jobs.map_or_else(processors, usize::from) })
}

/// Runs them, writes the files, tells the summary.
pub(super) fn run(args: &RunArgs, scenario: &Scenario, plan: &Plan, folder: Folder) -> Result<(), Failure> {
    let watch = Runs::new(args.quiet);
    let mut study = replications::run(scenario, plan, &watch)?;
    let example = replications::example(scenario, &study, &watch)?;
    drop(watch);
    study.run.settings = args.scenario.overrides();
    study.run.provenance = args.provenance(scenario);
    let dir = args.dir(scenario);
    let files = folder.write_files(report::study::files(&study, example.as_ref())?, &head(&study));
    let files = files.map_err(|error| Failure::File(dir.display().to_string(), error))?;
    if args.json {
        print(&report::study::json(&study))?;
    } else if !args.quiet {
        print(&report::study::terminal(&study))?;
        print(&format!("\n{} files in {}\n", files.len(), dir.display()))?;
    }
    conclude(args, scenario, &study)
}

fn head(study: &Study) -> Head {
    let run = &study.run;
    let digests = study.replicates.iter().map(|replicate| replicate.digest);
    let faults = study.replicates.iter().map(|replicate| replicate.faults);
    Head {
        fault_trace: faults.fold(0, |sum, faults| sum.rotate_left(7) ^ faults),
        scenario: run.scenario.clone(),
        seed: run.seed,
        policy: run.policy.clone(),
        settings: run.settings.clone(),
        digest: digests.fold(0, |sum, digest| sum.rotate_left(7) ^ digest),
        provenance: run.provenance.clone(),
    }
}

/// Tells what is too short and which seeds broke an expectation, with the command that shows the first; after chaos
/// that the cluster did not get over, with the few of its faults that are enough.
fn conclude(args: &RunArgs, scenario: &Scenario, study: &Study) -> Result<(), Failure> {
    for steady in study.steady.iter().filter(|steady| steady.too_short) {
        complain(&format!("warning: {}: the run is too short to tell its warm-up from its steady state", steady.name));
    }
    study.idle_faults().iter().for_each(|fault| complain(&format!("warning: {fault}")));
    let failed = study.replicates.iter().flat_map(|replicate| &replicate.failed_expressions).cloned();
    FailedExpression::added_up(failed).iter().for_each(|failed| complain(&format!("warning: {failed}")));
    let broken: Vec<_> = study.replicates.iter().filter(|replicate| !replicate.broken.is_empty()).collect();
    let Some(first) = broken.first() else { return Ok(()) };
    complain(&format!("error: {} of {} seeds broke an expectation; the first:", broken.len(), study.replicates.len()));
    first.broken.iter().for_each(|expectation| complain(&format!("  seed {}: {expectation}", first.seed)));
    let single = if study.run.text.contains("replications:") { " --single" } else { "" };
    complain(&format!("  {}", args.scenario.command(first.seed, single, None)));
    let failed = replicate::outcome(scenario, first.seed, &Runs::new(true))?;
    if let Some(found) = failed.chaos.filter(|found| found.converged.is_none()) {
        chaos::explain(&Scenario { seed: first.seed, ..scenario.clone() }, &found, &args.scenario, single);
    }
    Err(Failure::Broken)
}
