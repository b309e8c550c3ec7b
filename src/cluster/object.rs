//! Objects of the API: what all kinds have in common, and the bodies of Deployments and ReplicaSets.

use crate::engine::{Span, Time};

use super::batch::{CronJob, Job};
use super::ids::{ObjectId, PodId, SpecId};
use super::labels::{Labels, Selector};
use super::names::Name;
use super::policy::{LimitRange, ResourceQuota};
use super::volumes::{
    CsiDriver, CsiNode, CsiStorageCapacity, PersistentVolume, PersistentVolumeClaim, PodDisruptionBudget, StorageClass,
    VolumeAttachment,
};
use super::workloads::{DaemonSet, StatefulSet};

/// What kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `batch/v1` Job.
    Job,
    /// `batch/v1` CronJob.
    CronJob,
    /// `v1` ResourceQuota.
    ResourceQuota,
    /// `v1` LimitRange.
    LimitRange,
    /// `v1` Service.
    Service,
    /// `v1` PersistentVolume.
    PersistentVolume,
    /// `v1` PersistentVolumeClaim.
    PersistentVolumeClaim,
    /// `storage.k8s.io/v1` StorageClass.
    StorageClass,
    /// `storage.k8s.io/v1` CSINode.
    CsiNode,
    /// `storage.k8s.io/v1` CSIDriver.
    CsiDriver,
    /// `storage.k8s.io/v1` VolumeAttachment.
    VolumeAttachment,
    /// `storage.k8s.io/v1` CSIStorageCapacity.
    CsiStorageCapacity,
    /// `policy/v1` PodDisruptionBudget.
    PodDisruptionBudget,
}

impl Kind {
    /// Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Deployment => "Deployment",
            Kind::ReplicaSet => "ReplicaSet",
            Kind::StatefulSet => "StatefulSet",
            Kind::DaemonSet => "DaemonSet",
            Kind::Job => "Job",
            Kind::CronJob => "CronJob",
            Kind::ResourceQuota => "ResourceQuota",
            Kind::LimitRange => "LimitRange",
            Kind::Service => "Service",
            Kind::PersistentVolume => "PersistentVolume",
            Kind::PersistentVolumeClaim => "PersistentVolumeClaim",
            Kind::StorageClass => "StorageClass",
            Kind::CsiNode => "CSINode",
            Kind::CsiDriver => "CSIDriver",
            Kind::VolumeAttachment => "VolumeAttachment",
            Kind::CsiStorageCapacity => "CSIStorageCapacity",
            Kind::PodDisruptionBudget => "PodDisruptionBudget",
        }
    }
}

/// An object of the API: what all kinds have in common, and its body.
#[derive(Clone, Debug)]
pub struct Object {
    /// The namespace.
    pub namespace: Name,
    /// The name.
    pub name: Name,
    /// The labels.
    pub labels: Labels,
    /// The controller that owns it.
    pub owner: Option<ObjectId>,
    /// The objects it owns, in order of creation.
    pub children: Vec<ObjectId>,
    /// The pods it owns that still exist, in no particular order.
    pub pods: Vec<PodId>,
    /// `metadata.creationTimestamp`.
    pub created_at: Time,
    /// Marked for deletion.
    pub deleting: bool,
    /// What becomes of its dependants, once it is marked.
    pub cascade: Cascade,
    /// How many of `pods` are active (not ended, not Terminating).
    pub active: u32,
    /// How many of the active ones are Ready.
    pub ready: u32,
    /// How many of `pods` are Terminating and have not ended.
    pub terminating: u32,
    /// Grows with each write of its status: what optimistic concurrency compares.
    pub version: u32,
    /// What is special to its kind.
    pub body: Body,
}

/// `propagationPolicy` of a deletion: what becomes of what the object owns (controllers.md 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cascade {
    /// The object goes, its dependants are deleted after.
    #[default]
    Background,
    /// Its dependants are deleted, the object goes after them.
    Foreground,
    /// Its dependants stay, without an owner.
    Orphan,
}

/// What is special to a kind of object.
#[derive(Clone, Debug)]
pub enum Body {
    /// A Deployment.
    Deployment(Deployment),
    /// A ReplicaSet.
    ReplicaSet(ReplicaSet),
    /// A StatefulSet.
    StatefulSet(StatefulSet),
    /// A DaemonSet.
    DaemonSet(DaemonSet),
    /// A Job.
    Job(Box<Job>),
    /// A CronJob.
    CronJob(Box<CronJob>),
    /// A ResourceQuota.
    ResourceQuota(ResourceQuota),
    /// A LimitRange.
    LimitRange(LimitRange),
    /// A Service: which pods it selects.
    Service(Selector),
    /// A PersistentVolume.
    PersistentVolume(PersistentVolume),
    /// A PersistentVolumeClaim.
    PersistentVolumeClaim(PersistentVolumeClaim),
    /// A StorageClass.
    StorageClass(StorageClass),
    /// A CSINode.
    CsiNode(CsiNode),
    /// A CSIDriver.
    CsiDriver(CsiDriver),
    /// A VolumeAttachment.
    VolumeAttachment(VolumeAttachment),
    /// A CSIStorageCapacity.
    CsiStorageCapacity(CsiStorageCapacity),
    /// A PodDisruptionBudget.
    PodDisruptionBudget(PodDisruptionBudget),
}

