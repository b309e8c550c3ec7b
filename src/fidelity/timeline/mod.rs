//! Replay of recorded timelines: the judge of healing.
//!
//! A case (`timelines/*.json`, format in the recordings' README) is run with the recorded set-up,
//! timings, lease phases and actions. What happened is written down in one form for recording and run
//! ([`story`]) and compared ([`compare`]): counts and identities exactly, instants within a second.
//! Chance is taken from the recording where the real mechanism leaves it ([`guide`]); the phases of
//! loops that no recording shows are fitted once ([`fit`]).
//!
//! Reading order: [`case`] and [`actions`] (a recording into a run), [`story`], [`recorded`] and
//! [`log`] (what happened), [`guide`], [`fit`], [`compare`], [`table`].

pub mod actions;
pub mod case;
pub mod compare;
pub mod fit;
pub mod guide;
pub mod log;
pub mod recorded;
mod states;
pub mod story;
pub mod table;

use std::collections::BTreeSet;

use serde_json::Value;

pub use case::{Case, Phases};
pub use compare::Difference;
pub use table::Summary;

/// What a case came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The case's id.
    pub id: String,
    /// Its class.
    pub class: String,
    /// How many comparisons were made.
    pub comparisons: usize,
    /// Those that no seed of the latencies meets.
    pub differences: Vec<Difference>,
    /// Those that another seed than the best one meets: who wins a race between components is chance.
    pub by_chance: Vec<Difference>,
}

/// So many seeds of the latencies are tried: what some of them give, the mechanism can give.
const SEEDS: u64 = 30;

/// Replays one case. A comparison agrees if it does with some seed of the latencies; those that do not
/// with the best one are listed apart.
///
/// # Errors
/// If it is no recording.
pub fn replay(data: Value) -> Result<Outcome, String> {
    let case = Case::new(data)?;
    let mut outcome = Outcome {
        id: case.id.clone(),
        class: case.class.clone(),
        comparisons: 1,
        differences: Vec::new(),
        by_chance: Vec::new(),
    };
    let phases = match fit::fit(&case) {
        Ok(phases) => phases,
        Err(missing) => {
            outcome.differences.push(Difference::new("not modelled", String::new(), missing));
            return Ok(outcome);
        }
    };
    let mut best: Option<Vec<Difference>> = None;
    let mut persistent = BTreeSet::new();
    for seed in 1..=SEEDS {
        let (comparisons, differences) = run(&case, Phases { seed, ..phases })?;
        let differ: BTreeSet<String> = differences.iter().map(|difference| difference.what.clone()).collect();
        persistent = if seed == 1 { differ } else { &persistent & &differ };
        if best.as_ref().is_none_or(|best| differences.len() < best.len()) {
            (outcome.comparisons, best) = (comparisons, Some(differences));
        }
        if best.as_ref().is_some_and(Vec::is_empty) {
            break;
        }
    }
    let differs = |difference: &Difference| persistent.contains(&difference.what);
    (outcome.differences, outcome.by_chance) = best.unwrap_or_default().into_iter().partition(differs);
    Ok(outcome)
}

/// What happens in a run of the case, with the phases fitted to it.
///
/// # Errors
/// If it is no recording, or needs something that is not modelled.
pub fn story_of(data: Value) -> Result<story::Story, String> {
    let case = Case::new(data)?;
    let phases = fit::fit(&case)?;
    Ok(case.simulate(phases, case.duration())?.0)
}

/// Runs and compares a case.
fn run(case: &Case, phases: Phases) -> Result<(usize, Vec<Difference>), String> {
    let (run, matched) = case.simulate(phases, case.duration())?;
    Ok(compare::compare(case, &run, &matched))
}
