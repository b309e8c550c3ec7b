//! Spec and status of StatefulSets and DaemonSets (controllers.md 4 and 5).

use crate::engine::Span;

use super::ids::SpecId;
use super::labels::Selector;
use super::names::Name;
use super::object::IntOrPercent;
use super::volumes::PersistentVolumeClaim;

/// How a StatefulSet replaces pods of an old template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatefulSetUpdate {
    /// Only when somebody deletes them.
    OnDelete,
    /// One at a time, the highest ordinal first, down to `partition`.
    RollingUpdate {
        /// `rollingUpdate.partition`.
        partition: u32,
    },
}

/// What becomes of the claims of a StatefulSet; by default they are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// `whenDeleted: Delete`: they go with the set.
    pub delete_when_deleted: bool,
    /// `whenScaled: Delete`: they go with pods that go by scaling down.
    pub delete_when_scaled: bool,
}

/// A StatefulSet's spec and status.
#[derive(Clone, Debug)]
pub struct StatefulSet {
    /// `spec.replicas`.
    pub replicas: u32,
    /// `spec.ordinals.start`.
    pub first_ordinal: u32,
    /// `spec.template`.
    pub template: SpecId,
    /// `spec.selector`.
    pub selector: Selector,
    /// `spec.podManagementPolicy: Parallel`.
    pub parallel: bool,
    /// `spec.updateStrategy`.
    pub update: StatefulSetUpdate,
    /// `spec.minReadySeconds`.
    pub min_ready: Span,
    /// `spec.volumeClaimTemplates`: name and claim.
    pub claims: Vec<(Name, PersistentVolumeClaim)>,
    /// `spec.persistentVolumeClaimRetentionPolicy`.
    pub retention: Retention,
    /// `status`.
    pub status: StatefulSetStatus,
}

/// `StatefulSet.status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatefulSetStatus {
    /// Pods that exist.
    pub replicas: u32,
    /// Running and Ready pods.
    pub ready: u32,
    /// Pods Ready for minReadySeconds.
    pub available: u32,
    /// Pods of the current revision that are not Terminating.
    pub current: u32,
    /// Pods of the newest template that are not Terminating.
    pub updated: u32,
    /// `currentRevision`: the template before the rolling update; `None` before the first sync.
    pub revision: Option<SpecId>,
}

/// How a DaemonSet replaces pods of an old template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonSetUpdate {
    /// Only when somebody deletes them.
    OnDelete,
    /// Step by step.
    RollingUpdate {
        /// `rollingUpdate.maxSurge`, of the wanted number, rounded up.
        max_surge: IntOrPercent,
        /// `rollingUpdate.maxUnavailable`, of the wanted number, rounded up.
        max_unavailable: IntOrPercent,
    },
}

/// A DaemonSet's spec and status.
#[derive(Clone, Debug)]
pub struct DaemonSet {
    /// `spec.template`, with the tolerations every daemon has.
    pub template: SpecId,
    /// `spec.selector`.
    pub selector: Selector,
    /// `spec.updateStrategy`.
    pub update: DaemonSetUpdate,
    /// `spec.minReadySeconds`.
    pub min_ready: Span,
    /// `status`.
    pub status: DaemonSetStatus,
}

/// `DaemonSet.status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaemonSetStatus {
    /// Nodes that should run a daemon.
    pub desired: u32,
    /// Nodes that should and have one.
    pub current: u32,
    /// Of those, Ready ones.
    pub ready: u32,
    /// Of those, Ready for minReadySeconds.
    pub available: u32,
    /// Of the current ones, those whose oldest pod is of the newest template.
    pub updated: u32,
    /// Nodes that have one and should not.
    pub misscheduled: u32,
}
