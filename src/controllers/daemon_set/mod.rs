//! The DaemonSet controller (controllers.md 5): one pod on each node that suits, made for that node
//! and placed there by the scheduler.
//!
//! `nodes.rs` says which nodes should run one and what runs there, `rolling.rs` replaces old pods.

mod nodes;
mod rolling;

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::objects::ObjectStatus;
use crate::cluster::workloads::{DaemonSet, DaemonSetUpdate};
use crate::cluster::{
    Action, Change, Cluster, Message, NewPod, NodeId, ObjectId, Part, Phase, PodId, PodName, Reason, Subject,
};
use crate::controllers::topic::Topic;
use crate::engine::{Seed, Span, Time};

use super::calls::Calls;
use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};
use nodes::{Daemons, Wanted};

const NAME: &str = "daemonset-controller";
/// Most creations and most deletions decided in one sync.
const BURST: usize = 250;
/// Delays before a failed daemon is replaced, by node.
const FAILED_BACKOFF: Span = Span::from_secs(1);
const FAILED_BACKOFF_MAX: Span = Span::from_secs(900);

/// The controller.
pub struct DaemonSetController {
    calls: Calls,
    /// The DaemonSets there are: any change of a node concerns them all.
    sets: BTreeSet<ObjectId>,
    /// What was wanted of a node when it last changed.
    wanted: BTreeMap<(ObjectId, NodeId), Wanted>,
    /// Back-off of failed daemons: the delay, and when it was taken last.
    backoffs: BTreeMap<(ObjectId, NodeId), (Span, Time)>,
}

/// What a sync decides.
#[derive(Debug, Default)]
struct Decision {
    nodes: Vec<NodeId>,
    deletions: Vec<PodId>,
}

impl DaemonSetController {
    /// A controller that has decided nothing yet.
    pub fn new(_: &Settings, _: Seed) -> Self {
        DaemonSetController {
            calls: Calls::new(NAME),
            sets: BTreeSet::new(),
            wanted: BTreeMap::new(),
            backoffs: BTreeMap::new(),
        }
    }

    fn sync(&mut self, id: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        let (Some(set), Some(object)) = (cluster.daemon_set(id), cluster.object(id)) else {
            self.sets.remove(&id);
            self.wanted.retain(|(set, _), _| *set != id);
            self.calls.forget(id);
            return;
        };
        let daemons = Daemons::of(id, set, cluster);
        if self.calls.are_done(id) && !object.deleting {
            let mut decision = self.manage(id, set, &daemons, cluster, todo);
            if decision.is_empty() {
                decision = rolling::step(set, &daemons, cluster);
            }
            let name = PodName::Generated(object.name);
            let new = |node: &NodeId| NewPod { part: Part::Node(*node), ..NewPod::of(id, name, set.template) };
            let creations = decision.nodes.iter().take(BURST).map(new).collect();
            decision.deletions.truncate(BURST);
            self.calls.decide(id, creations, decision.deletions, cluster.now);
        }
        self.calls.start_batch(id, cluster.now, todo.client);
        let status = daemons.status(set, cluster);
        if status != set.status {
            todo.actions.push(Action::SetStatus(id, ObjectStatus::DaemonSet(status)));
        }
        todo.timers.extend(daemons.next_available(set, cluster).map(|at| (at, Key::Object(id))));
    }

    /// Which pods are missing and which should not be there.
    fn manage(
        &mut self,
        id: ObjectId,
        set: &DaemonSet,
        daemons: &Daemons,
        cluster: &Cluster,
        todo: &mut Todo,
    ) -> Decision {
        let mut decision = Decision::default();
        for (node, wanted) in &daemons.wanted {
            let pods = daemons.on(*node);
            match wanted {
                Wanted::Run if pods.is_empty() => decision.nodes.push(*node),
                Wanted::Run | Wanted::Keep => {
                    let running = self.without_ended(id, *node, pods, &mut decision, cluster, todo);
                    decision.deletions.extend(excess(set, running, cluster));
                }
                Wanted::No => {
                    let stays = |pod: &&PodId| cluster.pod(**pod).is_some_and(|pod| pod.deletion.is_none());
                    decision.deletions.extend(pods.iter().filter(stays));
                }
            }
        }
        decision.deletions.extend(&daemons.stranded);
        decision
    }

