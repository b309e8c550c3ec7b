//! Mutators and queries of claims, volumes and attachments: what binder, provisioner, attach/detach
//! controller, scheduler and kubelet do to them (reference: services-storage.md 4 and 5).

use smallvec::SmallVec;

use super::Cluster;
use super::change::Change;
use super::ids::{NodeId, ObjectId, PodId};
use super::labels::{Labels, NodeSelector, NodeSelectorTerm, Operator, Requirement};
use super::names::Name;
use super::object::{Body, Cascade, Kind};
use super::spec::VolumeSource;
use super::volumes::{PersistentVolume, PersistentVolumeClaim, StorageClass, VolumeAttachment, VolumePhase};

/// What somebody wants done about storage.
#[derive(Clone, Debug)]
pub enum StorageAction {
    /// Make the claims of a pod's generic ephemeral volumes that are not there.
    CreateEphemeralClaims(PodId),
    /// Annotation `volume.kubernetes.io/storage-provisioner`: a volume is to be made for the claim.
    AskForVolume(ObjectId),
    /// Annotation `volume.kubernetes.io/selected-node`: the volume is to be reachable from this node; `None`
    /// leaves the choice to the scheduler again.
    SelectNode(ObjectId, Option<NodeId>),
    /// Keep a volume for a claim: the volume's `claimRef`.
    Reserve {
        /// The volume.
        volume: ObjectId,
        /// The claim.
        claim: ObjectId,
    },
    /// Bind a claim and a volume to one another.
    Bind {
        /// The volume.
        volume: ObjectId,
        /// The claim.
        claim: ObjectId,
    },
    /// Make a volume for the claim, reachable from the nodes with these labels, and keep it for the claim.
    Provision {
        /// The claim.
        claim: ObjectId,
        /// Labels that a node must have; none: any node.
        place: Vec<(Name, Name)>,
    },
    /// The claim's volume is gone.
    Lose(ObjectId),
    /// `status.phase` of a volume.
    SetVolumePhase(ObjectId, VolumePhase),
    /// A pod takes the claim along when it goes; `None`: it does not.
    SetOwnerPod(ObjectId, Option<PodId>),
    /// Delete an object that a finalizer holds: it is marked.
    Mark(ObjectId),
    /// A VolumeAttachment: the volume is to be attached to the node.
    Attach(ObjectId, NodeId),
    /// `status.attached` of a VolumeAttachment.
    SetAttached(ObjectId),
    /// `status.volumesInUse` of a node.
    SetVolumesInUse(NodeId, Vec<ObjectId>),
}

impl Cluster {
    /// The names of the pod's claims, those of generic ephemeral volumes (`<pod>-<volume>`) included if
    /// such a name was ever used.
    pub fn pod_claims(&self, pod: PodId) -> SmallVec<[Name; 2]> {
        let mut names = SmallVec::new();
        let Some(found) = self.pod(pod) else { return names };
        for volume in &self.spec(found.spec).volumes {
            match volume {
                VolumeSource::Claim(name) => names.push(*name),
                VolumeSource::Ephemeral(volume, _) => {
                    let name = format!("{}-{}", self.pod_name(pod), self.names.text(*volume));
                    names.extend(self.names.find(&name));
                }
                VolumeSource::Disk(..) => (),
            }
        }
        names
    }

    /// How many of the pod's volumes are claims, there or not.
    pub fn spec_claims(&self, pod: PodId) -> usize {
        let volumes = self.pod(pod).map_or(&[][..], |pod| &self.spec(pod.spec).volumes);
        volumes.iter().filter(|volume| !matches!(volume, VolumeSource::Disk(..))).count()
    }

    /// Whether the pod has claims at all.
    pub fn has_claims(&self, pod: PodId) -> bool {
        self.spec_claims(pod) > 0
    }

    /// The pod's claims, those that exist.
    pub fn claims_of(&self, pod: PodId) -> SmallVec<[ObjectId; 2]> {
        let Some(namespace) = self.pod(pod).map(|pod| self.spec(pod.spec).namespace) else { return SmallVec::new() };
        let find = |name| self.find_object(Kind::PersistentVolumeClaim, namespace, name);
        self.pod_claims(pod).into_iter().filter_map(find).collect()
    }

