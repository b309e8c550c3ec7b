//! Garbage collection (controllers.md 1): what becomes of the dependants of a deleted object. In the
//! background they are deleted after it, in the foreground before it; as orphans they stay.

use std::collections::BTreeSet;

use crate::cluster::{Action, Cascade, Change, Cluster, ObjectId, PodId};
use crate::controllers::topic::Topic;

use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

/// The garbage collector.
#[derive(Debug)]
pub struct GarbageCollector {
    /// What is to be deleted for its owner's sake.
    dependants: Vec<Dependant>,
    /// Objects that go once all they own has gone.
    waiting: BTreeSet<ObjectId>,
}

#[derive(Clone, Copy, Debug)]
enum Dependant {
    Object(ObjectId, Cascade),
    Pod(PodId),
}

impl GarbageCollector {
    /// A collector with nothing to do.
    pub fn new(_: &Settings) -> Self {
        GarbageCollector { dependants: Vec::new(), waiting: BTreeSet::new() }
    }

    fn collect(&mut self, children: &[ObjectId], pods: &[PodId], cascade: Cascade) {
        self.dependants.extend(children.iter().map(|child| Dependant::Object(*child, cascade)));
        let mut pods = pods.to_vec();
        pods.sort_unstable();
        self.dependants.extend(pods.into_iter().map(Dependant::Pod));
    }

    /// An object marked with a policy that keeps it until its dependants are seen to.
    fn see_to(&mut self, id: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        let Some(object) = cluster.object(id).filter(|object| object.deleting) else { return };
        match object.cascade {
            Cascade::Background => (),
            Cascade::Orphan => todo.actions.extend([Action::OrphanDependants(id), Action::RemoveObject(id)]),
            Cascade::Foreground if object.children.is_empty() && object.pods.is_empty() => {
                self.waiting.remove(&id);
                todo.actions.push(Action::RemoveObject(id));
            }
            Cascade::Foreground => {
                if self.waiting.insert(id) {
                    self.collect(&object.children, &object.pods, Cascade::Foreground);
                }
            }
        }
    }

    /// Makes the deletions the client's rate allows.
    fn work(&mut self, cluster: &Cluster, todo: &mut Todo) {
        let mut dependants = std::mem::take(&mut self.dependants).into_iter();
        while let Some(dependant) = dependants.next() {
            if !todo.client.try_take(cluster.now) {
                self.dependants = std::iter::once(dependant).chain(dependants).collect();
                todo.timers.push((todo.client.next(cluster.now), Key::Work));
                return;
            }
            todo.calls.push(match dependant {
                Dependant::Object(id, cascade) => Action::DeleteObject(id, cascade),
                Dependant::Pod(pod) => Action::DeletePod { pod, grace: None, by: None },
            });
        }
    }
}

/// The claims that go with a pod: those of its ephemeral volumes, and those it took along from its set.
fn claims_owned_by(pod: PodId, cluster: &Cluster) -> Vec<ObjectId> {
    if !cluster.has_claims(pod) {
        return Vec::new();
    }
    let name = cluster.names.find(&cluster.pod_name(pod));
    let owned = |id: &ObjectId| name.is_some() && cluster.claim(*id).is_some_and(|claim| claim.for_pod == name);
    cluster.claims_of(pod).into_iter().filter(owned).collect()
}

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage-collector"
    }

    fn workers(&self) -> usize {
        20
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Removed]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::ObjectMarked(id) => wakes.news.push(Key::Object(id)),
            Change::ObjectRemoved(id) => {
                let Some(object) = cluster.removed_object(id) else { return };
                self.waiting.remove(&id);
                self.collect(&object.children, &object.pods, Cascade::Background);
                if !self.dependants.is_empty() {
                    wakes.news.push(Key::Work);
                }
                wakes.news.extend(object.owner.filter(|owner| self.waiting.contains(owner)).map(Key::Object));
            }
            Change::PodRemoved(pod) => {
                let claims = claims_owned_by(pod, cluster);
                if !claims.is_empty() {
                    self.collect(&claims, &[], Cascade::Background);
                    wakes.news.push(Key::Work);
                }
                if self.waiting.is_empty() {
                    return;
                }
                let owner = cluster.pod(pod).and_then(|pod| pod.owner);
                wakes.news.extend(owner.filter(|owner| self.waiting.contains(owner)).map(Key::Object));
            }
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        if let Key::Object(id) = key {
            self.see_to(id, cluster, todo);
        }
        self.work(cluster, todo);
    }
}
