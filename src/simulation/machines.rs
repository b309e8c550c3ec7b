//! Machines of a recorded cluster: they go without a word, and change in size.

use crate::cluster::{Name, NodeId, NodeSpec, Resources};
use crate::faults::Condition;

use super::Simulation;

impl Simulation {
    /// The machines of these names are gone, those included that have not registered yet. What becomes of their Node
    /// objects is the business of the control plane, as with a machine that the provider has taken.
    pub(super) fn machines_leave(&mut self, names: &[Name], nodes: &[NodeId]) {
        for spec in &mut self.joining {
            spec.take_if(|spec| names.contains(&spec.name));
        }
        self.cloud.forget_waiting(names);
        self.begin_outage(Condition::Off, nodes, None);
        self.reclaim(nodes);
    }

    /// The machines of these names have so much from now on; of it, pods may use what outages leave. A Node
    /// object whose machine is gone stays as it is.
    pub(super) fn machines_resized(&mut self, names: &[Name], nodes: &[NodeId], cpu: i64, memory: i64) {
        let sized = |resources: &mut Resources| (resources.cpu, resources.memory) = (cpu, memory);
        let resize = |spec: &mut NodeSpec| {
            sized(&mut spec.capacity);
            sized(&mut spec.allocatable);
        };
        let waiting = self.joining.iter_mut().flatten().chain(self.cloud.waiting());
        waiting.filter(|spec| names.contains(&spec.name)).for_each(resize);
        for &node in nodes {
            if !self.cloud.has_taken(node) {
                self.cluster.resize_node(node, cpu, memory);
                self.reduce_again(node);
            }
        }
    }
}
