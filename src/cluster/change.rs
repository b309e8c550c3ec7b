//! What just became true: one [`Change`] per fact, made by the mutators and by nobody else.

use super::ids::{NodeId, ObjectId, PodId};
use super::node::Status;
use super::pod::Phase;

/// A fact that just became true. The object itself is read from the cluster; a removed pod can still
/// be read until the simulation has told everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A node was added to the API.
    NodeAdded(NodeId),
    /// A node was removed from the API.
    NodeRemoved(NodeId),
    /// A node's Ready condition changed.
    NodeReady {
        /// The node.
        node: NodeId,
        /// What it was.
        from: Status,
        /// What it is.
        to: Status,
    },
    /// A node's taints changed.
    NodeTainted(NodeId),
    /// A node was cordoned (`true`) or uncordoned.
    NodeCordoned(NodeId, bool),
    /// A node's labels changed.
    NodeLabelled(NodeId),
    /// A node's allocatable resources changed.
    NodeResized(NodeId),
    /// The images on a node changed.
    NodeImages(NodeId),
    /// `status.volumesInUse` of a node changed.
    NodeVolumes(NodeId),
    /// Physics: starts and work on the node became faster or slower.
    NodePaced(NodeId),
    /// The node's lease began to be renewed (`true`) or stopped.
    LeaseRenewing(NodeId, bool),
    /// Physics: the machine's power, link or kubelet changed.
    Machine(NodeId),
    /// A pod was created.
    PodCreated(PodId),
    /// The scheduler counts the pod on its node from now on.
    PodAssumed(PodId),
    /// The scheduler no longer does, as the binding failed; the node it was assumed on.
    PodForgotten(PodId, NodeId),
    /// The pod was bound to its node.
    PodBound(PodId),
    /// The pod's phase changed.
    PodPhase {
        /// The pod.
        pod: PodId,
        /// What it was.
        from: Phase,
        /// What it is.
        to: Phase,
    },
    /// The pod's Ready condition changed to this.
    PodReady(PodId, bool),
    /// Physics: the pod's containers changed.
    PodContainer(PodId),
    /// A container of the pod was started again.
    PodRestarted(PodId),
    /// The pod was marked for deletion.
    PodMarked(PodId),
    /// The pod was nominated to a node, or no longer is.
    PodNominated(PodId),
    /// The pod was found unschedulable.
    PodUnschedulable(PodId),
    /// The pod's scheduling gates are gone.
    PodUngated(PodId),
    /// The pod object is gone.
    PodRemoved(PodId),
    /// An object was created.
    ObjectCreated(ObjectId),
    /// An object's `spec.replicas` changed.
    ObjectScaled {
        /// The object.
        object: ObjectId,
        /// Replicas before.
        from: u32,
        /// Replicas now.
        to: u32,
    },
    /// Anything else in an object's spec changed.
    ObjectUpdated(ObjectId),
    /// An object's status changed.
    ObjectStatus(ObjectId),
    /// An object was marked for deletion.
    ObjectMarked(ObjectId),
    /// An object is gone.
    ObjectRemoved(ObjectId),
    /// Admission refused the creation of a pod for this owner.
    CreateRefused(ObjectId),
}
