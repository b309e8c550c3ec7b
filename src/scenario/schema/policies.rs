//! `policies:` placement policies of one's own, as CEL expressions.

use std::sync::Arc;

use serde_json::json;

use super::values::ObjectName;
use crate::scenario::diagnostics::Problems;
use crate::scenario::read::{Definitions, Read, mismatch};
use crate::scenario::record::record;
use crate::scenario::source::{Location, Node, Value};
use crate::scheduler::policies::written::compile::{self, compile};
use crate::scheduler::policies::written::facts;
use crate::scheduler::policies::written::program::Type;
use crate::scheduler::policies::written::{Expression, Written};

record! {
    /// A placement policy of one's own, in CEL, the expression language of Kubernetes. It stands where
    /// Kubernetes' score plugins stand; `sim list facts` shows what expressions can ask.
    pub struct WrittenPolicy {
        /// Its name, for `scheduler.policy` and `--policy`.
        "name" => name: ObjectName,
        /// How good a node is, a number; the highest wins, the node added first among equals.
        "score" => score: Score,
        /// Where the pod may go, true or false, beside all that Kubernetes demands; everywhere unless given.
        "filter" => filter: Option<Filter>,
    }
}

impl WrittenPolicy {
    /// The policy.
    pub fn policy(&self) -> Arc<Written> {
        let filter = self.filter.as_ref().map(|filter| filter.0.clone());
        Arc::new(Written { name: self.name.to_string(), filter, score: self.score.0.clone() })
    }
}

/// An expression that comes to a number.
#[derive(Clone, Debug)]
pub struct Score(pub Expression);

/// An expression that comes to true or false.
#[derive(Clone, Debug)]
pub struct Filter(pub Expression);

impl Read for Score {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        expression(node, Type::Double, problems).map(Score)
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "type": ["string", "number"], "description": "A CEL expression that comes to a number.",
                "examples": ["100.0 * (node.free.cpu - pod.cpu) / node.capacity.cpu"] })
    }
}

impl Read for Filter {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        expression(node, Type::Bool, problems).map(Filter)
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "type": ["string", "boolean"], "description": "A CEL expression that comes to true or false.",
                "examples": ["node.pods_of_group < 2"] })
    }
}

/// Compiles the expression; what is wrong with it is reported at its place in the file.
fn expression(node: &Node, wanted: Type, problems: &mut Problems) -> Option<Expression> {
    let Value::Scalar { text, .. } = &node.value else {
        return mismatch(node, "a CEL expression", problems);
    };
    match compile(text, wanted) {
        Ok(program) => Some(Expression { text: text.to_string(), program }),
        Err(found) => {
            for compile::Problem { start, end, message, expected, unknown } in found {
                let problem = problems.report(within(node, text, start, end), message);
                problem.expected(expected);
                if let Some(name) = unknown {
                    problem.suggest(&name, facts::names());
                }
            }
            None
        }
    }
}

/// The place of a part of the text. Escapes, folded lines and the like hide where a part stands; then it is
/// the whole.
fn within(node: &Node, text: &str, start: usize, end: usize) -> Location {
    let whole = node.location;
    let quotes = match (whole.end - whole.start) as usize {
        length if length == text.len() => 0,
        length if length == text.len() + 2 && !text.contains('\n') => 1,
        _ => return whole,
    };
    let start = whole.start + quotes + start as u32;
    Location { start, end: (whole.start + quotes + end as u32).max(start + 1).min(whole.end), ..whole }
}
