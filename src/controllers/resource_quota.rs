//! The ResourceQuota controller (controllers.md 12): recounts what a quota's pods use when pods come,
//! go or end. Admission itself counts what it lets in.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::admission::amount;
use crate::cluster::objects::ObjectStatus;
use crate::cluster::policy::ResourceQuota;
use crate::cluster::{Action, Body, Change, Cluster, Name, ObjectId, PodId};
use crate::controllers::topic::Topic;

use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

/// The controller.
#[derive(Debug)]
pub struct ResourceQuotaController {
    /// The pods each quota counts.
    quotas: BTreeMap<ObjectId, BTreeSet<PodId>>,
}

impl ResourceQuotaController {
    /// A controller that knows no quotas yet.
    pub fn new(_: &Settings) -> Self {
        ResourceQuotaController { quotas: BTreeMap::new() }
    }
}

fn quota(id: ObjectId, cluster: &Cluster) -> Option<(Name, &ResourceQuota)> {
    let object = cluster.object(id)?;
    match &object.body {
        Body::ResourceQuota(quota) => Some((object.namespace, quota)),
        _ => None,
    }
}

/// Whether the pod uses something: ended pods do not.
fn uses(id: PodId, cluster: &Cluster) -> bool {
    cluster.pod_exists(id) && cluster.pod(id).is_some_and(|pod| !pod.phase.is_terminal())
}

fn namespace(id: PodId, cluster: &Cluster) -> Option<Name> {
    cluster.pod(id).map(|pod| cluster.spec(pod.spec).namespace)
}

impl Controller for ResourceQuotaController {
    fn name(&self) -> &'static str {
        "resourcequota-controller"
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Created, Topic::Phase, Topic::Removed]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::ObjectCreated(id) | Change::ObjectUpdated(id) => {
                let Some((here, _)) = quota(id, cluster) else { return };
                let pods = cluster.pods().map(|(pod, _)| pod).filter(|pod| uses(*pod, cluster));
                let pods = pods.filter(|pod| namespace(*pod, cluster) == Some(here)).collect();
                self.quotas.insert(id, pods);
                wakes.news.push(Key::Object(id));
            }
            Change::ObjectRemoved(id) => {
                self.quotas.remove(&id);
            }
            Change::PodCreated(pod) => {
                let here = namespace(pod, cluster);
                for (id, pods) in &mut self.quotas {
                    if quota(*id, cluster).map(|(namespace, _)| namespace) == here {
                        pods.insert(pod);
                    }
                }
            }
            Change::PodRemoved(pod) | Change::PodPhase { pod, .. } if !uses(pod, cluster) => {
                let counted = self.quotas.iter_mut().filter_map(|(id, pods)| pods.remove(&pod).then_some(*id));
                wakes.news.extend(counted.map(Key::Object));
            }
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        let Key::Object(id) = key else { return };
        let Some((pods, (_, quota))) = self.quotas.get(&id).zip(quota(id, cluster)) else { return };
        let mut counted = quota.clone();
        counted.observed = true;
        for line in &mut counted.lines {
            let specs = pods.iter().filter_map(|pod| cluster.pod(*pod)).map(|pod| cluster.spec(pod.spec));
            line.used = specs.map(|spec| amount(spec, line.resource)).sum();
        }
        if counted != *quota {
            todo.actions.push(Action::SetStatus(id, ObjectStatus::Quota(Box::new(counted))));
        }
    }
}
