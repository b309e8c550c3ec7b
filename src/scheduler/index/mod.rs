//! Counts kept up to date between cycles, so that a cycle need not visit every pod: which pods match
//! which selectors on which node, who carries affinity terms, which images are where.
//!
//! [`Index::observe`] follows the cluster's changes; plugins register what they want counted the first
//! time they need it.

pub mod counts;
pub mod log;
pub mod topology;

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::cluster::{Change, Cluster, Kind, Name, NodeId, ObjectId, PodId, Selector, SpecId};

pub use counts::{PodCounts, PodTerm, QueryId};
pub use log::Log;
pub use topology::{KeyId, NONE, Topology};

/// Everything counted.
#[derive(Debug, Default)]
pub struct Index {
    /// Values of topology keys by node.
    pub topology: Topology,
    /// Pods by selector and node.
    pub counts: PodCounts,
    /// How many pods on nodes carry affinity or anti-affinity terms.
    pub n_carriers: u32,
    /// Images on nodes.
    pub images: FxHashMap<Name, Image>,
    /// Pods on nodes by priority.
    pub priorities: BTreeMap<i32, u32>,
    /// Claims in use by pods on nodes: (namespace, claim) → how many pods.
    pub claims_in_use: FxHashMap<(Name, Name), u32>,
    /// Objects by kind, oldest first, for the kinds the scheduler reads.
    pub objects: Objects,
    /// Grows whenever a node comes or goes or its labels change.
    pub labels_epoch: u32,
    /// Grows whenever a node's taints change.
    pub taints_epoch: u32,
    /// Nodes that changed, or whose pods did.
    pub changed: Log<NodeId>,
    /// Images last seen on each node.
    node_images: Vec<Vec<Name>>,
    /// Where each pod is counted.
    counted: FxHashMap<PodId, Counted>,
}

/// Where a pod is counted, so that it is taken away where it was added and no oftener.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    node: NodeId,
    /// Whether it counts for topology spread: not once it is Terminating.
    live: bool,
}

/// An image that some node has.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// Its size as the first node that had it said.
    pub size: i64,
    /// How many nodes have it.
    pub nodes: i64,
}

/// Objects the scheduler reads, oldest first.
#[derive(Debug, Default)]
pub struct Objects {
    /// Services.
    pub services: Vec<ObjectId>,
    /// PodDisruptionBudgets.
    pub budgets: Vec<ObjectId>,
    /// PersistentVolumes.
    pub volumes: Vec<ObjectId>,
    /// VolumeAttachments.
    pub attachments: Vec<ObjectId>,
    /// CSIStorageCapacities.
    pub capacities: Vec<ObjectId>,
    /// Grows whenever a Service comes, goes or changes.
    pub service_epoch: u32,
}

impl Objects {
    fn list(&mut self, kind: Kind) -> Option<&mut Vec<ObjectId>> {
        match kind {
            Kind::Service => {
                self.service_epoch += 1;
                Some(&mut self.services)
            }
            Kind::PodDisruptionBudget => Some(&mut self.budgets),
            Kind::PersistentVolume => Some(&mut self.volumes),
            Kind::VolumeAttachment => Some(&mut self.attachments),
            Kind::CsiStorageCapacity => Some(&mut self.capacities),
            _ => None,
        }
    }
}

impl Index {
    /// Whether some pod on a node has a priority below this.
    pub fn has_lower_priority(&self, priority: i32) -> bool {
        self.priorities.range(..priority).next().is_some()
    }

    /// Follows one change.
    pub fn observe(&mut self, change: Change, cluster: &Cluster) {
        match change {
            Change::NodeAdded(node) => {
                self.labels_epoch += 1;
                self.changed.push(node);
                self.topology.read(node, cluster);
                self.read_images(node, cluster);
            }
            Change::NodeRemoved(node) => {
                self.labels_epoch += 1;
                self.changed.push(node);
                // its pods stay for a while, but the scheduler's snapshot holds no node for them
                let pods = cluster.removed_node(node).map_or(&[][..], |removed| &removed.pods);
                pods.iter().for_each(|pod| self.take_pod(*pod, cluster));
                self.topology.remove(node);
                self.forget_images(node);
            }
            Change::NodeLabelled(node) => {
                self.labels_epoch += 1;
                self.changed.push(node);
                self.topology.read(node, cluster);
            }
            Change::NodeTainted(node) => {
                self.taints_epoch += 1;
                self.changed.push(node);
            }
            Change::NodeCordoned(node, _) | Change::NodeResized(node) => self.changed.push(node),
            Change::NodeImages(node) => {
                self.changed.push(node);
                self.forget_images(node);
                self.read_images(node, cluster);
            }
            Change::PodAssumed(pod) => self.add_pod(pod, cluster),
            Change::PodForgotten(pod, _) | Change::PodRemoved(pod) => self.take_pod(pod, cluster),
            Change::PodPhase { pod, to, .. } if to.is_terminal() => self.take_pod(pod, cluster),
            Change::PodMarked(pod) => self.mark(pod, cluster),
            Change::ObjectCreated(id) => {
                let kind = cluster.object(id).map(|object| object.body.kind());
                if let Some(list) = kind.and_then(|kind| self.objects.list(kind)) {
                    list.push(id);
                }
            }
            Change::ObjectUpdated(id)
                if cluster.object(id).is_some_and(|object| object.body.kind() == Kind::Service) =>
            {
                self.objects.service_epoch += 1;
            }
            Change::ObjectRemoved(id) => self.forget_object(id),
            _ => (),
        }
    }

