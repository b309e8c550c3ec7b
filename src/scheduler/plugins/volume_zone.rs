//! VolumeZone (reference: scheduler.md 3.7).
//!
//! A bound volume that carries a zone or region label, old or new, is reachable only from nodes with
//! that label and one of its values (`__` separates several). Nodes without any such label pass.

use crate::cluster::spec::VolumeSource;
use crate::cluster::{Body, Cluster, Name, PodId};
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Code, Context, NodeView, Plugin, PreFilter, Rejection};
use crate::scheduler::volumes;

/// The plugin.
pub struct VolumeZone {
    /// The labels looked at, each with the new name of the same thing.
    labels: [(Name, Name); 4],
    empty: Name,
    /// Label of a volume of the pod, its new name, and the values allowed.
    wanted: Vec<(Name, Name, Vec<Name>)>,
}

impl VolumeZone {
    /// An instance.
    pub fn new(known: &WellKnown) -> Self {
        let labels = [
            (known.beta_zone, known.zone),
            (known.beta_region, known.region),
            (known.zone, known.zone),
            (known.region, known.region),
        ];
        VolumeZone { labels, empty: known.empty, wanted: Vec::new() }
    }

    /// Notes what the volume of a claim wants; an error rejects the pod.
    fn read_claim(&mut self, cx: &Context<'_>, name: Name) -> Result<(), String> {
        let names = &cx.cluster.names;
        let not_found = |kind: &str, name: Name| format!("{kind} \"{}\" not found", names.text(name));
        let (_, claim) = volumes::claim(cx.cluster, cx.spec.namespace, name)
            .ok_or_else(|| not_found("persistentvolumeclaim", name))?;
        let Some(volume) = claim.volume else {
            let class = claim.class.filter(|class| *class != self.empty);
            let class = class.ok_or("PersistentVolumeClaim had no pv name and storageClass name")?;
            let found = volumes::class(cx.cluster, self.empty, class);
            let found = found.ok_or_else(|| not_found("storageclass.storage.k8s.io", class))?;
            let waits = found.wait_for_first_consumer;
            return if waits { Ok(()) } else { Err("PersistentVolume had no name".to_string()) };
        };
        let (id, _) =
            volumes::volume(cx.cluster, self.empty, volume).ok_or_else(|| not_found("persistentvolume", volume))?;
        let Some(object) = cx.cluster.object(id) else { return Ok(()) };
        for (label, new_label) in self.labels {
            if let Some(value) = object.labels.get(label) {
                let parts = || names.text(value).split("__").map(str::trim);
                // a label with an empty part is no list of zones and says nothing
                if parts().all(|part| !part.is_empty()) {
                    // a value that was never interned is on no node
                    self.wanted.push((label, new_label, parts().filter_map(|part| names.find(part)).collect()));
                }
            }
        }
        Ok(())
    }
}

impl Plugin for VolumeZone {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.wanted.clear();
        for volume in &cx.spec.volumes {
            if let VolumeSource::Claim(name) = volume
                && let Err(text) = self.read_claim(cx, *name)
            {
                return PreFilter::Reject(Code::UnschedulableAndUnresolvable, text);
            }
        }
        if self.wanted.is_empty() { PreFilter::Skip } else { PreFilter::Filter }
    }

    fn filter(&self, _cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        let labels = &node.node.spec.labels;
        if self.labels.iter().all(|(label, _)| labels.get(*label).is_none()) {
            return Ok(());
        }
        let reachable = self.wanted.iter().all(|(label, new_label, values)| {
            labels.get(*label).or_else(|| labels.get(*new_label)).is_some_and(|value| values.contains(&value))
        });
        if reachable { Ok(()) } else { Err(Rejection::unresolvable("node(s) had no available volume zone")) }
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a claim is made or changes", "it is the pod's"),
            ("a volume is made or changes", "always"),
            ("a storage class is made", "it waits for the first consumer"),
            ("a node is added, or its labels change", "always"),
        ]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        match *event {
            Event::NodeAdded(_) | Event::NodeLabelled(..) => true,
            Event::ObjectCreated(object) | Event::ObjectUpdated(object) => {
                let Some(object) = cluster.object(object) else { return false };
                match object.body {
                    Body::PersistentVolume(_) => true,
                    Body::StorageClass(ref class) => class.wait_for_first_consumer,
                    Body::PersistentVolumeClaim(_) => volumes::claims(cluster, pod).contains(&object.name),
                    _ => false,
                }
            }
            _ => false,
        }
    }
}
