//! `timeline:` what happens when: faults and an operator's commands.

use serde_json::json;

use super::cluster::NodeGroup;
use super::selector::LabelSelector;
use super::values::{Amount, Effect, LabelMap, ObjectName, ResourceList};
use super::workloads::Workload;
use crate::engine::Span;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::fields::{ORDER, Record};
use crate::scenario::read::{Definitions, Read, Spanned, map_entries, mismatch};
use crate::scenario::record::{choice, record};
use crate::scenario::source::{Location, Node, Value};

/// One step: an instant and what happens then.
#[derive(Clone, Debug)]
pub struct Step {
    /// When, from the start of the run.
    pub at: Spanned<Span>,
    /// What.
    pub action: Action,
    /// Where the action's name stands.
    pub location: Location,
}

choice! {
    /// What happens in a step of the timeline.
    pub enum Action {
        /// The machines stop at once. With `for`, they boot again after that.
        "crash" => Crash(TimedTarget),
        /// Crashed machines boot.
        "recover" => Recover(Target),
        /// The machines stop at once and boot again.
        "reboot" => Reboot(Target),
        /// The nodes run on, but neither hear nor are heard by the control plane.
        "partition" => Partition(TimedTarget),
        /// Ends a partition.
        "heal" => Heal(Target),
        /// Keeps new pods away, as `kubectl cordon`.
        "cordon" => Cordon(TimedTarget),
        /// Ends a cordon.
        "uncordon" => Uncordon(Target),
        /// Cordons and evicts the pods, as `kubectl drain`.
        "drain" => Drain(Drain),
        /// Adds a taint, as `kubectl taint`.
        "taint" => Taint(AddTaint),
        /// Removes a taint.
        "untaint" => Untaint(RemoveTaint),
        /// Deletes the Node objects, as `kubectl delete node`.
        "delete-node" => DeleteNode(Target),
        /// New machines join.
        "add-nodes" => AddNodes(NodeGroup),
        /// Creates a workload, written as under `workloads`.
        "create" => Create(Box<Workload>),
        /// Sets the number of replicas, as `kubectl scale`.
        "scale" => Scale(Scale),
        /// Creates objects or gives those that are there a new spec, as `kubectl apply`.
        "apply" => Apply(Box<Workload>),
        /// Deletes an object and its pods, as `kubectl delete`.
        "delete" => Delete(ObjectReference),
        /// Changes the pod template of a Deployment, StatefulSet or DaemonSet, which starts a rollout.
        "update" => Update(Update),
        /// Replaces all pods by new ones of the same template, as `kubectl rollout restart`.
        "restart" => Restart(ObjectReference),
        /// Goes back to the template before, as `kubectl rollout undo`.
        "undo" => Undo(ObjectReference),
        /// Halts the rollouts of a Deployment, as `kubectl rollout pause`.
        "pause" => Pause(ObjectReference),
        /// Goes on with them, as `kubectl rollout resume`.
        "resume" => Resume(ObjectReference),
        /// Sets or removes a label of nodes, as `kubectl label node`.
        "label" => Label(SetLabel),
    }
}

record! {
    /// Which nodes. `node`, or `nodes` with a list, names them; `zone`, `nodes` with a `selector` and
    /// `random` narrow down all nodes, and can stand together.
    pub struct Target {
        /// One node by name.
        "node" => node: Option<Spanned<String>>,
        /// Nodes by name, or by a label selector.
        "nodes" => nodes: Option<NodeSet>,
        /// The nodes of a zone.
        "zone" => zone: Option<Spanned<String>>,
        /// So many of them, or that share of them rounded up, drawn from the seed.
        "random" => random: Option<Spanned<Amount>>,
    }
}

/// Several nodes.
#[derive(Clone, Debug)]
pub enum NodeSet {
    /// By name.
    Names(Vec<Spanned<String>>),
    /// By their labels.
    Selector(LabelSelector),
}

record! {
    /// Nodes by their labels.
    pub struct BySelector {
        /// Labels of the nodes: `disk=ssd,gpu!=a100`, or a map with `matchLabels` and
        /// `matchExpressions`.
        "selector" => selector: LabelSelector,
    }
}

