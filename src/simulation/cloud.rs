//! The cloud node lifecycle controller: it looks every 5 s at the nodes whose Ready is not True, and deletes
//! those whose machine the provider has taken (nodes.md 7). A machine that is gone is so noticed like any other
//! that falls silent, and its pods are collected 40 to 60 s after the Node object. It runs in a process of its
//! own, which no fault stops.

use std::collections::BTreeMap;

use crate::cluster::{Name, NodeId, NodeSpec, Power, Status};
use crate::engine::{Class, Span, Time};

use super::{Event, Simulation};

/// `--node-status-update-frequency` of the cloud controller manager: from one look to the next.
const PERIOD: Span = Span::from_secs(5);

/// Machines that the provider has taken and whose Node objects are still there.
#[derive(Default)]
pub(super) struct Cloud {
    /// With them, the machines that will take over their names.
    taken: BTreeMap<NodeId, Vec<NodeSpec>>,
}

impl Cloud {
    /// The machine joins when the name of the node is free, if it will ever be.
    pub(super) fn wait_for_name(&mut self, node: NodeId, spec: NodeSpec) {
        if let Some(waiting) = self.taken.get_mut(&node) {
            waiting.push(spec);
        }
    }

    /// Whether the machine of this node is gone for good.
    pub(super) fn has_taken(&self, node: NodeId) -> bool {
        self.taken.contains_key(&node)
    }

    /// The machines that wait for a name.
    pub(super) fn waiting(&mut self) -> impl Iterator<Item = &mut NodeSpec> {
        self.taken.values_mut().flatten()
    }

    /// Machines of these names that wait for them will not come.
    pub(super) fn forget_waiting(&mut self, names: &[Name]) {
        self.taken.values_mut().for_each(|waiting| waiting.retain(|spec| !names.contains(&spec.name)));
    }
}

impl Simulation {
    /// The provider has taken the machines of these nodes.
    pub(super) fn reclaim(&mut self, nodes: &[NodeId]) {
        if self.cloud.taken.is_empty() {
            self.look_later();
        }
        for &node in nodes {
            self.cloud.taken.entry(node).or_default();
        }
    }

    fn look_later(&mut self) {
        let phase = self.cluster.seed.stream("cloud-node-lifecycle", 0).below(PERIOD.0);
        let looks = (self.cluster.now.0 + PERIOD.0 - phase) / PERIOD.0;
        self.queue.push(Time(looks * PERIOD.0 + phase), Class::Control, Event::CloudLook);
    }

    /// The controller looks at the nodes.
    pub(super) fn cloud_looks(&mut self) {
        let sees = self.faults.outages.api_is_up();
        let taken: Vec<NodeId> = self.cloud.taken.keys().copied().filter(|_| sees).collect();
        for id in taken {
            let node = self.cluster.node(id).map(|node| (node.ready.status, node.machine.power));
            match node {
                Some((Status::True, Power::Off)) => continue, // nobody has missed it yet
                Some((_, Power::Off)) => self.cluster.remove_node(id),
                Some(_) | None => (), // somebody has given the machine back, or deleted the node
            }
            let waiting = self.cloud.taken.remove(&id).unwrap_or_default();
            waiting.into_iter().for_each(|spec| self.join_when_possible(spec));
        }
        if !self.cloud.taken.is_empty() {
            self.look_later();
        }
    }
}
