//! What nodes and pods are called and marked with, for policies that look at more than figures.

use crate::cluster::{Names, Node, PodSpec};

/// A node of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct NodeDetails<'a> {
    /// The node.
    pub node: &'a Node,
    /// What its ids stand for.
    pub names: &'a Names,
}

impl<'a> NodeDetails<'a> {
    /// The name.
    pub fn name(self) -> &'a str {
        self.names.text(self.node.name())
    }

    /// The zone, empty without one.
    pub fn zone(self) -> &'a str {
        self.names.text(self.node.zone.1)
    }

    /// The value of a label.
    pub fn label(self, key: &str) -> Option<&'a str> {
        Some(self.names.text(self.node.spec.labels.get(self.names.find(key)?)?))
    }

    /// The effect of the first taint with this key.
    pub fn taint(self, key: &str) -> Option<&'static str> {
        let key = self.names.find(key)?;
        self.node.spec.taints.iter().find(|taint| taint.key == key).map(|taint| taint.effect.as_str())
    }
}

/// A pod of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct PodDetails<'a> {
    /// Its template.
    pub spec: &'a PodSpec,
    /// What its ids stand for.
    pub names: &'a Names,
}

impl<'a> PodDetails<'a> {
    /// The namespace.
    pub fn namespace(self) -> &'a str {
        self.names.text(self.spec.namespace)
    }

    /// The value of a label.
    pub fn label(self, key: &str) -> Option<&'a str> {
        Some(self.names.text(self.spec.labels.get(self.names.find(key)?)?))
    }
}