    /// The volumes to which the pod's claims are bound.
    pub fn volumes_of(&self, pod: PodId) -> SmallVec<[ObjectId; 2]> {
        self.claims_of(pod).into_iter().filter_map(|claim| self.volume_of_claim(claim)).collect()
    }

    /// The claim with this id.
    pub fn claim(&self, id: ObjectId) -> Option<&PersistentVolumeClaim> {
        match &self.object(id)?.body {
            Body::PersistentVolumeClaim(claim) => Some(claim),
            _ => None,
        }
    }

    /// The volume with this id.
    pub fn volume(&self, id: ObjectId) -> Option<&PersistentVolume> {
        match &self.object(id)?.body {
            Body::PersistentVolume(volume) => Some(volume),
            _ => None,
        }
    }

    /// The attachment with this id.
    pub fn attachment(&self, id: ObjectId) -> Option<&VolumeAttachment> {
        match &self.object(id)?.body {
            Body::VolumeAttachment(attachment) => Some(attachment),
            _ => None,
        }
    }

    /// The volume of this name.
    pub fn find_volume(&self, name: Name) -> Option<ObjectId> {
        self.find_object(Kind::PersistentVolume, self.known.empty, name)
    }

    /// The class of a claim, if it names one that exists.
    pub fn class_of(&self, claim: &PersistentVolumeClaim) -> Option<&StorageClass> {
        let id = self.find_object(Kind::StorageClass, self.known.empty, claim.class?)?;
        match &self.object(id)?.body {
            Body::StorageClass(class) => Some(class),
            _ => None,
        }
    }

    /// The volume to which a claim is bound.
    pub fn volume_of_claim(&self, claim: ObjectId) -> Option<ObjectId> {
        let claim = self.claim(claim)?;
        claim.volume.filter(|_| claim.bind_completed).and_then(|name| self.find_volume(name))
    }

    /// The claim that a volume's `claimRef` names, if it exists.
    pub fn claim_of_volume(&self, volume: ObjectId) -> Option<ObjectId> {
        let (namespace, name) = self.volume(volume)?.claim?;
        self.find_object(Kind::PersistentVolumeClaim, namespace, name)
    }

    /// Whether the volume has to be attached to a node before it can be mounted there: it has a driver that
    /// does not say `attachRequired: false`.
    pub fn needs_attach(&self, volume: ObjectId) -> bool {
        let Some((driver, _)) = self.volume(volume).and_then(|volume| volume.driver) else { return false };
        let known = self.find_object(Kind::CsiDriver, self.known.empty, driver).and_then(|id| self.object(id));
        !matches!(known.map(|object| &object.body), Some(Body::CsiDriver(driver)) if !driver.attach_required)
    }

    /// The attachment of a volume to a node, if there is one.
    pub fn find_attachment(&self, volume: ObjectId, node: NodeId) -> Option<ObjectId> {
        let name = self.names.find(&self.attachment_name(volume, node))?;
        self.find_object(Kind::VolumeAttachment, self.known.empty, name)
    }

    /// Whether a node can mount a volume now: it needs no attaching, or is attached there to stay.
    pub fn is_mountable(&self, volume: ObjectId, node: NodeId) -> bool {
        let attached = || {
            let id = self.find_attachment(volume, node)?;
            Some(self.attachment(id)?.attached && !self.object(id)?.deleting)
        };
        !self.needs_attach(volume) || attached() == Some(true)
    }

    /// Kubernetes hashes volume, driver and node; the names themselves can be read.
    fn attachment_name(&self, volume: ObjectId, node: NodeId) -> String {
        format!("csi-{}-{}", self.object_name(volume), self.node_name(node))
    }

