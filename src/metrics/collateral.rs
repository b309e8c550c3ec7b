//! What failing and healing cost beside downtime: pods that ran twice, pods evicted though they ran, pods moved
//! though their node was sound. Work that was lost is in `work.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Cluster, Message, NodeId, PodId, Record, Subject};
use crate::engine::{Integral, Time};

use super::{Finished, Metric, Rows};

/// Counts and integrals over the run; by workload, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collateral {
    /// Pods that run unheard though they are marked for deletion, by node.
    ghosts: BTreeMap<NodeId, BTreeSet<PodId>>,
    ghost_pods: Vec<Integral>,
    false_evictions: Vec<u64>,
    moved: Vec<u64>,
}

/// The entry of a workload.
pub(super) fn of<T: Default + Clone>(list: &mut Vec<T>, workload: u32) -> &mut T {
    if list.len() <= workload as usize {
        list.resize(workload as usize + 1, T::default());
    }
    &mut list[workload as usize]
}

impl Collateral {
    /// A pod of a workload changed; `gone`: it was removed.
    pub(crate) fn pod_changed(&mut self, id: PodId, gone: bool, workload: u32, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id) else { return };
        let Some(node) = pod.node else { return };
        let unheard = cluster.node(node).is_some_and(|node| !node.machine.is_heard());
        let is_ghost = unheard && !gone && pod.deletion.is_some() && pod.container.is_running();
        let was_ghost = self.ghosts.get(&node).is_some_and(|ghosts| ghosts.contains(&id));
        match (was_ghost, is_ghost) {
            (false, true) => {
                self.ghosts.entry(node).or_default().insert(id);
                of(&mut self.ghost_pods, workload).add(cluster.now, 1);
            }
            (true, false) => self.ghost_ends(id, node, workload, cluster.now),
            _ => (),
        }
    }

    fn ghost_ends(&mut self, id: PodId, node: NodeId, workload: u32, now: Time) {
        if let Some(ghosts) = self.ghosts.get_mut(&node) {
            ghosts.remove(&id);
            if ghosts.is_empty() {
                self.ghosts.remove(&node);
            }
        }
        of(&mut self.ghost_pods, workload).add(now, -1);
    }

    /// A node changed: once it is heard, nothing on it is a ghost any more.
    pub(crate) fn node_changed(&mut self, node: NodeId, workload_of: impl Fn(PodId) -> u32, cluster: &Cluster) {
        if !self.ghosts.contains_key(&node) || cluster.node(node).is_some_and(|node| !node.machine.is_heard()) {
            return;
        }
        for id in self.ghosts.get(&node).cloned().unwrap_or_default() {
            self.ghost_ends(id, node, workload_of(id), cluster.now);
        }
    }

    /// A Kubernetes event about a pod of a workload.
    pub(crate) fn record(&mut self, record: &Record, workload_of: impl Fn(PodId) -> u32, cluster: &Cluster) {
        let Subject::Pod(id) = record.subject else { return };
        let evicted = matches!(record.message, Message::TaintManagerEviction);
        if !evicted && !matches!(record.message, Message::Preempted(..)) {
            return;
        }
        let Some(pod) = cluster.pod(id) else { return };
        let node = pod.node.and_then(|node| cluster.node(node));
        if evicted && pod.container.is_running() {
            *of(&mut self.false_evictions, workload_of(id)) += 1;
        }
        if node.is_some_and(|node| node.machine.is_heard()) {
            *of(&mut self.moved, workload_of(id)) += 1;
        }
    }
}

/// `ghost_replica_seconds`.
pub const GHOST_REPLICA_SECONDS: Metric = Metric {
    name: "ghost_replica_seconds",
    unit: "pod-seconds",
    labels: &["workload"],
    about: "time that pods ran on unheard nodes after their deletion was decided, while replacements ran elsewhere; \
            without a label over all workloads",
    formula: "∫ pods with a deletion mark, running containers and a node that is not heard dt",
    read: |run, rows| {
        rows_of(run, rows, |index| {
            run.collateral.ghost_pods.get(index).map_or(0.0, |ghosts| ghosts.unit_seconds_at(run.end))
        });
    },
};

/// `false_evictions_total`.
pub const FALSE_EVICTIONS_TOTAL: Metric = Metric {
    name: "false_evictions_total",
    unit: "pods",
    labels: &["workload"],
    about: "pods evicted for their node's taint though their containers ran; without a label over all workloads",
    formula: "count of taint evictions of pods whose containers run in truth",
    read: |run, rows| rows_of(run, rows, |index| count(&run.collateral.false_evictions, index)),
};

/// `collateral_pods_total`.
pub const COLLATERAL_PODS_TOTAL: Metric = Metric {
    name: "collateral_pods_total",
    unit: "pods",
    labels: &["workload"],
    about: "pods moved though their node was sound: preempted, or evicted from a node that was heard; without a \
            label over all workloads",
    formula: "count of preemptions and taint evictions of pods on nodes with power, network and kubelet",
    read: |run, rows| rows_of(run, rows, |index| count(&run.collateral.moved, index)),
};

fn count(list: &[u64], index: usize) -> f64 {
    list.get(index).copied().unwrap_or(0) as f64
}

/// A row for the sum, and one for each workload.
pub(super) fn rows_of(run: &Finished<'_>, rows: &mut Rows, value: impl Fn(usize) -> f64) {
    rows.push(&[], (0..run.workloads.len()).map(&value).sum());
    for (index, workload) in run.workloads.iter().enumerate() {
        rows.push(&[("workload", &workload.label)], value(index));
    }
}
