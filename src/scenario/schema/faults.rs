//! `faults:` what breaks by chance, or again and again. Each kind of fault is a key of [`Fault`]; what they
//! have in common (whom, when, how long) stands in `strikes`.

use serde_json::json;

pub use super::fault_kinds::{
    CapacityLoss, ClockSkew, DomainOutage, Flapping, GracefulShutdown, Maintenance, NodeAdded, PodKill, RollingRestart,
    SchedulerSlow, SilentBy, SlowNode, SpotInterruption,
};
pub use super::strikes::{Mode, ModeNumber, ModeWord, NodeChoice, NodeFault, OutageTrace, PodFault, Timing};
use super::values::ObjectName;
use crate::engine::Span;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::fields::ORDER;
use crate::scenario::read::{Definitions, Read, Spanned, map_entries, to_json};
use crate::scenario::record::{choice, record};
use crate::scenario::source::{Location, Node, Value};

/// One entry of `faults:`.
#[derive(Clone, Debug)]
pub struct FaultEntry {
    /// Names its random streams; made from its kind and victims if not given.
    pub name: Option<ObjectName>,
    /// What breaks.
    pub fault: Fault,
    /// Its victims as they were written, without a place: part of the name it has if none is given.
    pub aim: String,
    /// Where its kind stands.
    pub location: Location,
}

choice! {
    /// What breaks.
    pub enum Fault {
        /// Machines lose power. With `for`, they boot again after it.
        "node-crash" => NodeCrash(NodeFault),
        /// Machines stop at once and boot again; pods start again in place.
        "reboot" => Reboot(NodeFault),
        /// Kubelets report not Ready and end their pods, then the machines go off. With `for`, they boot again.
        "graceful-shutdown" => GracefulShutdown(GracefulShutdown),
        /// Kubelets stop or hang: containers run on and nobody hears of them.
        "kubelet-stop" => KubeletStop(NodeFault),
        /// Nodes run on, but neither hear nor are heard by the control plane.
        "partition" => Partition(NodeFault),
        /// Nodes fall silent and return, again and again, for the length of `for`.
        "flapping" => Flapping(Flapping),
        /// Pods start and progress slower; heartbeats go on.
        "slow-node" => SlowNode(SlowNode),
        /// Less of the nodes' cpu and memory can be allocated; what runs there stays.
        "capacity-loss" => CapacityLoss(CapacityLoss),
        /// Clocks of nodes are wrong.
        "clock-skew" => ClockSkew(ClockSkew),
        /// All nodes of a rack, zone or power domain lose power, or their network.
        "domain-outage" => DomainOutage(DomainOutage),
        /// Machines restart one after another.
        "rolling-restart" => RollingRestart(RollingRestart),
        /// Nodes are cordoned and drained, go off for the length of `for`, boot and are uncordoned.
        "maintenance" => Maintenance(Maintenance),
        /// The provider takes machines back after a notice.
        "spot-interruption" => SpotInterruption(SpotInterruption),
        /// New machines are ordered and join once they have booted.
        "node-added" => NodeAdded(NodeAdded),
        /// Pods are deleted through the API.
        "pod-kill" => PodKill(PodKill),
        /// Main containers end with a failure; kubelets start them again, with back-off.
        "container-crash" => ContainerCrash(PodFault),
        /// Pods do not pass their readiness check for the length of `for`.
        "readiness-flap" => ReadinessFlap(PodFault),
        /// The scheduler is gone: pods wait.
        "scheduler-down" => SchedulerDown(Timing),
        /// The scheduler's cycles and writes take a multiple of their time.
        "scheduler-slow" => SchedulerSlow(SchedulerSlow),
        /// The controller manager is gone, and its memory with it.
        "controller-manager-down" => ControllerManagerDown(Timing),
        /// The API server is gone: nothing is written or heard; running pods run on.
        "api-server-down" => ApiServerDown(Timing),
        /// Several faults, each some time after the strike.
        "sequence" => Sequence(Sequence),
        /// A named set of faults, as `sim list models` shows them.
        "model" => Model(ModelUse),
    }
}

