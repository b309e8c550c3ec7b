//! Pods nominated to a node: room is kept for them (reference: scheduler.md 1.5).

use crate::cluster::{Cluster, NodeId, PodId};

/// Nominated pods in the order of nomination; usually none.
#[derive(Debug, Default)]
pub struct Nominator {
    pods: Vec<(PodId, NodeId)>,
}

impl Nominator {
    /// Reads the pod's nomination; pods that are on a node or gone have none.
    pub fn read(&mut self, pod: PodId, cluster: &Cluster) {
        self.remove(pod);
        let waiting = cluster.pod(pod).filter(|found| found.node.is_none() && cluster.pod_exists(pod));
        if let Some(node) = waiting.and_then(|found| found.nominated) {
            self.pods.push((pod, node));
        }
    }

    /// The pod is on a node or gone.
    pub fn remove(&mut self, pod: PodId) {
        if !self.pods.is_empty() {
            self.pods.retain(|(other, _)| *other != pod);
        }
    }

    /// Whether some other pod is nominated to the node.
    pub fn concerns(&self, pod: PodId, node: NodeId) -> bool {
        self.pods.iter().any(|(other, on)| *on == node && *other != pod)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pods.is_empty()
    }

    /// Other pods nominated to the node, of at least this priority.
    pub fn ahead_of(&self, pod: PodId, priority: i32, node: NodeId, cluster: &Cluster) -> Vec<PodId> {
        self.on(pod, node, cluster).filter(|(_, other)| *other >= priority).map(|(pod, _)| pod).collect()
    }

    /// Other pods nominated to the node, of a lower priority.
    pub fn behind(&self, pod: PodId, priority: i32, node: NodeId, cluster: &Cluster) -> Vec<PodId> {
        self.on(pod, node, cluster).filter(|(_, other)| *other < priority).map(|(pod, _)| pod).collect()
    }

    fn on<'a>(&'a self, pod: PodId, node: NodeId, cluster: &'a Cluster) -> impl Iterator<Item = (PodId, i32)> + 'a {
        let others = self.pods.iter().filter(move |(other, on)| *on == node && *other != pod);
        others.filter_map(|(other, _)| Some((*other, cluster.spec(cluster.pod(*other)?.spec).priority)))
    }
}
