//! Garbage collection in the background: what a deleted owner leaves behind is deleted
//! (controllers.md 1). Foreground deletion and orphaning are not modelled.

use crate::cluster::{Action, Change, Cluster, ObjectId, PodId};
use crate::engine::TokenBucket;

use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

/// The garbage collector.
#[derive(Debug)]
pub struct GarbageCollector {
    client: TokenBucket,
    /// What removed owners owned, when they were removed.
    orphans: Vec<Orphan>,
}

#[derive(Clone, Copy, Debug)]
enum Orphan {
    Object(ObjectId),
    Pod(PodId),
}

impl GarbageCollector {
    /// A collector with nothing to do.
    pub fn new(settings: &Settings) -> Self {
        GarbageCollector { client: settings.client(), orphans: Vec::new() }
    }
}

impl Controller for GarbageCollector {
    fn name(&self) -> &'static str {
        "garbage-collector"
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        let Change::ObjectRemoved(id) = change else { return };
        let Some(object) = cluster.removed_object(id) else { return };
        self.orphans.extend(object.children.iter().map(|child| Orphan::Object(*child)));
        self.orphans.extend(object.pods.iter().map(|pod| Orphan::Pod(*pod)));
        if !self.orphans.is_empty() {
            wakes.news.push(Key::Work);
        }
    }

    fn reconcile(&mut self, _: Key, cluster: &Cluster, todo: &mut Todo) {
        let mut orphans = std::mem::take(&mut self.orphans).into_iter();
        while let Some(orphan) = orphans.next() {
            if !self.client.try_take(cluster.now) {
                self.orphans = std::iter::once(orphan).chain(orphans).collect();
                todo.timers.push((self.client.next(cluster.now), Key::Work));
                return;
            }
            todo.actions.push(match orphan {
                Orphan::Object(id) => Action::RemoveObject(id),
                Orphan::Pod(pod) => Action::DeletePod { pod, grace: None, by: None },
            });
        }
    }
}
