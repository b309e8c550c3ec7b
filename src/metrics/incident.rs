//! One incident: its record, what it still waits for, and when it is over.

use std::sync::Arc;

use crate::cluster::{Cluster, NodeId, PodId, Status};
use crate::engine::Time;
use crate::outcome::{Incident, Layout};

use super::workloads::Workload;

/// What a pod has to do with an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Hit, and undecided; whether it serves (nothing may have come of it yet).
    Hit { serving: bool },
    /// Hit, and serving again.
    Back,
    /// Created in place of a pod that went; whether it is bound, and whether it serves.
    Replacement { bound: bool, serving: bool },
}

/// An incident while it is open, or waits for its nodes to be heard again.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) record: Incident,
    pub(super) workload: u32,
    /// Nodes struck that are not heard again yet.
    pub(super) unheard: Vec<NodeId>,
    /// Hit pods and replacements.
    pub(super) members: Vec<PodId>,
    /// Hit pods that are neither back nor gone.
    pub(super) undecided: u32,
    /// Those of them that do not serve.
    pub(super) away: u32,
    /// Pods that went and have no replacement that serves.
    pub(super) owed: u32,
    /// Pods that went and have no replacement at all.
    pub(super) unreplaced: u32,
    pub(super) area_at_fault: i128,
    pub(super) closed: bool,
}

/// A fault or disruption that strikes now.
pub(crate) struct Strike<'a> {
    pub(crate) action: usize,
    pub(crate) label: &'a Arc<str>,
    pub(crate) planned: bool,
    pub(crate) nodes: &'a [NodeId],
    /// The names of `nodes`.
    pub(crate) names: &'a Arc<[String]>,
    pub(crate) pods: &'a [PodId],
}

impl Open {
    /// Pods that it still lacks: undecided and not serving, or gone without a replacement that serves.
    pub(super) fn lacking(&self) -> u32 {
        self.away + self.owed
    }

    /// A hit pod takes another part, or none.
    pub(super) fn hit_becomes(&mut self, was: Part, now: Option<Part>) {
        let undecided = |part: Option<Part>| u32::from(matches!(part, Some(Part::Hit { .. })));
        let away = |part: Option<Part>| u32::from(part == Some(Part::Hit { serving: false }));
        self.undecided = self.undecided + undecided(now) - undecided(Some(was));
        self.away = self.away + away(now) - away(Some(was));
    }

    pub(super) fn pod_went(&mut self, now: Time) {
        self.record.first_evicted.get_or_insert(now);
        self.record.last_evicted = Some(now);
        self.record.pods_displaced += 1;
        self.owed += 1;
        self.unreplaced += 1;
    }

    /// Since when the workload is whole as far as this incident goes, and the unavailable area at that
    /// instant; `None` while it is not, or a hit pod is undecided.
    pub(super) fn verdict(&self, workload: &Workload, now: Time) -> Option<(Time, i128)> {
        if self.undecided > 0 {
            return None;
        }
        if let Some(since) = workload.whole_since {
            return Some(self.since_fault(since, workload.area_when_whole));
        }
        (self.record.overlapping && self.owed == 0).then(|| (now, workload.unavailable.area_at(now)))
    }

    pub(super) fn since_fault(&self, since: Time, area: i128) -> (Time, i128) {
        if since > self.record.fault { (since, area) } else { (self.record.fault, self.area_at_fault) }
    }

    pub(super) fn close(&mut self, whole: Option<Time>, area: i128) {
        self.record.whole = whole;
        self.record.unavailable_pod_nanos = area - self.area_at_fault;
        self.closed = true;
    }

    /// Whether it is of interest when its nodes are heard again.
    pub(super) fn awaits_nodes(&self) -> bool {
        !self.record.planned && !self.unheard.is_empty()
    }
}

/// Whether the control plane hears the pod's node and calls it Ready.
pub(super) fn is_on_good_node(pod: PodId, cluster: &Cluster) -> bool {
    let node = cluster.pod(pod).and_then(|pod| pod.node).and_then(|node| cluster.node(node));
    node.is_some_and(|node| node.machine.is_heard() && node.ready.status == Status::True)
}

/// The nodes struck, given in order, that the pods are on.
pub(super) fn nodes_of(pods: &[PodId], struck: &[NodeId], cluster: &Cluster) -> Vec<NodeId> {
    let on = pods.iter().filter_map(|pod| cluster.pod(*pod).and_then(|pod| pod.node));
    let mut nodes: Vec<NodeId> = on.filter(|node| struck.binary_search(node).is_ok()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

/// The names of nodes.
pub(super) fn names_of(nodes: &[NodeId], cluster: &Cluster) -> Arc<[String]> {
    nodes.iter().map(|node| cluster.node_name(*node).to_string()).collect()
}

/// The record of an incident that begins, on nodes of these names.
pub(super) fn new_record(
    strike: &Strike<'_>,
    (nodes, names): (&[NodeId], Arc<[String]>),
    workload: &Workload,
    before: Layout,
    cluster: &Cluster,
) -> Incident {
    let serving = workload.serving.value() as u32;
    let is_ready = |node: &NodeId| cluster.node(*node).is_some_and(|node| node.ready.status == Status::True);
    let known_down = !nodes.is_empty() && !nodes.iter().any(is_ready);
    Incident {
        action: strike.action,
        label: strike.label.clone(),
        planned: strike.planned,
        workload: workload.label.clone(),
        nodes: names,
        fault: cluster.now,
        detected: known_down.then_some(cluster.now),
        desired_before: workload.desired.value() as u32,
        serving_before: serving,
        serving_lowest: serving,
        before,
        ..Incident::default()
    }
}
