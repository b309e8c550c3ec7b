//! Which nodes should run a daemon, which do, and the status that follows.

use std::collections::BTreeMap;

use crate::cluster::workloads::{DaemonSet, DaemonSetStatus};
use crate::cluster::{Cluster, Effect, Node, NodeId, ObjectId, Part, PodId, PodSpec};
use crate::engine::Time;

/// What a node should do with a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Run one.
    Run,
    /// Keep one that is there, but not get a new one: a NoSchedule taint is not tolerated.
    Keep,
    /// Have none.
    No,
}

/// The nodes and pods of one set during one sync.
#[derive(Debug)]
pub(super) struct Daemons {
    /// What each node should do, by id.
    pub(super) wanted: Vec<(NodeId, Wanted)>,
    /// The pods made for each node, oldest first, without those that have ended and are being deleted.
    pods: BTreeMap<NodeId, Vec<PodId>>,
    /// Pods bound to no node, made for one that is gone.
    pub(super) stranded: Vec<PodId>,
}

impl Daemons {
    pub(super) fn of(id: ObjectId, set: &DaemonSet, cluster: &Cluster) -> Daemons {
        let spec = cluster.spec(set.template);
        let wanted = cluster.nodes().map(|(node_id, node)| (node_id, wanted(node, spec, cluster))).collect();
        let mut pods: BTreeMap<NodeId, Vec<PodId>> = BTreeMap::new();
        let mut stranded = Vec::new();
        for &pod_id in cluster.object(id).map_or(&[][..], |object| &object.pods) {
            let Some(pod) = cluster.pod(pod_id) else { continue };
            let Part::Node(node) = pod.part else { continue };
            if cluster.node(node).is_none() && !pod.bound && pod.deletion.is_none() {
                stranded.push(pod_id);
            }
            if pod.deletion.is_none() || !pod.phase.is_terminal() {
                pods.entry(node).or_default().push(pod_id);
            }
        }
        pods.values_mut().for_each(|pods| pods.sort_unstable());
        stranded.sort_unstable();
        Daemons { wanted, pods, stranded }
    }

    /// The pods made for a node, oldest first.
    pub(super) fn on(&self, node: NodeId) -> &[PodId] {
        self.pods.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Nodes that have pods, also nodes that are gone.
    pub(super) fn occupied(&self, cluster: &Cluster) -> Vec<(NodeId, &[PodId])> {
        let mut occupied: Vec<(NodeId, &[PodId])> =
            self.pods.iter().map(|(node, pods)| (*node, pods.as_slice())).collect();
        if !cluster.walk_first.is_empty() {
            let rank = |node| {
                let name = cluster.node(node).map(Node::name);
                cluster.walk_first.iter().position(|first| Some(*first) == name).unwrap_or(usize::MAX)
            };
            occupied.sort_by_key(|(node, _)| rank(*node));
        }
        occupied
    }

    /// How many nodes should run one.
    pub(super) fn desired(&self) -> u32 {
        self.wanted.iter().filter(|(_, wanted)| *wanted == Wanted::Run).count() as u32
    }

    pub(super) fn status(&self, set: &DaemonSet, cluster: &Cluster) -> DaemonSetStatus {
        let mut status = DaemonSetStatus { desired: self.desired(), ..DaemonSetStatus::default() };
        for (node, wanted) in &self.wanted {
            let Some(oldest) = self.on(*node).first().and_then(|pod| cluster.pod(*pod)) else { continue };
            if *wanted != Wanted::Run {
                status.misscheduled += 1;
                continue;
            }
            status.current += 1;
            status.ready += u32::from(oldest.ready);
            status.available += u32::from(super::super::is_available(oldest, set.min_ready, cluster));
            status.updated += u32::from(oldest.template == set.template);
        }
        status
    }

    /// When the next Ready pod will have been so for minReadySeconds.
    pub(super) fn next_available(&self, set: &DaemonSet, cluster: &Cluster) -> Option<Time> {
        let pods = self.pods.values().flatten().filter_map(|pod| cluster.pod(*pod)).filter(|pod| pod.ready);
        pods.map(|pod| super::super::available_at(pod, set.min_ready, cluster)).filter(|at| *at > cluster.now).min()
    }
}

/// What a node should do with a daemon of the set, if both are there.
pub(super) fn wanted_on(id: ObjectId, node: NodeId, cluster: &Cluster) -> Option<Wanted> {
    Some(wanted(cluster.node(node)?, cluster.spec(cluster.daemon_set(id)?.template), cluster))
}

/// Whether a node of which this is wanted gives the set something to do: a daemon is missing, or one must go.
pub(super) fn is_concerned(id: ObjectId, node_id: NodeId, wanted: Wanted, cluster: &Cluster) -> bool {
    let made_for = |pod: &PodId| cluster.pod(*pod).is_some_and(|pod| pod.part == Part::Node(node_id));
    let has_pods = || cluster.object(id).is_some_and(|object| object.pods.iter().any(made_for));
    match wanted {
        Wanted::Run => !has_pods(),
        Wanted::Keep => false,
        Wanted::No => has_pods(),
    }
}

/// `NodeShouldRunDaemonPod`: resources do not matter here.
fn wanted(node: &Node, spec: &PodSpec, cluster: &Cluster) -> Wanted {
    let suits = spec.node_name.is_none_or(|name| name == node.name())
        && node.spec.labels.contains_all(&spec.node_selector)
        && spec
            .node_affinity
            .as_ref()
            .is_none_or(|affinity| affinity.matches(&node.spec.labels, node.name(), &cluster.names));
    if !suits {
        return Wanted::No;
    }
    let repels = |effect: Effect| {
        let taints = node.spec.taints.iter().filter(|taint| taint.effect == effect);
        taints.into_iter().any(|taint| !spec.tolerations.iter().any(|toleration| toleration.tolerates(taint)))
    };
    if repels(Effect::NoExecute) {
        Wanted::No
    } else if repels(Effect::NoSchedule) {
        Wanted::Keep
    } else {
        Wanted::Run
    }
}
