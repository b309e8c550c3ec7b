//! The TTL-after-finished controller (controllers.md 6): deletes ended Jobs, their pods first, once
//! `ttlSecondsAfterFinished` has passed since the stored time of their end.

use crate::cluster::{Action, Cascade, Change, Cluster, ObjectId};
use crate::controllers::topic::Topic;
use crate::engine::Time;

use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

/// The controller. It keeps nothing in memory.
#[derive(Debug)]
pub struct TtlAfterFinished;

impl TtlAfterFinished {
    /// The controller.
    pub fn new(_: &Settings) -> Self {
        TtlAfterFinished
    }
}

/// When the Job is to be deleted; `None`: never.
fn expiry(id: ObjectId, cluster: &Cluster) -> Option<Time> {
    let job = cluster.job(id)?;
    let (_, ended_at) = job.status.ended?;
    Some(cluster.stored(ended_at) + job.ttl?)
}

impl Controller for TtlAfterFinished {
    fn name(&self) -> &'static str {
        "ttl-after-finished-controller"
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Status]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Change::ObjectCreated(id) | Change::ObjectUpdated(id) | Change::ObjectStatus(id) = change
            && expiry(id, cluster).is_some()
        {
            wakes.news.push(Key::Object(id));
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        let Key::Object(id) = key else { return };
        let Some(at) = expiry(id, cluster).filter(|_| cluster.object(id).is_some_and(|object| !object.deleting)) else {
            return;
        };
        if at > cluster.now {
            todo.timers.push((at, key));
        } else {
            todo.actions.push(Action::DeleteObject(id, Cascade::Foreground));
        }
    }
}
