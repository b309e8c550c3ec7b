//! What ran beside the scheduler in the recordings of volumes: the binder of the controller manager, the
//! controller of ephemeral volumes, and a fake provisioner.

use serde_json::Value;

use crate::cluster::volumes::{PersistentVolume, PersistentVolumeClaim, VolumePhase};
use crate::cluster::{
    Body, Cascade, Kind, Labels, NodeId, NodeSelector, NodeSelectorTerm, ObjectId, Operator, PodId, Requirement,
    StorageAction,
};
use crate::scheduler::plugins::volume_binding::ClaimDecision;

use super::compare::Differences;
use super::replay::merge_patch;
use super::world::{World, object_name};

/// The storage side of a case.
#[derive(Debug, Default)]
pub struct Storage {
    /// Manifests of all objects, as patched.
    manifests: Vec<Value>,
    /// Whether the binder ran.
    binder: bool,
    /// Whether the controller of ephemeral volumes ran.
    ephemeral: bool,
    /// Pods whose claims are still to be made.
    pending: Vec<(String, String)>,
}

impl Storage {
    /// As the case says.
    pub fn new(case: &Value) -> Self {
        let objects = case.pointer("/cluster/objects").and_then(Value::as_array);
        let controllers = case.get("controllers").and_then(Value::as_array);
        let runs = |name: &str| controllers.into_iter().flatten().any(|controller| controller.as_str() == Some(name));
        Storage {
            manifests: objects.into_iter().flatten().cloned().collect(),
            binder: runs("persistentvolume-binder-controller"),
            ephemeral: runs("ephemeral-volume-controller"),
            pending: Vec::new(),
        }
    }

    /// Keeps a manifest, to be patched later.
    pub fn remember(&mut self, object: &Value) {
        self.manifests.push(object.clone());
    }

    /// Lets the controllers act on what they see.
    pub fn settle(&mut self, world: &mut World) {
        for (namespace, name) in std::mem::take(&mut self.pending) {
            if let Some(pod) = world.pod(&namespace, &name) {
                world.cluster.apply_storage(StorageAction::CreateEphemeralClaims(pod));
                world.settle();
            }
        }
        if self.binder {
            bind_all(world);
        }
        world.settle();
    }

    /// A pod was created: its ephemeral claims follow, at once or after the first attempt.
    pub fn pod_created(&mut self, world: &mut World, manifest: &Value, after_first_attempt: bool) {
        if self.ephemeral {
            let namespace = manifest.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or("default");
            self.pending.push((namespace.to_string(), object_name(manifest).to_string()));
            if !after_first_attempt {
                self.settle(world);
            }
        }
    }

    /// A pod is gone: its ephemeral claims go.
    pub fn pod_deleted(&mut self, world: &mut World, name: &str) {
        let name = world.cluster.names.intern(name);
        let own = |body: &Body| matches!(body, Body::PersistentVolumeClaim(claim) if claim.for_pod == Some(name));
        let claims: Vec<ObjectId> =
            world.cluster.objects().filter(|(_, object)| own(&object.body)).map(|(id, _)| id).collect();
        for claim in claims {
            world.cluster.remove_object(claim);
        }
        world.settle();
    }

    /// Merge-patches an object.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn patch(&mut self, world: &mut World, patch: &Value) -> Result<(), String> {
        let (kind, name) = kind_and_name(patch);
        let same = |object: &&mut Value| {
            object.get("kind").and_then(Value::as_str) == Some(kind) && object_name(object) == name
        };
        let manifest = self.manifests.iter_mut().rev().find(same).ok_or_else(|| format!("no {kind} {name}"))?;
        merge_patch(manifest, patch.get("patch").unwrap_or(&Value::Null));
        let body = world.body(kind, &manifest.clone())?;
        let id = find(world, body.kind(), name).ok_or_else(|| format!("no {kind} {name}"))?;
        world.cluster.update_body(id, |old| *old = body);
        world.settle();
        Ok(())
    }

    /// Deletes an object; a claim is held by its finalizer.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn delete(&mut self, world: &mut World, object: &Value) -> Result<(), String> {
        let (kind, name) = kind_and_name(object);
        let known = world
            .cluster
            .objects()
            .find(|(_, found)| found.body.kind().as_str() == kind && world.cluster.names.text(found.name) == name);
        let (id, held) = known
            .map(|(id, found)| (id, found.body.kind() == Kind::PersistentVolumeClaim))
            .ok_or_else(|| format!("no {kind} {name}"))?;
        if held {
            world.cluster.mark_object(id, Cascade::Background);
        } else {
            world.cluster.remove_object(id);
        }
        world.settle();
        Ok(())
    }

    /// Binds the pod's claims as the scheduler would on this node, and compares with the recording.
    pub fn bind(&mut self, world: &mut World, pod: PodId, node: NodeId, result: &Value, found: &mut Differences) {
        let explained = world.scheduler.explain(pod, &world.cluster, Some(&[node]));
        for decision in explained.claims {
            let (claim, volume) = match decision {
                ClaimDecision::Bind { claim, volume } => (claim, volume),
                ClaimDecision::Provision { claim, node } => (claim, provision(world, claim, node)),
            };
            let claim_name = world.cluster.object_name(claim).to_string();
            let recorded = result.pointer(&format!("/claims/{claim_name}")).and_then(Value::as_str);
            if let Some(recorded) = recorded {
                found.expect("claim", recorded, world.cluster.object_name(volume));
            }
            let recorded = recorded.and_then(|name| find(world, Kind::PersistentVolume, name));
            bind_claim(world, claim, recorded.unwrap_or(volume));
        }
        world.settle();
    }
}

