//! The external attacher, a CSI sidecar of each driver: carries out what VolumeAttachments ask for.

use std::collections::BTreeSet;

use crate::cluster::{Action, Change, Cluster, ObjectId, StorageAction};
use crate::controllers::settings::Settings;
use crate::controllers::topic::Topic;
use crate::controllers::{Controller, Key, Todo, Wakes};
use crate::engine::{Distribution, Seed};

/// The attacher.
#[derive(Debug)]
pub struct Attacher {
    attach: Distribution,
    detach: Distribution,
    seed: Seed,
    /// Attachments being attached or, `true`, detached.
    under_way: BTreeSet<(ObjectId, bool)>,
}

impl Attacher {
    /// An attacher with nothing to do yet.
    pub fn new(settings: &Settings, seed: Seed) -> Self {
        let (attach, detach) = (settings.attach.clone(), settings.detach.clone());
        Attacher { attach, detach, seed, under_way: BTreeSet::new() }
    }
}

/// Whether there is something to do about an attachment: `Some(true)` to detach.
fn wanted(id: ObjectId, cluster: &Cluster) -> Option<bool> {
    let attachment = cluster.attachment(id)?;
    let leaving = cluster.object(id)?.deleting;
    (leaving || !attachment.attached).then_some(leaving)
}

impl Controller for Attacher {
    fn name(&self) -> &'static str {
        "external-attacher"
    }

    fn hears(&self) -> &'static [Topic] {
        &[]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::ObjectCreated(id) | Change::ObjectMarked(id) if wanted(id, cluster).is_some() => {
                wakes.news.push(Key::Object(id));
            }
            Change::ObjectRemoved(id) => {
                self.under_way.remove(&(id, true));
            }
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        match key {
            Key::Object(id) => {
                let Some(leaving) = wanted(id, cluster) else { return };
                if self.under_way.insert((id, leaving)) {
                    let (purpose, takes) =
                        if leaving { ("volume-detach", &self.detach) } else { ("volume-attach", &self.attach) };
                    let takes = takes.sample(&mut self.seed.stream(purpose, u64::from(id.0)));
                    todo.timers.push((cluster.now + takes, Key::Returned(id)));
                }
            }
            Key::Returned(id) if wanted(id, cluster) == Some(true) => todo.actions.push(Action::RemoveObject(id)),
            Key::Returned(id) => {
                self.under_way.remove(&(id, false));
                todo.actions.push(Action::Storage(StorageAction::SetAttached(id)));
            }
            _ => (),
        }
    }
}