    /// The volume for a claim among `candidates`: the one kept for it, else the smallest free one that fits,
    /// the first of equals. With `only_kept`, only the former. Node affinity is ignored, as the binder does.
    pub fn volume_for(
        &self,
        claim: ObjectId,
        only_kept: bool,
        candidates: impl Iterator<Item = ObjectId>,
    ) -> Option<ObjectId> {
        let object = self.object(claim)?;
        let (own, claim) = (Some((object.namespace, object.name)), self.claim(claim)?);
        let class = claim.class.unwrap_or(self.known.empty);
        let key = |id: ObjectId| {
            let (object, volume) = (self.object(id)?, self.volume(id)?);
            let fits = volume.class == class
                && volume.capacity >= claim.request
                && volume.access_modes.contains(claim.access_modes)
                && volume.block == claim.block
                && !object.deleting;
            let kept = volume.claim == own;
            let selected = || claim.selector.as_ref().is_none_or(|wanted| wanted.matches(&object.labels, &self.names));
            let free = || !only_kept && volume.claim.is_none() && volume.phase == VolumePhase::Available && selected();
            (fits && (kept || free())).then_some((!kept, volume.capacity, id))
        };
        candidates.filter_map(key).min().map(|(_, _, id)| id)
    }

    /// Does what `action` says; about what is gone nothing is done.
    pub fn apply_storage(&mut self, action: StorageAction) {
        match action {
            StorageAction::CreateEphemeralClaims(pod) => self.create_ephemeral_claims(pod),
            StorageAction::AskForVolume(claim) => self.update_claim(claim, |claim| claim.provision = true),
            StorageAction::SelectNode(claim, node) => {
                let name = node.and_then(|node| self.node(node)).map(|node| node.name());
                self.update_claim(claim, |claim| claim.selected_node = name);
            }
            StorageAction::Reserve { volume, claim } => {
                let own = self.object(claim).map(|object| (object.namespace, object.name));
                self.update_volume(volume, |volume| volume.claim = own);
            }
            StorageAction::Bind { volume, claim } => self.bind_claim(claim, volume),
            StorageAction::Provision { claim, place } => self.provision(claim, place),
            StorageAction::Lose(claim) => self.update_claim(claim, |claim| claim.lost = true),
            StorageAction::SetVolumePhase(volume, phase) => self.update_volume(volume, |volume| volume.phase = phase),
            StorageAction::SetOwnerPod(claim, pod) => {
                let name = pod.map(|pod| self.pod_name(pod)).map(|name| self.names.intern(&name));
                self.update_claim(claim, |claim| claim.for_pod = name);
            }
            StorageAction::Mark(id) if self.object(id).is_some() => self.mark_object(id, Cascade::Background),
            StorageAction::Mark(_) => (),
            StorageAction::Attach(volume, node) => self.attach(volume, node),
            StorageAction::SetAttached(id) if self.attachment(id).is_some() => self.update_body(id, |body| {
                if let Body::VolumeAttachment(attachment) = body {
                    attachment.attached = true;
                }
            }),
            StorageAction::SetAttached(_) => (),
            StorageAction::SetVolumesInUse(node, volumes) => {
                if self.node(node).is_some() {
                    self.set_volumes_in_use(node, volumes);
                }
            }
        }
    }

    fn update_claim(&mut self, id: ObjectId, change: impl FnOnce(&mut PersistentVolumeClaim)) {
        let Some(mut claim) = self.claim(id).cloned() else { return };
        change(&mut claim);
        self.update_body(id, |body| *body = Body::PersistentVolumeClaim(claim));
    }

    fn update_volume(&mut self, id: ObjectId, change: impl FnOnce(&mut PersistentVolume)) {
        let Some(mut volume) = self.volume(id).cloned() else { return };
        change(&mut volume);
        self.update_body(id, |body| *body = Body::PersistentVolume(volume));
    }

