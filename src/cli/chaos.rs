//! What is said after chaos that the cluster did not get over: what is wrong, how to replay it, and the fewest of
//! its faults that still bring it about.

use crate::experiment::{self, Options, Unwatched};
use crate::outcome::{ActionKind, Convergence, Outcome};
use crate::report::terminal;
use crate::scenario::{self, Scenario};

use super::complain;

/// Explains a run that did not converge. `command` is the command that runs the scenario.
pub(super) fn explain(scenario: &Scenario, found: &Convergence, command: &str) {
    for lack in &found.lacking {
        complain(&format!("  {lack}"));
    }
    let seed = scenario.seed;
    complain(&format!("replay it: {command} --seed={seed}"));
    let numbers = numbers(scenario);
    complain(&format!("shrinking {} faults …", numbers.len()));
    let mut runs = 0;
    let few = experiment::shrink(&numbers, |part| {
        runs += 1;
        run(scenario, part).is_some_and(|outcome| fails(&outcome))
    });
    let list: Vec<String> = few.iter().map(u32::to_string).collect();
    complain(&format!("{} of {} faults are enough ({runs} runs):", few.len(), numbers.len()));
    if let Some(outcome) = run(scenario, &few) {
        for action in outcome.actions.iter().filter(|action| action.kind != ActionKind::FaultEnded) {
            complain(&format!("  {}", terminal::action_line(action)));
        }
        for lack in outcome.chaos.iter().flat_map(|chaos| &chaos.lacking) {
            complain(&format!("  then: {lack}"));
        }
    }
    complain(&format!("replay those: {command} --seed={seed} --set 'chaos.only=[{}]'", list.join(", ")));
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

fn fails(outcome: &Outcome) -> bool {
    outcome.chaos.as_ref().is_some_and(|chaos| chaos.converged.is_none())
}