    /// The pods that run or will. Ended ones are deleted, failed ones after a back-off.
    fn without_ended(
        &mut self,
        id: ObjectId,
        node: NodeId,
        pods: &[PodId],
        decision: &mut Decision,
        cluster: &Cluster,
        todo: &mut Todo,
    ) -> Vec<PodId> {
        let mut running = Vec::new();
        for &pod_id in pods {
            let Some(pod) = cluster.pod(pod_id).filter(|pod| pod.deletion.is_none()) else { continue };
            match pod.phase {
                Phase::Pending | Phase::Running => running.push(pod_id),
                Phase::Failed => match self.failed_backoff((id, node), cluster.now) {
                    Some(again) => todo.timers.push((again, Key::Object(id))),
                    None => {
                        decision.deletions.push(pod_id);
                        todo.actions.push(report_ended(id, pod_id, node, true, cluster));
                    }
                },
                Phase::Succeeded => {
                    decision.deletions.push(pod_id);
                    todo.actions.push(report_ended(id, pod_id, node, false, cluster));
                }
            }
        }
        running
    }

    /// When to look again, if the node is in back-off; else takes the next delay.
    fn failed_backoff(&mut self, key: (ObjectId, NodeId), now: Time) -> Option<Time> {
        let delay = match self.backoffs.get(&key) {
            Some((delay, taken)) if now.since(*taken) < *delay => return Some(now + *delay),
            Some((delay, taken)) if now.since(*taken) <= FAILED_BACKOFF_MAX * 2 => {
                Span(delay.0 * 2).min(FAILED_BACKOFF_MAX)
            }
            _ => FAILED_BACKOFF,
        };
        self.backoffs.insert(key, (delay, now));
        None
    }
}

impl Decision {
    fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.deletions.is_empty()
    }
}

/// The pods of a node beyond the one there should be. While the set surges, a new one may stand beside
/// a Ready old one until it is available itself.
fn excess(set: &DaemonSet, mut running: Vec<PodId>, cluster: &Cluster) -> Vec<PodId> {
    let age = |pod: &PodId| cluster.pod(*pod).map(|pod| pod.created_at);
    running.sort_by_key(|pod| (age(pod), *pod));
    if running.len() < 2 {
        return Vec::new();
    }
    if !surges(set) {
        return running.split_off(1);
    }
    let is_new = |pod: &PodId| cluster.pod(*pod).is_some_and(|pod| pod.template == set.template);
    let (new, old): (Vec<PodId>, Vec<PodId>) = running.into_iter().partition(is_new);
    let mut surplus: Vec<PodId> = new.iter().skip(1).chain(old.iter().skip(1)).copied().collect();
    if let (Some(new), Some(old)) = (new.first(), old.first()) {
        let new_serves = cluster.pod(*new).is_some_and(|pod| super::is_available(pod, set.min_ready, cluster));
        let old_serves = cluster.pod(*old).is_some_and(|pod| pod.ready);
        if new_serves || !old_serves {
            surplus.push(*old);
        }
    }
    surplus
}

fn surges(set: &DaemonSet) -> bool {
    matches!(set.update, DaemonSetUpdate::RollingUpdate { max_surge, .. } if max_surge.ceil(100) > 0)
}

fn report_ended(id: ObjectId, pod: PodId, node: NodeId, failed: bool, cluster: &Cluster) -> Action {
    let (text, warning, word) =
        if failed { ("FailedDaemonPod", true, "failed") } else { ("SucceededDaemonPod", false, "succeeded") };
    let (namespace, name) = (cluster.pod_namespace(pod), cluster.pod_name(pod));
    let node = cluster.node_name(node);
    let words = format!("Found {word} daemon pod {namespace}/{name} on node {node}, will try to delete it");
    Action::Record(NAME, Subject::Object(id), Message::Other(Reason { warning, text }, words.into()))
}

impl Controller for DaemonSetController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn workers(&self) -> usize {
        2
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Created, Topic::Phase, Topic::Readiness, Topic::Marked, Topic::Removed, Topic::Taints]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::NodeAdded(node) | Change::NodeTainted(node) | Change::NodeLabelled(node) => {
                for &set in &self.sets {
                    let Some(wanted) = nodes::wanted_on(set, node, cluster) else { continue };
                    // as recorded: nobody looks when a node may keep its daemon only, but when it should run it again
                    let before = self.wanted.insert((set, node), wanted);
                    let again = wanted == Wanted::Run && before.is_some_and(|before| before != Wanted::Run);
                    if again || nodes::is_concerned(set, node, wanted, cluster) {
                        wakes.news.push(Key::Object(set));
                    }
                }
            }
            Change::CreateRefused(id) => {
                let retry = cluster.daemon_set(id).and_then(|_| self.calls.refused(id, cluster.now));
                wakes.timers.extend(retry.map(|at| (at, Key::Object(id))));
            }
            Change::ObjectRemoved(id) if self.sets.contains(&id) => wakes.news.push(Key::Object(id)),
            other => {
                let object = super::object_of(other, cluster).filter(|id| cluster.daemon_set(*id).is_some());
                self.sets.extend(object);
                wakes.news.extend(object.map(Key::Object));
            }
        }
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
