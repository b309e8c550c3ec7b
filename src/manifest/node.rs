//! Node → [`NodeSpec`].

use k8s_openapi::api::core::v1 as core;

use crate::cluster::{Effect, Names, NodeSpec, Taint};
use crate::engine::Time;

use super::resources::{List, quantity, resources};
use super::selector::labels;
use super::{Problems, Reader};

/// Pods a kubelet admits when nothing says otherwise (`maxPods`).
const DEFAULT_MAX_PODS: i64 = 110;

/// Converts a Node. Allocatable defaults to capacity, and capacity to allocatable; `pods` to 110.
///
/// # Errors
/// If a quantity or a taint's effect cannot be read.
pub fn node_spec(names: &mut Names, node: &core::Node) -> Result<NodeSpec, Problems> {
    let mut reader = Reader::new(names);
    let empty = List::new();
    let status = node.status.as_ref();
    let capacity = status.and_then(|status| status.capacity.as_ref());
    let allocatable = status.and_then(|status| status.allocatable.as_ref()).or(capacity).unwrap_or(&empty);
    let capacity = capacity.unwrap_or(allocatable);
    let max_pods = match allocatable.get("pods") {
        Some(text) => quantity(&mut reader, "status.allocatable[pods]", text).units(),
        None => DEFAULT_MAX_PODS,
    };
    let spec = NodeSpec {
        name: reader.names.intern(node.metadata.name.as_deref().unwrap_or_default()),
        labels: labels(reader.names, node.metadata.labels.as_ref()),
        taints: read_taints(&mut reader, node),
        unschedulable: node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or(false),
        capacity: resources(&mut reader, "status.capacity", capacity),
        allocatable: resources(&mut reader, "status.allocatable", allocatable),
        max_pods,
        images: read_images(&mut reader, node),
        gpus: None,
    };
    reader.finish(spec)
}

fn read_taints(reader: &mut Reader<'_>, node: &core::Node) -> Vec<Taint> {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten()).enumerate();
    let taints = taints.filter_map(|(index, taint)| {
        let effect = effect(reader, &format!("spec.taints[{index}].effect"), &taint.effect)?;
        Some(Taint {
            key: reader.names.intern(&taint.key),
            value: reader.names.intern(taint.value.as_deref().unwrap_or_default()),
            effect,
            added_at: Time::ZERO,
        })
    });
    taints.collect()
}

/// Reads a taint's effect.
pub(crate) fn effect(reader: &mut Reader<'_>, path: &str, text: &str) -> Option<Effect> {
    let known = [Effect::NoSchedule, Effect::PreferNoSchedule, Effect::NoExecute];
    let effect = known.into_iter().find(|effect| effect.as_str() == text);
    if effect.is_none() {
        reader.problem(path, format!("`{text}` is not one of NoSchedule, PreferNoSchedule, NoExecute"));
    }
    effect
}

/// Every name of every image, as the scheduler looks images up by name.
fn read_images(reader: &mut Reader<'_>, node: &core::Node) -> Vec<(crate::cluster::Name, i64)> {
    let images = node.status.iter().flat_map(|status| status.images.iter().flatten());
    images
        .flat_map(|image| {
            let size = image.size_bytes.unwrap_or(0);
            image.names.iter().flatten().map(move |name| (name, size))
        })
        .map(|(name, size)| (reader.names.intern(name), size))
        .collect()
}
