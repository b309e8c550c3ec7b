//! `sim run`: one run, its summary, its files.

use std::path::PathBuf;

use clap::Args;

use crate::experiment::{self, Options, Unwatched};
use crate::outcome::provenance::Provenance;
use crate::outcome::{ActionKind, Outcome, Run};
use crate::report::{self, Folder, terminal};
use crate::scenario::{self, Scenario};
use crate::simulation::Setup;

use super::chaos;
use super::library::Library;
use super::progress::Bar;
use super::{Failure, ScenarioArgs, complain, print, replications};

#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(super) scenario: ScenarioArgs,
    /// Folder for tables and pictures [default: results/<name of the scenario>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run under N seeds, this and those after it, and tell what the runs say together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) seeds: Option<u32>,
    /// Run once, whatever the scenario says about replications
    #[arg(long, conflicts_with = "seeds")]
    pub(super) single: bool,
    /// Runs at the same time [default: one a processor]; the results do not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) jobs: Option<u16>,
    /// Run twice in lockstep first, and name the first difference; exit code 1 if there is one
    #[arg(long)]
    verify: bool,
    /// Print nothing but what is wrong
    #[arg(long, short, conflicts_with = "json")]
    pub(super) quiet: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl RunArgs {
    /// Where the results go.
    pub(super) fn dir(&self, scenario: &Scenario) -> PathBuf {
        self.out.clone().unwrap_or_else(|| PathBuf::from("results").join(scenario.name.to_string()))
    }

    /// What is needed to run it again.
    pub(super) fn provenance(&self, scenario: &Scenario) -> Provenance {
        let mut arguments = vec!["run".to_string()];
        arguments.extend(self.scenario.words());
        arguments.extend(self.seeds.iter().map(|seeds| format!("--seeds={seeds}")));
        arguments.extend(self.single.then(|| "--single".to_string()));
        Provenance { arguments, scenarios: vec![scenario.stored()], inputs: scenario.inputs().to_vec() }
    }
}

pub(super) fn run(args: &RunArgs, library: &Library) -> Result<(), Failure> {
    let mut scenario = args.scenario.load(library)?;
    if scenario.placement.is_some() {
        let path = args.scenario.scenario.display();
        return Err(Failure::Usage(format!("{path} places pods without time: `sim compare {path}` runs it")));
    }
    let setup = scenario::build(&scenario)?;
    scenario.hash_inputs().map_err(|(file, error)| Failure::File(file, error))?;
    scenario::skipped_rows(&scenario).iter().for_each(|words| complain(&format!("warning: {words}")));
    let missing = scenario::faults_without_domains(&scenario);
    missing.iter().for_each(|words| complain(&format!("warning: {words}")));
    let dir = args.dir(&scenario);
    let unwritable = |error| Failure::File(dir.display().to_string(), error);
    let mut folder = Folder::create(&dir).map_err(unwritable)?;
    if args.verify {
        verify(&scenario)?;
    }
    if let Some(plan) = replications::plan(args, &scenario).filter(|_| !args.single) {
        return replications::run(args, &scenario, &plan, folder);
    }
    let mut options = Options { run: identity(&scenario, args), ..Options::default() };
    if scenario.outputs.event_log {
        options.log = Some(Box::new(folder.events().map_err(unwritable)?));
    }
    let mut outcome = simulate(setup, options, args.quiet)?;
    outcome.expectations = scenario::judge(&scenario.expect, &outcome);
    let files = folder.write(&outcome).map_err(unwritable)?;
    if args.json {
        print(&report::summary_json(&outcome))?;
    } else if !args.quiet {
        print(&terminal::summary(&outcome))?;
        print(&format!("\n{} files in {}\n", files.len(), dir.display()))?;
    }
    let result = conclude(&outcome);
    if let Some(found) = outcome.chaos.as_ref().filter(|found| found.converged.is_none()) {
        chaos::explain(&scenario, found, &args.scenario, "");
    }
    result
}

fn simulate(setup: Setup, options: Options, quiet: bool) -> Result<Outcome, Failure> {
    let mut bar = Bar::new(setup.duration, quiet);
    let outcome = experiment::run(setup, options, &mut bar);
    outcome.map_err(|_| Failure::Interrupted)
}

/// Two runs event by event.
fn verify(scenario: &Scenario) -> Result<(), Failure> {
    let (first, second) = (scenario::build(scenario)?, scenario::build(scenario)?);
    match experiment::verify(first, second, &mut Unwatched).map_err(|_| Failure::Interrupted)? {
        None => Ok(()),
        Some(difference) => {
            complain(&difference.to_string());
            Err(Failure::Broken)
        }
    }
}

/// What was run, so that it can be run again.
fn identity(scenario: &Scenario, args: &RunArgs) -> Run {
    Run {
        scenario: scenario.name.to_string(),
        text: scenario.text(),
        seed: scenario.seed,
        policy: scenario.policy_name(),
        settings: args.scenario.overrides(),
        provenance: args.provenance(scenario),
    }
}

/// Tells what struck nothing and which expectations broke.
fn conclude(outcome: &Outcome) -> Result<(), Failure> {
    for action in outcome.actions.iter().filter(|action| !action.struck) {
        let what = if action.kind == ActionKind::Fault { "fault" } else { "action" };
        complain(&format!("warning: the {what} at {} struck nothing", terminal::action_line(action)));
    }
    for fault in &outcome.idle_faults {
        complain(&format!("warning: the fault `{fault}` never struck anybody"));
    }
    outcome.failed_expressions.iter().for_each(|failed| complain(&format!("warning: {failed}")));
    let broken = outcome.expectations.iter().filter(|expectation| !expectation.held);
    let mut all_held = true;
    for expectation in broken {
        all_held = false;
        complain(&format!("error: expectation broken: {}", terminal::expectation_line(expectation)));
    }
    if all_held { Ok(()) } else { Err(Failure::Broken) }
}
