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
}

/// Replays one case.
///
/// # Errors
/// If it is no recording.
pub fn replay(data: Value) -> Result<Outcome, String> {
    let case = Case::new(data)?;
    let (id, class) = (case.id.clone(), case.class.clone());
    let (comparisons, differences) = match fit::fit(&case).and_then(|phases| case.simulate(phases, case.duration())) {
        Ok((run, matched)) => compare::compare(&case, &run, &matched),
        Err(missing) => (1, vec![Difference::new("not modelled", String::new(), missing)]),
    };
    Ok(Outcome { id, class, comparisons, differences })
}
