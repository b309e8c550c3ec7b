//! Policies written in a scenario, as CEL expressions over the pod and the node.
//!
//! ```text
//! score    a number, higher is better; kept to the millionth
//! filter   true where the pod may go, beside all that Kubernetes demands
//! ```
//! CEL is the language of Kubernetes' admission policies (cel.dev). The crate `cel` parses; [`compile`] checks
//! names and types against [`facts`] when the scenario is read, and makes a [`Program`] of the tree: a score is asked
//! for a million times, and nothing of it may depend on the order of a map. So there are scalars only: numbers, truth
//! values, text; no lists, no maps, no comprehensions. `tests` hold programs to the crate's own interpreter.
//!
//! An expression that fails while it runs (a whole number divided by zero, an overflow) filters the node out, and
//! scores it below all others; so does a score that is not a number.

pub mod compile;
pub mod facts;
pub mod program;

use std::sync::Arc;

use super::{Ask, Candidate, Policy};
use facts::Facts;
use program::Program;

/// A policy of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// Where the pod may go; everywhere without it.
    pub filter: Option<Program>,
    /// How good a node is.
    pub score: Program,
}

/// The least score, of nodes whose score cannot be told.
const WORST: i64 = -(1 << 60);
/// Scores are cut off here, in millionths.
const MOST: f64 = 1e18;

/// A [`Written`] at work.
pub struct Expressed(pub Arc<Written>);

impl Policy for Expressed {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        match self.0.score.number(&Facts { ask, node }) {
            Some(score) if !score.is_nan() => (score * 1e6).clamp(-MOST, MOST).round() as i64,
            _ => WORST,
        }
    }

    fn may(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> bool {
        self.0.filter.as_ref().is_none_or(|filter| filter.truth(&Facts { ask, node }).unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::compile::compile;
    use super::program::Type;
    use super::*;
    use crate::scheduler::policies::tests::{ask, node};

    fn written(score: &str, filter: Option<&str>) -> Expressed {
        let program = |text: &str, wanted| compile(text, wanted).unwrap_or_else(|found| panic!("{text}: {found:?}"));
        let filter = filter.map(|text| program(text, Type::Bool));
        Expressed(Arc::new(Written { name: "mine".to_string(), filter, score: program(score, Type::Double) }))
    }

    #[test]
    fn the_example_of_the_documentation_is_worst_fit_by_cpu() {
        let policy = written("100.0 * (node.free.cpu - pod.cpu) / node.capacity.cpu", Some("node.free.cpu >= 4.0"));
        // cores: (5 - 2) / 10 and (9 - 2) / 10 of 100, in millionths
        let (small, large) = (node(0, (5000, 10_000), (1, 1)), node(1, (9000, 10_000), (1, 1)));
        assert_eq!(policy.score(&ask(2000, 1), &small), 30_000_000);
        assert_eq!(policy.score(&ask(2000, 1), &large), 70_000_000);
        assert!(policy.may(&ask(2000, 1), &small) && !policy.may(&ask(1, 1), &node(0, (3999, 10_000), (1, 1))));
    }

    #[test]
    fn what_fails_is_last_and_filtered_out() {
        let policy = written("1 / node.pods", Some("1 / node.pods >= 0"));
        let (empty, mut used) = (node(0, (1, 1), (1, 1)), node(1, (1, 1), (1, 1)));
        used.pods = 1;
        assert_eq!((policy.score(&ask(1, 1), &empty), policy.score(&ask(1, 1), &used)), (WORST, 1_000_000));
        assert!(!policy.may(&ask(1, 1), &empty) && policy.may(&ask(1, 1), &used));
        assert_eq!(written("0.0 / 0.0", None).score(&ask(1, 1), &used), WORST);
        assert_eq!(written("1.0 / 0.0", None).score(&ask(1, 1), &used), 1_000_000_000_000_000_000);
    }
}
