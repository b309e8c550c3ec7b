//! What is said after chaos that the cluster did not get over: what is wrong, how to replay it, and the fewest of
//! its faults that still bring it about.

use crate::experiment::{self, Options, Unwatched};
use crate::outcome::{ActionKind, Convergence, Outcome};
use crate::report::terminal;
use crate::scenario::{self, Scenario};

use super::{ScenarioArgs, complain};

/// Explains a run that did not converge. `args` and `single` are what its command had.
pub(super) fn explain(scenario: &Scenario, found: &Convergence, args: &ScenarioArgs, single: &str) {
    for lack in &found.lacking {
        complain(&format!("  {lack}"));
    }
    complain(&format!("replay it: {}", args.command(scenario.seed, single, None)));
    let numbers = numbers(scenario);
    let mut runs = 0;
    let mut fails = |part: &[u32]| {
        runs += 1;
        run(scenario, part).is_some_and(|outcome| outcome.chaos.is_some_and(|chaos| chaos.converged.is_none()))
    };
    let few = if fails(&[]) {
        complain("without any fault of the chaos it does not converge either:");
        Vec::new()
    } else {
        complain(&format!("shrinking {} faults …", numbers.len()));
        let few = experiment::shrink(&numbers, fails);
        complain(&format!("{} of {} faults are enough ({runs} runs):", few.len(), numbers.len()));
        few
    };
    if let Some(outcome) = run(scenario, &few) {
        for action in outcome.actions.iter().filter(|action| action.kind != ActionKind::FaultEnded) {
            complain(&format!("  {}", terminal::action_line(action)));
        }
        for lack in outcome.chaos.iter().flat_map(|chaos| &chaos.lacking) {
            complain(&format!("  then: {lack}"));
        }
    }
    complain(&format!("replay those: {}", args.command(scenario.seed, single, Some(&few))));
}

/// The numbers of the faults that strike.
fn numbers(scenario: &Scenario) -> Vec<u32> {
    let faults = scenario::build(scenario).map(|setup| setup.faults).unwrap_or_default();
    faults.iter().filter_map(|fault| fault.name.strip_prefix("chaos-")?.parse().ok()).collect()
}

/// The run with only these faults of the chaos.
fn run(scenario: &Scenario, only: &[u32]) -> Option<Outcome> {
    let mut scenario = scenario.clone();
    scenario.chaos.as_mut()?.only = Some(only.to_vec());
    let setup = scenario::build(&scenario).ok()?;
    experiment::run(setup, Options::default(), &mut Unwatched).ok()
}
