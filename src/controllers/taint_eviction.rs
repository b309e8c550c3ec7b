//! Taint-based eviction (nodes.md 7): deletes the pods of a node tainted NoExecute when their
//! toleration ends. It asks no PodDisruptionBudget.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use crate::cluster::{
    Action, Change, Cluster, Disruption, Effect, Message, Name, Node, NodeId, PodId, Subject, Taint, Toleration,
};
use crate::controllers::topic::Topic;
use crate::engine::{Span, Time};

use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

const NAME: &str = "taint-eviction-controller";

/// The controller.
pub struct TaintEviction {
    /// When each waiting pod is deleted, Terminating ones too. A timer once set is neither moved nor
    /// shortened; `None`: it has fired, and none is set again while the pod is there and the node tainted.
    timers: BTreeMap<PodId, Option<Time>>,
    /// Evictions under way, and how many of their calls are made.
    calls: VecDeque<(PodId, u32)>,
    /// The NoExecute taints each node had when they were last looked at: only their changes matter.
    seen: BTreeMap<NodeId, Vec<(Name, Name)>>,
}

/// What a pod's tolerations make of a node's NoExecute taints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// There are none.
    Untainted,
    /// It is deleted after this time.
    After(Span),
    /// It may stay.
    Forever,
}

impl TaintEviction {
    /// A controller with no timers.
    pub fn new(_: &Settings) -> Self {
        TaintEviction { timers: BTreeMap::new(), calls: VecDeque::new(), seen: BTreeMap::new() }
    }

    fn consider(&mut self, id: PodId, node: &Node, cluster: &Cluster, todo: &mut Todo) {
        let Some(pod) = cluster.pod(id).filter(|pod| pod.bound) else { return };
        match verdict(&node.spec.taints, &cluster.spec(pod.spec).tolerations) {
            Verdict::Untainted => {
                if self.timers.remove(&id).flatten().is_some() {
                    let message = Message::TaintManagerEvictionCancelled;
                    todo.actions.push(Action::Record(NAME, Subject::Pod(id), message));
                }
            }
            Verdict::Forever => {
                self.timers.remove(&id);
            }
            Verdict::After(Span::ZERO) => self.evict(id, todo),
            Verdict::After(delay) => {
                let at = cluster.now.saturating_add(delay);
                if let Entry::Vacant(timer) = self.timers.entry(id) {
                    timer.insert(Some(at));
                    todo.timers.push((at, Key::Pod(id)));
                }
            }
        }
    }

    fn evict(&mut self, id: PodId, todo: &mut Todo) {
        self.timers.insert(id, None);
        if !self.calls.iter().any(|(pod, _)| *pod == id) {
            todo.actions.push(Action::Record(NAME, Subject::Pod(id), Message::TaintManagerEviction));
            self.calls.push_back((id, 0));
        }
    }

    /// Makes the calls the client's rate allows. Evictions run side by side, each a read, a patch of the
    /// condition `DisruptionTarget` and the deletion.
    fn work(&mut self, cluster: &Cluster, todo: &mut Todo) {
        while let Some(&(pod, made)) = self.calls.front() {
            if !todo.client.try_take(cluster.now) {
                todo.timers.push((todo.client.next(cluster.now), Key::Work));
                return;
            }
            self.calls.pop_front();
            if made + 1 < CALLS_PER_EVICTION {
                self.calls.push_back((pod, made + 1));
            } else {
                todo.calls.push(Action::Disrupt(pod, Disruption::DeletionByTaintManager));
                todo.calls.push(Action::DeletePod { pod, grace: None, by: None });
                // a pod that goes at once is gone before its timer is
                if cluster.pod(pod).is_some_and(|pod| pod.phase.is_terminal()) {
                    let message = Message::TaintManagerEvictionCancelled;
                    todo.actions.push(Action::Record(NAME, Subject::Pod(pod), message));
                }
            }
        }
    }
}

/// Calls one eviction makes on the client.
const CALLS_PER_EVICTION: u32 = 3;

