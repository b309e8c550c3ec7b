//! A pod: what the API shows of it, and what really runs on its node.

use crate::engine::{Span, Time};

use super::gpu::DeviceSet;
use super::ids::{NodeId, ObjectId, SpecId};
use super::names::Name;
use super::work::Progress;

/// `status.phase`.
///
/// ```text
/// Pending ──containers started──▶ Running ──all ended──▶ Succeeded | Failed
///    └──────────rejected by the kubelet──────────────────────────────▲
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not bound, or bound and not started.
    Pending,
    /// At least one container started.
    Running,
    /// All containers ended well and stay so.
    Succeeded,
    /// All containers ended, at least one badly; or the kubelet rejected the pod.
    Failed,
}

impl Phase {
    /// Succeeded or Failed: the pod holds no resources and counts for nobody.
    pub fn is_terminal(self) -> bool {
        matches!(self, Phase::Succeeded | Phase::Failed)
    }

    /// Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Pending => "Pending",
            Phase::Running => "Running",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
        }
    }
}

/// The truth about a pod's containers on their machine, which the API may learn late or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// Nothing runs.
    Absent,
    /// On the way up: volumes, sandbox, images, init containers.
    Starting,
    /// Running, not (yet) passing its readiness check.
    Started,
    /// Running and passing its readiness check.
    Ready,
    /// Ended as its template says it does; in back-off, or for good.
    Ended,
    /// Ended with a failure, whatever its template says; in back-off, or for good.
    Crashed,
}

impl Container {
    /// Whether containers run.
    pub fn is_running(self) -> bool {
        matches!(self, Container::Started | Container::Ready)
    }

    /// Whether containers ran and ended by themselves.
    pub fn has_ended(self) -> bool {
        matches!(self, Container::Ended | Container::Crashed)
    }
}

/// A deletion in progress: the pod is Terminating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// When it was marked.
    pub at: Time,
    /// The grace period it was given.
    pub grace: Span,
}

/// Reasons of the condition `DisruptionTarget` (nodes.md 13): who is about to end the pod that is not its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disruption {
    /// To make room for a pod of higher priority.
    PreemptionByScheduler,
    /// Its node has a taint that it does not tolerate, or no longer.
    DeletionByTaintManager,
    /// A request to evict it, as `kubectl drain` makes.
    EvictionByEvictionApi,
    /// Its node is gone.
    DeletionByPodGc,
    /// Its node shuts down.
    TerminationByKubelet,
}

/// How a pod is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodName {
    /// `base-` and five characters drawn from the seed.
    Generated(Name),
    /// `base-ordinal`.
    Ordinal(Name, u32),
    /// `base-index-` and five characters drawn from the seed.
    Indexed(Name, u32),
    /// The name itself.
    Given(Name),
}

/// What sets a pod apart from the others of its owner, beside its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Nothing.
    #[default]
    Any,
    /// A daemon: the node it is made for.
    Node(NodeId),
    /// A pod of an Indexed Job.
    Index {
        /// Annotation `batch.kubernetes.io/job-completion-index`.
        index: u32,
        /// Annotation `batch.kubernetes.io/job-index-failure-count`: failures before, if counted by index.
        failures: u32,
    },
}

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    /// The name.
    pub name: PodName,
    /// The template, with what admission and its part made of it.
    pub spec: SpecId,
    /// The template its owner had when it was created: its revision.
    pub template: SpecId,
    /// What sets it apart from its owner's other pods.
    pub part: Part,
    /// The controller that owns it.
    pub owner: Option<ObjectId>,
    /// `metadata.creationTimestamp`.
    pub created_at: Time,
    /// `status.phase`.
    pub phase: Phase,
    /// The node it is bound to, or assumed on by the scheduler.
    pub node: Option<NodeId>,
    /// The devices it has, or will have, of its node.
    pub devices: DeviceSet,
    /// Whether `node` is known to the API; before, it is only assumed by the scheduler.
    pub bound: bool,
    /// When it was bound.
    pub bound_at: Option<Time>,
    /// `status.startTime`: the kubelet has seen the pod.
    pub started_at: Option<Time>,
    /// The Ready condition as the API shows it.
    pub ready: bool,
    /// Its last transition; the creation before the first.
    pub ready_at: Time,
    /// Whether the kubelet has said last that its containers are ready; what the node controller says of the pod of a
    /// silent node does not change that.
    pub containers_ready: bool,
    /// The deletion mark.
    pub deletion: Option<Deletion>,
    /// When its containers ended for good or were last seen to end: `terminated.finishedAt`.
    pub finished_at: Option<Time>,
    /// Condition `DisruptionTarget`: evicted, preempted or collected.
    pub disrupted: Option<Disruption>,
    /// Finalizer `batch.kubernetes.io/job-tracking`: the object stays until its Job has counted it.
    pub held: bool,
    /// All is done but for the finalizer: the object goes with it.
    pub condemned: bool,
    /// `status.nominatedNodeName`.
    pub nominated: Option<NodeId>,
    /// `spec.schedulingGates` not yet removed.
    pub gated: bool,
    /// Sum of the containers' restart counts.
    pub restarts: u32,
    /// `PodScheduled=False` with reason `Unschedulable` since.
    pub unschedulable_since: Option<Time>,
    /// `controller.kubernetes.io/pod-deletion-cost`.
    pub deletion_cost: i32,
    /// How long the main container runs from its start, drawn at creation; overrides the template.
    pub run_for: Option<Span>,
    /// How far its work is, if it writes checkpoints and has begun.
    pub progress: Option<Box<Progress>>,
    /// The truth on the machine.
    pub container: Container,
    /// Grows whenever pending events of the pod's life on its node become void.
    pub epoch: u32,
    /// Where the pod stands in its owner's list.
    pub(super) slot_in_owner: u32,
    /// Where the pod stands in its node's list.
    pub(super) slot_on_node: u32,
}

impl Pod {
    /// Not ended and not being deleted: what controllers count as a replica.
    pub fn is_active(&self) -> bool {
        !self.phase.is_terminal() && self.deletion.is_none()
    }

    /// Whether it holds resources of its node in the scheduler's eyes.
    pub fn holds_resources(&self) -> bool {
        self.node.is_some() && !self.phase.is_terminal()
    }

    /// The STATUS column of `kubectl get pods`, as far as it can be told from what is kept.
    pub fn status(&self) -> &'static str {
        match self.phase {
            _ if self.deletion.is_some() => "Terminating",
            Phase::Pending if self.gated => "SchedulingGated",
            Phase::Pending if self.container == Container::Starting => "ContainerCreating",
            Phase::Running if self.container.has_ended() => "CrashLoopBackOff",
            Phase::Succeeded => "Completed",
            Phase::Failed => "Error",
            phase => phase.as_str(),
        }
    }

    /// The node it is bound to, if the API knows it.
    pub fn bound_node(&self) -> Option<NodeId> {
        if self.bound { self.node } else { None }
    }
}
