//! How claims and volumes find one another: what the scheduler, the binder and a provisioner write.

use super::Cluster;
use super::ids::{NodeId, ObjectId};
use super::labels::{Labels, NodeSelector, NodeSelectorTerm, Operator, Requirement};
use super::names::Name;
use super::object::{Body, Kind};
use super::volumes::{PersistentVolume, PersistentVolumeClaim, VolumePhase};

impl Cluster {
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

    /// `spec.claimRef`: nobody else gets the volume from now on.
    pub fn reserve_volume(&mut self, volume: ObjectId, claim: ObjectId) {
        let own = self.object(claim).map(|object| (object.namespace, object.name));
        self.update_body(volume, |body| {
            if let Body::PersistentVolume(volume) = body {
                volume.claim = own;
            }
        });
    }

    /// Annotation `volume.kubernetes.io/selected-node`: the claim's volume is to be made for this node.
    pub fn select_node(&mut self, claim: ObjectId, node: NodeId) {
        let name = self.node(node).map(|node| node.name());
        self.update_body(claim, |body| {
            if let Body::PersistentVolumeClaim(claim) = body {
                claim.selected_node = name;
            }
        });
    }

    /// Binds a claim and a volume for good. Nothing happens if either is gone or belongs to another.
    pub fn bind_claim(&mut self, claim: ObjectId, volume: ObjectId) {
        let Some((own, volume_name)) = self
            .object(claim)
            .zip(self.object(volume))
            .map(|(claim, volume)| ((claim.namespace, claim.name), volume.name))
        else {
            return;
        };
        let taken = self.volume(volume).is_none_or(|volume| volume.claim.is_some_and(|other| other != own));
        if taken || self.claim(claim).is_none_or(|claim| claim.bind_completed) {
            return;
        }
        self.update_body(volume, |body| {
            if let Body::PersistentVolume(volume) = body {
                volume.claim = Some(own);
                volume.phase = VolumePhase::Bound;
            }
        });
        self.update_body(claim, |body| {
            if let Body::PersistentVolumeClaim(claim) = body {
                claim.volume = Some(volume_name);
                claim.bind_completed = true;
            }
        });
    }

    /// A provisioner makes the volume `pvc-CLAIM` (outside the namespace `default`: `pvc-NAMESPACE-CLAIM`), as large
    /// as was asked for, reachable from the zone of the node, or from the node alone if it has no zone.
    pub fn provision(&mut self, claim_id: ObjectId, node: NodeId) -> Option<ObjectId> {
        let object = self.object(claim_id)?;
        let claim = self.claim(claim_id)?.clone();
        let (namespace, name) = (self.names.text(object.namespace), self.names.text(object.name));
        let name = if namespace == "default" { format!("pvc-{name}") } else { format!("pvc-{namespace}-{name}") };
        let (name, empty) = (self.names.intern(&name), self.known.empty);
        if let Some(there) = self.find_object(Kind::PersistentVolume, empty, name) {
            return Some(there);
        }
        let volume = PersistentVolume {
            capacity: claim.request,
            access_modes: claim.access_modes,
            class: claim.class.unwrap_or(empty),
            block: claim.block,
            node_affinity: Some(self.reach_of(node)),
            claim: None,
            driver: self.provisioner(claim.class).map(|driver| (driver, name)),
            phase: VolumePhase::Available,
        };
        Some(self.create_object(empty, name, Labels::default(), None, Body::PersistentVolume(volume)))
    }

    fn provisioner(&self, class: Option<Name>) -> Option<Name> {
        match &self.object(self.find_object(Kind::StorageClass, self.known.empty, class?)?)?.body {
            Body::StorageClass(class) => Some(class.provisioner),
            _ => None,
        }
    }

    /// The nodes that reach what is made for this node.
    fn reach_of(&mut self, node: NodeId) -> NodeSelector {
        let keys = ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map(|key| self.names.intern(key));
        let labels = self.node(node).map(|node| &node.spec.labels);
        let place = labels.and_then(|labels| keys.into_iter().find_map(|key| Some((key, labels.get(key)?))));
        let expressions = place.map(|(key, value)| Requirement { key, operator: Operator::In, values: vec![value] });
        let term = NodeSelectorTerm { expressions: expressions.into_iter().collect(), fields: Vec::new() };
        NodeSelector { terms: vec![term] }
    }
}
