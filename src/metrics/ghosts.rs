//! Pods that run twice: a replica that was given up runs on where nobody hears of it, while its replacement runs, too.
//!
//! A kubelet that is cut off goes on running what it has. That a pod was given up shows in its deletion mark, or in its
//! absence from the API (nodes.md 8, steps 5 and 6); what ran when its object went is taken to run on until its machine
//! is heard again or loses power.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, NodeId, Pod, PodId, Power, SpecId};
use crate::engine::{Integral, Time};

use super::Metric;
use super::collateral::{of, rows_of};

/// The ghosts of all workloads; by workload, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ghosts {
    replicas: Vec<Replicas>,
    /// By pod.
    seen: Vec<Seen>,
    /// How often pods that are wanted began to run.
    starts: u32,
    /// Where ghosts are: their workload, and when they were given up.
    on_node: BTreeMap<NodeId, BTreeMap<PodId, (u32, Time)>>,
}

/// Replicas of one workload. Pods that no controller replaces are not among them.
#[derive(Clone, Debug, Default)]
struct Replicas {
    /// How many pods run and are wanted, by template.
    wanted: BTreeMap<SpecId, i64>,
    /// How many in all.
    n_wanted: i64,
    /// When such pods became so, in that order; also of some that no longer are.
    starts: Vec<Start>,
    /// Pods that run and were given up, by when, and what each was made from.
    ghosts: BTreeMap<(Time, PodId), SpecId>,
    /// How many of the wanted pods are replacements.
    new: i64,
    /// min(ghosts, replacements).
    both: Integral,
}

/// A pod that began to run, or to run again.
#[derive(Clone, Copy, Debug)]
struct Start {
    at: Time,
    pod: PodId,
    /// Counted over all pods.
    number: u32,
    /// When it was created, and from what.
    made: Made,
}

impl Start {
    /// Whether the pod runs since then and is wanted.
    fn lasts(&self, seen: &[Seen]) -> bool {
        let seen = seen[self.pod.index()];
        seen.is_wanted() && seen.start == self.number
    }
}

/// When a pod was created, and from what.
type Made = (Time, SpecId);

/// What was seen last of a pod. Whether its node is in sight is followed by `node_changed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Its containers run, and a controller would replace it.
    runs: bool,
    given_up: bool,
    /// The number of its last start.
    start: u32,
}

impl Seen {
    fn is_wanted(self) -> bool {
        self.runs && !self.given_up
    }
}

/// Starts kept beyond two for each wanted pod.
const SOME: i64 = 64;

/// Whether a pod is a replacement of the ghost that was given up first: it was created since, or, as a rollout makes
/// the new pod first, from another template.
fn replaces((since, ghost): Made, (created, template): Made) -> bool {
    created >= since || template != ghost
}

impl Replicas {
    fn oldest(&self) -> Option<Made> {
        self.ghosts.first_key_value().map(|((since, _), template)| (*since, *template))
    }

    /// A pod began to run and is wanted, or is no longer so. `seen`: of each pod, this one included.
    fn run(&mut self, start: Start, seen: &[Seen]) {
        let runs = start.lasts(seen);
        let sign = if runs { 1 } else { -1 };
        let wanted = self.wanted.entry(start.made.1).or_default();
        *wanted += sign;
        if *wanted == 0 {
            self.wanted.remove(&start.made.1);
        }
        self.n_wanted += sign;
        if runs {
            if self.starts.len() as i64 >= 2 * self.n_wanted + SOME {
                self.starts.retain(|start| start.lasts(seen));
            }
            self.starts.push(start);
        }
        if self.oldest().is_some_and(|oldest| replaces(oldest, start.made)) {
            self.new += sign;
            self.count(start.at);
        }
    }

    /// Ghosts came or went. If the oldest is another one, replacements are counted anew.
    fn ghosts_changed(&mut self, before: Option<Made>, seen: &[Seen], now: Time) {
        let oldest = self.oldest();
        if oldest != before {
            self.new = oldest.map_or(0, |oldest| self.replacements(oldest, seen));
        }
        self.count(now);
    }

    /// How many wanted pods replace a ghost. Of its template only those can that began to run since it was given up.
    fn replacements(&self, oldest: Made, seen: &[Seen]) -> i64 {
        let (since, template) = oldest;
        let others: i64 = self.wanted.iter().filter(|(other, _)| **other != template).map(|(_, n)| n).sum();
        let started = self.starts.iter().rev().take_while(|start| start.at >= since);
        let alike = started.filter(|start| start.made.1 == template && replaces(oldest, start.made));
        others + alike.filter(|start| start.lasts(seen)).count() as i64
    }

    fn count(&mut self, now: Time) {
        self.both.set(now, (self.ghosts.len() as i64).min(self.new));
    }
}

