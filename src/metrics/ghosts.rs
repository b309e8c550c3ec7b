//! Pods that run twice: a replica that was given up runs on where nobody hears of it, while its replacement runs, too.
//!
//! A kubelet that is cut off goes on running what it has. That a pod was given up shows in its deletion mark, or in its
//! absence from the API (nodes.md 8, steps 5 and 6); what ran when its object went is taken to run on until its machine
//! is heard again or loses power.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::cluster::{Cluster, NodeId, Pod, PodId, Power, SpecId};
use crate::engine::{Integral, Time};

use super::Metric;
use super::collateral::{of, rows_of};

/// The ghosts of all workloads; by workload, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ghosts {
    replicas: Vec<Replicas>,
    /// By pod: whether its containers run and whether it was given up, as seen last. Whether its node is in sight is
    /// followed by `node_changed`.
    seen: Vec<(bool, bool)>,
    /// Where ghosts are: their workload, and when they were given up.
    on_node: BTreeMap<NodeId, BTreeMap<PodId, (u32, Time)>>,
}

/// Replicas of one workload. Pods that no controller replaces are not among them.
#[derive(Clone, Debug, Default)]
struct Replicas {
    /// Pods that run and are wanted: when each was created, and from what.
    running: BTreeMap<PodId, (Time, SpecId)>,
    /// How many of them are of each template.
    of_template: BTreeMap<SpecId, usize>,
    /// Pods that run and were given up, by when, and what each was made from.
    ghosts: BTreeMap<(Time, PodId), SpecId>,
    /// How many of `running` are replacements.
    new: usize,
    /// min(ghosts, replacements).
    both: Integral,
}

/// Whether a pod is a replacement of the ghost that was given up first: it was created since, or, as a rollout makes
/// the new pod first, from another template.
fn replaces((since, ghost): (Time, SpecId), (created, template): (Time, SpecId)) -> bool {
    created >= since || template != ghost
}

impl Replicas {
    fn oldest(&self) -> Option<(Time, SpecId)> {
        self.ghosts.first_key_value().map(|((since, _), template)| (*since, *template))
    }

    fn run(&mut self, id: PodId, pod: Option<(Time, SpecId)>, now: Time) {
        let before = match pod {
            Some(pod) => self.running.insert(id, pod),
            None => self.running.remove(&id),
        };
        if before == pod {
            return;
        }
        if let Some((_, template)) = pod {
            *self.of_template.entry(template).or_default() += 1;
        }
        if let Some((_, template)) = before
            && let Entry::Occupied(mut n) = self.of_template.entry(template)
        {
            *n.get_mut() -= 1;
            if *n.get() == 0 {
                n.remove();
            }
        }
        if let Some(oldest) = self.oldest() {
            let counts = |pod: Option<(Time, SpecId)>| usize::from(pod.is_some_and(|pod| replaces(oldest, pod)));
            self.new = self.new + counts(pod) - counts(before);
            self.count(now);
        }
    }

    /// Ghosts came or went. If the oldest is another one, replacements are counted anew.
    fn ghosts_changed(&mut self, before: Option<(Time, SpecId)>, now: Time) {
        let oldest = self.oldest();
        if oldest != before {
            self.new = oldest.map_or(0, |oldest| self.replacements(oldest));
        }
        self.count(now);
    }

    /// How many pods that run replace a ghost. Of its template only the last ones can: pods are numbered as they come.
    fn replacements(&self, oldest: (Time, SpecId)) -> usize {
        let (since, template) = oldest;
        let others: usize = self.of_template.iter().filter(|(other, _)| **other != template).map(|(_, n)| n).sum();
        let since = self.running.values().rev().take_while(|(created, _)| *created >= since);
        others + since.filter(|(_, other)| *other == template).count()
    }

    fn count(&mut self, now: Time) {
        self.both.set(now, self.ghosts.len().min(self.new) as i64);
    }
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
        let state = (pod.container.is_running() && pod.owner.is_some(), gone || pod.deletion.is_some());
        let seen = of(&mut self.seen, id.0);
        if *seen != state {
            *seen = state;
            self.look(id, (pod, state), node, workload, cluster);
        }
    }

    /// Looks at a pod on a node: whether it runs and whether it was given up.
    fn look(&mut self, id: PodId, (pod, state): (&Pod, (bool, bool)), node: NodeId, workload: u32, cluster: &Cluster) {
        let (runs, given_up) = state;
        if runs && given_up && is_out_of_sight(node, cluster) {
            self.begin(id, pod, node, workload, cluster.now);
        } else if self.on_node.get(&node).is_some_and(|ghosts| ghosts.contains_key(&id)) {
            self.end(node, Some(id), cluster.now);
        }
        let wanted = (runs && !given_up).then_some((pod.created_at, pod.template));
        of(&mut self.replicas, workload).run(id, wanted, cluster.now);
    }

    fn begin(&mut self, id: PodId, pod: &Pod, node: NodeId, workload: u32, now: Time) {
        let since = pod.deletion.map_or(now, |deletion| deletion.at);
        let ghosts = self.on_node.entry(node).or_default();
        if ghosts.insert(id, (workload, since)).is_none() {
            let replicas = of(&mut self.replicas, workload);
            let oldest = replicas.oldest();
            replicas.ghosts.insert((since, id), pod.template);
            replicas.ghosts_changed(oldest, now);
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
            replicas.ghosts_changed(oldest, now);
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
                let state = (pod.container.is_running() && pod.owner.is_some(), true);
                self.look(*id, (pod, state), node, workload_of(*id), cluster);
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
