//! The plain data of one run: what [`crate::metrics`] hands to [`crate::report`].
//!
//! No references into the cluster; every id is resolved to the name people know. Times stay integers;
//! ratios are parts per million until they are printed.

pub mod comparison;
pub mod expressions;
pub mod provenance;
pub mod study;
pub mod why;

use std::fmt;
use std::sync::Arc;

use crate::engine::{Span, Time};

use self::expressions::FailedExpression;
use self::provenance::Provenance;

/// Everything one run leaves behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What was run.
    pub run: Run,
    /// Virtual time at the end.
    pub duration: Span,
    /// Hash over the stream of changes; equal runs have equal digests.
    pub digest: u64,
    /// Number of changes in that stream.
    pub changes: u64,
    /// Hash over the pods that arrived by themselves: when, what they ask for, how long they run. Equal
    /// for every policy under one seed.
    pub arrivals: u64,
    /// Hash over all faults that struck: kind, instant, nodes. Under one seed it is the same for every policy.
    pub fault_trace: u64,
    /// Names of faults that never hit anybody.
    pub idle_faults: Vec<String>,
    /// Expressions of own policies that failed while they ran.
    pub failed_expressions: Vec<FailedExpression>,
    /// Faults and operator's commands, in order.
    pub actions: Vec<Action>,
    /// What faults and planned disruptions did to each workload, in order of the fault.
    pub incidents: Vec<Incident>,
    /// The workloads, in order of creation.
    pub workloads: Vec<Workload>,
    /// Every metric with a value, in the order of `metrics::ALL`.
    pub metrics: Vec<MetricRow>,
    /// Quantities over time.
    pub series: Vec<Series>,
    /// The pods that exist at the end, oldest first.
    pub pods: Vec<PodRow>,
    /// Pods that no scheduler looks at: the `schedulerName` that no profile has, and how many ask for it.
    pub unserved: Vec<(String, u32)>,
    /// The nodes there ever were, in the order they were added.
    pub nodes: Vec<NodeRow>,
    /// Whether the cluster converged after chaos.
    pub chaos: Option<Convergence>,
    /// Recovery objectives and whether they held; filled in by whoever evaluates `expect:`.
    pub expectations: Vec<Expectation>,
}

/// How the cluster did in the quiet after chaos.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Convergence {
    /// When the last fault was over.
    pub quiet_from: Time,
    /// How long it might have taken.
    pub limit: Span,
    /// When it was found as it should be, to 10 s; `None`: not within the limit, or an invariant was broken.
    pub converged: Option<Time>,
    /// What it lacked when it was looked at last.
    pub lacking: Vec<String>,
}

/// What was run: enough to run it again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// `name:` of the scenario.
    pub scenario: String,
    /// The scenario file's text, with the files it includes appended.
    pub text: String,
    /// The seed.
    pub seed: u64,
    /// The scheduling policy.
    pub policy: String,
    /// What `--set` changed: path and value.
    pub settings: Vec<(String, String)>,
    /// What is needed to make the results again.
    pub provenance: Provenance,
}

/// One `expect:` line.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The expression as written.
    pub text: String,
    /// The value found; `None` if nothing in the run gives the metric a value.
    pub observed: Option<f64>,
    /// The bound it was compared with.
    pub bound: f64,
    /// Whether it held.
    pub held: bool,
}

/// What kind of thing an [`Action`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// A fault: opens an incident for every workload it hits.
    Fault,
    /// A planned disruption (drain, delete node …): opens incidents marked `planned`.
    Disruption,
    /// An operator's command that takes nothing away (cordon, scale …).
    Command,
    /// A fault ends (recover, heal).
    FaultEnded,
}

/// A fault or an operator's command.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// When.
    pub at: Time,
    /// What kind of thing it is.
    pub kind: ActionKind,
    /// The verb: `crash`, `drain` ….
    pub verb: String,
    /// The name of the entry of `faults:` that it comes from; empty for the timeline and for ends.
    pub fault: String,
    /// For people: `crash worker-2`.
    pub label: Arc<str>,
    /// The nodes it strikes.
    pub nodes: Arc<[String]>,
    /// Whether there was anything to do it to.
    pub struck: bool,
    /// Whether it can take pods out of service.
    pub takes_out: bool,
}