record! {
    /// Which nodes, and for how long.
    pub struct TimedTarget {
        /// How long it lasts; until something else ends it if not given.
        "for" => duration: Option<Spanned<Span>>,
        ..target: Target
    }
}

record! {
    /// Which nodes to drain, and how.
    pub struct Drain {
        /// Grace period of the evicted pods, in place of their own.
        "grace-period" => grace_period: Option<Span>,
        ..target: Target
    }
}

record! {
    /// A taint to add.
    pub struct AddTaint {
        /// Key.
        "key" => key: Spanned<String>,
        /// Value.
        "value" => value: Option<String>,
        /// What it does.
        "effect" => effect: Effect,
        ..target: Target
    }
}

record! {
    /// A taint to remove.
    pub struct RemoveTaint {
        /// Key.
        "key" => key: Spanned<String>,
        /// Effect; all effects if not given.
        "effect" => effect: Option<Effect>,
        ..target: Target
    }
}

record! {
    /// An object by kind and name.
    pub struct ObjectReference {
        /// A Deployment.
        "deployment" => deployment: Option<ObjectName>,
        /// A ReplicaSet.
        "replica-set" => replica_set: Option<ObjectName>,
        /// A StatefulSet.
        "stateful-set" => stateful_set: Option<ObjectName>,
        /// A DaemonSet.
        "daemon-set" => daemon_set: Option<ObjectName>,
        /// A Job.
        "job" => job: Option<ObjectName>,
        /// A CronJob.
        "cron-job" => cron_job: Option<ObjectName>,
        /// A PodDisruptionBudget.
        "pod-disruption-budget" => pod_disruption_budget: Option<ObjectName>,
        /// A pod.
        "pod" => pod: Option<ObjectName>,
        /// Its namespace.
        "namespace" => namespace: ObjectName = "default",
    }
}

impl ObjectReference {
    /// What is named: the key in the file, the kind, and the name. Exactly one once it is checked.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &'static str, &ObjectName)> {
        let all = [
            ("deployment", "Deployment", &self.deployment),
            ("replica-set", "ReplicaSet", &self.replica_set),
            ("stateful-set", "StatefulSet", &self.stateful_set),
            ("daemon-set", "DaemonSet", &self.daemon_set),
            ("job", "Job", &self.job),
            ("cron-job", "CronJob", &self.cron_job),
            ("pod-disruption-budget", "PodDisruptionBudget", &self.pod_disruption_budget),
            ("pod", "Pod", &self.pod),
        ];
        all.into_iter().filter_map(|(key, kind, name)| Some((key, kind, name.as_ref()?)))
    }
}

record! {
    /// A new number of replicas.
    pub struct Scale {
        /// The number.
        "replicas" => replicas: Spanned<u32>,
        ..object: ObjectReference
    }
}

record! {
    /// A new pod template; what is not given stays.
    pub struct Update {
        /// Image of the first container.
        "image" => image: Option<String>,
        /// Requests of the first container; those named here replace the old ones.
        "requests" => requests: ResourceList,
        /// Limits of the first container; those named here replace the old ones.
        "limits" => limits: ResourceList,
        /// Labels of the pods to add or change.
        "labels" => labels: LabelMap,
        ..object: ObjectReference
    }
}

record! {
    /// A label of nodes.
    pub struct SetLabel {
        /// Key.
        "key" => key: Spanned<String>,
        /// Value; without one the label is removed.
        "value" => value: Option<String>,
        ..target: Target
    }
}

