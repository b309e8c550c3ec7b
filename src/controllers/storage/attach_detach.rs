//! The attach/detach controller (services-storage.md 5 and 7). Its reconciler looks at everything ten times
//! a second; here a volume is looked at in the first pass after something about it changed.
//!
//! A volume is wanted on the nodes of the pods that use its claim. A Terminating pod that still exists keeps
//! its volumes wanted on its node; so a single-attach volume does not leave a dead node before the pod's
//! object is gone. Detaches come before attaches.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{
    Action, Body, Change, Cluster, Message, Name, NodeId, ObjectId, PodId, Reason, Status, StorageAction, Subject,
};
use crate::controllers::settings::Settings;
use crate::controllers::topic::Topic;
use crate::controllers::{Controller, Key, Todo, Wakes};
use crate::engine::{Seed, Span, Time};

use super::Users;

const NAME: &str = "attachdetach-controller";
/// `maxWaitForUnmountDuration`.
const MAX_WAIT_FOR_UNMOUNT: Span = Span::from_secs(360);

/// The controller.
#[derive(Debug)]
pub struct AttachDetach {
    period: Span,
    first_pass: Time,
    never_force: bool,
    users: Users,
    /// The attachments of each volume.
    attachments: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// Since when attachments are no longer wanted: the detach timers.
    unwanted: BTreeMap<ObjectId, Time>,
    /// Volumes and nodes for which a Multi-Attach error was reported.
    reported: BTreeSet<(ObjectId, NodeId)>,
    /// Volumes to look at in the next pass.
    dirty: BTreeSet<ObjectId>,
}

impl AttachDetach {
    /// A controller that has seen nothing yet; the phase of its passes is drawn from the seed.
    pub fn new(settings: &Settings, seed: Seed) -> Self {
        let period = settings.attach_detach_period;
        let drawn = || Time(seed.stream("attach-detach-phase", 0).below(period.0.max(1)));
        AttachDetach {
            period,
            first_pass: settings.attach_detach_phase.unwrap_or_else(drawn),
            never_force: settings.disable_force_detach_on_timeout,
            users: Users::default(),
            attachments: BTreeMap::new(),
            unwanted: BTreeMap::new(),
            reported: BTreeSet::new(),
            dirty: BTreeSet::new(),
        }
    }

    /// The first pass at or after `at`.
    fn pass_from(&self, at: Time) -> Time {
        if self.period == Span::ZERO || at <= self.first_pass {
            return at.max(self.first_pass);
        }
        self.first_pass + self.period * at.since(self.first_pass).0.div_ceil(self.period.0)
    }

    fn pass(&mut self, cluster: &Cluster, todo: &mut Todo) {
        let volumes = std::mem::take(&mut self.dirty);
        for &volume in &volumes {
            self.detach(volume, cluster, todo);
        }
        for volume in volumes {
            self.attach(volume, cluster, todo);
        }
    }

    /// Where the volume is wanted: the pods by the name of their node.
    fn wanted(&self, volume: ObjectId, cluster: &Cluster) -> BTreeMap<Name, Vec<PodId>> {
        let mut wanted: BTreeMap<Name, Vec<PodId>> = BTreeMap::new();
        let claim = cluster.claim_of_volume(volume).filter(|claim| cluster.volume_of_claim(*claim) == Some(volume));
        for (pod, node) in claim.into_iter().flat_map(|claim| self.users.on_nodes(claim, cluster)) {
            if let Some(node) = cluster.node(node).or_else(|| cluster.removed_node(node)) {
                wanted.entry(node.name()).or_default().push(pod);
            }
        }
        wanted
    }

    fn detach(&mut self, volume: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        let wanted = self.wanted(volume, cluster);
        for &id in self.attachments.get(&volume).into_iter().flatten() {
            let leaving = cluster.object(id).is_none_or(|object| object.deleting);
            let Some(attachment) = cluster.attachment(id).filter(|_| !leaving) else { continue };
            if wanted.contains_key(&attachment.node) {
                self.unwanted.remove(&id);
                continue;
            }
            if !attachment.attached {
                continue; // its end is waited for
            }
            let since = *self.unwanted.entry(id).or_insert(cluster.now);
            let expires = since + MAX_WAIT_FOR_UNMOUNT;
            let node = Holder::of(attachment.node, volume, cluster);
            let forced = !self.never_force && !node.healthy && cluster.now > expires;
            if !node.mounted || forced || node.out_of_service {
                todo.actions.push(Action::Storage(StorageAction::Mark(id)));
            } else if !node.healthy && !self.never_force && cluster.now <= expires {
                todo.timers.push((self.pass_from(expires + Span(1)), Key::Object(volume)));
            }
        }
    }

    fn attach(&mut self, volume: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        let Some(spec) = cluster.volume(volume).filter(|_| cluster.needs_attach(volume)) else { return };
        for (name, pods) in self.wanted(volume, cluster) {
            let Some(node) = cluster.find_node(name) else { continue };
            if cluster.find_attachment(volume, node).is_some() {
                continue;
            }
            let elsewhere = self.attachments.get(&volume).into_iter().flatten();
            let mut elsewhere = elsewhere.filter_map(|id| Some((cluster.attachment(*id)?, cluster.object(*id)?)));
            if spec.access_modes.allow_many_nodes() || elsewhere.clone().next().is_none() {
                todo.actions.push(Action::Storage(StorageAction::Attach(volume, node)));
                continue;
            }
            let busy = elsewhere.any(|(attachment, object)| object.deleting || !attachment.attached);
            let marked_now = todo.actions.iter().any(|action| {
                matches!(action, Action::Storage(StorageAction::Mark(id))
                    if self.attachments.get(&volume).is_some_and(|all| all.contains(id)))
            });
            if !busy && !marked_now && self.reported.insert((volume, node)) {
                self.report(volume, name, &pods, cluster, todo);
            }
        }
    }

