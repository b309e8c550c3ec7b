//! The persistent-volume binder (services-storage.md 4): binds claims of Immediate classes to the smallest
//! volume that fits, completes the bindings that the scheduler or a provisioner began, asks for volumes
//! to be made, and sees what becomes of both when the other is gone.
//!
//! A claim for which there is nothing waits for the next resync, every 15 s, unless a volume comes that is
//! kept for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::volumes::VolumePhase;
use crate::cluster::{Action, Body, Change, Cluster, Kind, Message, Name, ObjectId, Reason, StorageAction, Subject};
use crate::controllers::settings::Settings;
use crate::controllers::topic::Topic;
use crate::controllers::{Controller, Key, Todo, Wakes};
use crate::engine::{Seed, Span, Time};

const NAME: &str = "persistentvolume-controller";
/// `--pvclaimbinder-sync-period`.
const RESYNC: Span = Span::from_secs(15);

/// The binder.
#[derive(Debug)]
pub struct Binder {
    /// Volumes that no claim has, but those given away by writes still under way.
    free: BTreeSet<ObjectId>,
    /// The volumes whose `claimRef` names a claim.
    kept: BTreeMap<(Name, Name), BTreeSet<ObjectId>>,
    /// Claims for which there was nothing.
    waiting: BTreeSet<ObjectId>,
    /// Claims of which something was said that need not be said again.
    told: BTreeSet<ObjectId>,
    first_resync: Time,
    resync_pending: bool,
}

impl Binder {
    /// A binder that has seen nothing yet; the phase of its resync is drawn from the seed.
    pub fn new(settings: &Settings, seed: Seed) -> Self {
        let drawn = || Time(seed.stream("volume-binder-phase", 0).below(RESYNC.0));
        Binder {
            free: BTreeSet::new(),
            kept: BTreeMap::new(),
            waiting: BTreeSet::new(),
            told: BTreeSet::new(),
            first_resync: settings.volume_binder_phase.unwrap_or_else(drawn),
            resync_pending: false,
        }
    }

    fn next_resync(&self, now: Time) -> Time {
        let elapsed = now.since(self.first_resync).0;
        if now < self.first_resync { self.first_resync } else { self.first_resync + RESYNC * (elapsed / RESYNC.0 + 1) }
    }

    fn wait(&mut self, claim: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        self.waiting.insert(claim);
        if !std::mem::replace(&mut self.resync_pending, true) {
            todo.timers.push((self.next_resync(cluster.now), Key::Pass));
        }
    }

    fn tell(&mut self, claim: ObjectId, warning: bool, reason: &'static str, text: String, todo: &mut Todo) {
        if self.told.insert(claim) {
            let message = Message::Other(Reason { warning, text: reason }, text.into());
            todo.actions.push(Action::Record(NAME, Subject::Object(claim), message));
        }
    }

    fn sync_claim(&mut self, id: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        self.waiting.remove(&id);
        let Some(claim) = cluster.claim(id) else { return };
        if claim.bind_completed {
            if !claim.lost && cluster.volume_of_claim(id).is_none() {
                todo.actions.push(Action::Storage(StorageAction::Lose(id)));
                self.told.remove(&id);
                let text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!".to_string();
                self.tell(id, true, "ClaimLost", text, todo);
            }
            return;
        }
        if let Some(name) = claim.volume {
            // asked for by name: the volume may be to come, or kept for another
            let own = cluster.object(id).map(|object| (object.namespace, object.name));
            let volume = cluster.find_volume(name);
            let kept = volume.and_then(|volume| cluster.volume(volume)).map(|volume| volume.claim);
            match volume.filter(|_| kept.is_some_and(|claim| claim.is_none() || claim == own)) {
                Some(volume) => self.bind(id, volume, todo),
                None => self.wait(id, cluster, todo),
            }
            return;
        }
        let class = cluster.class_of(claim);
        let delayed = class.is_some_and(|class| class.wait_for_first_consumer);
        if let Some(volume) = self.volume_for(id, delayed, cluster) {
            self.bind(id, volume, todo);
        } else if delayed && claim.selected_node.is_none() {
            let text = "waiting for first consumer to be created before binding".to_string();
            self.tell(id, false, "WaitForFirstConsumer", text, todo);
        } else if let Some(driver) = class.and_then(|class| class.driver) {
            if !claim.provision {
                todo.actions.push(Action::Storage(StorageAction::AskForVolume(id)));
                self.told.remove(&id);
                let driver = cluster.names.text(driver);
                let text = format!(
                    "Waiting for a volume to be created either by the external provisioner '{driver}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered."
                );
                self.tell(id, false, "ExternalProvisioning", text, todo);
            }
        } else if !delayed {
            self.tell(id, false, "FailedBinding", no_volume(claim.class.is_some(), cluster, id), todo);
            self.wait(id, cluster, todo);
        }
    }