impl Read for Step {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let names = Action::keys();
        let actions = || listed(names.iter().map(|key| key.name));
        let entries = map_entries(node, "a map with `at` and an action", problems)?;
        let at = match node.get("at") {
            Some(at) => Spanned::read(at, problems),
            None => {
                problems.report(node.location, "missing key `at`");
                None
            }
        };
        let mut action = None;
        for entry in entries.iter().filter(|entry| entry.key != "at") {
            if entry.key == "for" {
                let problem = problems.report(entry.key_location, "`for` stands inside the action");
                problem.help("write `crash: { node: NAME, for: 10m }`");
            } else if action.is_some() {
                let problem =
                    problems.report(entry.key_location, format!("a second action `{}` in one step", entry.key));
                problem.expected("only one action can stand here").help("write another step with the same `at`");
            } else {
                action = Some((Action::pick(entry, problems), entry.key_location));
            }
        }
        let Some((action, location)) = action else {
            problems.report(node.location, "no action").expected(format!("expected one of {}", actions()));
            return None;
        };
        Some(Step { at: at?, action: action?, location })
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        let mut schema = Action::schema(definitions);
        if let Some(step) = definitions.get("Action").cloned() {
            schema = step; // `at` and one action: two keys instead of one
            schema["properties"]["at"] = json!({ "description": "When, from the start of the run.",
                "allOf": [Span::schema(definitions)] });
            if let Some(order) = schema[ORDER].as_array_mut() {
                order.insert(0, json!("at"));
            }
            schema["required"] = json!(["at"]);
            schema["minProperties"] = json!(2);
            schema["maxProperties"] = json!(2);
            definitions.insert("Step".to_string(), schema);
            definitions.remove("Action");
            schema = json!({ "$ref": "#/$defs/Step" });
        }
        schema
    }
}

impl Read for NodeSet {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::List(items) if items.is_empty() => mismatch(node, "at least one name", problems),
            Value::List(_) => Vec::read(node, problems).map(NodeSet::Names),
            Value::Map(_) => BySelector::read_record(node, problems).map(|by| NodeSet::Selector(by.selector)),
            Value::Scalar { .. } => mismatch(node, "a list of names or `{ selector: … }`", problems),
        }
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        json!({ "oneOf": [Vec::<String>::schema(definitions), BySelector::schema(definitions)] })
    }
}

impl<T: Read> Read for Box<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::read(node, problems).map(Box::new)
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        T::schema(definitions)
    }
}

impl Action {
    /// The nodes it is about, if it is about nodes that exist.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Action::Crash(timed) | Action::Partition(timed) | Action::Cordon(timed) => Some(&timed.target),
            Action::Recover(target)
            | Action::Reboot(target)
            | Action::Heal(target)
            | Action::Uncordon(target)
            | Action::DeleteNode(target) => Some(target),
            Action::Drain(drain) => Some(&drain.target),
            Action::Taint(taint) => Some(&taint.target),
            Action::Untaint(taint) => Some(&taint.target),
            Action::Label(label) => Some(&label.target),
            _ => None,
        }
    }

    /// The object it is about, with the keys that can name one here.
    pub fn object(&self) -> Option<(&ObjectReference, &'static [&'static str])> {
        const TEMPLATES: &[&str] = &["deployment", "stateful-set", "daemon-set"];
        match self {
            Action::Scale(scale) => Some((&scale.object, &["deployment", "replica-set", "stateful-set"])),
            Action::Delete(object) => Some((
                object,
                &[
                    "deployment",
                    "replica-set",
                    "stateful-set",
                    "daemon-set",
                    "job",
                    "cron-job",
                    "pod-disruption-budget",
                    "pod",
                ],
            )),
            Action::Update(update) => Some((&update.object, TEMPLATES)),
            Action::Restart(object) | Action::Undo(object) => Some((object, TEMPLATES)),
            Action::Pause(object) | Action::Resume(object) => Some((object, &["deployment"])),
            _ => None,
        }
    }

    /// What it creates or applies.
    pub fn workload(&self) -> Option<&Workload> {
        match self {
            Action::Create(workload) | Action::Apply(workload) => Some(workload),
            _ => None,
        }
    }

    /// The same, to be completed.
    pub fn workload_mut(&mut self) -> Option<&mut Workload> {
        match self {
            Action::Create(workload) | Action::Apply(workload) => Some(workload),
            _ => None,
        }
    }

    /// How long it lasts, if it ends by itself.
    pub fn duration(&self) -> Option<&Spanned<Span>> {
        match self {
            Action::Crash(timed) | Action::Partition(timed) | Action::Cordon(timed) => timed.duration.as_ref(),
            _ => None,
        }
    }
}
