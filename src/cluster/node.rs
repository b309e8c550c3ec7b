//! A node: what the API shows of it, and the machine behind it.

use crate::engine::{Span, Time};

use super::gpu::{GpuInventory, Gpus};
use super::ids::{ObjectId, PodId};
use super::labels::Labels;
use super::names::Name;
use super::resources::Resources;
use super::taint::Taint;

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// The condition holds.
    True,
    /// It does not hold, says the kubelet.
    False,
    /// Nobody has heard from the kubelet for too long, says the control plane.
    Unknown,
}

impl Status {
    /// Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::True => "True",
            Status::False => "False",
            Status::Unknown => "Unknown",
        }
    }
}

/// The Ready condition of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its status.
    pub status: Status,
    /// When the status changed last.
    pub since: Time,
}

/// Whether the machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// It runs.
    On,
    /// It is off, or has crashed: nothing runs on it.
    Off,
    /// It is on its way up; the kubelet does not run yet.
    Booting,
}

/// Whether the kubelet and the control plane hear each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// They do.
    Connected,
    /// They do not; containers run on.
    Partitioned,
}

/// The machine behind a node: physics, unknown to the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Power.
    pub power: Power,
    /// Network.
    pub link: Link,
    /// Whether the kubelet process works (stopped or hung otherwise; containers run on).
    pub kubelet: bool,
    /// Whether the kubelet itself would say Ready.
    pub healthy: bool,
    /// Grows at every change above; events of an older epoch are void.
    pub epoch: u32,
}

impl Machine {
    /// Whether the kubelet works and is heard.
    pub fn is_heard(&self) -> bool {
        self.power == Power::On && self.kubelet && self.link == Link::Connected
    }

    /// Whether the kubelet works at all.
    pub fn is_managed(&self) -> bool {
        self.power == Power::On && self.kubelet
    }
}

/// How fast a machine works, in thousandths of the time that it usually takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Starting pods.
    pub start_milli: u32,
    /// Work of pods that run for a time.
    pub progress_milli: u32,
}

impl Default for Pace {
    /// As usual.
    fn default() -> Self {
        Pace { start_milli: 1000, progress_milli: 1000 }
    }
}

/// The node's lease: renewed every `period` while the kubelet is heard. Renewals cost nothing; the
/// last one before any instant is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// One renewal; the last one if renewing has stopped.
    pub anchor: Time,
    /// Time between renewals.
    pub period: Span,
    /// Whether renewals go on.
    pub renewing: bool,
}

impl Lease {
    /// The last renewal at or before `now`; the anchor if there was none yet.
    pub fn last_renewal(&self, now: Time) -> Time {
        if !self.renewing || self.period == Span::ZERO {
            return self.anchor;
        }
        if now < self.anchor {
            return self.anchor.saturating_sub(self.period); // the first renewal is still to come
        }
        let elapsed = now.since(self.anchor).0;
        self.anchor + Span(elapsed - elapsed % self.period.0)
    }

    /// The first renewal after `now`.
    pub fn next_renewal(&self, now: Time) -> Time {
        if now < self.anchor { self.anchor } else { self.last_renewal(now) + self.period }
    }
}

/// What a node is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpec {
    /// The name.
    pub name: Name,
    /// The labels, `kubernetes.io/hostname` and zone included.
    pub labels: Labels,
    /// The taints given by the user.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// `status.capacity`.
    pub capacity: Resources,
    /// `status.allocatable`.
    pub allocatable: Resources,
    /// `status.allocatable.pods`.
    pub max_pods: i64,
    /// `status.images`: (name, bytes).
    pub images: Vec<(Name, i64)>,
    /// GPUs that can be shared; whole ones only may also be an extended resource.
    pub gpus: Option<GpuInventory>,
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it was made from. Labels, taints, cordon and allocatable change here.
    pub spec: NodeSpec,
    /// `metadata.creationTimestamp`.
    pub created_at: Time,
    /// The Ready condition as the API shows it.
    pub ready: Condition,
    /// Region and zone: (`topology.kubernetes.io/region`, `…/zone`), each the empty name if absent.
    pub zone: (Name, Name),
    /// The machine.
    pub machine: Machine,
    /// How fast it works.
    pub pace: Pace,
    /// The lease.
    pub lease: Lease,
    /// Pods bound to or assumed on it that still exist, ended ones included.
    pub pods: Vec<PodId>,
    /// `status.volumesInUse`: volumes that its kubelet has mounted, or is about to, as it last reported.
    pub volumes_in_use: Vec<ObjectId>,
    /// What its pods that have not ended ask for.
    pub requested: Resources,
    /// The same as the scores count it: (cpu, memory) with non-zero defaults.
    pub score_requested: (i64, i64),
    /// How many of its pods have not ended.
    pub n_pods: i64,
    /// Its devices and what is free of them.
    pub gpus: Gpus,
}

impl Node {
    /// The name.
    pub fn name(&self) -> Name {
        self.spec.name
    }
}
