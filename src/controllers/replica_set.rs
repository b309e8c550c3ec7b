//! The ReplicaSet controller (controllers.md 1, 2 and 12): keeps `spec.replicas` active pods.
//!
//! A sync decides on creations or deletions, which are then done as the slow start and the client's
//! rate allow; the sync lasts until they are, and the next writes what came of them. So the victims of
//! a scale-down are ranked once, not again after each deletion.

use crate::cluster::objects::ObjectStatus;
use crate::cluster::{Action, Change, Cluster, NewPod, ObjectId, PodName, ReplicaSet, ReplicaSetStatus};
use crate::controllers::topic::Topic;
use crate::engine::Seed;

use super::calls::Calls;
use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

mod ranking;

/// Most creations or deletions decided in one sync.
const BURST_REPLICAS: u32 = 500;
const NAME: &str = "replicaset-controller";

/// The controller.
pub struct ReplicaSetController {
    calls: Calls,
}

impl ReplicaSetController {
    /// A controller that has decided nothing yet.
    pub fn new(_: &Settings, _: Seed) -> Self {
        ReplicaSetController { calls: Calls::new(NAME) }
    }

    fn sync(&mut self, id: ObjectId, set: &ReplicaSet, cluster: &Cluster) {
        let Some(object) = cluster.object(id).filter(|object| !object.deleting) else { return };
        let missing = set.replicas.saturating_sub(object.active).min(BURST_REPLICAS);
        let surplus = object.active.saturating_sub(set.replicas).min(BURST_REPLICAS);
        let new = NewPod::of(id, PodName::Generated(object.name), set.template);
        let victims = if surplus > 0 { ranking::victims(id, surplus as usize, cluster) } else { Vec::new() };
        self.calls.decide(id, vec![new; missing as usize], victims, cluster.now);
    }
}

impl Controller for ReplicaSetController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Created, Topic::Phase, Topic::Readiness, Topic::Marked, Topic::Removed, Topic::Status]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Change::CreateRefused(id) = change {
            let retry = cluster.replica_set(id).and_then(|_| self.calls.refused(id, cluster.now));
            wakes.timers.extend(retry.map(|at| (at, Key::Object(id))));
            return;
        }
        let object = match change {
            // only active pods count as ready
            Change::PodReady(pod, _) if cluster.pod(pod).is_some_and(|pod| pod.deletion.is_some()) => None,
            // its own status, which it hears of too, finds something to do only if the last sync failed
            Change::ObjectStatus(id) if self.calls.have_failed(id) => Some(id),
            _ => super::object_of(change, cluster),
        };
        wakes.news.extend(object.filter(|id| cluster.replica_set(*id).is_some()).map(Key::Object));
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        if let Key::Object(id) = key {
            let Some(set) = cluster.replica_set(id) else {
                self.calls.forget(id);
                return;
            };
            if self.calls.are_done(id) {
                write_status(id, set, self.calls.have_failed(id), cluster, todo);
                self.sync(id, set, cluster);
            }
            self.calls.start_batch(id, cluster.now, todo.client);
        }
        if let Key::Returned(id) = key {
            self.calls.returned(id, cluster.now, todo);
        }
        self.calls.work(cluster, todo);
    }
}

/// Writes `status` as it is now, and looks again when the next pod becomes available.
fn write_status(id: ObjectId, set: &ReplicaSet, failed_create: bool, cluster: &Cluster, todo: &mut Todo) {
    let Some(object) = cluster.object(id) else { return };
    let mut available = object.ready;
    if set.min_ready.0 > 0 {
        let ready_since = || {
            let pods = object.pods.iter().filter_map(|pod| cluster.pod(*pod));
            pods.filter(|pod| pod.is_active() && pod.ready).map(|pod| super::available_at(pod, set.min_ready, cluster))
        };
        available = ready_since().filter(|at| *at <= cluster.now).count() as u32;
        let next = ready_since().filter(|at| *at > cluster.now).min();
        todo.timers.extend(next.map(|at| (at, Key::Object(id))));
    }
    let status = ReplicaSetStatus {
        observed_size: Some(set.replicas),
        replicas: object.active,
        ready: object.ready,
        available,
        terminating: object.terminating,
        failed_create,
    };
    if status != set.status {
        todo.actions.push(Action::SetStatus(id, ObjectStatus::ReplicaSet(status)));
    }
}
