//! The PVC protection controller (services-storage.md 4): a claim marked for deletion goes once no pod on a
//! node uses it.

use crate::cluster::{Action, Change, Cluster};
use crate::controllers::settings::Settings;
use crate::controllers::topic::Topic;
use crate::controllers::{Controller, Key, Todo, Wakes};

use super::Users;

/// The controller.
#[derive(Debug)]
pub struct ClaimProtection {
    users: Users,
}

impl ClaimProtection {
    /// A controller that has seen nothing yet.
    pub fn new(_: &Settings) -> Self {
        ClaimProtection { users: Users::default() }
    }
}

impl Controller for ClaimProtection {
    fn name(&self) -> &'static str {
        "persistentvolumeclaim-protection-controller"
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Bound, Topic::Phase, Topic::Removed]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        let is_leaving = |id: &crate::cluster::ObjectId| {
            cluster.claim(*id).is_some() && cluster.object(*id).is_some_and(|object| object.deleting)
        };
        match change {
            Change::ObjectCreated(id) | Change::ObjectMarked(id) => {
                wakes.news.extend(Some(id).filter(is_leaving).map(Key::Object));
            }
            _ => {
                if let Some(pod) = self.users.observe(change, cluster) {
                    wakes.news.extend(cluster.claims_of(pod).into_iter().filter(is_leaving).map(Key::Object));
                }
            }
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        if let Key::Object(claim) = key
            && cluster.object(claim).is_some_and(|object| object.deleting)
            && self.users.of(claim, cluster).next().is_none()
        {
            todo.actions.push(Action::RemoveObject(claim));
        }
    }
}
