//! `cluster:` the nodes.

use super::inventory::{Inventory, WrittenInventory};
use super::values::{Effect, LabelMap, ObjectName, ResourceList};
use crate::manifest::Quantity;
use crate::scenario::diagnostics::Problems;
use crate::scenario::manifests::{Object, numbered};
use crate::scenario::read::{Definitions, Read, Spanned};
use crate::scenario::record::record;
use crate::scenario::source::Node;

/// Most nodes of a scenario.
pub const MAX_NODES: u64 = 100_000;

record! {
    /// The nodes of the cluster.
    pub struct Cluster {
        /// Groups of equal nodes.
        "nodes" => nodes: Vec<NodeGroup>,
        /// A file of Kubernetes `Node` manifests to add, relative to the scenario file.
        "manifest" => manifest: Option<NodeManifest>,
        /// Machines to add from a file: a list as openb's, or the machines of a recorded cluster.
        "inventory" => inventory: Option<WrittenInventory>,
    }
}

impl Cluster {
    /// The inventory, however it is written.
    pub fn inventory(&self) -> Option<&Inventory> {
        self.inventory.as_ref().map(|written| &written.0)
    }
}

record! {
    /// One node, or several equal ones.
    pub struct NodeGroup {
        /// Name of the node. With `count`, the nodes are `NAME-1` to `NAME-N`.
        "name" => name: ObjectName,
        /// How many nodes. Without it there is one, with the plain name.
        "count" => count: Option<Spanned<u64>>,
        /// What the machine has. `pods` is 110 unless given.
        "capacity" => capacity: ResourceList,
        /// What pods may use of it; what is not given here is as in `capacity`.
        "allocatable" => allocatable: ResourceList,
        /// Labels. `kubernetes.io/hostname`, `kubernetes.io/os` and `kubernetes.io/arch` are added.
        "labels" => labels: LabelMap,
        /// Sets the label `topology.kubernetes.io/zone`.
        "zone" => zone: Option<ObjectName>,
        /// Sets the label `topology.kubernetes.io/region`.
        "region" => region: Option<ObjectName>,
        /// GPUs that can be shared.
        "gpus" => gpus: Option<GpuDevices>,
        /// Taints.
        "taints" => taints: Vec<Taint>,
        /// Whether the node is cordoned from the start.
        "unschedulable" => unschedulable: bool = "false",
        /// Images that the node has from the start.
        "images" => images: Vec<NodeImage>,
    }
}

record! {
    /// GPUs of a node, all of one model. Pods ask for them by `gpu`, not as an extended resource.
    pub struct GpuDevices {
        /// How many, at most 64.
        "count" => count: Spanned<u32> = "1",
        /// Their model.
        "model" => model: String = "GPU",
    }
}

record! {
    /// A taint of a node.
    pub struct Taint {
        /// Key.
        "key" => key: Spanned<String>,
        /// Value.
        "value" => value: Option<String>,
        /// What it does.
        "effect" => effect: Effect,
    }
}

record! {
    /// An image on a node.
    pub struct NodeImage {
        /// Name of the image, as pods write it.
        "name" => name: String,
        /// Its size on disk.
        "size" => size: Quantity = "120M",
    }
}

/// Nodes from a file of manifests.
#[derive(Clone, Debug)]
pub struct NodeManifest {
    /// The path as written.
    pub path: Spanned<String>,
    /// What it held; filled in after reading.
    pub objects: Vec<Object>,
    /// Whether some of it could not be read.
    pub incomplete: bool,
}

impl Read for NodeManifest {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        Some(NodeManifest { path: Spanned::read(node, problems)?, objects: Vec::new(), incomplete: false })
    }
    fn schema(definitions: &mut Definitions) -> serde_json::Value {
        String::schema(definitions)
    }
}

impl NodeGroup {
    /// Number of nodes in the group.
    pub fn size(&self) -> u64 {
        self.count.as_ref().map_or(1, |count| count.value)
    }

    /// Name of the node with this index, from 0.
    pub fn node_name(&self, index: u64) -> String {
        match self.count {
            None => self.name.text.clone(),
            Some(_) => format!("{}-{}", self.name.text, index + 1),
        }
    }

    /// Whether a node of this name is in the group.
    pub fn contains(&self, name: &str) -> bool {
        match self.count {
            None => name == self.name.text,
            Some(_) => numbered(&self.name.text, self.size(), name),
        }
    }
}
