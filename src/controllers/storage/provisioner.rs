//! The external provisioner, a CSI sidecar of each driver: makes volumes for claims that ask for one, where
//! the driver tells places apart near the selected node, and deletes released volumes whose policy says so.
//!
//! A driver tells places apart by the `topologyKeys` of its CSINode; without any, by zone where nodes have
//! one. For a claim of an Immediate class it takes some node's place that the class allows, by the seed.

use std::collections::BTreeSet;

use crate::cluster::volumes::{StorageClass, VolumePhase};
use crate::cluster::{
    Action, Body, Change, Cluster, Kind, Message, Name, Node, ObjectId, Reason, StorageAction, Subject,
};
use crate::controllers::settings::Settings;
use crate::controllers::topic::Topic;
use crate::controllers::{Controller, Key, Todo, Wakes};
use crate::engine::{Distribution, Seed, Span, Stream};

const NAME: &str = "external-provisioner";
/// `--retry-interval-max`: until a claim is tried again that fits nowhere.
const RETRY: Span = Span::from_secs(300);

/// The provisioner.
#[derive(Debug)]
pub struct Provisioner {
    provision: Distribution,
    seed: Seed,
    /// Claims and volumes on which work is under way.
    under_way: BTreeSet<ObjectId>,
}

impl Provisioner {
    /// A provisioner with nothing to do yet.
    pub fn new(settings: &Settings, seed: Seed) -> Self {
        Provisioner { provision: settings.provision.clone(), seed, under_way: BTreeSet::new() }
    }

    /// The driver's answer comes some time after now.
    fn begin(&mut self, id: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        let mut stream = self.stream("volume-provision", id);
        let at = cluster.now + self.provision.sample(&mut stream);
        self.under_way.insert(id);
        todo.timers.push((at, Key::Returned(id)));
    }

    fn stream(&self, purpose: &str, id: ObjectId) -> Stream {
        self.seed.stream(purpose, u64::from(id.0))
    }

    fn look(&mut self, id: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        if self.under_way.contains(&id) {
            return;
        }
        if wants_volume(id, cluster) {
            let path = cluster.object(id).map_or(String::new(), |object| {
                format!("{}/{}", cluster.names.text(object.namespace), cluster.names.text(object.name))
            });
            let text = format!("External provisioner is provisioning volume for claim \"{path}\"");
            todo.actions.push(say(id, "Provisioning", text));
            self.begin(id, cluster, todo);
        } else if is_to_go(id, cluster) {
            self.begin(id, cluster, todo);
        }
    }

    fn finish(&mut self, id: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        self.under_way.remove(&id);
        if wants_volume(id, cluster) {
            let Some(place) = self.place(id, cluster) else {
                if cluster.claim(id).is_some_and(|claim| claim.selected_node.is_some()) {
                    todo.actions.push(Action::Storage(StorageAction::SelectNode(id, None)));
                } else {
                    todo.timers.push((cluster.now + RETRY, Key::Object(id)));
                }
                return;
            };
            todo.actions.push(Action::Storage(StorageAction::Provision { claim: id, place }));
            let text = format!("Successfully provisioned volume {}", cluster.provisioned_name(id));
            todo.actions.push(say(id, "ProvisioningSucceeded", text));
        } else if is_to_go(id, cluster) {
            todo.actions.push(Action::RemoveObject(id));
        }
    }

    /// The labels of the place where the volume is made; `None` if the claim's node is gone or no node is
    /// in a place that the class allows.
    fn place(&self, id: ObjectId, cluster: &Cluster) -> Option<Vec<(Name, Name)>> {
        let claim = cluster.claim(id)?;
        let class = cluster.class_of(claim)?;
        if let Some(node) = claim.selected_node {
            return Some(place_of(cluster.node(cluster.find_node(node)?)?, class, cluster));
        }
        let mut places: Vec<Vec<(Name, Name)>> = Vec::new();
        for (_, node) in cluster.nodes().filter(|(_, node)| class.allows(node)) {
            let place = place_of(node, class, cluster);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let index = self.stream("volume-place", id).below(places.len().max(1) as u64);
        places.into_iter().nth(index as usize)
    }
}

fn say(claim: ObjectId, reason: &'static str, text: String) -> Action {
    let message = Message::Other(Reason { warning: false, text: reason }, text.into());
    Action::Record(NAME, Subject::Object(claim), message)
}

/// Whether it is a claim for which a volume can be made now.
fn wants_volume(id: ObjectId, cluster: &Cluster) -> bool {
    let leaving = cluster.object(id).is_none_or(|object| object.deleting);
    let Some(claim) = cluster.claim(id).filter(|claim| claim.provision && claim.volume.is_none() && !leaving) else {
        return false;
    };
    let class = cluster.class_of(claim);
    class.is_some_and(|class| {
        class.driver.is_some() && (!class.wait_for_first_consumer || claim.selected_node.is_some())
    })
}

/// Whether it is a released volume that is to be deleted.
fn is_released(id: ObjectId, cluster: &Cluster) -> bool {
    cluster.volume(id).is_some_and(|volume| volume.phase == VolumePhase::Released && volume.reclaim_delete)
}

/// Whether it is such a volume and attached nowhere.
fn is_to_go(id: ObjectId, cluster: &Cluster) -> bool {
    let name = cluster.object(id).map(|object| object.name);
    let holds = |body: &Body| matches!(body, Body::VolumeAttachment(attachment) if attachment.volume == name);
    is_released(id, cluster) && !cluster.objects().any(|(_, object)| holds(&object.body))
}

/// The labels that say where the driver's volumes near this node are.
fn place_of(node: &Node, class: &StorageClass, cluster: &Cluster) -> Vec<(Name, Name)> {
    let known = cluster.find_object(Kind::CsiNode, cluster.known.empty, node.name());
    let keys = match known.and_then(|id| cluster.object(id)).map(|object| &object.body) {
        Some(Body::CsiNode(csi)) => csi.topology_keys.iter().find(|(driver, _)| Some(*driver) == class.driver),
        _ => None,
    };
    let by_zone = [cluster.known.zone];
    let keys = keys.map_or(&by_zone[..], |(_, keys)| keys);
    keys.iter().filter_map(|key| Some((*key, node.spec.labels.get(*key)?))).collect()
}

impl Controller for Provisioner {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hears(&self) -> &'static [Topic] {
        &[]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::ObjectCreated(id) | Change::ObjectUpdated(id)
                if wants_volume(id, cluster) || is_released(id, cluster) =>
            {
                wakes.news.push(Key::Object(id));
            }
            Change::ObjectRemoved(id) => {
                self.under_way.remove(&id);
                // a released volume may now be attached nowhere
                if let Some(Body::VolumeAttachment(gone)) = cluster.removed_object(id).map(|object| &object.body) {
                    wakes.news.extend(gone.volume.and_then(|name| cluster.find_volume(name)).map(Key::Object));
                }
            }
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        match key {
            Key::Object(id) => self.look(id, cluster, todo),
            Key::Returned(id) => self.finish(id, cluster, todo),
            _ => (),
        }
    }
}
