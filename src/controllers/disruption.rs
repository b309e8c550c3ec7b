//! The disruption controller (controllers.md 8): writes into each PodDisruptionBudget how many of its
//! pods may be evicted now.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::object::IntOrPercent;
use crate::cluster::objects::ObjectStatus;
use crate::cluster::volumes::{BudgetStatus, PodDisruptionBudget};
use crate::cluster::{Action, Body, Change, Cluster, Kind, Name, ObjectId, Pod, PodId, Selector};
use crate::controllers::topic::{PODS_OF_OWNER, Topic};

use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

/// The controller.
#[derive(Debug)]
pub struct DisruptionController {
    /// The pods of each budget.
    budgets: BTreeMap<ObjectId, BTreeSet<PodId>>,
}

impl DisruptionController {
    /// A controller that knows no budgets yet.
    pub fn new(_: &Settings) -> Self {
        DisruptionController { budgets: BTreeMap::new() }
    }
}

impl Controller for DisruptionController {
    fn name(&self) -> &'static str {
        "disruption-controller"
    }

    fn hears(&self) -> &'static [Topic] {
        PODS_OF_OWNER
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::ObjectCreated(id) | Change::ObjectUpdated(id) if budget(id, cluster).is_some() => {
                let pods = cluster.pods().filter(|(pod, _)| cluster.pod_exists(*pod));
                let pods = pods.filter(|(_, pod)| covers(id, pod, cluster)).map(|(pod, _)| pod).collect();
                self.budgets.insert(id, pods);
                wakes.news.push(Key::Object(id));
            }
            Change::ObjectRemoved(id) => {
                self.budgets.remove(&id);
            }
            Change::PodCreated(id) => {
                let Some(pod) = cluster.pod(id) else { return };
                for (budget, pods) in self.budgets.iter_mut().filter(|(budget, _)| covers(**budget, pod, cluster)) {
                    pods.insert(id);
                    wakes.news.push(Key::Object(*budget));
                }
            }
            Change::PodReady(id, _) | Change::PodPhase { pod: id, .. } | Change::PodMarked(id) => {
                let about = self.budgets.iter().filter(|(_, pods)| pods.contains(&id));
                wakes.news.extend(about.map(|(budget, _)| Key::Object(*budget)));
            }
            Change::PodRemoved(id) => {
                let about = self.budgets.iter_mut().filter_map(|(budget, pods)| pods.remove(&id).then_some(*budget));
                wakes.news.extend(about.map(Key::Object));
            }
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        let Key::Object(id) = key else { return };
        let Some((pods, (_, budget))) = self.budgets.get(&id).zip(budget(id, cluster)) else { return };
        let pods: Vec<&Pod> = pods.iter().filter_map(|pod| cluster.pod(*pod)).collect();
        // whose scale is unknown keeps its status, but allows nothing
        let unknown = BudgetStatus { disruptions_allowed: 0, ..budget.status };
        let status = status(budget, &pods, cluster).unwrap_or(unknown);
        if budget.status != status {
            todo.actions.push(Action::SetStatus(id, ObjectStatus::Budget(status)));
        }
    }
}

fn budget(id: ObjectId, cluster: &Cluster) -> Option<(Name, &PodDisruptionBudget)> {
    let object = cluster.object(id)?;
    match &object.body {
        Body::PodDisruptionBudget(budget) => Some((object.namespace, budget)),
        _ => None,
    }
}

fn covers(id: ObjectId, pod: &Pod, cluster: &Cluster) -> bool {
    let Some((namespace, budget)) = budget(id, cluster) else { return false };
    let spec = cluster.spec(pod.spec);
    let selects = |selector: &Selector| selector.matches(&spec.labels, &cluster.names);
    spec.namespace == namespace && budget.selector.as_ref().is_some_and(selects)
}

/// What the status should say about these pods; `None` if the scale of one of their controllers is
/// unknown.
fn status(budget: &PodDisruptionBudget, pods: &[&Pod], cluster: &Cluster) -> Option<BudgetStatus> {
    let healthy = pods.iter().filter(|pod| pod.ready && pod.deletion.is_none()).count() as i64;
    let (expected, desired) = match (budget.min_available, budget.max_unavailable) {
        (Some(IntOrPercent::Int(least)), _) => (pods.len() as i64, i64::from(least)),
        (Some(share), _) => scale(pods, cluster).map(|scale| (i64::from(scale), i64::from(share.ceil(scale))))?,
        (None, Some(most)) => {
            scale(pods, cluster).map(|scale| (i64::from(scale), i64::from(scale.saturating_sub(most.ceil(scale)))))?
        }
        (None, None) => (0, 0),
    };
    let allowed = if expected > 0 { (healthy - desired).max(0) } else { 0 };
    Some(BudgetStatus {
        disruptions_allowed: allowed,
        current_healthy: healthy,
        desired_healthy: desired,
        expected_pods: expected,
    })
}

/// The sum of `spec.replicas` over the distinct controllers of the pods; `None` if one of them has no
/// scale.
fn scale(pods: &[&Pod], cluster: &Cluster) -> Option<u32> {
    let mut replicas: BTreeMap<ObjectId, u32> = BTreeMap::new();
    for owner in pods.iter().filter_map(|pod| pod.owner) {
        let root = cluster.root_owner(owner);
        let Some(object) = cluster.object(root) else { continue };
        let size = match &object.body {
            Body::Deployment(deployment) => deployment.replicas,
            Body::ReplicaSet(set) => set.replicas,
            Body::StatefulSet(set) => set.replicas,
            _ => return None,
        };
        replicas.insert(root, size);
    }
    Some(replicas.values().sum())
}

/// The budgets that cover a pod, oldest first.
pub fn budgets_of(pod: PodId, cluster: &Cluster) -> Vec<ObjectId> {
    let Some(pod) = cluster.pod(pod) else { return Vec::new() };
    let budgets = cluster.objects().filter(|(_, object)| object.body.kind() == Kind::PodDisruptionBudget);
    budgets.map(|(id, _)| id).filter(|id| covers(*id, pod, cluster)).collect()
}
