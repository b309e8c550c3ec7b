//! What faults do, in the few primitive effects the simulation carries out.

use crate::cluster::{NodeId, NodeSpec, PodId};
use crate::engine::{Distribution, Span};

/// One thing that happens in the course of a strike.
#[derive(Clone, Debug)]
pub struct Step {
    /// How long after the strike.
    pub after: Span,
    /// How long it lasts; `None`: for good, or it has no length.
    pub lasts: Option<Span>,
    /// What happens.
    pub effect: Effect,
    /// What it is called, if not as the plan is.
    pub verb: Option<&'static str>,
}

impl Step {
    /// Something that happens at once.
    pub fn now(effect: Effect, lasts: Option<Span>) -> Step {
        Step::later(Span::ZERO, lasts, effect)
    }

    /// Something that happens so long after the strike.
    pub fn later(after: Span, lasts: Option<Span>, effect: Effect) -> Step {
        Step { after, lasts, effect, verb: None }
    }
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Nodes are in a condition until the step ends. A node in the same condition twice is rid of it when
    /// both have ended.
    Node(Condition, Vec<NodeId>),
    /// Something without length is done to nodes.
    Deed(Deed, Vec<NodeId>),
    /// Pods are in a condition until the step ends.
    Pod(PodCondition, Vec<PodId>),
    /// Pods are deleted with this grace period, or their own.
    Kill(Vec<PodId>, Option<Span>),
    /// The main containers of pods end with a failure.
    CrashContainers(Vec<PodId>),
    /// A part of the control plane is out of order until the step ends.
    ControlPlane(Part),
    /// Machines register as nodes.
    Join(Vec<NodeSpec>),
}

impl Effect {
    /// Whether it is a request to the API server.
    pub fn needs_api(&self) -> bool {
        match self {
            Effect::Deed(deed, _) => matches!(deed, Deed::Drain(_) | Deed::Cordon | Deed::Uncordon),
            Effect::Kill(..) | Effect::Join(_) => true,
            Effect::Node(..) | Effect::Pod(..) | Effect::CrashContainers(_) | Effect::ControlPlane(_) => false,
        }
    }
}

/// A condition that a node can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Without power.
    Off,
    /// Neither hearing nor heard.
    CutOff,
    /// Its kubelet does not work.
    NoKubelet,
    /// Starts and progress of pods take so many thousandths of their time.
    Slow {
        /// Starting.
        start_milli: u32,
        /// Running, of pods that run for a time.
        progress_milli: u32,
    },
    /// Only so many thousandths of its cpu and memory can be allocated.
    Reduced(u32),
    /// Its clock takes so many thousandths of the time between two leases.
    Skewed(u32),
}

impl Condition {
    /// Whether two conditions are of a kind, whatever their extent.
    pub fn is_like(self, other: Condition) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// Something done to nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// Power off and on again at once.
    Reboot,
    /// `kubectl drain`, with this grace period or the pods' own.
    Drain(Option<Span>),
    /// `kubectl cordon`.
    Cordon,
    /// `kubectl uncordon`.
    Uncordon,
    /// The provider has taken the machine: the cloud controller deletes the Node object once it is not Ready.
    Reclaim,
    /// The kubelet ends its pods within the period, the last part of which is for critical ones, then the
    /// machine is off, for the span if given.
    ShutDown {
        /// `shutdownGracePeriod`.
        period: Span,
        /// `shutdownGracePeriodCriticalPods`.
        critical: Span,
        /// How long it stays off.
        off: Option<Span>,
    },
    /// A machine like each of these joins under the same name after the time drawn, or when the name is free.
    Replace(Distribution),
}

/// A condition that a pod can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodCondition {
    /// Its readiness check fails, though its containers run.
    Unready,
}

/// A part of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// No kube-scheduler.
    Scheduler,
    /// The scheduler's cycles and writes take so many thousandths of their time.
    SlowScheduler(u32),
    /// No kube-controller-manager.
    ControllerManager,
    /// No kube-apiserver: nothing is written or heard; what runs, runs on.
    ApiServer,
}
