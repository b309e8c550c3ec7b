//! The persistentvolume-binder: binds claims whose class does not wait for a pod to the smallest volume that
//! fits, and any claim to the volume that names it. Claims of other classes are the scheduler's business;
//! making volumes is a provisioner's.

use crate::cluster::volumes::{PersistentVolume, PersistentVolumeClaim, VolumePhase};
use crate::cluster::{Action, Body, Change, Cluster, Kind, ObjectId};

use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

/// The controller. It keeps nothing in memory.
#[derive(Debug)]
pub struct VolumeBinder;

impl VolumeBinder {
    /// The controller.
    pub fn new(_: &Settings) -> Self {
        VolumeBinder
    }
}

impl Controller for VolumeBinder {
    fn name(&self) -> &'static str {
        "persistentvolume-binder-controller"
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        let (Change::ObjectCreated(id) | Change::ObjectUpdated(id)) = change else { return };
        match cluster.object(id).map(|object| &object.body) {
            Some(Body::PersistentVolumeClaim(claim)) if !claim.bind_completed => wakes.news.push(Key::Object(id)),
            Some(Body::PersistentVolume(volume)) if volume.phase != VolumePhase::Bound => wakes.news.push(Key::Pass),
            Some(Body::StorageClass(_)) => wakes.news.push(Key::Pass),
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        let claims: Vec<ObjectId> = match key {
            Key::Object(claim) => vec![claim],
            _ => cluster.objects().map(|(id, _)| id).filter(|id| cluster.claim(*id).is_some()).collect(),
        };
        let mut taken: Vec<ObjectId> = Vec::new();
        for claim in claims {
            if let Some(volume) = find(claim, &taken, cluster) {
                taken.push(volume);
                todo.actions.push(Action::BindClaim(claim, volume));
            }
        }
    }
}

/// The volume for an unbound claim: the one that names it, or that it names, else the smallest free one that
/// fits; the oldest of equals.
fn find(id: ObjectId, taken: &[ObjectId], cluster: &Cluster) -> Option<ObjectId> {
    let claim = cluster.claim(id).filter(|claim| !claim.bind_completed)?;
    let own = cluster.object(id).map(|object| (object.namespace, object.name))?;
    if let Some(name) = claim.volume {
        let volume = cluster.find_object(Kind::PersistentVolume, cluster.known.empty, name)?;
        return cluster.volume(volume)?.claim.is_none_or(|other| other == own).then_some(volume);
    }
    let fits = |volume: &PersistentVolume| {
        volume.class == claim.class.unwrap_or(cluster.known.empty)
            && volume.capacity >= claim.request
            && volume.block == claim.block
    };
    let volumes = || {
        let all = cluster.objects().filter_map(|(id, _)| Some((id, cluster.volume(id)?)));
        all.filter(|(id, volume)| !taken.contains(id) && fits(volume))
    };
    if let Some((volume, _)) = volumes().find(|(_, volume)| volume.claim == Some(own)) {
        return Some(volume);
    }
    if waits(claim, cluster) {
        return None;
    }
    let selected = |volume: ObjectId| {
        let labels = cluster.object(volume).map(|object| &object.labels);
        claim
            .selector
            .as_ref()
            .is_none_or(|selector| labels.is_some_and(|labels| selector.matches(labels, &cluster.names)))
    };
    let free = volumes().filter(|(id, volume)| {
        volume.claim.is_none()
            && volume.phase == VolumePhase::Available
            && volume.access_modes.contains(claim.access_modes)
            && selected(*id)
    });
    free.min_by_key(|(_, volume)| volume.capacity).map(|(id, _)| id)
}

/// Whether the claim's class waits for the first pod that uses it.
fn waits(claim: &PersistentVolumeClaim, cluster: &Cluster) -> bool {
    let class = claim.class.and_then(|class| cluster.find_object(Kind::StorageClass, cluster.known.empty, class));
    class
        .and_then(|class| cluster.object(class))
        .is_some_and(|object| matches!(&object.body, Body::StorageClass(class) if class.wait_for_first_consumer))
}
