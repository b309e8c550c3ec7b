//! `workloads:` what runs, in shorthand or as Kubernetes manifests.

use serde_json::json;

use super::values::{Amount, Effect, GpuAmount, LabelMap, Latency, ObjectName, ResourceList};
use crate::cluster::Checkpoints;
use crate::engine::Span;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::fields::{Fields, Key, Record, unknown_key};
use crate::scenario::manifests::{self, Object};
use crate::scenario::read::{Definitions, Read, Spanned, map_entries};
use crate::scenario::record::{record, words};
use crate::scenario::source::{Location, Node, Value};

/// Most pods of a scenario.
pub const MAX_PODS: u64 = 5_000_000;

/// One entry of `workloads:`.
#[derive(Clone, Debug)]
pub enum Workload {
    /// `deployment: NAME`.
    Deployment(DeploymentWorkload),
    /// `replica-set: NAME`.
    ReplicaSet(ReplicaSetWorkload),
    /// `pod: NAME`.
    Pod(PodWorkload),
    /// `manifest: FILE`.
    Manifest(ManifestWorkload),
    /// `object: …`; `None` if it is of a kind without effect.
    Object(Option<Box<Object>>, Location),
}

record! {
    /// A Deployment in shorthand.
    pub struct DeploymentWorkload {
        /// Name of the Deployment.
        "deployment" => name: ObjectName,
        /// Namespace.
        "namespace" => namespace: ObjectName = "default",
        /// Number of pods.
        "replicas" => replicas: Spanned<u32> = "1",
        /// Labels of the Deployment and its pods, and its selector; `app: NAME` unless given.
        "labels" => labels: LabelMap,
        /// How pods are replaced.
        "strategy" => strategy: Strategy,
        /// Seconds that a pod must be Ready before it counts as available.
        "min-ready-seconds" => min_ready_seconds: u32 = "0",
        /// Seconds without progress after which a rollout has failed.
        "progress-deadline-seconds" => progress_deadline_seconds: u32 = "600",
        /// The pods.
        "pod" => pod: PodTemplate,
    }
}

record! {
    /// A ReplicaSet in shorthand.
    pub struct ReplicaSetWorkload {
        /// Name of the ReplicaSet.
        "replica-set" => name: ObjectName,
        /// Namespace.
        "namespace" => namespace: ObjectName = "default",
        /// Number of pods.
        "replicas" => replicas: Spanned<u32> = "1",
        /// Labels of the ReplicaSet and its pods, and its selector; `app: NAME` unless given.
        "labels" => labels: LabelMap,
        /// Seconds that a pod must be Ready before it counts as available.
        "min-ready-seconds" => min_ready_seconds: u32 = "0",
        /// The pods.
        "pod" => pod: PodTemplate,
    }
}

record! {
    /// Pods without a controller, in shorthand. Here `pod` is the name, so what is in the pod
    /// stands under `spec`.
    pub struct PodWorkload {
        /// Name of the pod. With `count`, the pods are `NAME-1` to `NAME-N`.
        "pod" => name: ObjectName,
        /// Namespace.
        "namespace" => namespace: ObjectName = "default",
        /// How many pods. Without it there is one, with the plain name.
        "count" => count: Option<Spanned<u64>>,
        /// Labels; `app: NAME` unless given.
        "labels" => labels: LabelMap,
        /// The pod.
        "spec" => spec: PodTemplate,
    }
}

record! {
    /// Kubernetes objects from a file of one or several YAML documents, as `kubectl apply` takes it.
    pub struct ManifestWorkload {
        /// The file, relative to the scenario file.
        "manifest" => path: Spanned<String>,
        ..loaded: Loaded
    }
}

/// What a manifest file held; filled in after reading.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The objects, in the order of the file.
    pub objects: Vec<Object>,
    /// Whether some of them could not be read.
    pub incomplete: bool,
}

impl Record for Loaded {
    const NAME: &'static str = "Loaded";
    const ABOUT: &'static str = "";
    fn keys() -> Vec<Key> {
        Vec::new() // nothing of it is written in the scenario file
    }
    fn take(_: &Fields<'_>, _: &mut Problems) -> Option<Self> {
        Some(Loaded::default())
    }
}