record! {
    /// Faults that follow one another, as one strike.
    pub struct Sequence {
        /// The faults.
        "steps" => steps: Vec<SequenceStep>,
        ..timing: Timing
    }
}

/// One fault of a sequence, with `after` beside it.
#[derive(Clone, Debug)]
pub struct SequenceStep {
    /// How long after the strike.
    pub after: Span,
    /// What breaks; it says nothing of when.
    pub fault: Box<Fault>,
    /// Where its kind stands.
    pub location: Location,
}

/// A named set of faults: its name, or a map with the name and more.
#[derive(Clone, Debug)]
pub struct ModelUse(pub ModelRecord);

/// Racks are values of this label, if a model is not told of another.
pub const RACK: &str = "topology.kubernetes.io/rack";

record! {
    /// A named set of faults.
    pub struct ModelRecord {
        /// Its name.
        "name" => name: Spanned<String>,
        /// The label whose value the nodes of a rack share.
        "rack-label" => rack_label: Spanned<String> = "topology.kubernetes.io/rack",
    }
}

impl Read for ModelUse {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            return ModelRecord::read(node, problems).map(ModelUse);
        }
        let name = Spanned::read(node, problems)?;
        let rack_label = Spanned { value: RACK.to_string(), location: node.location };
        Some(ModelUse(ModelRecord { name, rack_label }))
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({ "oneOf": [String::schema(definitions), ModelRecord::schema(definitions)] })
    }
}

/// The keys that say whom a fault hits.
const AIMS: [&str; 10] =
    ["node", "nodes", "zone", "label", "domain", "random", "mode", "workload", "namespace", "selector"];

/// A map with one kind of fault and one other key: the fault, where its kind stands, and its victims as text.
fn entry(node: &Node, beside: &str, problems: &mut Problems) -> Option<(Fault, Location, String)> {
    let mut found = None;
    for entry in map_entries(node, "a map with a fault", problems)?.iter().filter(|entry| entry.key != beside) {
        if found.is_some() {
            let problem = problems.report(entry.key_location, format!("a second fault `{}` in one entry", entry.key));
            problem.expected("only one fault can stand here").help("write another entry");
        } else {
            let aims = entry.value.entries().iter().filter(|entry| AIMS.contains(&entry.key.as_str()));
            let aims: Vec<String> = aims.map(|entry| format!("{}: {}", entry.key, to_json(&entry.value))).collect();
            found = Some((Fault::pick(entry, problems), entry.key_location, aims.join(", ")));
        }
    }
    let Some((fault, location, aim)) = found else {
        let kinds = Fault::keys();
        let problem = problems.report(node.location, "no fault");
        problem.expected(format!("expected one of {}", listed(kinds.iter().map(|key| key.name))));
        return None;
    };
    Some((fault?, location, aim))
}

/// The schema of a fault with one other key beside it.
fn beside(
    definitions: &mut Definitions,
    name: &str,
    key: &str,
    about: &str,
    kind: serde_json::Value,
) -> serde_json::Value {
    Fault::schema(definitions);
    let mut schema = definitions.get("Fault").cloned().unwrap_or_default();
    let mut described = kind;
    described["description"] = json!(about);
    schema["properties"][key] = described;
    if let Some(order) = schema[ORDER].as_array_mut() {
        order.insert(0, json!(key));
    }
    schema["maxProperties"] = json!(2);
    definitions.insert(name.to_string(), schema);
    json!({ "$ref": format!("#/$defs/{name}") })
}

