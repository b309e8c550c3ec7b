//! Mutators and queries of nodes.

use crate::engine::{Span, Time};

use super::Cluster;
use super::change::Change;
use super::gpu::Gpus;
use super::ids::NodeId;
use super::labels::Labels;
use super::names::Name;
use super::node::{Condition, Lease, Link, Machine, Node, NodeSpec, Pace, Power, Status};
use super::resources::Resources;
use super::taint::{Effect, Taint};

impl Cluster {
    /// The node with this id, if it is in the API.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index()).and_then(Option::as_ref)
    }

    /// The node of this name, if it is in the API.
    pub fn find_node(&self, name: Name) -> Option<NodeId> {
        self.node_by_name.get(&name).copied()
    }

    /// A node that was deleted from the API, as it was then, but for its machine.
    pub fn removed_node(&self, id: NodeId) -> Option<&Node> {
        self.removed_nodes.get(&id)
    }

    /// All nodes in the order they were added.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| Some((NodeId(index as u32), node.as_ref()?)))
    }

    /// Number of nodes in the API.
    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }

    /// One more than the largest node id given so far: the length of tables indexed by node.
    pub fn node_ids(&self) -> usize {
        self.nodes.len()
    }

    /// The text of a node's name; also after it is gone.
    pub fn node_name(&self, id: NodeId) -> &str {
        let name = self.node(id).or_else(|| self.removed_node(id)).map(Node::name);
        name.map_or("<none>", |name| self.names.text(name))
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        let now = self.now;
        match self.nodes.get_mut(id.index()).and_then(Option::as_mut) {
            Some(node) => node,
            None => panic!("{now}: {id:?} is not in the API"),
        }
    }

    /// Adds a node whose kubelet runs and has just registered, `ready` or not yet.
    ///
    /// # Panics
    /// If a node of this name is in the API already.
    pub fn add_node(&mut self, spec: NodeSpec, status: Status, lease: Lease) -> NodeId {
        assert!(self.find_node(spec.name).is_none(), "node {} exists", self.names.text(spec.name));
        let id = NodeId(self.nodes.len() as u32);
        let zone = self.zone_of(&spec.labels);
        self.node_by_name.insert(spec.name, id);
        self.nodes.push(Some(Node {
            zone,
            created_at: self.now,
            ready: Condition { status, since: self.now },
            machine: Machine { power: Power::On, link: Link::Connected, kubelet: true, healthy: true, epoch: 0 },
            pace: Pace::default(),
            lease,
            pods: Vec::new(),
            volumes_in_use: Vec::new(),
            requested: Resources::default(),
            score_requested: (0, 0),
            n_pods: 0,
            gpus: Gpus::new(spec.gpus),
            spec,
        }));
        self.n_nodes += 1;
        self.emit(Change::NodeAdded(id));
        id
    }

    /// Removes a node from the API. Its pods stay, bound to nowhere that exists.
    pub fn remove_node(&mut self, id: NodeId) {
        let name = self.node_mut(id).spec.name;
        self.emit(Change::NodeRemoved(id));
        self.node_by_name.remove(&name);
        self.n_nodes -= 1;
        if let Some(node) = self.nodes[id.index()].take() {
            self.removed_nodes.insert(id, node);
        }
    }

    /// Region and zone from the labels, the old names winning as in Kubernetes (scheduler.md 2.1).
    fn zone_of(&mut self, labels: &Labels) -> (Name, Name) {
        let empty = self.names.intern("");
        let first = |keys: [&str; 2]| {
            keys.iter().find_map(|key| self.names.find(key).and_then(|key| labels.get(key))).unwrap_or(empty)
        };
        let region = first(["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"]);
        let zone = first(["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"]);
        (region, zone)
    }

    /// Sets the Ready condition; nothing happens if it has this status already.
    pub fn set_node_ready(&mut self, id: NodeId, status: Status) {
        let now = self.now;
        let node = self.node_mut(id);
        let from = node.ready.status;
        if from == status {
            return;
        }
        node.ready = Condition { status, since: now };
        self.emit(Change::NodeReady { node: id, from, to: status });
    }

    /// Adds a taint unless one with its key and effect is there.
    pub fn add_taint(&mut self, id: NodeId, key: Name, value: Name, effect: Effect) {
        let added_at = self.now;
        let node = self.node_mut(id);
        if node.spec.taints.iter().any(|taint| taint.key == key && taint.effect == effect) {
            return;
        }
        node.spec.taints.push(Taint { key, value, effect, added_at });
        self.emit(Change::NodeTainted(id));
    }

    /// Removes the taint with this key and effect if it is there.
    pub fn remove_taint(&mut self, id: NodeId, key: Name, effect: Effect) {
        let node = self.node_mut(id);
        let before = node.spec.taints.len();
        node.spec.taints.retain(|taint| !(taint.key == key && taint.effect == effect));
        if node.spec.taints.len() != before {
            self.emit(Change::NodeTainted(id));
        }
    }

    /// Gives the node these taints and no others; those it has keep their age.
    pub fn replace_taints(&mut self, id: NodeId, mut taints: Vec<Taint>) {
        let now = self.now;
        let present = &mut self.node_mut(id).spec.taints;
        for taint in &mut taints {
            let same = |old: &&Taint| (old.key, old.value, old.effect) == (taint.key, taint.value, taint.effect);
            taint.added_at = present.iter().find(same).map_or(now, |old| old.added_at);
        }
        if *present != taints {
            *present = taints;
            self.emit(Change::NodeTainted(id));
        }
    }

    /// Sets `spec.unschedulable`.
    pub fn set_cordon(&mut self, id: NodeId, unschedulable: bool) {
        let node = self.node_mut(id);
        if node.spec.unschedulable != unschedulable {
            node.spec.unschedulable = unschedulable;
            self.emit(Change::NodeCordoned(id, unschedulable));
        }
    }

    /// Replaces the labels.
    pub fn set_node_labels(&mut self, id: NodeId, labels: Labels) {
        let zone = self.zone_of(&labels);
        let node = self.node_mut(id);
        node.spec.labels = labels;
        node.zone = zone;
        self.emit(Change::NodeLabelled(id));
    }

    /// Replaces the allocatable resources.
    pub fn set_allocatable(&mut self, id: NodeId, allocatable: Resources, max_pods: i64) {
        let node = self.node_mut(id);
        node.spec.allocatable = allocatable;
        node.spec.max_pods = max_pods;
        self.emit(Change::NodeResized(id));
    }

    /// The machine has so much cpu, in thousandths, and memory, in bytes, and all of it can be allocated.
    pub fn resize_node(&mut self, id: NodeId, cpu: i64, memory: i64) {
        let spec = &mut self.node_mut(id).spec;
        (spec.capacity.cpu, spec.capacity.memory) = (cpu, memory);
        let (whole, max_pods) = (Resources { cpu, memory, ..spec.allocatable.clone() }, spec.max_pods);
        self.set_allocatable(id, whole, max_pods);
    }

    /// Adds an image to those present on the node.
    pub fn add_image(&mut self, id: NodeId, image: Name, bytes: i64) {
        let node = self.node_mut(id);
        if !node.spec.images.iter().any(|(name, _)| *name == image) {
            node.spec.images.push((image, bytes));
            self.emit(Change::NodeImages(id));
        }
    }

    /// Physics: changes the machine, which lives on when its node is gone from the API. Its epoch grows, so that events
    /// of before become void.
    pub fn set_machine(&mut self, id: NodeId, change: impl FnOnce(&mut Machine)) {
        let machine = match self.removed_nodes.get_mut(&id) {
            Some(removed) => &mut removed.machine,
            None => &mut self.node_mut(id).machine,
        };
        let before = *machine;
        change(machine);
        if *machine != before {
            machine.epoch = before.epoch + 1;
            self.emit(Change::Machine(id));
        }
    }

    /// Physics: the kubelet works after a boot. What was planned for the boot stays valid.
    pub fn set_booted(&mut self, id: NodeId, healthy: bool) {
        let machine = &mut self.node_mut(id).machine;
        (machine.power, machine.kubelet, machine.healthy) = (Power::On, true, healthy);
        self.emit(Change::Machine(id));
    }

    /// Physics: the machine works faster or slower from now on.
    pub fn set_pace(&mut self, id: NodeId, pace: Pace) {
        let node = self.node_mut(id);
        if node.pace != pace {
            node.pace = pace;
            self.work_is_paced(id, pace.progress_milli);
            self.emit(Change::NodePaced(id));
        }
    }

    /// The kubelet renews the lease at other intervals from its last renewal on.
    pub fn set_lease_period(&mut self, id: NodeId, period: Span) {
        let now = self.now;
        let lease = &mut self.node_mut(id).lease;
        if lease.renewing {
            lease.anchor = lease.last_renewal(now);
        }
        if lease.period != period {
            lease.period = period;
            let renewing = lease.renewing;
            if renewing {
                self.emit(Change::LeaseRenewing(id, true));
            }
        }
    }

    /// The kubelet can no longer renew the node's lease.
    pub fn stop_lease(&mut self, id: NodeId) {
        let now = self.now;
        let lease = &mut self.node_mut(id).lease;
        if lease.renewing {
            lease.anchor = lease.last_renewal(now);
            lease.renewing = false;
            self.emit(Change::LeaseRenewing(id, false));
        }
    }

    /// The lease is renewed in another phase: `last` was the last renewal.
    pub fn set_lease_phase(&mut self, id: NodeId, last: Time) {
        self.node_mut(id).lease.anchor = last;
    }

    /// The kubelet renews the node's lease at `first` and from then on.
    pub fn resume_lease(&mut self, id: NodeId, first: Time) {
        let lease = &mut self.node_mut(id).lease;
        if !lease.renewing {
            lease.anchor = first;
            lease.renewing = true;
            self.emit(Change::LeaseRenewing(id, true));
        }
    }
}