record! {
    /// How a Deployment replaces pods.
    pub struct Strategy {
        /// `RollingUpdate` goes step by step; `Recreate` removes all old pods first.
        "type" => kind: StrategyType = "RollingUpdate",
        /// How many pods, or what share of them, may exist beyond `replicas`; rounded up.
        "max-surge" => max_surge: Spanned<Amount> = "25%",
        /// How many pods, or what share of them, may be missing; rounded down.
        "max-unavailable" => max_unavailable: Spanned<Amount> = "25%",
    }
}

words! {
    /// How a Deployment replaces pods.
    pub enum StrategyType {
        /// Step by step.
        "RollingUpdate" => RollingUpdate,
        /// All old pods go before the first new one comes.
        "Recreate" => Recreate,
    }
}

record! {
    /// A pod of one container, in shorthand. Whatever is not here, a manifest can say.
    pub struct PodTemplate {
        /// Image of the container.
        "image" => image: String = "app:1",
        /// Resources asked for; each defaults to its limit.
        "requests" => requests: ResourceList,
        /// Limits.
        "limits" => limits: ResourceList,
        /// Labels beside those of the workload.
        "labels" => labels: LabelMap,
        /// Priority; higher ones may preempt lower ones.
        "priority" => priority: Option<i32>,
        /// Name of a PriorityClass from a manifest.
        "priority-class" => priority_class: Option<ObjectName>,
        /// Seconds that the pod bears `node.kubernetes.io/not-ready` and `…/unreachable`, in place
        /// of the defaults of kube-apiserver (300).
        "toleration-seconds" => toleration_seconds: Option<u32>,
        /// Tolerations, in Kubernetes' form.
        "tolerations" => tolerations: Vec<Toleration>,
        /// Labels that the node must have.
        "node-selector" => node_selector: LabelMap,
        /// Name of the scheduler or profile that places the pod.
        "scheduler-name" => scheduler_name: String = "default-scheduler",
        /// Seconds between being told to stop and being killed.
        "termination-grace-period-seconds" => termination_grace_period_seconds: u32 = "30",
        /// What happens after a container ends.
        "restart-policy" => restart_policy: RestartPolicy = "Always",
        ..behaviour: Behaviour
    }
}

record! {
    /// What the containers do once they run, their shares of GPUs and their gang. Not part of Kubernetes. In manifests, annotations of the
    /// pod say it: `sim/ready-after: 20s` and so on.
    pub struct Behaviour {
        /// From the start of the container until it is Ready.
        "ready-after" => ready_after: Option<Latency>,
        /// The pod never becomes Ready.
        "never-ready" => never_ready: bool = "false",
        /// How long the container runs before it ends by itself; for ever unless given.
        "run-for" => run_for: Option<Latency>,
        /// Useful work between one checkpoint and the next; none are written unless given. A container that is started again, and
        /// a pod in place of one that is lost, goes on from the last complete checkpoint, not from the start.
        "checkpoint-every" => checkpoint_every: Option<Spanned<Span>>,
        /// How long a checkpoint is written, while no useful work is done.
        "checkpoint-overhead" => checkpoint_overhead: Option<Spanned<Span>>,
        /// Exit code when it ends by itself.
        "exit-code" => exit_code: i32 = "0",
        /// From being told to stop until it stops; the kubelet's default unless given.
        "stop-after" => stop_after: Option<Latency>,
        /// GPUs of the node's `gpus`: a share of one device (`460m`) or several whole ones.
        "gpu" => gpu: Option<GpuAmount>,
        /// The models of GPU that will do, separated by `|`; any unless given.
        "gpu-models" => gpu_models: Option<String>,
        /// With `scheduler.queue: gang`: so many pods of the group are bound at least, or none. A group are the pods of
        /// one controller or, without a controller, of one entry with a `count`. Other orders of the queue bind pod by pod.
        "min-count" => min_count: Option<Spanned<u32>>,
    }
}

words! {
    /// What happens after a container ends.
    pub enum RestartPolicy {
        /// It is started again.
        "Always" => Always,
        /// It is started again if it failed.
        "OnFailure" => OnFailure,
        /// Nothing.
        "Never" => Never,
    }
}

record! {
    /// A toleration, in Kubernetes' form.
    pub struct Toleration {
        /// Key of the taint; every key if not given.
        "key" => key: Option<Spanned<String>>,
        /// `Equal` compares the value, `Exists` does not.
        "operator" => operator: TolerationOperator = "Equal",
        /// Value of the taint.
        "value" => value: Option<Spanned<String>>,
        /// Effect of the taint; every effect if not given.
        "effect" => effect: Option<Effect>,
        /// For `NoExecute`: seconds that the taint is borne; for ever if not given.
        "tolerationSeconds" => toleration_seconds: Option<i64>,
    }
}

