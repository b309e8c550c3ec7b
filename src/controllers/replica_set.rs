//! The ReplicaSet controller (controllers.md 1, 2 and 12): keeps `spec.replicas` active pods.
//!
//! A sync decides on creations or deletions, which are then done as the slow start and the client's
//! rate allow; until they are (Kubernetes' *expectations*), further syncs only write the status. So
//! the victims of a scale-down are ranked once, not again after each deletion.

use std::collections::{BTreeMap, VecDeque};

use crate::cluster::objects::ObjectStatus;
use crate::cluster::{Action, Change, Cluster, NewPod, ObjectId, PodId, PodName, ReplicaSet, ReplicaSetStatus};
use crate::engine::{Seed, Stream, Time, TokenBucket};

use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

mod ranking;

/// Most creations or deletions decided in one sync.
const BURST_REPLICAS: u32 = 500;
const NAME: &str = "replicaset-controller";

/// The controller.
pub struct ReplicaSetController {
    client: TokenBucket,
    api_write: crate::engine::Distribution,
    stream: Stream,
    /// Calls decided on and not yet made, in order.
    calls: VecDeque<Call>,
    /// What each ReplicaSet still waits for.
    expectations: BTreeMap<ObjectId, Expectation>,
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Create(ObjectId),
    Delete(ObjectId, PodId),
}

/// Work of one ReplicaSet that a sync has decided on.
#[derive(Clone, Copy, Debug)]
struct Expectation {
    /// Calls of the current batch not yet made.
    in_batch: u32,
    /// Creations after the current batch.
    later: u32,
    /// Size of the next batch: 1, 2, 4 ….
    next_batch: u32,
    /// When the calls of the last batch have returned, and the next may start.
    returned: Time,
}

impl ReplicaSetController {
    /// A controller that has decided nothing yet.
    pub fn new(settings: &Settings, seed: Seed) -> Self {
        ReplicaSetController {
            client: settings.client(),
            api_write: settings.api_write.clone(),
            stream: seed.stream("replicaset-slow-start", 0),
            calls: VecDeque::new(),
            expectations: BTreeMap::new(),
        }
    }

    fn sync(&mut self, id: ObjectId, set: &ReplicaSet, cluster: &Cluster) {
        let Some(object) = cluster.object(id) else { return };
        let returned = cluster.now;
        if object.active < set.replicas {
            let later = (set.replicas - object.active).min(BURST_REPLICAS);
            self.expectations.insert(id, Expectation { in_batch: 0, later, next_batch: 1, returned });
        } else if object.active > set.replicas {
            let surplus = (object.active - set.replicas).min(BURST_REPLICAS);
            let victims = ranking::victims(id, surplus as usize, cluster);
            let in_batch = victims.len() as u32;
            self.calls.extend(victims.into_iter().map(|pod| Call::Delete(id, pod)));
            self.expectations.insert(id, Expectation { in_batch, later: 0, next_batch: 0, returned });
        }
    }

    /// Queues the next batch of the slow start, once the batch before has returned.
    fn start_batch(&mut self, id: ObjectId, now: Time) {
        let Some(expectation) = self.expectations.get_mut(&id) else { return };
        if expectation.in_batch > 0 || now < expectation.returned {
            return;
        }
        let size = expectation.next_batch.min(expectation.later);
        expectation.in_batch = size;
        expectation.later -= size;
        expectation.next_batch *= 2;
        self.calls.extend(std::iter::repeat_n(Call::Create(id), size as usize));
    }

    /// Makes the calls the client's rate allows now.
    fn work(&mut self, cluster: &Cluster, todo: &mut Todo) {
        while let Some(&call) = self.calls.front() {
            if !self.client.try_take(cluster.now) {
                todo.timers.push((self.client.next(cluster.now), Key::Work));
                return;
            }
            self.calls.pop_front();
            let id = match call {
                Call::Create(id) => {
                    todo.actions.extend(create(id, cluster));
                    id
                }
                Call::Delete(id, pod) => {
                    todo.actions.push(Action::DeletePod { pod, grace: None, by: Some(NAME) });
                    id
                }
            };
            if let Some(returned) = self.call_made(id, cluster.now) {
                todo.timers.push((returned, Key::Object(id)));
            }
        }
    }

    /// Counts one call of a ReplicaSet. If its batch is through, answers when it will have returned.
    fn call_made(&mut self, id: ObjectId, now: Time) -> Option<Time> {
        let expectation = self.expectations.get_mut(&id)?;
        expectation.in_batch -= 1;
        if expectation.in_batch > 0 {
            return None;
        }
        if expectation.later == 0 {
            self.expectations.remove(&id);
        } else {
            expectation.returned = now + self.api_write.sample(&mut self.stream);
            return Some(expectation.returned);
        }
        None
    }

    fn forget(&mut self, id: ObjectId) {
        self.expectations.remove(&id);
        self.calls.retain(|call| match call {
            Call::Create(of) | Call::Delete(of, _) => *of != id,
        });
    }
}

impl Controller for ReplicaSetController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        let object = match change {
            Change::ObjectCreated(object) | Change::ObjectScaled { object, .. } | Change::ObjectUpdated(object) => {
                Some(object)
            }
            Change::PodCreated(pod)
            | Change::PodReady(pod, _)
            | Change::PodPhase { pod, .. }
            | Change::PodMarked(pod)
            | Change::PodRemoved(pod) => cluster.pod(pod).and_then(|pod| pod.owner),
            _ => None,
        };
        let is_set = |id: &ObjectId| cluster.replica_set(*id).is_some();
        wakes.news.extend(object.filter(is_set).map(Key::Object));
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        if let Key::Object(id) = key {
            let Some(set) = cluster.replica_set(id) else {
                self.forget(id);
                return;
            };
            write_status(id, set, cluster, todo);
            if !self.expectations.contains_key(&id) {
                self.sync(id, set, cluster);
            }
            self.start_batch(id, cluster.now);
        }
        self.work(cluster, todo);
    }
}

/// The creation of one pod of the set, if the set is still there.
fn create(id: ObjectId, cluster: &Cluster) -> Option<Action> {
    let set = cluster.replica_set(id)?;
    let name = PodName::Generated(cluster.object(id)?.name);
    let new = NewPod::of(id, name, set.template);
    Some(Action::CreatePod { new, by: NAME })
}

/// Writes `status` as it is now, and looks again when the next pod becomes available.
fn write_status(id: ObjectId, set: &ReplicaSet, cluster: &Cluster, todo: &mut Todo) {
    let Some(object) = cluster.object(id) else { return };
    let mut available = object.ready;
    if set.min_ready.0 > 0 {
        let ready_since = || {
            let pods = object.pods.iter().filter_map(|pod| cluster.pod(*pod));
            pods.filter(|pod| pod.is_active() && pod.ready).map(|pod| pod.ready_at + set.min_ready)
        };
        available = ready_since().filter(|at| *at <= cluster.now).count() as u32;
        let next = ready_since().filter(|at| *at > cluster.now).min();
        todo.timers.extend(next.map(|at| (at, Key::Object(id))));
    }
    let status =
        ReplicaSetStatus { replicas: object.active, ready: object.ready, available, terminating: object.terminating };
    if status != set.status {
        todo.actions.push(Action::SetStatus(id, ObjectStatus::ReplicaSet(status)));
    }
}