/// Whether a pod's containers run, and a controller would replace it.
fn runs(pod: &Pod) -> bool {
    pod.container.is_running() && pod.owner.is_some()
}

/// Whether containers on the node run where nobody hears of them; also if its object is gone.
fn is_out_of_sight(node: NodeId, cluster: &Cluster) -> bool {
    let machine = cluster.node(node).or_else(|| cluster.removed_node(node)).map(|node| node.machine);
    machine.is_some_and(|machine| machine.power == Power::On && !machine.is_heard())
}

impl Ghosts {
    /// A pod of a workload changed; `gone`: it was removed.
    pub(crate) fn pod_changed(&mut self, id: PodId, gone: bool, workload: u32, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id) else { return };
        let Some(node) = pod.node else { return };
        let seen = *of(&mut self.seen, id.0);
        let now = Seen { runs: runs(pod), given_up: gone || pod.deletion.is_some(), ..seen };
        if now != seen {
            self.look((id, pod), now, node, workload, cluster);
        }
    }

    /// Looks at a pod on a node.
    fn look(&mut self, (id, pod): (PodId, &Pod), now: Seen, node: NodeId, workload: u32, cluster: &Cluster) {
        if now.runs && now.given_up && is_out_of_sight(node, cluster) {
            self.begin(id, pod, node, workload, cluster.now);
        } else if self.on_node.get(&node).is_some_and(|ghosts| ghosts.contains_key(&id)) {
            self.end(node, Some(id), cluster.now);
        }
        let before = std::mem::replace(of(&mut self.seen, id.0), now);
        if before.is_wanted() != now.is_wanted() {
            self.starts += u32::from(now.is_wanted());
            let number = self.starts;
            self.seen[id.index()].start = number;
            let start = Start { at: cluster.now, pod: id, number, made: (pod.created_at, pod.template) };
            of(&mut self.replicas, workload).run(start, &self.seen);
        }
    }

    fn begin(&mut self, id: PodId, pod: &Pod, node: NodeId, workload: u32, now: Time) {
        let since = pod.deletion.map_or(now, |deletion| deletion.at);
        let ghosts = self.on_node.entry(node).or_default();
        if ghosts.insert(id, (workload, since)).is_none() {
            let replicas = of(&mut self.replicas, workload);
            let oldest = replicas.oldest();
            replicas.ghosts.insert((since, id), pod.template);
            replicas.ghosts_changed(oldest, &self.seen, now);
        }
    }

    /// One ghost on a node, or every one, is none any more.
    fn end(&mut self, node: NodeId, only: Option<PodId>, now: Time) {
        let Some(mut ghosts) = self.on_node.remove(&node) else { return };
        let ended = match only {
            Some(id) => ghosts.remove_entry(&id).into_iter().collect(),
            None => std::mem::take(&mut ghosts),
        };
        if !ghosts.is_empty() {
            self.on_node.insert(node, ghosts);
        }
        for (id, (workload, since)) in ended {
            let replicas = &mut self.replicas[workload as usize];
            let oldest = replicas.oldest();
            replicas.ghosts.remove(&(since, id));
            replicas.ghosts_changed(oldest, &self.seen, now);
        }
    }

    /// A node or its machine changed. Once it is heard, or has no power, nothing on it is a ghost any more; once it is not,
    /// what is being deleted there becomes one.
    pub(crate) fn node_changed(&mut self, node: NodeId, workload_of: impl Fn(PodId) -> u32, cluster: &Cluster) {
        if !is_out_of_sight(node, cluster) {
            self.end(node, None, cluster.now);
            return;
        }
        let found = cluster.node(node).or_else(|| cluster.removed_node(node));
        for id in found.into_iter().flat_map(|node| &node.pods) {
            if let Some(pod) = cluster.pod(*id).filter(|pod| pod.deletion.is_some()) {
                let now = Seen { runs: runs(pod), given_up: true, ..*of(&mut self.seen, id.0) };
                self.look((*id, pod), now, node, workload_of(*id), cluster);
            }
        }
    }
}

/// `ghost_replica_seconds`.
pub const GHOST_REPLICA_SECONDS: Metric = Metric {
    name: "ghost_replica_seconds",
    unit: "pod-seconds",
    labels: &["workload"],
    about: "time that pods which were given up ran on where nobody heard of them, while replacements ran, too; without \
            a label over all workloads",
    formula: "∫ min(old, new) dt; old: pods of a controller marked for deletion or gone from the API whose containers run \
              on a machine that has power and is not heard; new: running pods of the workload created since the first \
              of the old was given up, or from another template",
    read: |run, rows| {
        rows_of(run, rows, |index| {
            run.ghosts.replicas.get(index).map_or(0.0, |replicas| replicas.both.unit_seconds_at(run.end))
        });
    },
};
