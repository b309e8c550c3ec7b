//! `matrix:` what `sim compare` varies. `placement:` pods placed once, without time.

use serde_json::json;

use crate::scenario::diagnostics::Problems;
use crate::scenario::read::{Definitions, Read, Spanned, to_json};
use crate::scenario::record::{record, words};
use crate::scenario::source::{Node, Value};

record! {
    /// What `sim compare` varies: policies, and values of other keys. `sim run` takes no notice of it.
    pub struct Matrix {
        /// Policies to compare; the scenario's own without any. `--policy a,b` says it, too.
        "policies" => policies: Vec<Spanned<String>>,
        /// What the others are compared with; the first policy (or the first values) unless given.
        "baseline" => baseline: Option<Spanned<String>>,
        /// Keys that take several values.
        "parameters" => parameters: Vec<Parameter>,
        /// So many points of a Latin hypercube, in place of every combination of values.
        "latin-hypercube" => latin_hypercube: Option<Spanned<u32>>,
        /// The metrics to tell, with the labels of one of their rows; a choice is made without any.
        "metrics" => metrics: Vec<Spanned<String>>,
    }
}

record! {
    /// A key that takes several values.
    pub struct Parameter {
        /// The key, as in `--set`: `workloads[0].replicas`.
        "path" => path: Spanned<String>,
        /// Its values.
        "values" => values: Vec<Written>,
        /// A range of numbers in place of values, for a Latin hypercube.
        "range" => range: Option<Range>,
    }
}

record! {
    /// A range of numbers.
    pub struct Range {
        /// The least.
        "from" => from: Spanned<f64>,
        /// The greatest.
        "to" => to: Spanned<f64>,
        /// Written behind each number: `s`, `Mi`, `%`.
        "unit" => unit: String = "\"\"",
        /// Only whole numbers.
        "whole" => whole: bool = "false",
    }
}

/// Any value, as `--set` takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// As YAML on one line.
    pub text: String,
}

impl Read for Written {
    fn read(node: &Node, _: &mut Problems) -> Option<Self> {
        let text = match &node.value {
            Value::Scalar { text, plain: true } => text.clone(),
            _ => to_json(node).to_string(), // JSON is YAML
        };
        Some(Written { text })
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "description": "Any value of the key." })
    }
}

record! {
    /// One-shot placement in place of a run: pods of a recorded list come one after another, are placed once or
    /// dropped, and never leave. There is no time and no control plane; `sim compare` runs it.
    pub struct Placement {
        /// The experiment that the data belong to.
        "experiment" => experiment: PlacementExperiment = "openb",
        /// Which of its pod lists.
        "workload" => workload: Spanned<String> = "default",
        /// Repetitions under each seed whose mean is taken, of policies that draw lots.
        "draws" => draws: Spanned<u32> = "1",
    }
}

words! {
    /// A placement experiment.
    pub enum PlacementExperiment {
        /// Alibaba's GPU-sharing cluster of 2023, as in the FGD paper (USENIX ATC 2023).
        "openb" => Openb,
    }
}