impl Action {
    /// What unavailability is put down to: the fault's name, or the verb of what the timeline does.
    pub fn cause(&self) -> &str {
        if self.fault.is_empty() { &self.verb } else { &self.fault }
    }
}

/// How pods are laid out over the cluster at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Standard deviation of the Ready nodes' utilisation, parts per million (`node_imbalance_ratio`).
    pub imbalance_ppm: i64,
    /// Share of free cpu stranded, parts per million (`fragmentation_ratio`).
    pub fragmentation_ppm: i64,
    /// Most minus fewest active pods of the workload on a Ready node.
    pub node_spread: i64,
    /// The same over zones with a Ready node.
    pub zone_spread: i64,
}

/// What one fault or planned disruption did to one workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Incident {
    /// Index into [`Outcome::actions`].
    pub action: usize,
    /// The action's label: `crash worker-2`.
    pub label: Arc<str>,
    /// An operator's doing rather than a fault.
    pub planned: bool,
    /// The workload's label.
    pub workload: Arc<str>,
    /// The nodes struck that had pods of the workload.
    pub nodes: Arc<[String]>,
    /// When the fault struck.
    pub fault: Time,
    /// The control plane knows: a node struck is no longer Ready or is gone, or a pod hit is no longer
    /// Ready or is marked.
    pub detected: Option<Time>,
    /// The first pod hit was marked for deletion, removed or failed.
    pub first_evicted: Option<Time>,
    /// The last one.
    pub last_evicted: Option<Time>,
    /// The first replacement was created.
    pub first_created: Option<Time>,
    /// The last one.
    pub last_created: Option<Time>,
    /// The first replacement was bound to a node.
    pub first_scheduled: Option<Time>,
    /// The last one.
    pub last_scheduled: Option<Time>,
    /// The last pod, a replacement or one that came back, began to serve.
    pub last_ready: Option<Time>,
    /// Whole again for good; `None`: not within the run, or undecided when it ended.
    pub whole: Option<Time>,
    /// All nodes struck are heard again.
    pub returned: Option<Time>,
    /// The end of the run.
    pub end: Time,
    /// Replicas desired when the fault struck.
    pub desired_before: u32,
    /// Pods serving just before.
    pub serving_before: u32,
    /// Fewest pods serving until whole again.
    pub serving_lowest: u32,
    /// Pods of the workload on the nodes struck (or struck themselves).
    pub pods_hit: u32,
    /// Those that were deleted or failed.
    pub pods_displaced: u32,
    /// Pods created in their place.
    pub pods_replaced: u32,
    /// Pods created meanwhile beyond those.
    pub pods_extra: u32,
    /// Pods that a planned disruption was still to move when the run ended.
    pub pods_left: u32,
    /// Replacements that had no node at the end.
    pub pods_pending: u32,
    /// What the scheduler said last about one of those.
    pub pending_reason: Option<String>,
    /// Further faults that struck the same pods before they were back.
    pub struck_again: u32,
    /// The run ended before the fault was over for all pods it hit: enough of the workload served, but some of them were
    /// neither back nor gone.
    pub undecided: bool,
    /// Another incident of the workload was open at the same time.
    pub overlapping: bool,
    /// Area under desired − serving from the fault until whole again (or the end), pod-nanoseconds.
    pub unavailable_pod_nanos: i128,
    /// What is attributed to it of the workload's unavailable area, pod-nanoseconds: overlapping incidents share.
    pub attributed_pod_nanos: i128,
    /// The layout before the fault.
    pub before: Layout,
    /// The layout when whole again (or at the end).
    pub after: Layout,
}

/// A stage of a recovery. The stages of one incident add up to its recovery time exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// `detect`, `evict`, `replace`, `schedule`, `return` or `start`.
    pub name: &'static str,
    /// How long it took.
    pub span: Span,
}

