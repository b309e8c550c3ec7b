//! The StatefulSet controller (controllers.md 4): pods with an identity, made and ended in order,
//! never two of one identity.
//!
//! [`plan`] is one sync: what exists, what is next. A pod that is Terminating, as on a dead node,
//! still has its identity; nothing takes its place until the object is gone.

mod claims;
mod plan;

use crate::cluster::objects::ObjectStatus;
use crate::cluster::{Action, Change, Cluster, ObjectId};
use crate::controllers::topic::{PODS_OF_OWNER, Topic};
use crate::engine::Seed;

use super::calls::Calls;
use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

const NAME: &str = "statefulset-controller";

/// The controller.
pub struct StatefulSetController {
    calls: Calls,
}

impl StatefulSetController {
    /// A controller that has decided nothing yet.
    pub fn new(_: &Settings, _: Seed) -> Self {
        StatefulSetController { calls: Calls::new(NAME) }
    }

    fn sync(&mut self, id: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        let Some(set) = cluster.stateful_set(id) else {
            self.calls.forget(id);
            return;
        };
        let Some(plan) = plan::plan(id, cluster) else { return };
        if plan.status != set.status {
            todo.actions.push(Action::SetStatus(id, ObjectStatus::StatefulSet(plan.status)));
        }
        todo.actions.extend(claims::new_owners(id, cluster));
        todo.timers.extend(plan.look_again.map(|at| (at, Key::Object(id))));
        if self.calls.are_done(id) {
            self.calls.decide(id, plan.creations, plan.deletions, cluster.now);
        }
        self.calls.start_batch(id, cluster.now, todo.client);
    }
}

impl Controller for StatefulSetController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hears(&self) -> &'static [Topic] {
        PODS_OF_OWNER
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Change::CreateRefused(id) = change {
            let retry = cluster.stateful_set(id).and_then(|_| self.calls.refused(id, cluster.now));
            wakes.timers.extend(retry.map(|at| (at, Key::Object(id))));
            return;
        }
        let object = super::object_of(change, cluster);
        wakes.news.extend(object.filter(|id| cluster.stateful_set(*id).is_some()).map(Key::Object));
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        if let Key::Object(id) = key {
            self.sync(id, cluster, todo);
        }
        if let Key::Returned(id) = key {
            self.calls.returned(id, cluster.now, todo);
        }
        self.calls.work(cluster, todo);
    }
}
