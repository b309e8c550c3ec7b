//! A pod: what the API shows of it, and what really runs on its node.

use crate::engine::{Span, Time};

use super::gpu::DeviceSet;
use super::ids::{NodeId, ObjectId, SpecId};
use super::names::Name;

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
    /// Ended; in back-off, or for good.
    Ended,
}

impl Container {
    /// Whether containers run.
    pub fn is_running(self) -> bool {
        matches!(self, Container::Started | Container::Ready)
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

/// How a pod is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodName {
    /// `base-` and five characters drawn from the seed.
    Generated(Name),
    /// `base-ordinal`.
    Ordinal(Name, u32),
    /// The name itself.
    Given(Name),
}

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    /// The name.
    pub name: PodName,
    /// The template.
    pub spec: SpecId,
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
    /// The deletion mark.
    pub deletion: Option<Deletion>,
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

    /// The node it is bound to, if the API knows it.
    pub fn bound_node(&self) -> Option<NodeId> {
        if self.bound { self.node } else { None }
    }
}
