//! A monitor pass: eight workers take the nodes in turn, in an order of chance, and make one API call
//! after the other, all from one client (nodes.md 3 and 5). A pass over many silent nodes takes seconds.

use std::collections::VecDeque;

use crate::cluster::{Action, Cluster, Message, NodeId, PodId, Status, Subject};
use crate::engine::Time;

use super::super::{Key, Todo};
use super::{NAME, NodeLifecycle};

/// Workers of a pass.
const WORKERS: usize = 8;

/// What is left of the pass that runs.
#[derive(Debug, Default)]
pub(super) struct Pass {
    running: bool,
    nodes: VecDeque<NodeId>,
    workers: [Worker; WORKERS],
    /// The earliest call already waited for.
    wake_at: Time,
}

#[derive(Debug, Default)]
struct Worker {
    /// What is left of its node.
    steps: VecDeque<Step>,
    /// The call that is under way, and when it takes effect.
    call: Option<(Time, Step)>,
}

/// One step for a node, an API call or a decision.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The grace period is over: Ready becomes Unknown.
    Unknown(NodeId),
    /// NoExecute: queue, swap or remove.
    Taint(NodeId),
    /// A pod of such a node becomes not Ready.
    MarkPod(PodId),
}

impl Pass {
    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    /// When the next call takes effect; `None` if none is under way.
    fn next(&self) -> Option<Time> {
        self.workers.iter().filter_map(|worker| worker.call.map(|(at, _)| at)).min()
    }
}

impl NodeLifecycle {
    /// Starts a pass over the nodes that need one.
    pub(super) fn start_pass(&mut self, cluster: &Cluster) {
        let mut due = std::mem::take(&mut self.dirty);
        due.extend(self.silent.keys().filter(|node| self.has_lapsed(**node, cluster.now)));
        let mut nodes: Vec<NodeId> = due.into_iter().collect();
        let count = nodes.len();
        if count > 1 {
            self.stream.choose_to_front(&mut nodes, count);
            let given = &self.settings.pass_order;
            let place = |node: &NodeId| {
                let name = cluster.node(*node).map(crate::cluster::Node::name);
                given.iter().position(|given| Some(*given) == name).unwrap_or(given.len())
            };
            nodes.sort_by_cached_key(place);
        }
        self.pass = Pass { running: true, nodes: nodes.into(), ..Pass::default() };
    }

    /// Whether the grace period of a silent node is over.
    fn has_lapsed(&self, node: NodeId, now: Time) -> bool {
        let grace = self.settings.node_monitor_grace_period;
        self.silent.get(&node).is_some_and(|probe| now > probe.saturating_add(grace))
    }

    /// Lets the workers go on as far as they can now.
    pub(super) fn run_pass(&mut self, cluster: &Cluster, todo: &mut Todo) {
        if !self.pass.running {
            return;
        }
        let mut went = true;
        while std::mem::take(&mut went) {
            for worker in 0..WORKERS {
                went |= self.go_on(worker, cluster, todo);
            }
        }
        match self.pass.next() {
            None => {
                self.pass.running = false;
                self.end_pass(cluster, todo);
            }
            Some(at) if at != self.pass.wake_at => {
                self.pass.wake_at = at;
                todo.timers.push((at, Key::Work));
            }
            Some(_) => (),
        }
    }

    /// One step of one worker; false if it has to wait or is done.
    fn go_on(&mut self, worker: usize, cluster: &Cluster, todo: &mut Todo) -> bool {
        if let Some((at, step)) = self.pass.workers[worker].call {
            if at <= cluster.now {
                self.pass.workers[worker].call = None;
                self.take_effect(step, cluster, todo);
            }
            return at <= cluster.now;
        }
        let Some(step) = self.next_step(worker, cluster) else { return false };
        match step {
            Step::Taint(node) => self.taint(node, cluster, todo),
            Step::MarkPod(pod) if !is_ready(pod, cluster) => (),
            Step::Unknown(_) | Step::MarkPod(_) => {
                let at = todo.client.take(cluster.now).saturating_add(todo.client.write());
                self.pass.workers[worker].call = Some((at, step));
            }
        }
        true
    }

    /// The worker's next step: of its node, or of the next one.
    fn next_step(&mut self, worker: usize, cluster: &Cluster) -> Option<Step> {
        if self.pass.workers[worker].steps.is_empty() {
            let id = self.pass.nodes.pop_front()?;
            let steps = &mut self.pass.workers[worker].steps;
            if let Some(node) = cluster.node(id) {
                steps.push_back(Step::Taint(id));
                let status = node.ready.status;
                if status == Status::True && self.has_lapsed(id, cluster.now) {
                    let pods = node.pods.iter().copied().map(Step::MarkPod);
                    self.pass.workers[worker].steps.extend(pods);
                }
                if status != Status::Unknown && self.has_lapsed(id, cluster.now) {
                    self.pass.workers[worker].steps.push_front(Step::Unknown(id));
                }
            }
        }
        self.pass.workers[worker].steps.pop_front().or_else(|| self.next_step(worker, cluster))
    }

    fn take_effect(&mut self, step: Step, cluster: &Cluster, todo: &mut Todo) {
        match step {
            Step::Unknown(id) => {
                let Some(node) = cluster.node(id).filter(|_| self.has_lapsed(id, cluster.now)) else { return };
                // the zone knows of the pass's own transition at once: its state is found at the end
                self.zones.count(node.zone, Some(node.ready.status), Some(Status::Unknown));
                todo.calls.push(Action::SetNodeReady(id, Status::Unknown));
                if node.ready.status == Status::True {
                    todo.calls.push(Action::Record(NAME, Subject::Node(id), Message::NodeNotReady));
                }
            }
            Step::MarkPod(pod) if is_ready(pod, cluster) => {
                todo.calls.push(Action::MarkPodNotReady(pod));
                todo.calls.push(Action::Record(NAME, Subject::Pod(pod), Message::NodeOfPodNotReady));
            }
            Step::MarkPod(_) | Step::Taint(_) => (),
        }
    }
}

fn is_ready(pod: PodId, cluster: &Cluster) -> bool {
    cluster.pod_exists(pod) && cluster.pod(pod).is_some_and(|pod| pod.ready)
}
