//! Pod garbage collection, a pass every 20 s (nodes.md 7): removes pods whose node is gone, after a
//! quarantine of 40 s, ended pods beyond the threshold, oldest first, and Terminating pods of nodes that
//! are not Ready and tainted out of service.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::cluster::{Action, Change, Cluster, NodeId, PodId, Status};
use crate::controllers::topic::Topic;
use crate::engine::{Seed, Span, Time};

use super::settings::Settings;
use super::{Controller, Key, Timers, Todo, Wakes};

const PERIOD: Span = Span::from_secs(20);
const QUARANTINE: Span = Span::from_secs(40);

/// The collector.
pub struct PodGc {
    first_pass: Time,
    threshold: u32,
    /// Pods that have ended and still exist, oldest first.
    ended: BTreeSet<PodId>,
    /// Nodes that are gone, with the pods bound to them when they went.
    orphans: BTreeMap<NodeId, Orphans>,
    /// Nodes tainted out of service.
    out_of_service: BTreeSet<NodeId>,
    /// Removals decided on, not yet made for want of tokens.
    calls: VecDeque<PodId>,
    /// Whether a pass is waiting for its tick.
    pass_pending: bool,
}

#[derive(Debug, Default)]
struct Orphans {
    pods: Vec<PodId>,
    /// The first pass that saw them.
    seen: Option<Time>,
}

impl PodGc {
    /// A collector whose passes start at the phase of the settings, or one drawn from the seed.
    pub fn new(settings: &Settings, seed: Seed) -> Self {
        let drawn = || Time(seed.stream("pod-gc-phase", 0).below(PERIOD.0));
        PodGc {
            first_pass: settings.pod_gc_phase.unwrap_or_else(drawn),
            threshold: settings.terminated_pod_gc_threshold,
            ended: BTreeSet::new(),
            orphans: BTreeMap::new(),
            out_of_service: BTreeSet::new(),
            calls: VecDeque::new(),
            pass_pending: false,
        }
    }

    /// The first tick strictly after `now`.
    fn next_tick(&self, now: Time) -> Time {
        if now < self.first_pass {
            return self.first_pass;
        }
        let elapsed = now.since(self.first_pass).0;
        self.first_pass + Span((elapsed / PERIOD.0 + 1) * PERIOD.0)
    }

    fn request_pass(&mut self, now: Time, timers: &mut Timers) {
        if !self.pass_pending {
            self.pass_pending = true;
            timers.push((self.next_tick(now), Key::Pass));
        }
    }

    fn collect_ended(&mut self) {
        let threshold = self.threshold as usize;
        if threshold > 0 && self.ended.len() > threshold {
            let surplus = self.ended.len() - threshold;
            self.calls.extend(self.ended.iter().take(surplus));
        }
    }

    /// Pods that were only assumed on the node when it went may be on another by now.
    fn collect_orphans(&mut self, cluster: &Cluster) {
        let (calls, now) = (&mut self.calls, cluster.now);
        self.orphans.retain(|node, orphans| {
            let seen = *orphans.seen.get_or_insert(now);
            let over = now.since(seen) >= QUARANTINE;
            if over {
                let is_there = |pod: &PodId| cluster.pod(*pod).and_then(|pod| pod.bound_node()) == Some(*node);
                calls.extend(orphans.pods.drain(..).filter(is_there));
            }
            !over
        });
    }

    /// The user vouches that these nodes are off: what is Terminating on them goes.
    fn collect_out_of_service(&mut self, cluster: &Cluster) {
        self.out_of_service.retain(|node| is_out_of_service(*node, cluster));
        for node in self.out_of_service.iter().filter_map(|node| cluster.node(*node)) {
            let terminating = |id: &&PodId| cluster.pod(**id).is_some_and(|pod| pod.deletion.is_some());
            let mut pods: Vec<PodId> = node.pods.iter().filter(terminating).copied().collect();
            pods.sort_unstable();
            self.calls.extend(pods.into_iter().filter(|_| node.ready.status != Status::True));
        }
    }

    /// Makes the calls the client's rate allows: a pod costs a patch to Failed and a deletion.
    fn work(&mut self, cluster: &Cluster, todo: &mut Todo) {
        while !self.calls.is_empty() {
            if !todo.client.try_take(cluster.now) {
                todo.timers.push((todo.client.next(cluster.now), Key::Work));
                return;
            }
            todo.client.take(cluster.now);
            todo.calls.extend(self.calls.pop_front().map(Action::ForceDeletePod));
        }
    }
}

impl Controller for PodGc {
    fn name(&self) -> &'static str {
        "pod-garbage-collector"
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Phase, Topic::Marked, Topic::Removed, Topic::Taints]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::PodPhase { pod, to, .. } if to.is_terminal() => {
                self.ended.insert(pod);
                if self.threshold > 0 && self.ended.len() > self.threshold as usize {
                    self.request_pass(cluster.now, &mut wakes.timers);
                }
            }
            Change::PodRemoved(pod) => {
                self.ended.remove(&pod);
            }
            Change::NodeAdded(node) | Change::NodeTainted(node) if is_out_of_service(node, cluster) => {
                self.out_of_service.insert(node);
                self.request_pass(cluster.now, &mut wakes.timers);
            }
            Change::PodMarked(pod) if !self.out_of_service.is_empty() => {
                let node = cluster.pod(pod).and_then(|pod| pod.node);
                if node.is_some_and(|node| self.out_of_service.contains(&node)) {
                    self.request_pass(cluster.now, &mut wakes.timers);
                }
            }
            Change::NodeRemoved(node) => {
                let pods = cluster.removed_node(node).map(|node| node.pods.clone()).unwrap_or_default();
                self.orphans.insert(node, Orphans { pods, seen: None });
                self.request_pass(cluster.now, &mut wakes.timers);
            }
            _ => (),
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        if key == Key::Pass && !self.calls.is_empty() {
            todo.timers.push((self.next_tick(cluster.now), Key::Pass)); // the pass before is not over yet
        } else if key == Key::Pass {
            self.pass_pending = false;
            self.collect_ended();
            self.collect_orphans(cluster);
            self.collect_out_of_service(cluster);
            if !self.orphans.is_empty() {
                self.request_pass(cluster.now, &mut todo.timers);
            }
        }
        self.work(cluster, todo);
    }
}

fn is_out_of_service(id: NodeId, cluster: &Cluster) -> bool {
    let taints = cluster.node(id).map_or(&[][..], |node| &node.spec.taints);
    taints.iter().any(|taint| taint.key == cluster.known.out_of_service)
}