    fn create_ephemeral_claims(&mut self, pod: PodId) {
        if !self.pod_exists(pod) {
            return;
        }
        let Some(spec) = self.pod(pod).map(|pod| self.spec(pod.spec)) else { return };
        let (namespace, volumes) = (spec.namespace, spec.volumes.clone());
        let pod_name = self.pod_name(pod);
        for volume in volumes {
            let VolumeSource::Ephemeral(volume, claim) = volume else { continue };
            let name = format!("{pod_name}-{}", self.names.text(volume));
            let name = self.names.intern(&name);
            if self.find_object(Kind::PersistentVolumeClaim, namespace, name).is_none() {
                let for_pod = Some(self.names.intern(&pod_name));
                let body = Body::PersistentVolumeClaim(PersistentVolumeClaim { for_pod, ..*claim });
                self.create_object(namespace, name, Labels::default(), None, body);
            }
        }
    }

    /// Binds both sides, and both phases say so, unless the volume has another claim.
    pub fn bind_claim(&mut self, claim: ObjectId, volume: ObjectId) {
        let Some(name) = self.object(volume).map(|object| object.name) else { return };
        let Some(own) = self.object(claim).map(|object| (object.namespace, object.name)) else { return };
        if self.volume(volume).is_none_or(|volume| volume.claim.is_some_and(|other| other != own)) {
            return;
        }
        self.update_volume(volume, |volume| {
            volume.claim = Some(own);
            volume.phase = VolumePhase::Bound;
        });
        self.update_claim(claim, |claim| {
            claim.volume = Some(name);
            claim.bind_completed = true;
        });
    }

    /// A volume `pvc-<UID of the claim>` as the claim's class says, kept for the claim.
    fn provision(&mut self, id: ObjectId, place: Vec<(Name, Name)>) {
        let Some(own) = self.object(id).map(|object| (object.namespace, object.name)) else { return };
        let Some(claim) = self.claim(id).cloned() else { return };
        let class = self.class_of(&claim).map(|class| (class.driver, class.reclaim_delete));
        let (driver, reclaim_delete) = class.unwrap_or((None, false));
        let name = self.provisioned_name(id);
        let name = self.names.intern(&name);
        if self.find_volume(name).is_some() {
            return;
        }
        let one = |(key, value)| Requirement { key, operator: Operator::In, values: vec![value] };
        let expressions: Vec<Requirement> = place.into_iter().map(one).collect();
        let affinity = NodeSelector { terms: vec![NodeSelectorTerm { expressions, fields: Vec::new() }] };
        let volume = PersistentVolume {
            capacity: claim.request,
            access_modes: claim.access_modes,
            class: claim.class.unwrap_or(self.known.empty),
            block: claim.block,
            node_affinity: Some(affinity).filter(|affinity| !affinity.terms[0].expressions.is_empty()),
            claim: Some(own),
            driver: driver.map(|driver| (driver, name)),
            reclaim_delete,
            phase: VolumePhase::Available,
        };
        self.create_object(self.known.empty, name, Labels::default(), None, Body::PersistentVolume(volume));
    }

    /// The name of the volume that is made for a claim: `pvc-<UID of the claim>`.
    pub fn provisioned_name(&self, claim: ObjectId) -> String {
        let halves = ["object-uid-high", "object-uid-low"].map(|label| self.seed.value(label, u64::from(claim.0)));
        let uid = super::identity::as_uid((u128::from(halves[0]) << 64) | u128::from(halves[1]));
        format!("pvc-{}", super::identity::uid_text(uid))
    }

    fn attach(&mut self, volume: ObjectId, node: NodeId) {
        let Some((attacher, _)) = self.volume(volume).and_then(|volume| volume.driver) else { return };
        let Some(node_name) = self.node(node).map(|node| node.name()) else { return };
        if self.find_attachment(volume, node).is_some() {
            return;
        }
        let name = self.attachment_name(volume, node);
        let name = self.names.intern(&name);
        let source = self.object(volume).map(|object| object.name);
        let attachment = VolumeAttachment { attacher, node: node_name, volume: source, attached: false };
        self.create_object(self.known.empty, name, Labels::default(), None, Body::VolumeAttachment(attachment));
    }

    fn set_volumes_in_use(&mut self, id: NodeId, volumes: Vec<ObjectId>) {
        let node = self.node_mut(id);
        if node.volumes_in_use != volumes {
            node.volumes_in_use = volumes;
            self.emit(Change::NodeVolumes(id));
        }
    }
}
