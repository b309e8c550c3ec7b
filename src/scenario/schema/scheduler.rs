//! `scheduler:` how pods are placed.

use serde_json::json;

use crate::engine::Span;
use crate::scenario::diagnostics::Problems;
use crate::scenario::read::{Definitions, Read, Spanned};
use crate::scenario::record::{record, words};
use crate::scenario::source::{Node, Value};

record! {
    /// How pods are placed; at most one of `policy` and `config`.
    pub struct Scheduler {
        /// A policy by name; `sim list policies` shows them.
        "policy" => policy: Option<Spanned<String>>,
        /// A KubeSchedulerConfiguration: a file relative to the scenario file, or the object itself.
        "config" => config: Option<SchedulerConfig>,
        /// How NodeResourcesFit scores nodes in the default profile; shorthand for a `config`.
        "scoring" => scoring: Option<Spanned<Scoring>>,
        /// In which order waiting pods are tried.
        "queue" => queue: Queue = "priority",
        /// With `queue: gang`: how long pods that hold room wait on Permit for those for which victims of a preemption make
        /// room; then all of the gang are let go.
        "gang-timeout" => gang_timeout: Spanned<Span> = "5m",
    }
}

words! {
    /// In which order waiting pods are tried.
    pub enum Queue {
        /// Higher priority first, then who has waited longer: Kubernetes' own.
        "priority" => Priority,
        /// Who came first.
        "fifo" => Fifo,
        /// The shortest declared run time first, unknown last.
        "shortest-job" => ShortestJob,
        /// Priority, then whole groups by their first pod; groups whose pods say `min-count` are bound together or not at all.
        "gang" => Gang,
        /// The namespace with the smallest dominant share next.
        "dominant-share" => DominantShare,
    }
}

words! {
    /// How NodeResourcesFit scores nodes.
    pub enum Scoring {
        /// Prefers empty nodes: spreads.
        "least-allocated" => LeastAllocated,
        /// Prefers full nodes: packs.
        "most-allocated" => MostAllocated,
    }
}

/// A KubeSchedulerConfiguration, as it was written.
#[derive(Clone, Debug)]
pub enum SchedulerConfig {
    /// In a file that is yet to be read.
    File(Spanned<String>),
    /// The object; positions in it are those of its file.
    Object(Node),
}

impl Read for SchedulerConfig {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Map(_) => Some(SchedulerConfig::Object(node.clone())),
            _ => Spanned::read(node, problems).map(SchedulerConfig::File),
        }
    }
    fn schema(_: &mut Definitions) -> serde_json::Value {
        json!({ "oneOf": [{ "type": "string" }, { "type": "object" }] })
    }
}