words! {
    /// How a toleration compares.
    pub enum TolerationOperator {
        /// Key and value.
        "Equal" => Equal,
        /// Key only.
        "Exists" => Exists,
    }
}

/// The keys that say what kind of workload an entry is.
const KINDS: [&str; 5] = ["deployment", "replica-set", "pod", "manifest", "object"];

impl Read for Workload {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let wanted = format!("a map with one of {}", listed(KINDS));
        let entries = map_entries(node, &wanted, problems)?;
        // `pod` names a pod only where no other key says what this is
        let kind = KINDS
            .iter()
            .filter_map(|kind| entries.iter().find(|entry| entry.key == *kind))
            .min_by_key(|entry| entry.key == "pod");
        match kind.map(|entry| entry.key.as_str()) {
            Some("deployment") => DeploymentWorkload::read(node, problems).map(Workload::Deployment),
            Some("replica-set") => ReplicaSetWorkload::read(node, problems).map(Workload::ReplicaSet),
            Some("manifest") => ManifestWorkload::read(node, problems).map(Workload::Manifest),
            Some("object") => read_object(node, problems),
            Some("pod") if !matches!(node.get("pod").map(|pod| &pod.value), Some(Value::Map(_))) => {
                PodWorkload::read(node, problems).map(Workload::Pod)
            }
            _ => {
                let problem = problems.report(node.location, "no kind of workload");
                problem.expected(format!("expected one of {}", listed(KINDS)));
                let wrong = |entry: &&crate::scenario::source::Entry| {
                    !DeploymentWorkload::keys().iter().any(|key| key.name == entry.key)
                };
                if let Some(entry) = entries.iter().find(wrong) {
                    problem.suggest(&entry.key, KINDS);
                }
                None
            }
        }
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        let object = json!({ "type": "object", "required": ["object"], "additionalProperties": false,
            "properties": { "object": { "type": "object", "description": "A Kubernetes object, as in a manifest." } } });
        json!({ "oneOf": [DeploymentWorkload::schema(definitions), ReplicaSetWorkload::schema(definitions),
                          PodWorkload::schema(definitions), ManifestWorkload::schema(definitions), object] })
    }
}

fn read_object(node: &Node, problems: &mut Problems) -> Option<Workload> {
    for entry in node.entries().iter().filter(|entry| entry.key != "object") {
        unknown_key(entry, &["object"], problems);
    }
    let (object, before) = (node.get("object")?, problems.len());
    match manifests::read(object, problems) {
        None if problems.len() > before => None,
        read => Some(Workload::Object(read.map(Box::new), object.location)),
    }
}

impl Behaviour {
    /// The checkpoints, if there are some.
    pub fn checkpoints(&self) -> Option<Checkpoints> {
        let every = self.checkpoint_every.as_ref()?.value;
        Some(Checkpoints { every, overhead: self.checkpoint_overhead.as_ref().map_or(Span::ZERO, |it| it.value) })
    }

    /// Reports checkpoints that could never be written.
    pub fn check(&self, problems: &mut Problems) {
        let (every, overhead) = (&self.checkpoint_every, &self.checkpoint_overhead);
        if let Some(every) = every.as_ref().filter(|every| every.value == Span::ZERO) {
            let problem = problems.report(every.location, "checkpoints without work between them");
            problem.expected("expected more than 0");
        }
        if let Some(every) = every.as_ref().filter(|_| self.run_for.is_none()) {
            let problem = problems.report(every.location, "checkpoints of a container that runs for ever");
            problem.expected("expected `run-for`, which says how much work there is");
        }
        if let Some(overhead) = overhead.as_ref().filter(|_| every.is_none()) {
            let problem = problems.report(overhead.location, "no checkpoints that could take time");
            problem.expected("expected `checkpoint-every`, too");
        }
    }
}

impl PodWorkload {
    /// Number of pods.
    pub fn size(&self) -> u64 {
        self.count.as_ref().map_or(1, |count| count.value)
    }
}

impl Workload {
    /// Where the pods' behaviour and labels can be complained about.
    pub fn location(&self) -> Location {
        match self {
            Workload::Deployment(workload) => workload.name.location,
            Workload::ReplicaSet(workload) => workload.name.location,
            Workload::Pod(workload) => workload.name.location,
            Workload::Manifest(workload) => workload.path.location,
            Workload::Object(_, location) => *location,
        }
    }
}
