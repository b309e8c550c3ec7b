//! What the scheduler needs to know of storage, and disruption budgets: the bodies of the objects
//! that are not owners of pods (reference: scheduler.md 3.7 and 5.3).

use super::labels::{NodeSelector, Selector};
use super::names::Name;
use super::node::Node;
use super::object::IntOrPercent;

/// A set of access modes, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessModes(pub u8);

impl AccessModes {
    /// `ReadWriteOnce`.
    pub const READ_WRITE_ONCE: AccessModes = AccessModes(1);
    /// `ReadOnlyMany`.
    pub const READ_ONLY_MANY: AccessModes = AccessModes(2);
    /// `ReadWriteMany`.
    pub const READ_WRITE_MANY: AccessModes = AccessModes(4);
    /// `ReadWriteOncePod`.
    pub const READ_WRITE_ONCE_POD: AccessModes = AccessModes(8);

    /// Whether every mode of `wanted` is here.
    pub fn contains(self, wanted: AccessModes) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// Whether a volume with these modes may be attached to several nodes at once: it says nothing of its
    /// modes, or offers `ReadOnlyMany` or `ReadWriteMany`.
    pub fn allow_many_nodes(self) -> bool {
        self == AccessModes::default() || self.0 & (AccessModes::READ_ONLY_MANY.0 | AccessModes::READ_WRITE_MANY.0) != 0
    }

    /// Both sets together.
    pub fn with(self, other: AccessModes) -> AccessModes {
        AccessModes(self.0 | other.0)
    }
}

/// `status.phase` of a PersistentVolume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumePhase {
    /// No phase was ever written.
    Pending,
    /// Free for a claim.
    Available,
    /// Bound to its claim.
    Bound,
    /// Its claim is gone.
    Released,
    /// Its reclamation failed.
    Failed,
}

/// A PersistentVolume.
#[derive(Clone, Debug)]
pub struct PersistentVolume {
    /// `spec.capacity.storage` in bytes.
    pub capacity: i64,
    /// `spec.accessModes`.
    pub access_modes: AccessModes,
    /// `spec.storageClassName`; the empty name for none.
    pub class: Name,
    /// `spec.volumeMode: Block`.
    pub block: bool,
    /// `spec.nodeAffinity.required`.
    pub node_affinity: Option<NodeSelector>,
    /// `spec.claimRef`: namespace and name.
    pub claim: Option<(Name, Name)>,
    /// CSI driver and volume handle, in-tree volumes by the driver they migrate to.
    pub driver: Option<(Name, Name)>,
    /// `spec.persistentVolumeReclaimPolicy: Delete`: it goes with its claim.
    pub reclaim_delete: bool,
    /// `status.phase`.
    pub phase: VolumePhase,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistentVolumeClaim {
    /// `spec.resources.requests.storage` in bytes.
    pub request: i64,
    /// `spec.accessModes`.
    pub access_modes: AccessModes,
    /// `spec.storageClassName`; `None` if absent and no default class exists.
    pub class: Option<Name>,
    /// `spec.volumeMode: Block`.
    pub block: bool,
    /// `spec.selector`: which volumes may serve; `None` for all.
    pub selector: Option<Selector>,
    /// `spec.volumeName`.
    pub volume: Option<Name>,
    /// Annotation `pv.kubernetes.io/bind-completed`.
    pub bind_completed: bool,
    /// `status.phase: Lost`: its volume is gone.
    pub lost: bool,
    /// Annotation `volume.kubernetes.io/selected-node`.
    pub selected_node: Option<Name>,
    /// Annotation `volume.kubernetes.io/storage-provisioner`: a volume is to be made for it.
    pub provision: bool,
    /// The pod that owns it and takes it along: the one whose generic ephemeral volume it is, or the last
    /// of a StatefulSet that was scaled down.
    pub for_pod: Option<Name>,
}

/// A StorageClass.
#[derive(Clone, Debug)]
pub struct StorageClass {
    /// `provisioner`.
    pub provisioner: Name,
    /// The CSI driver that makes its volumes; `None` without a provisioner.
    pub driver: Option<Name>,
    /// `reclaimPolicy: Delete`: its volumes go with their claims.
    pub reclaim_delete: bool,
    /// `volumeBindingMode: WaitForFirstConsumer`.
    pub wait_for_first_consumer: bool,
    /// `allowedTopologies`: terms ORed, (key, values) ANDed, values ORed.
    pub allowed_topologies: Vec<Vec<(Name, Vec<Name>)>>,
    /// Annotation `storageclass.kubernetes.io/is-default-class`.
    pub is_default: bool,
}

impl StorageClass {
    /// Whether `allowedTopologies` allow volumes for this node; without any, every node is allowed.
    pub fn allows(&self, node: &Node) -> bool {
        let labels = &node.spec.labels;
        let holds = |(key, values): &(Name, Vec<Name>)| labels.get(*key).is_some_and(|value| values.contains(&value));
        self.allowed_topologies.is_empty()
            || self.allowed_topologies.iter().any(|term| !term.is_empty() && term.iter().all(holds))
    }
}

/// A CSINode: how many volumes of each driver its node can hold.
#[derive(Clone, Debug)]
pub struct CsiNode {
    /// (driver, `allocatable.count`).
    pub drivers: Vec<(Name, Option<i64>)>,
    /// (driver, `topologyKeys`): the labels by which the driver tells places apart.
    pub topology_keys: Vec<(Name, Vec<Name>)>,
}

/// A CSIDriver.
#[derive(Clone, Debug)]
pub struct CsiDriver {
    /// `spec.storageCapacity`: it publishes CSIStorageCapacity objects.
    pub storage_capacity: bool,
    /// `spec.attachRequired`: its volumes have to be attached to a node before they can be mounted there.
    pub attach_required: bool,
}

/// A VolumeAttachment.
#[derive(Clone, Debug)]
pub struct VolumeAttachment {
    /// `spec.attacher`: the driver.
    pub attacher: Name,
    /// `spec.nodeName`.
    pub node: Name,
    /// `spec.source.persistentVolumeName`.
    pub volume: Option<Name>,
    /// `status.attached`.
    pub attached: bool,
}

/// A CSIStorageCapacity.
#[derive(Clone, Debug)]
pub struct CsiStorageCapacity {
    /// `storageClassName`.
    pub class: Name,
    /// `nodeTopology`: the nodes it is about; `None` for no node.
    pub topology: Option<Selector>,
    /// `capacity` in bytes.
    pub capacity: Option<i64>,
    /// `maximumVolumeSize` in bytes.
    pub maximum_volume_size: Option<i64>,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug)]
pub struct PodDisruptionBudget {
    /// `spec.selector`; `None` and the empty selector match as Kubernetes says for each use.
    pub selector: Option<Selector>,
    /// `spec.minAvailable`.
    pub min_available: Option<IntOrPercent>,
    /// `spec.maxUnavailable`.
    pub max_unavailable: Option<IntOrPercent>,
    /// `spec.unhealthyPodEvictionPolicy: AlwaysAllow`.
    pub always_evict_unhealthy: bool,
    /// `status`.
    pub status: BudgetStatus,
}

/// `PodDisruptionBudget.status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetStatus {
    /// How many more pods may be evicted now.
    pub disruptions_allowed: i64,
    /// Healthy pods.
    pub current_healthy: i64,
    /// Fewest healthy pods there should be.
    pub desired_healthy: i64,
    /// Pods it is about.
    pub expected_pods: i64,
}
