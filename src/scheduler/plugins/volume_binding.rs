//! VolumeBinding (reference: scheduler.md 3.7).
//!
//! Bound claims: the volume's node affinity must match. Unbound ones of a class that waits for the
//! first consumer: the smallest free volume that fits and is reachable from the node, or else a
//! provisioner that may work there and has room. Anything else unbound rejects the pod.

use crate::cluster::spec::VolumeSource;
use crate::cluster::volumes::{PersistentVolumeClaim, VolumePhase};
use crate::cluster::{Body, Cluster, Kind, Name, Node, NodeId, ObjectId, PodId};
use crate::scheduler::config::WellKnown;
use crate::scheduler::event::Event;
use crate::scheduler::framework::{Code, Context, NodeView, Plugin, PreFilter, Reason, Rejection};
use crate::scheduler::volumes;

/// The plugin.
pub struct VolumeBinding {
    empty: Name,
    no_provisioner: Name,
    /// Volumes of bound claims; `None` for one that does not exist.
    bound: Vec<Option<ObjectId>>,
    /// Unbound claims, the smallest first.
    unbound: Vec<ObjectId>,
    /// For each of them the volumes that could serve it, in the order of preference.
    candidates: Vec<Vec<ObjectId>>,
}

/// What is to be done about a claim once the pod has its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimDecision {
    /// Bind it to this volume.
    Bind {
        /// The claim.
        claim: ObjectId,
        /// The volume.
        volume: ObjectId,
    },
    /// Have a volume made for it, reachable from this node (`volume.kubernetes.io/selected-node`).
    Provision {
        /// The claim.
        claim: ObjectId,
        /// The node.
        node: NodeId,
    },
}

/// What a node can do for the unbound claims.
enum Findings {
    /// All of them can be served so.
    Served(Vec<ClaimDecision>),
    /// Not all: no volume, and no provisioner that may work there.
    NoVolume,
    /// The provisioner has no room.
    NoRoom,
}

impl VolumeBinding {
    /// An instance.
    pub fn new(known: &WellKnown) -> Self {
        let (empty, no_provisioner) = (known.empty, known.no_provisioner);
        VolumeBinding { empty, no_provisioner, bound: Vec::new(), unbound: Vec::new(), candidates: Vec::new() }
    }

