//! What a run is made from: the cluster at the start, what happens when, and every setting. Names are
//! interned already; the scenario layer builds it from a file, tests and benches by hand.

use crate::cluster::object::Body;
use crate::cluster::{Cluster, Effect, Kind, Labels, Name, NodeSpec, Selector, SpecId, Taint};
use crate::engine::{Distribution, Sampler, Span, Time};
use crate::faults::Fault;
use crate::workload::Source;
use crate::{controllers, kubelet, metrics, scheduler};

/// Everything a run needs.
pub struct Setup {
    /// An empty cluster holding the seed, the names and the pod templates.
    pub cluster: Cluster,
    /// How long the run lasts.
    pub duration: Time,
    /// The nodes at time zero, Ready.
    pub nodes: Vec<NodeSpec>,
    /// What is created at time zero, in order.
    pub workloads: Vec<Workload>,
    /// Whether the workloads run already at time zero, placed by the scheduler without any delay.
    pub settled: bool,
    /// Commands and faults, in order of time.
    pub timeline: Vec<(Time, Command)>,
    /// What breaks.
    pub faults: Vec<Fault>,
    /// After chaos: the quiet in which the cluster must converge.
    pub quiet: Option<Quiet>,
    /// Streams of arriving pods.
    pub sources: Vec<Box<dyn Source>>,
    /// Flags and timings.
    pub settings: Settings,
    /// Profiles of the scheduler.
    pub scheduler: scheduler::Config,
    /// What is measured, and in how much detail.
    pub metrics: metrics::Settings,
}

/// A time without faults, in which the cluster must become what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// Its beginning.
    pub from: Time,
    /// How long the cluster may take.
    pub limit: Span,
}

/// Flags and timings of all components.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The controller manager.
    pub controllers: controllers::Settings,
    /// The kubelets.
    pub kubelet: kubelet::Settings,
    /// The scheduler's timing.
    pub scheduling: Scheduling,
    /// First lease renewals that are not drawn from the seed: node, phase within the interval.
    pub lease_phases: Vec<(Name, Span)>,
}

/// How long the scheduler's work takes (latencies.md 2).
#[derive(Clone, Debug, PartialEq)]
pub struct Scheduling {
    /// From the scheduler's start to its first cycle: the caches are filled.
    pub startup: Distribution,
    /// From a change to the scheduler's having seen it.
    pub watch: Sampler,
    /// A cycle on up to 100 nodes.
    pub cycle: Span,
    /// What each node looked at beyond the hundredth adds.
    pub cycle_per_node: Span,
    /// One API write: the binding.
    pub api_write: Sampler,
    /// `clientConnection.qps`, in thousandths.
    pub qps_milli: u64,
    /// `clientConnection.burst`.
    pub burst: u64,
}

impl Default for Scheduling {
    fn default() -> Self {
        Scheduling {
            startup: Distribution::LogNormal { median: Span::from_secs(3), sigma: 0.6 },
            watch: Distribution::LogNormal { median: Span::from_millis(8), sigma: 0.9 }.into(),
            cycle: Span::from_millis(1),
            cycle_per_node: Span::from_micros(2),
            api_write: Distribution::LogNormal { median: Span::from_millis(6), sigma: 0.8 }.into(),
            qps_milli: 50_000,
            burst: 100,
        }
    }
}

impl Scheduling {
    /// No delays, no limits.
    pub fn instant() -> Self {
        let zero = Distribution::Constant(Span::ZERO);
        Scheduling {
            startup: zero.clone(),
            watch: zero.clone().into(),
            cycle: Span::ZERO,
            cycle_per_node: Span::ZERO,
            api_write: zero.into(),
            qps_milli: 1_000_000_000_000_000,
            burst: 1,
        }
    }
}

/// Something created through the API.
#[derive(Clone, Debug)]
pub enum Workload {
    /// A Deployment, ReplicaSet or Service.
    Object {
        /// The namespace.
        namespace: Name,
        /// The name.
        name: Name,
        /// The labels.
        labels: Labels,
        /// The body.
        body: Body,
    },
    /// A pod of its own.
    Pod {
        /// The name.
        name: Name,
        /// The template.
        spec: SpecId,
    },
}