    /// The volume kept for the claim, or else the free one that fits best, if the class does not wait.
    fn volume_for(&self, id: ObjectId, delayed: bool, cluster: &Cluster) -> Option<ObjectId> {
        let own = cluster.object(id).map(|object| (object.namespace, object.name))?;
        let kept = self.kept.get(&own).into_iter().flatten().copied();
        let free = self.free.iter().copied().filter(|_| !delayed);
        cluster.volume_for(id, delayed, kept.chain(free))
    }

    /// A volume is there, or has changed: whose it is.
    fn remember(&mut self, id: ObjectId, claim: Option<(Name, Name)>) {
        if let Some(claim) = claim {
            self.free.remove(&id);
            self.kept.entry(claim).or_default().insert(id);
        } else {
            self.free.insert(id);
        }
    }

    /// A volume is gone.
    fn forget(&mut self, id: ObjectId, claim: Option<(Name, Name)>) {
        self.free.remove(&id);
        if let Some(claim) = claim
            && let Some(volumes) = self.kept.get_mut(&claim)
        {
            volumes.remove(&id);
            if volumes.is_empty() {
                self.kept.remove(&claim);
            }
        }
    }

    /// Four writes: specification and status of both sides.
    fn bind(&mut self, claim: ObjectId, volume: ObjectId, todo: &mut Todo) {
        self.told.remove(&claim);
        self.free.remove(&volume);
        todo.actions.push(Action::Storage(StorageAction::Bind { volume, claim }));
    }

    fn sync_volume(&mut self, id: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        let Some(volume) = cluster.volume(id) else { return };
        let set_phase = |phase| Action::Storage(StorageAction::SetVolumePhase(id, phase));
        match (volume.claim, cluster.claim_of_volume(id)) {
            (None, _) if volume.phase == VolumePhase::Pending => todo.actions.push(set_phase(VolumePhase::Available)),
            (Some(_), Some(claim))
                if volume.phase != VolumePhase::Bound && cluster.volume_of_claim(claim) == Some(id) =>
            {
                todo.actions.push(set_phase(VolumePhase::Bound));
            }
            (Some(_), Some(claim)) if volume.phase != VolumePhase::Released => self.sync_claim(claim, cluster, todo),
            (Some(_), None) if volume.phase == VolumePhase::Bound => {
                todo.actions.push(set_phase(VolumePhase::Released));
            }
            _ => (),
        }
    }
}

/// Why nothing can be bound.
fn no_volume(has_class: bool, cluster: &Cluster, claim: ObjectId) -> String {
    let class = cluster.claim(claim).and_then(|claim| claim.class).filter(|_| has_class);
    match class.filter(|class| *class != cluster.known.empty) {
        Some(class) => {
            format!("no persistent volumes available and storageclass \"{}\" makes none", cluster.names.text(class))
        }
        None => "no persistent volumes available for this claim and no storage class is set".to_string(),
    }
}

impl Controller for Binder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hears(&self) -> &'static [Topic] {
        &[]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::ObjectCreated(id) | Change::ObjectUpdated(id) => {
                match cluster.object(id).map(|object| &object.body) {
                    Some(Body::PersistentVolumeClaim(_)) => wakes.news.push(Key::Object(id)),
                    Some(Body::PersistentVolume(volume)) => {
                        self.remember(id, volume.claim);
                        wakes.news.push(Key::Object(id));
                    }
                    _ => (),
                }
            }
            Change::ObjectRemoved(id) => match cluster.removed_object(id).map(|object| &object.body) {
                Some(Body::PersistentVolumeClaim(claim)) => {
                    self.waiting.remove(&id);
                    self.told.remove(&id);
                    wakes.news.extend(claim.volume.and_then(|name| cluster.find_volume(name)).map(Key::Object));
                }
                Some(Body::PersistentVolume(volume)) => {
                    self.forget(id, volume.claim);
                    let kind = Kind::PersistentVolumeClaim;
                    let claim = volume.claim.and_then(|(namespace, name)| cluster.find_object(kind, namespace, name));
                    wakes.news.extend(claim.map(Key::Object));
                }
                _ => (),
            },
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        match key {
            Key::Object(id) => {
                self.sync_claim(id, cluster, todo);
                self.sync_volume(id, cluster, todo);
            }
            Key::Pass => {
                self.resync_pending = false;
                for claim in std::mem::take(&mut self.waiting) {
                    self.sync_claim(claim, cluster, todo);
                }
            }
            _ => (),
        }
    }
}
