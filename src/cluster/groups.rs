//! Groups of pods that have no controller in common: the pods of one application or job of a recorded trace.
//!
//! Placement policies and limits per node ask how many pods of a group a node has, for each pod they place; so the
//! numbers are kept, and not counted among all pods. A group is known by its namespace and its name.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Cluster;
use super::ids::{NodeId, PodId};
use super::names::Name;
use super::pod::Phase;

/// Pods of a group on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnNode {
    /// Those that hold resources.
    pub running: i64,
    /// Those that failed and still exist.
    pub failed: i64,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// By node; nodes without any are left out.
    pub nodes: BTreeMap<NodeId, OnNode>,
    /// All that hold resources.
    pub running: i64,
}

/// All groups that have pods on nodes.
#[derive(Debug, Default)]
pub(super) struct Groups(FxHashMap<(Name, Name), Group>);

impl Groups {
    fn add(&mut self, key: (Name, Name), node: NodeId, running: i64, failed: i64) {
        let group = self.0.entry(key).or_default();
        group.running += running;
        let here = group.nodes.entry(node).or_default();
        *here = OnNode { running: here.running + running, failed: here.failed + failed };
        if *here == OnNode::default() {
            group.nodes.remove(&node);
            if group.nodes.is_empty() {
                self.0.remove(&key);
            }
        }
    }
}

impl Cluster {
    /// The group without a common controller to which the pod belongs, by namespace and name.
    pub fn group_of(&self, id: PodId) -> Option<(Name, Name)> {
        let spec = self.spec(self.pod(id)?.spec);
        Some((spec.namespace, spec.group?))
    }

    /// What the group has on nodes; `None`: nothing.
    pub fn group(&self, key: (Name, Name)) -> Option<&Group> {
        self.groups.0.get(&key)
    }

    /// Whether any template has a limit per node for its group.
    pub fn limits_groups(&self) -> bool {
        self.limits_groups
    }

    /// A pod takes or gives back the resources of a node.
    pub(super) fn count_in_group(&mut self, id: PodId, node: NodeId, sign: i64) {
        if let Some(key) = self.group_of(id) {
            self.groups.add(key, node, sign, 0);
        }
    }

    /// A failed pod comes to be, or goes.
    pub(super) fn count_failure_in_group(&mut self, id: PodId, sign: i64) {
        let node = self.pod(id).and_then(|pod| pod.node);
        if let (Some(key), Some(node)) = (self.group_of(id), node) {
            self.groups.add(key, node, 0, sign);
        }
    }

    /// Counts all groups anew and compares.
    pub(super) fn check_groups(&self) -> Result<(), String> {
        let mut counted = Groups::default();
        for (id, pod) in self.pods().filter(|(id, _)| self.pod_exists(*id)) {
            if let (Some(key), Some(node)) = (self.group_of(id), pod.node) {
                let (running, failed) = (i64::from(pod.holds_resources()), i64::from(pod.phase == Phase::Failed));
                if running + failed > 0 {
                    counted.add(key, node, running, failed);
                }
            }
        }
        let differs = |(key, group): (&(Name, Name), &Group)| self.groups.0.get(key) != Some(group);
        match counted.0.len() == self.groups.0.len() && !counted.0.iter().any(differs) {
            true => Ok(()),
            false => Err(format!("groups are kept as {:?}, their pods make {:?}", self.groups, counted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{NewPod, PodName, PodSpec, Resources};
    use crate::engine::Seed;

    #[test]
    fn pods_of_a_group_are_counted_by_node_until_they_are_gone() {
        let mut cluster = Cluster::new(Seed(1));
        let mut spec = PodSpec::new(&mut cluster.names, "x").with_requests(Resources::new(1, 1));
        let group = cluster.names.intern("web");
        spec.group = Some(group);
        let (key, base) = ((spec.namespace, group), cluster.names.intern("task"));
        let spec = cluster.intern_spec(spec);
        let pods: Vec<PodId> =
            (0..3).map(|_| cluster.create_pod(NewPod::bare(PodName::Generated(base), spec))).collect();
        assert_eq!(cluster.group(key), None);
        for (pod, node) in pods.iter().zip([0, 0, 1]) {
            cluster.assume(*pod, NodeId(node));
        }
        let on = |running, failed| OnNode { running, failed };
        assert_eq!(cluster.group(key).unwrap().nodes, [(NodeId(0), on(2, 0)), (NodeId(1), on(1, 0))].into());
        cluster.set_phase(pods[0], Phase::Failed);
        cluster.set_phase(pods[2], Phase::Succeeded);
        assert_eq!(cluster.group(key).unwrap().nodes, [(NodeId(0), on(1, 1))].into());
        assert_eq!(cluster.group(key).unwrap().running, 1);
        assert_eq!(cluster.check_groups(), Ok(()));
        cluster.remove_pod(pods[0]);
        cluster.forget(pods[1]);
        assert_eq!(cluster.group(key), None);
    }
}
