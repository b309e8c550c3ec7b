//! Nodes: groups in shorthand are spelled out as the Node objects they stand for, so that one
//! conversion makes them all.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Builder;
use crate::cluster::{GpuInventory, NodeSpec};
use crate::manifest::{self, normalized_image};
use crate::scenario::manifests::Body;
use crate::scenario::schema::cluster::{NodeGroup, NodeImage, Taint};
use crate::scenario::schema::values::ResourceList;
use crate::scenario::source::{Node, Value};

impl Builder<'_> {
    /// The nodes of the start: groups in the order of the file, those of the manifest, then
    /// those of the inventory.
    pub(super) fn nodes(&mut self) -> Vec<NodeSpec> {
        let cluster = &self.scenario.cluster;
        let mut specs: Vec<NodeSpec> = cluster.nodes.iter().flat_map(|group| self.group(group)).collect();
        for object in cluster.manifest.iter().flat_map(|manifest| &manifest.objects) {
            if let Body::Node(node) = &object.body {
                let mut node = (**node).clone();
                add_labels(&mut node.metadata);
                specs.extend(self.node(&node, &object.node));
            }
        }
        specs.extend(self.inventory());
        specs
    }

    /// The nodes of a group.
    pub(super) fn group(&mut self, group: &NodeGroup) -> Vec<NodeSpec> {
        let at = Node { location: group.name.location, value: Value::Map(Vec::new()) };
        let mut node = node_of(group);
        let named = |index: u64| {
            node.metadata.name = Some(group.node_name(index));
            let mut node = node.clone();
            add_labels(&mut node.metadata);
            let mut spec = self.node(&node, &at)?;
            spec.gpus = group
                .gpus
                .as_ref()
                .map(|gpus| GpuInventory { model: self.cluster.names.intern(&gpus.model), count: gpus.count.value });
            Some(spec)
        };
        (0..group.size()).filter_map(named).collect()
    }

    pub(super) fn node(&mut self, node: &core::Node, at: &Node) -> Option<NodeSpec> {
        match manifest::node_spec(&mut self.cluster.names, node) {
            Ok(spec) => Some(spec),
            Err(problems) => {
                self.report(at, problems);
                None
            }
        }
    }
}

/// The labels that every kubelet gives its node.
pub(super) fn add_labels(metadata: &mut ObjectMeta) {
    let name = metadata.name.clone().unwrap_or_default();
    let labels = metadata.labels.get_or_insert_default();
    for (key, value) in [("hostname", name.as_str()), ("os", "linux"), ("arch", "amd64")] {
        labels.entry(format!("kubernetes.io/{key}")).or_insert_with(|| value.to_string());
    }
}

/// The Node object of a group, without a name.
fn node_of(group: &NodeGroup) -> core::Node {
    let mut labels = group.labels.0.clone();
    for (key, value) in [("zone", &group.zone), ("region", &group.region)] {
        if let Some(value) = value {
            labels.insert(format!("topology.kubernetes.io/{key}"), value.text.clone());
        }
    }
    let capacity = amounts(&group.capacity);
    let mut allocatable = capacity.clone();
    allocatable.extend(amounts(&group.allocatable));
    core::Node {
        metadata: ObjectMeta { labels: Some(labels), ..ObjectMeta::default() },
        spec: Some(core::NodeSpec {
            taints: Some(group.taints.iter().map(taint).collect()),
            unschedulable: Some(group.unschedulable),
            ..core::NodeSpec::default()
        }),
        status: Some(core::NodeStatus {
            capacity: Some(capacity),
            allocatable: Some(allocatable),
            images: Some(group.images.iter().map(image).collect()),
            ..core::NodeStatus::default()
        }),
    }
}

fn amounts(list: &ResourceList) -> BTreeMap<String, KubeQuantity> {
    list.0.iter().map(|(name, amount)| (name.clone(), KubeQuantity(amount.to_string()))).collect()
}

fn taint(taint: &Taint) -> core::Taint {
    core::Taint {
        key: taint.key.value.clone(),
        value: taint.value.clone(),
        effect: taint.effect.word().to_string(),
        time_added: None,
    }
}

fn image(image: &NodeImage) -> core::ContainerImage {
    core::ContainerImage { names: Some(vec![normalized_image(&image.name)]), size_bytes: Some(image.size.units()) }
}