/// The names of the stages, in order.
pub const STAGES: [&str; 6] = ["detect", "evict", "replace", "schedule", "return", "start"];

impl Incident {
    /// From the fault until whole again.
    pub fn recovery(&self) -> Option<Span> {
        self.whole.map(|whole| whole.since(self.fault))
    }

    /// The recovery cut at the instants that end each stage. An instant that is missing gives an empty
    /// stage; one past the recovery is cut off there. `return` (waiting for the node) has a length only
    /// if no pod had to be replaced.
    pub fn stages(&self) -> Option<[Stage; 6]> {
        let whole = self.whole?;
        let returned = self.returned.filter(|_| self.pods_displaced == 0);
        let ends = [self.detected, self.last_evicted, self.last_created, self.last_scheduled, returned, Some(whole)];
        let mut from = self.fault;
        let mut stages = STAGES.map(|name| Stage { name, span: Span::ZERO });
        for (stage, end) in stages.iter_mut().zip(ends) {
            let end = end.unwrap_or(from).clamp(from, whole);
            stage.span = end.since(from);
            from = end;
        }
        Some(stages)
    }

    /// Area under desired − serving, in pod-seconds.
    pub fn unavailable_pod_seconds(&self) -> f64 {
        self.unavailable_pod_nanos as f64 / 1e9
    }
}

/// One workload over the whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// How metrics call it: the name, with namespace or kind only where needed.
    pub label: String,
    /// The kind of its root object.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// When it was created.
    pub created: Time,
    /// Replicas desired at the end.
    pub desired: u32,
    /// Pods serving at the end.
    pub serving: u32,
    /// Fewest pods serving after it was complete for the first time.
    pub lowest: Option<u32>,
    /// Area under desired − serving, pod-nanoseconds.
    pub unavailable_pod_nanos: i128,
    /// Share of desired pod-time that was served, parts per million.
    pub availability_ppm: Option<i64>,
}

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRow {
    /// The metric's name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Label names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The value; infinite for a recovery that never came.
    pub value: f64,
}

impl fmt::Display for MetricRow {
    /// Name and labels as in `expect:`: `recovery_seconds{workload="web"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for (index, (key, value)) in self.labels.iter().enumerate() {
            write!(f, "{}{key}=\"{value}\"", if index == 0 { "{" } else { "," })?;
        }
        f.write_str(if self.labels.is_empty() { "" } else { "}" })
    }
}

/// A quantity over time: steps, or averages over equal buckets where there were too many steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// The quantity: `pods_serving` ….
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Label names and values.
    pub labels: Vec<(&'static str, String)>,
    /// The steps: each value holds until the next point.
    pub points: Vec<Point>,
}

impl Series {
    /// The value of label `key`.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
    }
}

/// One step of a [`Series`]; mean, least and greatest differ only where steps were averaged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// From when on.
    pub at: Time,
    /// The value, or its exact time average over the bucket.
    pub mean: f64,
    /// The least value.
    pub min: f64,
    /// The greatest value.
    pub max: f64,
}

/// A pod at the end, in `kubectl get pods -o wide`'s columns and a few instants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodRow {
    /// NAMESPACE.
    pub namespace: String,
    /// NAME.
    pub name: String,
    /// The workload's label.
    pub workload: String,
    /// Containers ready and in all: the two numbers of READY.
    pub containers: (u32, u32),
    /// STATUS: the phase, or `Terminating`.
    pub status: &'static str,
    /// RESTARTS.
    pub restarts: u32,
    /// NODE; empty without one.
    pub node: String,
    /// When it was created.
    pub created: Time,
    /// When it was bound.
    pub bound: Option<Time>,
    /// When it became Ready last, if it is.
    pub ready: Option<Time>,
    /// CPU requested, thousandths of a core.
    pub cpu_milli: i64,
    /// Memory requested, bytes.
    pub memory_bytes: i64,
    /// Why it has no node, in the scheduler's words.
    pub reason: String,
}