/// Which nodes a command or a fault is for; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// These names; empty: any.
    pub names: Vec<Name>,
    /// This zone.
    pub zone: Option<Name>,
    /// Labels.
    pub selector: Option<Selector>,
    /// How many of them, drawn from the seed.
    pub sample: Option<Sample>,
}

/// How many of the nodes that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    /// A number.
    Count(u32),
    /// Per cent, rounded up.
    Percent(u32),
}

/// A process of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
}

/// How a leader goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// SIGKILL: the lease stays as it was.
    Killed,
    /// SIGTERM: the scheduler releases its lease, the controller manager does not (controllers.md 12).
    Terminated,
}

/// What an operator or a fault does at an instant.
#[derive(Clone, Debug)]
pub enum Command {
    /// Machines lose power; back after the span, if given.
    Crash(Target, Option<Span>),
    /// Crashed machines are switched on, partitions end.
    Recover(Target),
    /// Machines restart; the boot time is drawn, or as given.
    Reboot(Target, Option<Span>),
    /// Nodes and control plane do not hear each other; for the span, if given.
    Partition(Target, Option<Span>),
    /// Partitions end.
    Heal(Target),
    /// `kubectl cordon`; undone after the span, if given.
    Cordon(Target, Option<Span>),
    /// `kubectl uncordon`.
    Uncordon(Target),
    /// `kubectl drain`.
    Drain(Target, Option<Span>),
    /// `kubectl taint`: key, value, effect.
    Taint(Target, Name, Name, Effect),
    /// `kubectl taint key:effect-`; every effect if none is given.
    Untaint(Target, Name, Option<Effect>),
    /// `kubectl delete node`.
    DeleteNode(Target),
    /// New nodes register.
    AddNodes(Vec<NodeSpec>),
    /// `kubectl create`.
    Create(Vec<Workload>),
    /// `kubectl scale`: kind, namespace, name, replicas.
    Scale(Kind, Name, Name, u32),
    /// `kubectl delete`: kind, namespace, name.
    Delete(Kind, Name, Name),
    /// `kubectl delete pod`: namespace, name, grace period.
    DeletePod(Name, String, Option<Span>),
    /// `kubectl set image`, `kubectl rollout restart` and the like: kind, namespace and name of what gets
    /// another template.
    SetTemplate(Kind, Name, Name, SpecId),
    /// `kubectl rollout pause` of a Deployment, or, with false, `resume`: namespace, name.
    Pause(Name, Name, bool),
    /// `kubectl apply`: the objects get these specs; those that are not there are created.
    Apply(Vec<Workload>),
    /// The nodes get these taints in place of all they have.
    ReplaceTaints(Target, Vec<Taint>),
    /// `kubectl label node`: key and value; no value removes the label.
    Label(Target, Name, Option<Name>),
    /// The last scheduling gate of a pod is removed: namespace, name.
    Ungate(Name, String),
    /// Sets the annotation `controller.kubernetes.io/pod-deletion-cost` of a pod.
    SetDeletionCost(Name, String, i32),
    /// Kubelets report their nodes not Ready, though they work; undone after the span, if given.
    Sicken(Target, Option<Span>),
    /// Kubelets report their nodes Ready again.
    Cure(Target),
    /// The only instance of a component stops.
    Stop(Component),
    /// It starts again, its memory empty.
    Start(Component),
    /// A recorded machine joins.
    MachineJoins(NodeSpec),
    /// Recorded machines are gone, without a word.
    MachineLeaves(Target),
    /// Recorded machines have so much: cpu in thousandths, memory in bytes.
    MachineResized(Target, i64, i64),
    /// The leader of a component that runs twice goes; how long until the other takes over, or drawn.
    FailOver(Component, Exit, Option<Span>),
}
