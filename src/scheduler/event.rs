//! What the scheduling queue is told: changes of the cluster, sorted by what they could mean for a
//! pod that waits (reference: scheduler.md 1.4).

use crate::cluster::{Labels, Node, NodeId, ObjectId, PodId, Resources, SpecId, Taint};

/// What the scheduler last saw of a node, to tell what changed.
#[derive(Clone, Debug)]
pub struct SeenNode {
    /// Its labels.
    pub labels: Labels,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether it was cordoned.
    pub unschedulable: bool,
    /// What it could hold.
    pub allocatable: Resources,
    /// How many pods it could hold.
    pub max_pods: i64,
}

impl SeenNode {
    /// What there is to see of a node.
    pub fn of(node: &Node) -> Self {
        SeenNode {
            labels: node.spec.labels.clone(),
            taints: node.spec.taints.clone(),
            unschedulable: node.spec.unschedulable,
            allocatable: node.spec.allocatable.clone(),
            max_pods: node.spec.max_pods,
        }
    }

    /// Sees the node as it is now: what changes seldom is written anew only if it did.
    pub fn update(&mut self, node: &Node) {
        self.taints.clone_from(&node.spec.taints);
        self.unschedulable = node.spec.unschedulable;
        self.max_pods = node.spec.max_pods;
        if self.labels != node.spec.labels {
            self.labels = node.spec.labels.clone();
        }
        if self.allocatable != node.spec.allocatable {
            self.allocatable = node.spec.allocatable.clone();
        }
    }
}

/// Something that happened and may concern waiting pods.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A node was added.
    NodeAdded(NodeId),
    /// A node went; what it was.
    NodeRemoved(&'a SeenNode),
    /// Its labels changed; what it was.
    NodeLabelled(NodeId, &'a SeenNode),
    /// Its taints changed or it was uncordoned; what it was.
    NodeTainted(NodeId, &'a SeenNode),
    /// Its allocatable changed; what it was.
    NodeResized(NodeId, &'a SeenNode),
    /// A pod appeared on a node.
    PodAdded(PodId),
    /// A pod that was on a node, or nominated to one, went; it can still be read.
    PodRemoved(PodId, SpecId),
    /// An object was created.
    ObjectCreated(ObjectId),
    /// An object changed.
    ObjectUpdated(ObjectId),
    /// An object went; it can still be read.
    ObjectRemoved(ObjectId),
}