/// What a node is in, as a picture shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeState {
    /// Ready and schedulable.
    Ready,
    /// Ready, cordoned.
    Cordoned,
    /// The API says Ready, but the kubelet is not heard: not noticed yet.
    Unnoticed,
    /// The API says NotReady or Unknown.
    NotReady,
    /// Not in the API.
    Gone,
}

impl NodeState {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeState::Ready => "Ready",
            NodeState::Cordoned => "Ready,SchedulingDisabled",
            NodeState::Unnoticed => "Ready (failed, not noticed)",
            NodeState::NotReady => "NotReady",
            NodeState::Gone => "gone",
        }
    }
}

/// A node: what it is at the end, and every state it was in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeRow {
    /// NAME.
    pub name: String,
    /// STATUS as kubectl prints it; `Gone` if it is no longer in the API.
    pub status: String,
    /// `topology.kubernetes.io/zone`.
    pub zone: String,
    /// Pods on it that have not ended.
    pub pods: i64,
    /// CPU requested and allocatable, thousandths of a core.
    pub cpu_milli: (i64, i64),
    /// Memory requested and allocatable, bytes.
    pub memory_bytes: (i64, i64),
    /// Taints, as kubectl shows them.
    pub taints: Vec<String>,
    /// The states it was in, each until the next.
    pub states: Vec<(Time, NodeState)>,
    /// Time it was not Ready in the API while it existed.
    pub not_ready: Span,
}

impl Outcome {
    /// The value of metric `name` with exactly these labels, in any order. `None` if there is no such
    /// row: an unknown name or label, or nothing happened that gives it a value.
    pub fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let same = |row: &&MetricRow| {
            row.name == name
                && row.labels.len() == labels.len()
                && labels.iter().all(|(key, value)| row.labels.iter().any(|(k, v)| k == key && v == value))
        };
        self.metrics.iter().find(same).map(|row| row.value)
    }

    /// All values this run's metrics have for the label `key`, for "did you mean".
    pub fn label_values(&self, key: &str) -> Vec<&str> {
        let mut values: Vec<&str> = Vec::new();
        for (name, value) in self.metrics.iter().flat_map(|row| &row.labels) {
            if *name == key && !values.contains(&value.as_str()) {
                values.push(value);
            }
        }
        values
    }

    /// The first series of this name whose label `key` is `value`; no key: the one without labels.
    pub fn series(&self, name: &str, label: Option<(&str, &str)>) -> Option<&Series> {
        self.series.iter().find(|series| {
            series.name == name
                && match label {
                    Some((key, value)) => series.label(key) == Some(value),
                    None => series.labels.is_empty(),
                }
        })
    }
}

/// One line of the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// When.
    pub at: Time,
    /// `node`, `pod`, `deployment` …: the kind it is about, in lower case; `action` for what is done to
    /// the cluster.
    pub kind: &'static str,
    /// Its namespace; empty for nodes.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `Fact` (something became true), `Action`, `Normal` or `Warning` (a Kubernetes event).
    pub class: &'static str,
    /// The reason of a Kubernetes event, or which fact: `Ready`, `Bound` ….
    pub reason: &'static str,
    /// The words.
    pub message: String,
}

impl fmt::Display for EventRow {
    /// One stable line: `47.443s  node/n01  Ready=Unknown` for a fact, and for a Kubernetes event
    /// `47.443s  node/n01  Normal NodeNotReady: Node n01 status is now: NodeNotReady`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}/{}  ", self.at, self.kind, self.name)?;
        match self.class {
            "Fact" | "Action" if self.message.is_empty() => f.write_str(self.reason),
            "Fact" | "Action" => write!(f, "{}={}", self.reason, self.message),
            class => write!(f, "{class} {}: {}", self.reason, self.message),
        }
    }
}

/// Takes the rows of the event log as they happen, so that none is held in memory.
pub trait EventSink {
    /// The next row. Must not fail: a sink that writes keeps its error until asked.
    fn row(&mut self, row: &EventRow);
}
