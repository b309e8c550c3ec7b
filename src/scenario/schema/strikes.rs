//! What faults have in common: when they strike, how long they last, and whom they hit.

use serde_json::json;

use super::selector::LabelSelector;
use super::values::{Amount, Latency, ObjectName};
use crate::engine::Span;
use crate::faults::Outage;
use crate::scenario::diagnostics::Problems;
use crate::scenario::fields::{Fields, Key, Record};
use crate::scenario::read::{Definitions, Read, Spanned, mismatch};
use crate::scenario::record::{choice, record, words};
use crate::scenario::source::{Node, Value};

record! {
    /// When a fault strikes and how long it lasts. Exactly one of `at`, `every`, `within`, `mtbf` and `trace`;
    /// `at` goes with `every`, too.
    pub struct Timing {
        /// The instant, from the start of the run; with `every`, the first.
        "at" => at: Option<Spanned<Span>>,
        /// Again and again, so long after one another.
        "every" => every: Option<Latency>,
        /// How often at most, with `every`; how many instants, with `within`.
        "times" => times: Option<Spanned<u32>>,
        /// At instants drawn uniformly from a window.
        "within" => within: Option<Window>,
        /// A random process: the time from the last repair to the next failure. Each victim has a process of its
        /// own; with `random` or `mode`, there is one for all, and each strike hits some.
        "mtbf" => mtbf: Option<Latency>,
        /// As recorded.
        "trace" => trace: Option<OutageTrace>,
        /// How long it lasts, drawn for each strike; until something else ends it if not given.
        "for" => duration: Option<Latency>,
        /// The same as `for`: the time to repair.
        "mttr" => mttr: Option<Latency>,
        /// Each victim of a strike is hit with this probability.
        "probability" => probability: Option<Spanned<f64>>,
        /// With `mtbf`: whether the processes have run long before the start, so that the run does not begin with
        /// nodes as fresh as after a repair.
        "aged" => aged: bool = "false",
    }
}

record! {
    /// A window of time.
    pub struct Window {
        /// Its beginning, from the start of the run.
        "from" => from: Spanned<Span> = "0s",
        /// Its end.
        "to" => to: Spanned<Span>,
    }
}

record! {
    /// Recorded outages: a CSV file with the columns `failure_interval` (milliseconds since the one before began),
    /// `failure_duration` (milliseconds) and `failure_intensity` (share of the victims hit, to the nearest number of them).
    pub struct OutageTrace {
        /// The file, relative to the scenario file.
        "file" => file: Spanned<String>,
        /// How many of the first outages are left out.
        "skip" => skip: u32 = "0",
        /// Whether it starts again after its end.
        "repeat" => repeat: bool = "false",
        /// Factor on the shares of victims hit.
        "scale" => scale: Spanned<f64> = "1",
        /// Factor on the intervals.
        "interval-scale" => interval_scale: Spanned<f64> = "1",
        ..loaded: LoadedOutages
    }
}

/// What a trace file held; filled in after reading.
#[derive(Clone, Debug, Default)]
pub struct LoadedOutages {
    /// The outages in order.
    pub outages: Vec<Outage>,
}

impl Record for LoadedOutages {
    const NAME: &'static str = "LoadedOutages";
    const ABOUT: &'static str = "";
    fn keys() -> Vec<Key> {
        Vec::new() // nothing of it is written in the scenario file
    }
    fn take(_: &Fields<'_>, _: &mut Problems) -> Option<Self> {
        Some(LoadedOutages::default())
    }
}

record! {
    /// Which nodes, when, how long. All conditions must hold; with `mtbf` and none of them, every node.
    pub struct NodeFault {
        /// One node by name.
        "node" => node: Option<Spanned<String>>,
        /// Nodes by name, or by their labels and zone.
        "nodes" => nodes: Option<NodeChoice>,
        /// The nodes of a zone.
        "zone" => zone: Option<Spanned<String>>,
        /// So many of them, or that share of them rounded up, drawn for each strike.
        "random" => random: Option<Spanned<Amount>>,
        /// How many of them, as Chaos Mesh says it.
        "mode" => mode: Option<Spanned<Mode>>,
        /// A failure may drag further nodes along.
        "burst" => burst: Option<Burst>,
        /// Survivors fail when they are overloaded.
        "cascade" => cascade: Option<Cascade>,
        ..timing: Timing
    }
}