impl Controller for TaintEviction {
    fn name(&self) -> &'static str {
        NAME
    }

    fn workers(&self) -> usize {
        usize::MAX // each deletion has its own timer
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Taints, Topic::Bound, Topic::Removed]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::NodeTainted(id) if self.is_news(id, cluster) => wakes.news.push(Key::Node(id)),
            Change::NodeAdded(id)
                if cluster.node(id).is_some_and(|node| no_execute(&node.spec.taints).next().is_some()) =>
            {
                wakes.news.push(Key::Node(id));
            }
            Change::PodBound(id) => {
                let node = cluster.pod(id).and_then(|pod| pod.node).and_then(|node| cluster.node(node));
                if node.is_some_and(|node| no_execute(&node.spec.taints).next().is_some()) {
                    wakes.news.push(Key::Pod(id));
                }
            }
            Change::PodRemoved(id) if !self.timers.is_empty() => {
                let cancelled = self.timers.remove(&id).flatten().is_some();
                if cancelled {
                    wakes.records.push((NAME, Subject::Pod(id), Message::TaintManagerEvictionCancelled));
                }
            }
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        match key {
            Key::Node(id) => self.consider_node(id, cluster, todo),
            Key::Pod(id) if self.timers.get(&id) == Some(&Some(cluster.now)) => self.evict(id, todo),
            Key::Pod(id) => {
                let node = cluster.pod(id).and_then(|pod| pod.node).and_then(|node| cluster.node(node));
                if let Some(node) = node {
                    self.consider(id, node, cluster, todo);
                }
            }
            _ => (),
        }
        self.work(cluster, todo);
    }
}

impl TaintEviction {
    /// Whether a node has other NoExecute taints than when it was last looked at.
    fn is_news(&self, id: NodeId, cluster: &Cluster) -> bool {
        let seen = self.seen.get(&id).map_or(&[][..], Vec::as_slice);
        cluster.node(id).is_some_and(|node| !eviction_taints(node).eq(seen.iter().copied()))
    }

    fn consider_node(&mut self, id: NodeId, cluster: &Cluster, todo: &mut Todo) {
        let Some(node) = cluster.node(id).filter(|_| self.is_news(id, cluster)) else { return };
        match eviction_taints(node).collect::<Vec<(Name, Name)>>() {
            none if none.is_empty() => self.seen.remove(&id),
            taints => self.seen.insert(id, taints),
        };
        let mut pods = node.pods.clone();
        pods.sort_unstable();
        for pod in pods {
            self.consider(pod, node, cluster, todo);
        }
    }
}

/// Keys and values of a node's NoExecute taints.
fn eviction_taints(node: &Node) -> impl Iterator<Item = (Name, Name)> {
    no_execute(&node.spec.taints).map(|taint| (taint.key, taint.value))
}

fn no_execute(taints: &[Taint]) -> impl Iterator<Item = &Taint> {
    taints.iter().filter(|taint| taint.effect == Effect::NoExecute)
}

/// Not tolerated: now. Tolerated: the least of the tolerations used; none limited: for ever.
fn verdict(taints: &[Taint], tolerations: &[Toleration]) -> Verdict {
    let mut taints = no_execute(taints).peekable();
    if taints.peek().is_none() {
        return Verdict::Untainted;
    }
    let mut least: Option<Span> = None;
    for taint in taints {
        let mut used = tolerations.iter().filter(|toleration| toleration.tolerates(taint)).peekable();
        if used.peek().is_none() {
            return Verdict::After(Span::ZERO);
        }
        let seconds = used.next().and_then(|toleration| toleration.seconds);
        least = least.into_iter().chain(seconds).min();
    }
    least.map_or(Verdict::Forever, Verdict::After)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::names::Names;
    use crate::cluster::taint::TolerationOperator;

    #[test]
    fn the_shortest_toleration_used_decides() {
        let mut names = Names::default();
        let (a, b, empty) = (names.intern("a"), names.intern("b"), names.intern(""));
        let taint = |key| Taint { key, value: empty, effect: Effect::NoExecute, added_at: Time::ZERO };
        let tolerate = |key, seconds: Option<u64>| Toleration {
            key: Some(key),
            operator: TolerationOperator::Exists,
            value: empty,
            effect: Some(Effect::NoExecute),
            seconds: seconds.map(Span::from_secs),
        };
        let tolerations = [tolerate(a, Some(300)), tolerate(b, Some(20))];
        assert_eq!(verdict(&[], &tolerations), Verdict::Untainted);
        assert_eq!(verdict(&[taint(a), taint(b)], &tolerations), Verdict::After(Span::from_secs(20)));
        assert_eq!(verdict(&[taint(a)], &[tolerate(a, None)]), Verdict::Forever);
        assert_eq!(verdict(&[taint(a), taint(b)], &[tolerate(a, None)]), Verdict::After(Span::ZERO));
    }
}
