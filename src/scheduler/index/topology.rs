//! Values of topology keys as small numbers by node.

use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, Name, NodeId};

/// Stands for "the node has no such label".
pub const NONE: u32 = u32::MAX;

/// A topology key someone asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(u32);

#[derive(Debug)]
struct Key {
    label: Name,
    /// By node.
    values: Vec<u32>,
    numbers: FxHashMap<Name, u32>,
    /// Grows when a node's value changes.
    epoch: u32,
}

/// Values of topology keys by node.
#[derive(Debug, Default)]
pub struct Topology {
    keys: Vec<Key>,
}

impl Topology {
    /// The id of `label`, which is read from all nodes if it is new.
    pub fn key(&mut self, label: Name, cluster: &Cluster) -> KeyId {
        if let Some(index) = self.keys.iter().position(|key| key.label == label) {
            return KeyId(index as u32);
        }
        self.keys.push(Key { label, values: Vec::new(), numbers: FxHashMap::default(), epoch: 0 });
        let index = self.keys.len() - 1;
        for (node, _) in cluster.nodes() {
            self.keys[index].read(node, cluster);
        }
        KeyId(index as u32)
    }

    /// The id of `label` if someone asked for it.
    pub fn find(&self, label: Name) -> Option<KeyId> {
        self.keys.iter().position(|key| key.label == label).map(|index| KeyId(index as u32))
    }

    /// The number of the node's value, [`NONE`] without the label.
    pub fn value(&self, key: KeyId, node: NodeId) -> u32 {
        self.keys[key.0 as usize].values.get(node.index()).copied().unwrap_or(NONE)
    }

    /// The numbers of all nodes' values; [`NONE`] beyond its end.
    pub fn values(&self, key: KeyId) -> &[u32] {
        &self.keys[key.0 as usize].values
    }

    /// One more than the largest number of a value.
    pub fn n_values(&self, key: KeyId) -> usize {
        self.keys[key.0 as usize].numbers.len()
    }

    /// Grows when sums by value must be taken anew.
    pub fn epoch(&self, key: KeyId) -> u32 {
        self.keys[key.0 as usize].epoch
    }

    /// Reads a node that is new or has new labels.
    pub fn read(&mut self, node: NodeId, cluster: &Cluster) {
        for key in &mut self.keys {
            key.read(node, cluster);
        }
    }

    /// A node is gone.
    pub fn remove(&mut self, node: NodeId) {
        for key in &mut self.keys {
            key.set(node, NONE);
        }
    }
}

impl Key {
    fn read(&mut self, node: NodeId, cluster: &Cluster) {
        let label = cluster.node(node).and_then(|found| found.spec.labels.get(self.label));
        let next = self.numbers.len() as u32;
        let value = label.map_or(NONE, |label| *self.numbers.entry(label).or_insert(next));
        self.set(node, value);
    }

    fn set(&mut self, node: NodeId, value: u32) {
        if self.values.len() <= node.index() {
            self.values.resize(node.index() + 1, NONE);
        }
        let before = std::mem::replace(&mut self.values[node.index()], value);
        if before != value {
            self.epoch += 1;
        }
    }
}