fn kind_and_name(value: &Value) -> (&str, &str) {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    (text("kind"), text("name"))
}

fn find(world: &World, kind: Kind, name: &str) -> Option<ObjectId> {
    let names = &world.cluster.names;
    let name = names.find(name)?;
    let namespaces = [names.find("default"), names.find("")];
    namespaces.into_iter().flatten().find_map(|namespace| world.cluster.find_object(kind, namespace, name))
}

/// The claims, by id.
fn claims(world: &World) -> Vec<(ObjectId, PersistentVolumeClaim)> {
    let objects = world.cluster.objects();
    objects.filter_map(|(id, _)| Some((id, world.cluster.claim(id)?.clone()))).collect()
}

/// The binder: completes bindings begun, and serves claims of Immediate classes.
fn bind_all(world: &mut World) {
    for (id, claim) in claims(world) {
        if claim.bind_completed {
            continue;
        }
        let volume = match claim.volume {
            Some(volume) => world.cluster.find_volume(volume),
            None => reserved(world, id, &claim),
        };
        if let Some(volume) = volume {
            bind_claim(world, id, volume);
        }
    }
}

/// For a claim of an Immediate class the volume kept for it, or the smallest that fits. Claims of other
/// classes are the scheduler's business.
fn reserved(world: &World, id: ObjectId, claim: &PersistentVolumeClaim) -> Option<ObjectId> {
    let cluster = &world.cluster;
    cluster.class_of(claim).filter(|class| !class.wait_for_first_consumer)?;
    cluster.volume_for(id, false, cluster.objects().map(|(id, _)| id))
}

fn bind_claim(world: &mut World, claim: ObjectId, volume: ObjectId) {
    world.cluster.bind_claim(claim, volume);
    world.settle();
}

/// The fake provisioner: a volume `pvc-<claim>` in the zone of the node, or on the node without a zone.
fn provision(world: &mut World, claim_id: ObjectId, node: NodeId) -> ObjectId {
    let claim_name = world.cluster.object_name(claim_id).to_string();
    let claim = world.cluster.claim(claim_id).cloned();
    let driver = claim.as_ref().and_then(|claim| world.cluster.class_of(claim)).map(|class| class.provisioner);
    let names = &mut world.cluster.names;
    let name = names.intern(&format!("pvc-{claim_name}"));
    let keys = [names.intern("topology.kubernetes.io/zone"), names.intern("kubernetes.io/hostname")];
    let empty = names.intern("");
    let labels = world.cluster.node(node).map(|node| node.spec.labels.clone()).unwrap_or_default();
    let place = keys.into_iter().find_map(|key| Some((key, labels.get(key)?)));
    let expressions = place.map(|(key, value)| Requirement { key, operator: Operator::In, values: vec![value] });
    let terms = vec![NodeSelectorTerm { expressions: expressions.into_iter().collect(), fields: Vec::new() }];
    let volume = PersistentVolume {
        capacity: claim.as_ref().map_or(0, |claim| claim.request),
        access_modes: claim.as_ref().map(|claim| claim.access_modes).unwrap_or_default(),
        class: claim.as_ref().and_then(|claim| claim.class).unwrap_or(empty),
        block: claim.is_some_and(|claim| claim.block),
        node_affinity: Some(NodeSelector { terms }),
        claim: None,
        driver: driver.map(|driver| (driver, name)),
        reclaim_delete: true,
        phase: VolumePhase::Available,
    };
    world.cluster.create_object(empty, name, Labels::default(), None, Body::PersistentVolume(volume))
}