impl Body {
    /// The kind.
    pub fn kind(&self) -> Kind {
        match self {
            Body::Deployment(_) => Kind::Deployment,
            Body::ReplicaSet(_) => Kind::ReplicaSet,
            Body::StatefulSet(_) => Kind::StatefulSet,
            Body::DaemonSet(_) => Kind::DaemonSet,
            Body::Job(_) => Kind::Job,
            Body::CronJob(_) => Kind::CronJob,
            Body::ResourceQuota(_) => Kind::ResourceQuota,
            Body::LimitRange(_) => Kind::LimitRange,
            Body::Service(_) => Kind::Service,
            Body::PersistentVolume(_) => Kind::PersistentVolume,
            Body::PersistentVolumeClaim(_) => Kind::PersistentVolumeClaim,
            Body::StorageClass(_) => Kind::StorageClass,
            Body::CsiNode(_) => Kind::CsiNode,
            Body::CsiDriver(_) => Kind::CsiDriver,
            Body::VolumeAttachment(_) => Kind::VolumeAttachment,
            Body::CsiStorageCapacity(_) => Kind::CsiStorageCapacity,
            Body::PodDisruptionBudget(_) => Kind::PodDisruptionBudget,
        }
    }
}

/// How a Deployment replaces pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// All old pods go before the first new one comes.
    Recreate,
    /// Step by step.
    RollingUpdate {
        /// `maxSurge`: absolute, or per cent of replicas, rounded up.
        max_surge: IntOrPercent,
        /// `maxUnavailable`: absolute, or per cent of replicas, rounded down.
        max_unavailable: IntOrPercent,
    },
}

/// A number, or a share of the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOrPercent {
    /// A number.
    Int(u32),
    /// Per cent.
    Percent(u32),
}

impl IntOrPercent {
    /// The number for `total`, a percentage rounded up.
    pub fn ceil(self, total: u32) -> u32 {
        match self {
            IntOrPercent::Int(n) => n,
            IntOrPercent::Percent(p) => (u64::from(total) * u64::from(p)).div_ceil(100) as u32,
        }
    }

    /// The number for `total`, a percentage rounded down.
    pub fn floor(self, total: u32) -> u32 {
        match self {
            IntOrPercent::Int(n) => n,
            IntOrPercent::Percent(p) => (u64::from(total) * u64::from(p) / 100) as u32,
        }
    }
}

/// A Deployment's spec and status.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `spec.replicas`.
    pub replicas: u32,
    /// `spec.template`, without the `pod-template-hash` label.
    pub template: SpecId,
    /// `spec.selector`.
    pub selector: Selector,
    /// `spec.strategy`.
    pub strategy: Strategy,
    /// `spec.minReadySeconds`.
    pub min_ready: Span,
    /// `spec.progressDeadlineSeconds`.
    pub progress_deadline: Span,
    /// `spec.revisionHistoryLimit`.
    pub history_limit: u32,
    /// `spec.paused`.
    pub paused: bool,
    /// `status`.
    pub status: DeploymentStatus,
}

impl Deployment {
    /// Whether both want the same but for the number of replicas.
    pub fn same_spec_but_size(&self, other: &Deployment) -> bool {
        self.template == other.template
            && self.selector == other.selector
            && self.strategy == other.strategy
            && (self.min_ready, self.progress_deadline) == (other.min_ready, other.progress_deadline)
            && (self.history_limit, self.paused) == (other.history_limit, other.paused)
    }
}

/// `Deployment.status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// Pods of all ReplicaSets.
    pub replicas: u32,
    /// Pods of the newest template.
    pub updated: u32,
    /// Ready pods.
    pub ready: u32,
    /// Pods Ready for minReadySeconds.
    pub available: u32,
    /// Terminating pods.
    pub terminating: u32,
    /// Condition ReplicaFailure: pods could not be created.
    pub failed_create: bool,
    /// Condition Available: at least as many Pods are available as must be.
    pub is_available: bool,
    /// Condition Progressing: what it says and since when it was refreshed.
    pub progress: Option<Progress>,
}

/// The Progressing condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The reason.
    pub reason: ProgressReason,
    /// `lastUpdateTime`.
    pub at: Time,
}

/// Reasons of the Progressing condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressReason {
    /// `NewReplicaSetCreated`.
    NewReplicaSetCreated,
    /// `FoundNewReplicaSet`.
    FoundNewReplicaSet,
    /// `ReplicaSetUpdated`.
    ReplicaSetUpdated,
    /// `NewReplicaSetAvailable`: the rollout is complete.
    NewReplicaSetAvailable,
    /// `ProgressDeadlineExceeded`: the status is False.
    ProgressDeadlineExceeded,
}

/// A ReplicaSet's spec and status.
#[derive(Clone, Debug)]
pub struct ReplicaSet {
    /// `spec.replicas`.
    pub replicas: u32,
    /// `spec.template`, with the `pod-template-hash` label if a Deployment made it.
    pub template: SpecId,
    /// The Deployment's template it was made from: its identity in a rollout.
    pub made_from: Option<SpecId>,
    /// `spec.selector`.
    pub selector: Selector,
    /// `spec.minReadySeconds`.
    pub min_ready: Span,
    /// Annotation `deployment.kubernetes.io/revision`; 0 without a Deployment.
    pub revision: u32,
    /// Annotation `deployment.kubernetes.io/desired-replicas`.
    pub desired_annotation: Option<u32>,
    /// Annotation `deployment.kubernetes.io/max-replicas`.
    pub max_annotation: Option<u32>,
    /// `status`.
    pub status: ReplicaSetStatus,
}

/// `ReplicaSet.status`, as last written by its controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSetStatus {
    /// For `observedGeneration`: the size that its controller had seen when it wrote this. A new size alone
    /// costs a write.
    pub observed_size: Option<u32>,
    /// Active pods.
    pub replicas: u32,
    /// Ready pods.
    pub ready: u32,
    /// Pods Ready for minReadySeconds.
    pub available: u32,
    /// Terminating pods.
    pub terminating: u32,
    /// Condition ReplicaFailure: pods could not be created.
    pub failed_create: bool,
}