    /// Sorts a claim into bound and unbound; an error rejects the pod.
    fn read_claim(&mut self, cx: &Context<'_>, name: &str, ephemeral: bool, waits: &mut bool) -> Result<(), String> {
        let cluster = cx.cluster;
        let found = cluster.names.find(name).and_then(|name| volumes::claim(cluster, cx.spec.namespace, name));
        let Some((id, claim)) = found else {
            return Err(if ephemeral {
                format!("waiting for ephemeral volume controller to create the persistentvolumeclaim \"{name}\"")
            } else {
                format!("persistentvolumeclaim \"{name}\" not found")
            });
        };
        let volume_name = claim.volume.map_or("", |volume| cluster.names.text(volume));
        if claim.lost {
            return Err(format!(
                "persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{volume_name}\""
            ));
        }
        if cluster.object(id).is_some_and(|object| object.deleting) {
            return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        if ephemeral && claim.for_pod.map(|pod| cluster.names.text(pod)) != Some(&cluster.pod_name(cx.pod)) {
            let namespace = cluster.names.text(cx.spec.namespace);
            let pod = cluster.pod_name(cx.pod);
            return Err(format!("PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)"));
        }
        let delayed = claim.class.and_then(|class| volumes::class(cluster, self.empty, class));
        let delayed = delayed.is_some_and(|class| class.wait_for_first_consumer);
        match claim.volume {
            Some(volume) if claim.bind_completed => {
                self.bound.push(volumes::volume(cluster, self.empty, volume).map(|(id, _)| id));
            }
            None if delayed => self.unbound.push(id),
            _ => *waits = true,
        }
        Ok(())
    }

    /// Whether all volumes of bound claims can be reached; reasons against it.
    fn check_bound(&self, cx: &Context<'_>, node: &Node) -> Option<&'static str> {
        for volume in &self.bound {
            let Some(volume) = volume.and_then(|id| cx.cluster.object(id)) else {
                return Some("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
            };
            if let Body::PersistentVolume(volume) = &volume.body
                && let Some(affinity) = &volume.node_affinity
                && !affinity.matches(&node.spec.labels, node.name(), &cx.cluster.names)
            {
                return Some("node(s) didn't match PersistentVolume's node affinity");
            }
        }
        None
    }

    /// How the node could serve the unbound claims.
    fn find(&self, cx: &Context<'_>, id: NodeId, node: &Node) -> Findings {
        let mut served = Vec::new();
        let mut to_provision = Vec::new();
        let mut taken: Vec<ObjectId> = Vec::new();
        let claims = self.unbound.iter().filter_map(|id| Some((*id, claim_of(cx.cluster, *id)?)));
        for (claim_id, claim) in claims.clone() {
            match claim.selected_node {
                Some(selected) if selected != node.name() => return Findings::NoVolume,
                Some(_) => to_provision.push(claim_id),
                None => (),
            }
        }
        for (claim_id, _) in claims.filter(|(_, claim)| claim.selected_node.is_none()) {
            match self.match_volume(cx, claim_id, node, &taken) {
                Some(volume) => {
                    taken.push(volume);
                    served.push(ClaimDecision::Bind { claim: claim_id, volume });
                }
                None => to_provision.push(claim_id),
            }
        }
        for claim_id in to_provision {
            let Some(claim) = claim_of(cx.cluster, claim_id) else { continue };
            match self.can_provision(cx, claim, node) {
                Ok(()) => served.push(ClaimDecision::Provision { claim: claim_id, node: id }),
                Err(finding) => return finding,
            }
        }
        Findings::Served(served)
    }

    /// The first candidate that the node reaches and no other claim of the pod has.
    fn match_volume(&self, cx: &Context<'_>, claim: ObjectId, node: &Node, taken: &[ObjectId]) -> Option<ObjectId> {
        let position = self.unbound.iter().position(|id| *id == claim)?;
        let reaches = |id: &ObjectId| {
            let affinity = cx.cluster.volume(*id).and_then(|volume| volume.node_affinity.as_ref());
            affinity.is_none_or(|affinity| affinity.matches(&node.spec.labels, node.name(), &cx.cluster.names))
        };
        self.candidates[position].iter().copied().find(|id| !taken.contains(id) && reaches(id))
    }

    /// Whether a volume for the claim can be made for this node.
    fn can_provision(&self, cx: &Context<'_>, claim: &PersistentVolumeClaim, node: &Node) -> Result<(), Findings> {
        let class_name = claim.class.ok_or(Findings::NoVolume)?;
        let class = volumes::class(cx.cluster, self.empty, class_name).ok_or(Findings::NoVolume)?;
        if class.provisioner == self.empty || class.provisioner == self.no_provisioner {
            return Err(Findings::NoVolume);
        }
        if !class.allows(node) {
            return Err(Findings::NoVolume);
        }
        let driver = cx.cluster.find_object(Kind::CsiDriver, self.empty, class.provisioner);
        let driver = driver.and_then(|id| cx.cluster.object(id)).map(|object| &object.body);
        let publishes = matches!(driver, Some(Body::CsiDriver(driver)) if driver.storage_capacity);
        if publishes && !has_room(cx, class_name, claim.request, node) {
            return Err(Findings::NoRoom);
        }
        Ok(())
    }
}

/// The volumes that could serve a claim: the one kept for it alone, or else the free ones that fit, the
/// smallest first and the oldest of equals.
fn candidates(cx: &Context<'_>, claim_id: ObjectId) -> Vec<ObjectId> {
    let (Some(claim), Some(object)) = (claim_of(cx.cluster, claim_id), cx.cluster.object(claim_id)) else {
        return Vec::new();
    };
    let own = Some((object.namespace, object.name));
    let mut free: Vec<(i64, ObjectId)> = Vec::new();
    for &id in &cx.index.objects.volumes {
        let (Some(object), Some(volume)) = (cx.cluster.object(id), cx.cluster.volume(id)) else { continue };
        let suits = Some(volume.class) == claim.class
            && volume.capacity >= claim.request
            && volume.block == claim.block
            && !object.deleting;
        if !suits {
            continue;
        }
        if volume.claim == own {
            return vec![id];
        }
        let selected =
            claim.selector.as_ref().is_none_or(|selector| selector.matches(&object.labels, &cx.cluster.names));
        let fits = volume.phase == VolumePhase::Available && volume.access_modes.contains(claim.access_modes);
        if volume.claim.is_none() && selected && fits {
            free.push((volume.capacity, id));
        }
    }
    free.sort_by_key(|(capacity, _)| *capacity);
    free.into_iter().map(|(_, id)| id).collect()
}

/// Whether some CSIStorageCapacity of the class promises `bytes` to the node.
fn has_room(cx: &Context<'_>, class: Name, bytes: i64, node: &Node) -> bool {
    cx.index.objects.capacities.iter().filter_map(|id| cx.cluster.object(*id)).any(|object| {
        let Body::CsiStorageCapacity(capacity) = &object.body else { return false };
        let limit = capacity.maximum_volume_size.or(capacity.capacity);
        capacity.class == class
            && limit.is_some_and(|limit| limit >= bytes)
            && capacity.topology.as_ref().is_some_and(|topology| topology.matches(&node.spec.labels, &cx.cluster.names))
    })
}

fn claim_of(cluster: &Cluster, id: ObjectId) -> Option<&PersistentVolumeClaim> {
    match &cluster.object(id)?.body {
        Body::PersistentVolumeClaim(claim) => Some(claim),
        _ => None,
    }
}

impl Plugin for VolumeBinding {
    fn pre_filter(&mut self, cx: &mut Context<'_>) -> PreFilter {
        self.bound.clear();
        self.unbound.clear();
        let mut waits = false;
        for volume in &cx.spec.volumes {
            let (name, ephemeral) = match volume {
                VolumeSource::Claim(name) => (cx.cluster.names.text(*name).to_string(), false),
                VolumeSource::Ephemeral(name, _) => (volumes::ephemeral_name(cx.cluster, cx.pod, *name), true),
                VolumeSource::Disk(..) => continue,
            };
            if let Err(text) = self.read_claim(cx, &name, ephemeral, &mut waits) {
                return PreFilter::Reject(Code::UnschedulableAndUnresolvable, text);
            }
        }
        if waits {
            let text = "pod has unbound immediate PersistentVolumeClaims".to_string();
            return PreFilter::Reject(Code::UnschedulableAndUnresolvable, text);
        }
        self.unbound.sort_by_key(|id| claim_of(cx.cluster, *id).map(|claim| claim.request));
        self.candidates = self.unbound.iter().map(|claim| candidates(cx, *claim)).collect();
        if self.bound.is_empty() && self.unbound.is_empty() { PreFilter::Skip } else { PreFilter::Filter }
    }

    fn filter(&self, cx: &Context<'_>, node: &NodeView<'_>) -> Result<(), Rejection> {
        let mut reasons = smallvec::SmallVec::new();
        let missing = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
        let bound = self.check_bound(cx, node.node);
        reasons.extend(bound.filter(|reason| *reason != missing).map(Reason::Text));
        if !self.unbound.is_empty() {
            match self.find(cx, node.id, node.node) {
                Findings::Served(_) => (),
                Findings::NoVolume => {
                    reasons.push(Reason::Text("node(s) didn't find available persistent volumes to bind"));
                }
                Findings::NoRoom => reasons.push(Reason::Text("node(s) did not have enough free storage")),
            }
        }
        reasons.extend(bound.filter(|reason| *reason == missing).map(Reason::Text));
        if reasons.is_empty() {
            return Ok(());
        }
        Err(Rejection { code: Code::UnschedulableAndUnresolvable, reasons })
    }

    fn reserve(&self, cx: &Context<'_>, id: NodeId, node: &Node) -> Vec<ClaimDecision> {
        match self.find(cx, id, node) {
            Findings::Served(decisions) => decisions,
            _ => Vec::new(),
        }
    }

    fn waits_for(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("a claim is made or changes", "it is the pod's"),
            ("a volume, storage class, CSINode, CSIDriver or capacity changes", "always"),
            ("a node is added, or its labels change", "always"),
        ]
    }

    fn wakes(&self, cluster: &Cluster, _known: &WellKnown, event: &Event<'_>, pod: PodId) -> bool {
        match *event {
            Event::NodeAdded(_) | Event::NodeLabelled(..) => true,
            Event::ObjectCreated(object) | Event::ObjectUpdated(object) => {
                let Some(object) = cluster.object(object) else { return false };
                match object.body {
                    Body::PersistentVolumeClaim(_) => {
                        let spec = cluster.pod(pod).map(|found| cluster.spec(found.spec));
                        spec.is_some_and(|spec| spec.namespace == object.namespace)
                            && volumes::claims(cluster, pod).contains(&object.name)
                    }
                    Body::PersistentVolume(_)
                    | Body::StorageClass(_)
                    | Body::CsiNode(_)
                    | Body::CsiDriver(_)
                    | Body::CsiStorageCapacity(_) => true,
                    _ => false,
                }
            }
            _ => false,
        }
    }
}
