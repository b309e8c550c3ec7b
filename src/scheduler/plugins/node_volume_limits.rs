//! NodeVolumeLimits (reference: scheduler.md 3.7).
//!
//! Per CSI driver: distinct volumes of the node's pods, volumes attached without a pod, and the pod's
//! new ones may not exceed `CSINode.spec.drivers[].allocatable.count`.

use smallvec::SmallVec;

use crate::cluster::spec::VolumeSource;
use crate::cluster::{Body, Cluster, Kind, Name, Node, PodId};
use crate::manifest::volume::migrated_provisioner;
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Code, Context, NodeView, Plugin, PreFilter, Rejection};
use crate::scheduler::volumes;

/// The plugin.
#[derive(Default)]
pub struct NodeVolumeLimits {
    /// The pod's volumes.
    new: Volumes,
}

/// A volume: its driver, and what tells it from others of the driver.
type Volume = (Name, Handle);
type Volumes = SmallVec<[Volume; 4]>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handle {
    /// The driver's own handle.
    Given(Name),
    /// The claim for which it is still to be made.
    Claim(Name, Name),
    /// An inline disk, by its name.
    Disk(Name),
}

/// The driver and handle of a claim's volume; nothing if it is no CSI volume.
fn of_claim(cluster: &Cluster, known_empty: Name, namespace: Name, name: Name) -> Option<Volume> {
    let (_, claim) = volumes::claim(cluster, namespace, name)?;
    if let Some((_, volume)) = claim.volume.and_then(|volume| volumes::volume(cluster, known_empty, volume)) {
        return volume.driver.map(|(driver, handle)| (driver, Handle::Given(handle)));
    }
    let class = volumes::class(cluster, known_empty, claim.class?)?;
    let driver = cluster.names.find(migrated_provisioner(cluster.names.text(class.provisioner)))?;
    Some((driver, Handle::Claim(namespace, name)))
}

/// Adds the volumes of a pod.
fn add_volumes(cluster: &Cluster, empty: Name, pod: PodId, list: &mut Volumes) {
    let Some(spec) = cluster.pod(pod).map(|found| cluster.spec(found.spec)) else { return };
    if spec.volumes.is_empty() {
        return;
    }
    let claims = volumes::claims(cluster, pod);
    let claims = claims.iter().filter_map(|claim| of_claim(cluster, empty, spec.namespace, *claim));
    let disks = spec.volumes.iter().filter_map(|volume| match volume {
        VolumeSource::Disk(disk, _) => {
            let (driver, _) = cluster.names.text(*disk).split_once('/')?;
            Some((cluster.names.find(driver)?, Handle::Disk(*disk)))
        }
        _ => None,
    });
    for volume in claims.chain(disks) {
        if !list.contains(&volume) {
            list.push(volume);
        }
    }
}

/// What the node's CSINode says: (driver, count).
fn limits<'c>(cluster: &'c Cluster, empty: Name, node: &Node) -> &'c [(Name, Option<i64>)] {
    let id = cluster.find_object(Kind::CsiNode, empty, node.name());
    match id.and_then(|id| cluster.object(id)).map(|object| &object.body) {
        Some(Body::CsiNode(node)) => &node.drivers,
        _ => &[],
    }
}

impl Plugin for NodeVolumeLimits {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.new.clear();
        if cx.spec.volumes.is_empty() {
            return PreFilter::Skip;
        }
        for volume in &cx.spec.volumes {
            if let VolumeSource::Claim(name) = volume
                && volumes::claim(cx.cluster, cx.spec.namespace, *name).is_none()
            {
                let text = format!("persistentvolumeclaim \"{}\" not found", cx.cluster.names.text(*name));
                return PreFilter::Reject(Code::UnschedulableAndUnresolvable, text);
            }
        }
        add_volumes(cx.cluster, cx.known.empty, cx.pod, &mut self.new);
        if self.new.is_empty() { PreFilter::Skip } else { PreFilter::Filter }
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        let (cluster, empty) = (cx.cluster, cx.known.empty);
        let limits = limits(cluster, empty, node.node);
        if limits.is_empty() {
            return Ok(());
        }
        let mut used = Volumes::new();
        for pod in node.pods(cluster) {
            add_volumes(cluster, empty, pod, &mut used);
        }
        let attached = cx.index.objects.attachments.iter().filter_map(|id| match &cluster.object(*id)?.body {
            Body::VolumeAttachment(attachment) if attachment.node == node.node.name() => {
                let (_, volume) = volumes::volume(cluster, empty, attachment.volume?)?;
                Some((attachment.attacher, Handle::Given(volume.driver?.1)))
            }
            _ => None,
        });
        let attached: Volumes = attached.filter(|volume| !used.contains(volume)).collect();
        let of = |list: &Volumes, driver: Name| list.iter().filter(|(other, _)| *other == driver).count();
        let exceeds = limits.iter().filter_map(|(driver, count)| Some((*driver, (*count)?))).any(|(driver, limit)| {
            let new = self.new.iter().filter(|volume| volume.0 == driver && !used.contains(volume)).count();
            new > 0 && (new + of(&used, driver) + of(&attached, driver)) as i64 > limit
        });
        if exceeds { Err(Rejection::unschedulable("node(s) exceed max volume count")) } else { Ok(()) }
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a pod leaves a node", "it used claims"),
            ("a claim is made or changes", "it is the pod's"),
            ("a CSINode is made or changes", "always"),
            ("a volume is detached", "always"),
            ("a node is added", "always"),
        ]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        match *event {
            Event::PodRemoved(_, gone) => {
                cluster.spec(gone).volumes.iter().any(|volume| !matches!(volume, VolumeSource::Disk(..)))
            }
            Event::NodeAdded(_) => true,
            Event::ObjectCreated(object) | Event::ObjectUpdated(object) => {
                let Some(object) = cluster.object(object) else { return false };
                match object.body {
                    Body::CsiNode(_) => true,
                    Body::PersistentVolumeClaim(_) => volumes::claims(cluster, pod).contains(&object.name),
                    _ => false,
                }
            }
            Event::ObjectRemoved(object) => {
                cluster.object(object).is_none_or(|object| matches!(object.body, Body::VolumeAttachment(_)))
            }
            _ => false,
        }
    }
}
