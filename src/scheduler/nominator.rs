//! Pods nominated to a node: room is kept for them (reference: scheduler.md 1.5).

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, NodeId, PodId};

/// Nominated pods by node, in the order of nomination; usually none.
#[derive(Debug, Default)]
pub struct Nominator {
    on: BTreeMap<NodeId, Vec<PodId>>,
    node_of: FxHashMap<PodId, NodeId>,
}

impl Nominator {
    /// Reads the pod's nomination; pods that are on a node or gone have none.
    pub fn read(&mut self, pod: PodId, cluster: &Cluster) {
        self.remove(pod);
        let waiting = cluster.pod(pod).filter(|found| found.node.is_none() && cluster.pod_exists(pod));
        if let Some(node) = waiting.and_then(|found| found.nominated) {
            self.on.entry(node).or_default().push(pod);
            self.node_of.insert(pod, node);
        }
    }

    /// The pod is on a node or gone.
    pub fn remove(&mut self, pod: PodId) {
        if self.is_empty() {
            return;
        }
        let Some(node) = self.node_of.remove(&pod) else { return };
        if let Some(pods) = self.on.get_mut(&node) {
            pods.retain(|other| *other != pod);
            if pods.is_empty() {
                self.on.remove(&node);
            }
        }
    }

    /// Whether some other pod is nominated to the node.
    pub fn concerns(&self, pod: PodId, node: NodeId) -> bool {
        !self.is_empty() && self.on.get(&node).is_some_and(|pods| pods.iter().any(|other| *other != pod))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.on.is_empty()
    }

    /// Nodes to which other pods of at least this priority are nominated.
    pub fn nodes_reserved(&self, pod: PodId, priority: i32, cluster: &Cluster) -> Vec<NodeId> {
        let nodes = self.on.keys().copied();
        nodes.filter(|node| self.others(pod, *node, cluster).any(|(_, other)| other >= priority)).collect()
    }

    /// Other pods nominated to the node, of at least this priority.
    pub fn ahead_of(&self, pod: PodId, priority: i32, node: NodeId, cluster: &Cluster) -> Vec<PodId> {
        self.others(pod, node, cluster).filter(|(_, other)| *other >= priority).map(|(pod, _)| pod).collect()
    }

    /// Other pods nominated to the node, of a lower priority.
    pub fn behind(&self, pod: PodId, priority: i32, node: NodeId, cluster: &Cluster) -> Vec<PodId> {
        self.others(pod, node, cluster).filter(|(_, other)| *other < priority).map(|(pod, _)| pod).collect()
    }

    fn others<'a>(&'a self, pod: PodId, node: NodeId, cluster: &'a Cluster) -> impl Iterator<Item = (PodId, i32)> + 'a {
        let pods = self.on.get(&node).into_iter().flatten().copied().filter(move |other| *other != pod);
        pods.filter_map(|other| Some((other, cluster.spec(cluster.pod(other)?.spec).priority)))
    }
}