impl Read for FaultEntry {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let name = node.get("name").map(|name| ObjectName::read(name, problems));
        let (fault, location, aim) = entry(node, "name", problems)?;
        let name = match name {
            Some(name) => Some(name?),
            None => None,
        };
        Some(FaultEntry { name, fault, aim, location })
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        let about = "Names its random streams, so that no other entry moves its draws; made from its kind and its \
                     victims if not given.";
        let kind = ObjectName::schema(definitions);
        let entry = beside(definitions, "FaultEntry", "name", about, kind);
        // a step of a sequence is like a fault, which is whole only now
        let after = json!({ "allOf": [Span::schema(definitions)] });
        beside(definitions, "SequenceStep", "after", "How long after the strike.", after);
        entry
    }
}

impl Read for SequenceStep {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let after = node.get("after").map_or(Some(Span::ZERO), |after| Span::read(after, problems));
        let (fault, location, _) = entry(node, "after", problems)?;
        Some(SequenceStep { after: after?, fault: Box::new(fault), location })
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        // filled in with `FaultEntry`: a fault can be a sequence of these, and is not whole yet
        definitions.entry("SequenceStep".to_string()).or_default();
        json!({ "$ref": "#/$defs/SequenceStep" })
    }
}

impl Fault {
    /// When it strikes; `None` for a model.
    pub fn timing(&self) -> Option<&Timing> {
        match self {
            Fault::NodeAdded(fault) => Some(&fault.timing),
            Fault::SchedulerDown(timing) | Fault::ControllerManagerDown(timing) | Fault::ApiServerDown(timing) => {
                Some(timing)
            }
            Fault::SchedulerSlow(fault) => Some(&fault.timing),
            Fault::Sequence(fault) => Some(&fault.timing),
            Fault::Model(_) => None,
            other => other.nodes().map(|fault| &fault.timing).or_else(|| other.pods().map(|fault| &fault.timing)),
        }
    }

    /// Its nodes, if it hits nodes.
    pub fn nodes(&self) -> Option<&NodeFault> {
        match self {
            Fault::NodeCrash(fault) | Fault::Reboot(fault) | Fault::KubeletStop(fault) | Fault::Partition(fault) => {
                Some(fault)
            }
            Fault::GracefulShutdown(fault) => Some(&fault.fault),
            Fault::Flapping(fault) => Some(&fault.fault),
            Fault::SlowNode(fault) => Some(&fault.fault),
            Fault::CapacityLoss(fault) => Some(&fault.fault),
            Fault::ClockSkew(fault) => Some(&fault.fault),
            Fault::DomainOutage(fault) => Some(&fault.fault),
            Fault::RollingRestart(fault) => Some(&fault.fault),
            Fault::Maintenance(fault) => Some(&fault.fault),
            Fault::SpotInterruption(fault) => Some(&fault.fault),
            _ => None,
        }
    }

    /// Its pods, if it hits pods.
    pub fn pods(&self) -> Option<&PodFault> {
        match self {
            Fault::PodKill(fault) => Some(&fault.fault),
            Fault::ContainerCrash(fault) | Fault::ReadinessFlap(fault) => Some(fault),
            _ => None,
        }
    }

    /// The trace it replays, to be filled in.
    pub fn trace_mut(&mut self) -> Option<&mut OutageTrace> {
        let timing = match self {
            Fault::NodeCrash(fault) | Fault::Reboot(fault) | Fault::KubeletStop(fault) | Fault::Partition(fault) => {
                &mut fault.timing
            }
            Fault::GracefulShutdown(fault) => &mut fault.fault.timing,
            Fault::Flapping(fault) => &mut fault.fault.timing,
            Fault::SlowNode(fault) => &mut fault.fault.timing,
            Fault::CapacityLoss(fault) => &mut fault.fault.timing,
            Fault::ClockSkew(fault) => &mut fault.fault.timing,
            Fault::DomainOutage(fault) => &mut fault.fault.timing,
            Fault::RollingRestart(fault) => &mut fault.fault.timing,
            Fault::Maintenance(fault) => &mut fault.fault.timing,
            Fault::SpotInterruption(fault) => &mut fault.fault.timing,
            _ => return None,
        };
        timing.trace.as_mut()
    }
}