/// Several nodes.
#[derive(Clone, Debug)]
pub enum NodeChoice {
    /// By name.
    Names(Vec<Spanned<String>>),
    /// By their labels.
    Labels(NodesByLabel),
}

record! {
    /// Nodes by their labels.
    pub struct NodesByLabel {
        /// Labels: `disk=ssd,gpu!=a100`, or a map with `matchLabels` and `matchExpressions`.
        "selector" => selector: Option<LabelSelector>,
        /// Their zone.
        "zone" => zone: Option<Spanned<String>>,
    }
}

/// How many of the candidates are hit.
#[derive(Clone, Debug)]
pub enum Mode {
    /// A word.
    Word(ModeWord),
    /// A number of a kind.
    Number(ModeNumber),
}

words! {
    /// How many of the candidates are hit.
    pub enum ModeWord {
        /// One, drawn for each strike.
        "one" => One,
        /// Every one.
        "all" => All,
    }
}

choice! {
    /// How many of the candidates are hit, by a number.
    pub enum ModeNumber {
        /// So many, drawn for each strike.
        "fixed" => Fixed(u32),
        /// So many per cent, rounded up.
        "percent" => Percent(u32),
        /// Up to so many per cent, the share drawn, too.
        "random-max-percent" => RandomMaxPercent(u32),
    }
}

record! {
    /// A failure drags further nodes along.
    pub struct Burst {
        /// How likely.
        "probability" => probability: Spanned<f64>,
        /// How many on average, at least 1; their number is geometric.
        "followers" => followers: Spanned<f64> = "2",
        /// Within what time they fail, uniformly.
        "window" => window: Span = "120s",
        /// The topology label whose value they share with the first; any node if not given.
        "label" => label: Option<Spanned<String>>,
    }
}

record! {
    /// Survivors fail when what they would have to take over is too much.
    pub struct Cascade {
        /// Requested cpu of all over allocatable cpu of the survivors, above which they are overloaded.
        "overload" => overload: Spanned<f64>,
        /// How likely an overloaded survivor fails.
        "probability" => probability: Spanned<f64> = "1",
        /// Within what time, uniformly.
        "window" => window: Span = "60s",
        /// The topology label whose value they share with the first; any node if not given.
        "label" => label: Option<Spanned<String>>,
    }
}

record! {
    /// Which pods, when, how long. All conditions must hold; with `mtbf` and none of them, every pod.
    pub struct PodFault {
        /// Pods of this workload, by the name of the object that owns them in the end.
        "workload" => workload: Option<Spanned<String>>,
        /// Pods of this namespace.
        "namespace" => namespace: Option<ObjectName>,
        /// Pods by their labels.
        "selector" => selector: Option<LabelSelector>,
        /// Pods on this node.
        "node" => node: Option<Spanned<String>>,
        /// Pods on these nodes: by name, or by labels of the nodes (`selector: rack=r1`) and their zone.
        "nodes" => nodes: Option<NodeChoice>,
        /// Pods on the nodes of a zone.
        "zone" => zone: Option<Spanned<String>>,
        /// So many of them, or that share of them rounded up, drawn for each strike.
        "random" => random: Option<Spanned<Amount>>,
        /// How many of them, as Chaos Mesh says it.
        "mode" => mode: Option<Spanned<Mode>>,
        ..timing: Timing
    }
}

impl Read for NodeChoice {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(items) if items.is_empty() => mismatch(node, "at least one name", problems),
            Value::List(_) => Vec::read(node, problems).map(NodeChoice::Names),
            Value::Map(_) => NodesByLabel::read(node, problems).map(NodeChoice::Labels),
            Value::Scalar { .. } => mismatch(node, "a list of names, or a map with `selector` or `zone`", problems),
        }
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({ "oneOf": [Vec::<String>::schema(definitions), NodesByLabel::schema(definitions)] })
    }
}

impl Read for Mode {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Map(_) => ModeNumber::read(node, problems).map(Mode::Number),
            _ => ModeWord::read(node, problems).map(Mode::Word),
        }
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({ "oneOf": [ModeWord::schema(definitions), ModeNumber::schema(definitions)] })
    }
}