    /// The Multi-Attach error, to each pod that waits.
    fn report(&self, volume: ObjectId, node: Name, pods: &[PodId], cluster: &Cluster, todo: &mut Todo) {
        let wanted = self.wanted(volume, cluster);
        let users: Vec<PodId> =
            wanted.into_iter().filter(|(other, _)| *other != node).flat_map(|(_, pods)| pods).collect();
        let names: Vec<String> = users.iter().map(|pod| cluster.pod_name(*pod)).collect();
        let why = if names.is_empty() {
            "Volume is already exclusively attached to one node and can't be attached to another".to_string()
        } else {
            format!("Volume is already used by pod(s) {}", names.join(", "))
        };
        let text = format!("Multi-Attach error for volume \"{}\" {why}", cluster.object_name(volume));
        todo.actions.extend(pods.iter().map(|pod| say(*pod, true, "FailedAttachVolume", &text)));
    }

    /// An attachment is there: its pods are told.
    fn attached(&mut self, id: ObjectId, cluster: &Cluster, wakes: &mut Wakes) {
        let Some(attachment) = cluster.attachment(id).filter(|attachment| attachment.attached) else { return };
        let Some(volume) = attachment.volume.and_then(|name| cluster.find_volume(name)) else { return };
        let text = format!("AttachVolume.Attach succeeded for volume \"{}\"", cluster.object_name(volume));
        let pods = self.wanted(volume, cluster).remove(&attachment.node).unwrap_or_default();
        let reason = Reason { warning: false, text: "SuccessfulAttachVolume" };
        for pod in pods {
            let message = Message::Other(reason, text.as_str().into());
            wakes.records.push((NAME, Subject::Pod(pod), message));
        }
    }

    /// The volume of an attachment, which is remembered for it, or forgotten.
    fn remember(&mut self, id: ObjectId, body: &Body, exists: bool, cluster: &Cluster) -> Option<ObjectId> {
        let Body::VolumeAttachment(attachment) = body else { return None };
        let volume = attachment.volume.and_then(|name| cluster.find_volume(name))?;
        let all = self.attachments.entry(volume).or_default();
        if exists {
            all.insert(id);
        } else {
            all.remove(&id);
            self.unwanted.remove(&id);
        }
        if all.is_empty() {
            self.attachments.remove(&volume);
        }
        Some(volume)
    }

    /// Volumes that wait for their nodes: those with a detach timer.
    fn timed(&self, cluster: &Cluster) -> Vec<Key> {
        let volume = |id: &ObjectId| cluster.find_volume(cluster.attachment(*id)?.volume?);
        self.unwanted.keys().filter_map(volume).map(Key::Object).collect()
    }
}

fn say(pod: PodId, warning: bool, reason: &'static str, text: &str) -> Action {
    let message = Message::Other(Reason { warning, text: reason }, text.into());
    Action::Record(NAME, Subject::Pod(pod), message)
}

/// The node to which a volume is attached, as far as detaching asks.
struct Holder {
    /// Whether its kubelet reports, or last reported, the volume in use. Of a node that is gone nothing else
    /// will be heard.
    mounted: bool,
    /// Whether it is there and Ready.
    healthy: bool,
    /// Whether it is tainted `node.kubernetes.io/out-of-service`.
    out_of_service: bool,
}

impl Holder {
    fn of(name: Name, volume: ObjectId, cluster: &Cluster) -> Holder {
        let Some(node) = cluster.find_node(name).and_then(|id| cluster.node(id)) else {
            return Holder { mounted: true, healthy: false, out_of_service: false };
        };
        let key = cluster.known.out_of_service;
        Holder {
            mounted: node.volumes_in_use.contains(&volume),
            healthy: node.ready.status == Status::True,
            out_of_service: node.spec.taints.iter().any(|taint| taint.key == key),
        }
    }
}

impl Controller for AttachDetach {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Bound, Topic::Phase, Topic::Removed, Topic::Taints]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Some(pod) = self.users.observe(change, cluster) {
            let volumes = cluster.volumes_of(pod);
            if let (Change::PodRemoved(_), Some(node)) = (change, cluster.pod(pod).and_then(|pod| pod.node)) {
                self.reported.retain(|(volume, on)| *on != node || !volumes.contains(volume));
            }
            wakes.news.extend(volumes.into_iter().map(Key::Object));
            return;
        }
        match change {
            Change::ObjectCreated(id) | Change::ObjectUpdated(id) => match cluster.object(id).map(|o| &o.body) {
                Some(Body::PersistentVolumeClaim(_)) => {
                    wakes.news.extend(cluster.volume_of_claim(id).map(Key::Object));
                }
                Some(body @ Body::VolumeAttachment(_)) => {
                    wakes.news.extend(self.remember(id, body, true, cluster).map(Key::Object));
                    if matches!(change, Change::ObjectUpdated(_)) {
                        self.attached(id, cluster, wakes);
                    }
                }
                _ => (),
            },
            Change::ObjectRemoved(id) => {
                if let Some(object) = cluster.removed_object(id) {
                    wakes.news.extend(self.remember(id, &object.body, false, cluster).map(Key::Object));
                }
            }
            Change::NodeReady { .. } | Change::NodeTainted(_) | Change::NodeVolumes(_) | Change::NodeRemoved(_)
                if !self.unwanted.is_empty() =>
            {
                wakes.news.extend(self.timed(cluster));
            }
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        match key {
            Key::Object(volume) => {
                self.dirty.insert(volume);
                todo.timers.push((self.pass_from(cluster.now), Key::Work));
            }
            Key::Work => self.pass(cluster, todo),
            _ => (),
        }
    }
}
