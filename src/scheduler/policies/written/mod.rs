//! Policies written in a scenario, as CEL expressions over the pod and the node.
//!
//! ```text
//! score    a number, higher is better, compared as the double it is, to the last bit
//! filter   true where the pod may go, beside all that Kubernetes demands
//! ```
//! CEL is the language of Kubernetes' admission policies (cel.dev). The crate `cel` parses; [`compile`] checks
//! names and types against [`facts`] when the scenario is read, and makes a [`Program`] of the tree: a score is asked
//! for a million times, and nothing of it may depend on the order of a map. So there are scalars only: numbers, truth
//! values, text; no lists, no comprehensions, and of maps single entries only ([`facts::MAPS`]). `tests` hold programs to the crate's own interpreter.
//!
//! An expression that fails while it runs (a whole number divided by zero, an overflow) filters the node out, and
//! scores it below all others; so does a score that is not a number. Failures are counted, and told at the end of a run.
//! What is sure to fail ([`fold`]) is refused when the scenario is read.

pub mod compile;
pub mod facts;
pub mod fold;
pub mod program;

use std::cell::Cell;
use std::sync::Arc;

use super::{Ask, Candidate, Failures, Policy};
use facts::Facts;
use program::Program;

/// A policy of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// Where the pod may go; everywhere without it.
    pub filter: Option<Expression>,
    /// How good a node is.
    pub score: Expression,
}

/// A checked expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// As written.
    pub text: String,
    /// What it became.
    pub program: Program,
}

/// The score of nodes whose score cannot be told: less than the place of any number, and one more than the least
/// integer, which stands for "does not fit" elsewhere.
const WORST: i64 = i64::MIN + 1;

/// The place of a score, which is a number, among all doubles: of two scores the greater has the greater place, equal
/// ones have one. The bits of a double ascend with it, those of a negative one descend; −0 becomes 0 first.
fn place(score: f64) -> i64 {
    let bits = (score + 0.0).to_bits() as i64;
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

/// A [`Written`] at work.
pub struct Expressed {
    written: Arc<Written>,
    /// How often the score was asked, and how often it failed.
    scores: Count,
    /// The same of the filter.
    filters: Count,
}

/// How often something was asked, and how often it failed.
type Count = Cell<(u64, u64)>;

/// The answer, counted.
fn counted<T>(count: &Count, answer: Option<T>) -> Option<T> {
    let (asked, failed) = count.get();
    count.set((asked + 1, failed + u64::from(answer.is_none())));
    answer
}

impl Expressed {
    /// One that has been asked nothing.
    pub fn new(written: Arc<Written>) -> Self {
        Expressed { written, scores: Count::default(), filters: Count::default() }
    }
}

impl Policy for Expressed {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        let score = self.written.score.program.number(&Facts { ask, node }).filter(|score| !score.is_nan());
        counted(&self.scores, score).map_or(WORST, place)
    }

    fn tell(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> Option<String> {
        let score = self.written.score.program.number(&Facts { ask, node });
        Some(score.map_or("failed".to_string(), |score| format!("{score:?}")))
    }

    fn may(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> bool {
        let Some(filter) = &self.written.filter else { return true };
        counted(&self.filters, filter.program.truth(&Facts { ask, node })).unwrap_or(false)
    }

    fn failures(&self) -> Vec<Failures> {
        let Written { name, filter, score } = &*self.written;
        let parts = [("score", Some(score), &self.scores), ("filter", filter.as_ref(), &self.filters)];
        let failed = parts.into_iter().filter_map(|(part, expression, count)| {
            let (asked, failed) = count.get();
            let of = format!("policy {name}: {part}");
            (failed > 0).then_some(Failures { of, text: expression?.text.clone(), failed, asked })
        });
        failed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::compile::compile;
    use super::program::Type;
    use super::*;
    use crate::scheduler::policies::tests::{ask, node};

    fn written(score: &str, filter: Option<&str>) -> Expressed {
        let expression = |text: &str, wanted| {
            let program = compile(text, wanted).unwrap_or_else(|found| panic!("{text}: {found:?}"));
            Expression { text: text.to_string(), program }
        };
        let filter = filter.map(|text| expression(text, Type::Bool));
        Expressed::new(Arc::new(Written { name: "mine".to_string(), filter, score: expression(score, Type::Double) }))
    }

    #[test]
    fn the_example_of_the_documentation_is_worst_fit_by_cpu() {
        let policy = written("100.0 * (node.free.cpu - pod.cpu) / node.capacity.cpu", Some("node.free.cpu >= 4.0"));
        // cores: (5 - 2) / 10 and (9 - 2) / 10 of 100
        let (small, large) = (node(0, (5000, 10_000), (1, 1)), node(1, (9000, 10_000), (1, 1)));
        assert_eq!(policy.score(&ask(2000, 1), &small), place(30.0));
        assert_eq!(policy.score(&ask(2000, 1), &large), place(70.0));
        assert_eq!(policy.tell(&ask(2000, 1), &large).as_deref(), Some("70.0"));
        assert!(policy.may(&ask(2000, 1), &small) && !policy.may(&ask(1, 1), &node(0, (3999, 10_000), (1, 1))));
    }

    #[test]
    fn what_fails_is_last_and_filtered_out() {
        let policy = written("1 / node.pods", Some("1 / node.pods >= 0"));
        let (empty, mut used) = (node(0, (1, 1), (1, 1)), node(1, (1, 1), (1, 1)));
        used.pods = 1;
        assert_eq!((policy.score(&ask(1, 1), &empty), policy.score(&ask(1, 1), &used)), (WORST, place(1.0)));
        assert!(!policy.may(&ask(1, 1), &empty) && policy.may(&ask(1, 1), &used));
        let counts = |failures: &[Failures]| -> Vec<_> {
            failures.iter().map(|of| (of.of.clone(), of.text.clone(), of.failed, of.asked)).collect()
        };
        let (score, filter) = ("policy mine: score".to_string(), "policy mine: filter".to_string());
        let expected = [(score, "1 / node.pods".to_string(), 1, 2), (filter, "1 / node.pods >= 0".to_string(), 1, 2)];
        assert_eq!(counts(&policy.failures()), expected);
        assert_eq!(written("node.free.gpu / node.capacity.gpu", None).score(&ask(1, 1), &used), WORST, "0.0 / 0.0");
        assert_eq!(written("1.0 / 0.0", None).score(&ask(1, 1), &used), place(f64::INFINITY));
    }

    #[test]
    fn scores_are_compared_as_the_doubles_they_are() {
        // ascending; 1e12 and 2^41 are bytes, and differ by one from their neighbours
        let ascending = [
            f64::NEG_INFINITY,
            -1e300,
            -2_199_023_255_552.0,
            -1.0,
            -1e-9,
            -5e-324,
            0.0,
            5e-324,
            1e-9,
            1.0,
            1.0 + f64::EPSILON,
            1e12,
            1e12 + 1.0,
            2_199_023_255_552.0,
            2_199_023_255_553.0,
            1e300,
            f64::INFINITY,
        ];
        assert!(ascending.map(place).is_sorted_by(|less, more| less < more));
        assert_eq!(place(-0.0), place(0.0));
        assert!(WORST < place(f64::NEG_INFINITY) && WORST > i64::MIN);
        // 2 Ti and one byte less, which is above 1e12 in bytes
        let policy = written("node.free.memory", None);
        let free = |bytes| policy.score(&ask(1, 1), &node(0, (1, 1), (bytes, 1 << 41)));
        assert!(free(1 << 41) > free((1 << 41) - 1));
    }
}
