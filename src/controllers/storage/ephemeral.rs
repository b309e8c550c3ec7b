//! The ephemeral-volume controller: makes the claims of pods' generic ephemeral volumes, `<pod>-<volume>`.
//! They go with their pods, by garbage collection.

use crate::cluster::spec::VolumeSource;
use crate::cluster::{Action, Change, Cluster, StorageAction};
use crate::controllers::settings::Settings;
use crate::controllers::topic::Topic;
use crate::controllers::{Controller, Key, Todo, Wakes};

/// The controller.
#[derive(Debug)]
pub struct EphemeralVolumes;

impl EphemeralVolumes {
    /// A controller; it keeps nothing in memory.
    pub fn new(_: &Settings) -> Self {
        EphemeralVolumes
    }
}

impl Controller for EphemeralVolumes {
    fn name(&self) -> &'static str {
        "ephemeral-volume-controller"
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Created]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        if let Change::PodCreated(pod) = change {
            let volumes = cluster.pod(pod).map_or(&[][..], |pod| &cluster.spec(pod.spec).volumes);
            if volumes.iter().any(|volume| matches!(volume, VolumeSource::Ephemeral(..))) {
                wakes.news.push(Key::Pod(pod));
            }
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        if let Key::Pod(pod) = key
            && cluster.pod(pod).is_some_and(|pod| pod.deletion.is_none())
        {
            todo.actions.push(Action::Storage(StorageAction::CreateEphemeralClaims(pod)));
        }
    }
}
