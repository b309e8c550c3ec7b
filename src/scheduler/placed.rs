//! After a node is chosen: the placement policy takes note of it, and chooses devices.

use crate::cluster::{Cluster, DeviceSet, NodeId, PodId};

use super::Scheduler;
use super::framework::Context;
use super::plugins;

impl Scheduler {
    /// The devices the pod is to get of the node chosen for it; none leaves the choice to the cluster.
    pub(super) fn placed(&mut self, pod: PodId, profile: usize, node: NodeId, cluster: &Cluster) -> DeviceSet {
        let (Some(found), Some(on)) = (cluster.pod(pod), cluster.node(node)) else { return DeviceSet::default() };
        let (spec_id, spec) = (found.spec, cluster.spec(found.spec));
        let known = &self.config.known;
        let plugin = &mut self.profiles[profile].plugins[plugins::PLACEMENT_POLICY];
        let cx = Context { cluster, index: &mut self.index, known, pod, spec_id, spec };
        plugin.as_mut().map(|plugin| plugin.placed(&cx, node, on)).unwrap_or_default()
    }
}
