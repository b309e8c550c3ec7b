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
    /// Those that differ.
    pub differences: Vec<Difference>,
    /// The seed of the latencies with which it came to that: races between components are chance.
    pub seed: u64,
}

/// So many seeds of the latencies are tried: what some of them give, the mechanism can give.
const SEEDS: u64 = 30;

/// Replays one case.
///
/// # Errors
/// If it is no recording.
pub fn replay(data: Value) -> Result<Outcome, String> {
    let case = Case::new(data)?;
    let (id, class) = (case.id.clone(), case.class.clone());
    let mut best: Option<Outcome> = None;
    let fitted = fit::fit(&case);
    for seed in 1..=SEEDS {
        let (comparisons, differences) = match fitted.clone().and_then(|phases| run(&case, Phases { seed, ..phases })) {
            Ok(compared) => compared,
            Err(missing) => (1, vec![Difference::new("not modelled", String::new(), missing)]),
        };
        let outcome = Outcome { id: id.clone(), class: class.clone(), comparisons, differences, seed };
        if best.as_ref().is_none_or(|best| outcome.differences.len() < best.differences.len()) {
            best = Some(outcome);
        }
        if best.as_ref().is_some_and(|best| best.differences.is_empty() || best.differences[0].what == "not modelled") {
            break;
        }
    }
    best.ok_or_else(|| "no seed was tried".to_string())
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