    /// The object may be gone from the cluster already, so its kind is not asked.
    fn forget_object(&mut self, id: ObjectId) {
        let objects = &mut self.objects;
        objects.service_epoch += u32::from(objects.services.contains(&id));
        for list in [
            &mut objects.services,
            &mut objects.budgets,
            &mut objects.volumes,
            &mut objects.attachments,
            &mut objects.capacities,
        ] {
            list.retain(|other| *other != id);
        }
    }

    /// Counts a pod that the scheduler now sees on a node.
    fn add_pod(&mut self, pod: PodId, cluster: &Cluster) {
        let Some(found) = cluster.pod(pod).filter(|found| found.holds_resources()) else { return };
        let Some(node) = found.node.filter(|node| cluster.node(*node).is_some()) else { return };
        let counted = Counted { node, live: found.deletion.is_none() };
        if self.counted.insert(pod, counted).is_none() {
            self.count(pod, counted, 1, cluster);
        }
    }

    /// The pod is no longer on its node, or the node is gone.
    fn take_pod(&mut self, pod: PodId, cluster: &Cluster) {
        if let Some(counted) = self.counted.remove(&pod) {
            self.count(pod, counted, -1, cluster);
        }
    }

    fn count(&mut self, pod: PodId, Counted { node, live }: Counted, sign: i32, cluster: &Cluster) {
        self.changed.push(node);
        let Some(found) = cluster.pod(pod) else { return };
        let spec = cluster.spec(found.spec);
        self.counts.count(found.spec, node, sign, true, &self.topology, cluster);
        if live {
            self.counts.count(found.spec, node, sign, false, &self.topology, cluster);
        }
        if spec.has_pod_terms() {
            self.n_carriers = self.n_carriers.saturating_add_signed(sign);
        }
        change_count(&mut self.priorities, spec.priority, sign);
        for claim in super::volumes::claims(cluster, pod) {
            let users = self.claims_in_use.entry((spec.namespace, claim)).or_default();
            *users = users.saturating_add_signed(sign);
        }
    }

    /// A pod on a node became Terminating: it no longer counts for topology spread.
    fn mark(&mut self, pod: PodId, cluster: &Cluster) {
        let (Some(found), Some(counted)) = (cluster.pod(pod), self.counted.get_mut(&pod)) else { return };
        if std::mem::replace(&mut counted.live, false) {
            self.changed.push(counted.node);
            self.counts.count(found.spec, counted.node, -1, false, &self.topology, cluster);
        }
    }

    fn read_images(&mut self, node: NodeId, cluster: &Cluster) {
        let Some(found) = cluster.node(node) else { return };
        if self.node_images.len() <= node.index() {
            self.node_images.resize(node.index() + 1, Vec::new());
        }
        let mut names: Vec<Name> = Vec::new();
        for &(name, size) in &found.spec.images {
            if !names.contains(&name) {
                names.push(name);
                self.images.entry(name).or_insert(Image { size, nodes: 0 }).nodes += 1;
            }
        }
        self.node_images[node.index()] = names;
    }

    fn forget_images(&mut self, node: NodeId) {
        let Some(names) = self.node_images.get_mut(node.index()) else { return };
        for name in std::mem::take(names) {
            if let Some(image) = self.images.get_mut(&name) {
                image.nodes -= 1;
                if image.nodes == 0 {
                    self.images.remove(&name);
                }
            }
        }
    }

    /// The id under which pods matching all of `terms` are counted; terminating ones too unless `live`.
    pub fn query(&mut self, terms: Vec<PodTerm>, live: bool, cluster: &Cluster) -> QueryId {
        self.counts.query(terms, live, &self.counted, cluster)
    }

    /// The id under which pods of a template are counted, terminating ones too.
    pub fn query_template(&mut self, spec: SpecId, cluster: &Cluster) -> QueryId {
        self.counts.query_template(spec, &self.counted, cluster)
    }
}

/// Adds `sign` to a counter and drops it at zero.
fn change_count<K: Ord>(counts: &mut BTreeMap<K, u32>, key: K, sign: i32) {
    match counts.entry(key) {
        std::collections::btree_map::Entry::Occupied(mut entry) => {
            *entry.get_mut() = entry.get().saturating_add_signed(sign);
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        std::collections::btree_map::Entry::Vacant(entry) => {
            if sign > 0 {
                entry.insert(1);
            }
        }
    }
}

/// A selector as text, to tell equal ones.
pub fn selector_text(selector: Option<&Selector>) -> String {
    format!("{selector:?}")
}
