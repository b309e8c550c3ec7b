//! The eviction API and `kubectl drain` (controllers.md 8).
//!
//! An eviction reads the pod's PodDisruptionBudget, then writes one disruption less into it; if somebody
//! wrote in between, it conflicts and is tried again half a second later. A drain cordons, then
//! evicts all pods of the node side by side and tries refused ones again every 5 s, for ever.

use crate::cluster::objects::ObjectStatus;
use crate::cluster::volumes::{BudgetStatus, PodDisruptionBudget};
use crate::cluster::{Action, Body, Disruption, Kind, NodeId, ObjectId, Phase, Pod, PodId};
use crate::controllers::disruption::budgets_of;
use crate::engine::{Class, Span};

use super::{Event, Simulation};

/// `kubectl drain` tries again this long after a refusal.
const RETRY: Span = Span::from_secs(5);
/// After a conflict the API server tries again: 20 steps of this, and up to a tenth more.
const CONFLICT: Span = Span::from_millis(500);
const CONFLICT_STEPS: u8 = 20;

/// From the cordon, or the end of a wait, to the look at the budgets. In recordings of drains all pods had
/// been looked at when the first budget was written, 17 to 25 ms after the cordon.
const REQUEST: Span = Span::from_millis(10);
/// Writing a budget takes so long, and up to [`WRITE_SPREAD`] more.
const WRITE: Span = Span::from_millis(5);
const WRITE_SPREAD: Span = Span::from_millis(10);

/// One pod that a drain evicts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eviction {
    pod: PodId,
    grace: Option<Span>,
    /// The budget that was read, and its version then.
    read: Option<(ObjectId, u32)>,
    /// Conflicts of the present request.
    conflicts: u8,
}

/// What the API server says to an eviction after a look at the budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// The pod is deleted, whatever the budgets say.
    Delete,
    /// It may go at the cost of one disruption of this budget.
    Charge(ObjectId),
    /// 429: not now.
    NotNow,
    /// 500: more than one budget covers the pod. kubectl gives up.
    Never,
}

impl Simulation {
    /// `kubectl drain --ignore-daemonsets --force --delete-emptydir-data`.
    pub(super) fn drain(&mut self, nodes: &[NodeId], grace: Option<Span>) {
        for &node in nodes {
            self.cluster.set_cordon(node, true);
            let mut pods = self.cluster.node(node).map(|node| node.pods.clone()).unwrap_or_default();
            pods.retain(|pod| self.is_drained(*pod));
            pods.sort_unstable();
            for pod in pods {
                let index = self.evictions.len() as u32;
                self.evictions.push(Eviction { pod, grace, read: None, conflicts: 0 });
                self.evict_after(REQUEST, index);
            }
        }
    }

    /// Pods of DaemonSets stay.
    fn is_drained(&self, pod: PodId) -> bool {
        let owner = self.cluster.pod(pod).and_then(|pod| pod.owner).and_then(|owner| self.cluster.object(owner));
        self.cluster.pod(pod).is_some_and(|pod| pod.bound)
            && owner.is_none_or(|owner| owner.body.kind() != Kind::DaemonSet)
    }

    /// What chance decides about requests sent side by side, up to `most`: by the pod's UID, which is as
    /// random.
    fn spread(&self, pod: PodId, most: Span) -> Span {
        let share = (self.cluster.pod_uid(pod) >> 64) * u128::from(most.0);
        Span((share >> 64) as u64)
    }

    fn evict_after(&mut self, delay: Span, index: u32) {
        self.queue.push(self.cluster.now + delay, Class::Control, Event::Evict(index));
    }

    /// A step of an eviction: the look at the budget, or the write that follows.
    pub(super) fn evict(&mut self, index: u32) {
        let eviction = self.evictions[index as usize];
        if !self.cluster.pod_exists(eviction.pod) {
            return;
        }
        if !self.faults.outages.api_is_up() {
            self.request_again(index);
            return;
        }
        match eviction.read {
            None => match self.answer(eviction.pod) {
                Answer::Delete => self.delete_evicted(eviction),
                Answer::Charge(budget) => {
                    let version = self.cluster.object(budget).map_or(0, |object| object.version);
                    self.evictions[index as usize].read = Some((budget, version));
                    self.evict_after(WRITE + self.spread(eviction.pod, WRITE_SPREAD), index);
                }
                Answer::NotNow => self.request_again(index),
                Answer::Never => (),
            },
            Some((budget, version)) => self.charge(index, budget, version),
        }
    }

    /// kubectl has been refused and sends a new request.
    fn request_again(&mut self, index: u32) {
        let eviction = &mut self.evictions[index as usize];
        eviction.read = None;
        eviction.conflicts = 0;
        self.evict_after(RETRY + REQUEST, index);
    }

    /// Writes one disruption less, if the budget is as it was read, and deletes the pod.
    fn charge(&mut self, index: u32, budget: ObjectId, version: u32) {
        let status = budget_of(budget, self).map(|budget| budget.status);
        let current = self.cluster.object(budget).map(|object| object.version);
        if let Some(status) = status
            && current == Some(version)
        {
            let status = BudgetStatus { disruptions_allowed: status.disruptions_allowed - 1, ..status };
            self.cluster.set_status(budget, ObjectStatus::Budget(status));
            self.delete_evicted(self.evictions[index as usize]);
            return;
        }
        let eviction = &mut self.evictions[index as usize];
        eviction.read = None;
        eviction.conflicts += 1;
        if eviction.conflicts >= CONFLICT_STEPS {
            self.request_again(index);
            return;
        }
        let jitter = self.spread(self.evictions[index as usize].pod, CONFLICT / 10);
        self.evict_after(CONFLICT + jitter, index);
    }

    fn delete_evicted(&mut self, eviction: Eviction) {
        self.cluster.apply(Action::Disrupt(eviction.pod, Disruption::EvictionByEvictionApi));
        self.cluster.apply(Action::DeletePod { pod: eviction.pod, grace: eviction.grace, by: None });
    }

    fn answer(&self, id: PodId) -> Answer {
        let Some(pod) = self.cluster.pod(id) else { return Answer::Delete };
        if pod.phase != Phase::Running || pod.deletion.is_some() {
            return Answer::Delete;
        }
        match budgets_of(id, &self.cluster)[..] {
            [] => Answer::Delete,
            [id] => budget_of(id, self).map_or(Answer::Delete, |budget| ask(pod, id, budget)),
            _ => Answer::Never,
        }
    }
}

/// What one budget says.
fn ask(pod: &Pod, id: ObjectId, budget: &PodDisruptionBudget) -> Answer {
    let status = &budget.status;
    let has_enough = status.desired_healthy > 0 && status.current_healthy >= status.desired_healthy;
    if !pod.ready && (budget.always_evict_unhealthy || has_enough) {
        Answer::Delete
    } else if status.disruptions_allowed > 0 {
        Answer::Charge(id)
    } else {
        Answer::NotNow
    }
}

fn budget_of(id: ObjectId, simulation: &Simulation) -> Option<&PodDisruptionBudget> {
    match &simulation.cluster.object(id)?.body {
        Body::PodDisruptionBudget(budget) => Some(budget),
        _ => None,
    }
}
