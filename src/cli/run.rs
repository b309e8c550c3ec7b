//! `sim run`: one run, its summary, its files.

use std::path::PathBuf;

use clap::Args;

use crate::experiment::{self, Options, Unwatched};
use crate::outcome::{ActionKind, Outcome, Run};
use crate::report::{self, Folder, terminal};
use crate::scenario::{self, Scenario};
use crate::simulation::Setup;

use super::progress::Bar;
use super::{Failure, ScenarioArgs, complain, print};

#[derive(Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Folder for tables and pictures [default: results/<name of the scenario>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run twice in lockstep first, and name the first difference; exit code 1 if there is one
    #[arg(long)]
    verify: bool,
    /// Print nothing but what is wrong
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let scenario = args.scenario.load()?;
    let setup = scenario::build(&scenario)?;
    let dir = args.out.clone().unwrap_or_else(|| PathBuf::from("results").join(scenario.name.to_string()));
    let unwritable = |error| Failure::File(dir.display().to_string(), error);
    let mut folder = Folder::create(&dir).map_err(unwritable)?;
    if args.verify {
        verify(&scenario)?;
    }
    let mut options = Options { run: identity(&scenario, args.scenario.overrides()), ..Options::default() };
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
    conclude(&outcome)
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
fn identity(scenario: &Scenario, settings: Vec<(String, String)>) -> Run {
    Run {
        scenario: scenario.name.to_string(),
        text: scenario.text(),
        seed: scenario.seed,
        policy: scenario.policy_name(),
        settings,
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
    let broken = outcome.expectations.iter().filter(|expectation| !expectation.held);
    let mut all_held = true;
    for expectation in broken {
        all_held = false;
        complain(&format!("error: expectation broken: {}", terminal::expectation_line(expectation)));
    }
    if all_held { Ok(()) } else { Err(Failure::Broken) }
}
