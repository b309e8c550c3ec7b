//! What failing and healing cost beside downtime: pods evicted though they ran, pods moved though their node was
//! sound. Pods that ran twice are in `ghosts.rs`, work that was lost in `work.rs`.

use crate::cluster::{Cluster, Effect, Message, PodId, PodSpec, Record, Subject, Taint, Toleration};

use super::{Finished, Metric, Rows};

/// Counts over the run; by workload, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collateral {
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
    /// A Kubernetes event about a pod of a workload.
    pub(crate) fn record(&mut self, record: &Record, workload_of: impl Fn(PodId) -> u32, cluster: &Cluster) {
        let Subject::Pod(id) = record.subject else { return };
        let evicted = matches!(record.message, Message::TaintManagerEviction);
        if !evicted && !matches!(record.message, Message::Preempted(..)) {
            return;
        }
        let Some(pod) = cluster.pod(id) else { return };
        let node = pod.node.and_then(|node| cluster.node(node));
        let spec = cluster.spec(pod.spec);
        let meant = node.is_some_and(|node| node.spec.taints.iter().any(|taint| is_meant(taint, spec, cluster)));
        if evicted && !meant && pod.container.is_running() {
            *of(&mut self.false_evictions, workload_of(id)) += 1;
        }
        if node.is_some_and(|node| node.machine.is_heard()) {
            *of(&mut self.moved, workload_of(id)) += 1;
        }
    }
}

/// Whether an operator put the taint on the node to evict such pods. The node controller's own may be gone again when
/// a pod is evicted for it.
fn is_meant(taint: &Taint, spec: &PodSpec, cluster: &Cluster) -> bool {
    let known = &cluster.known;
    let stays = |toleration: &Toleration| toleration.tolerates(taint) && toleration.seconds.is_none();
    taint.effect == Effect::NoExecute
        && taint.key != known.not_ready
        && taint.key != known.unreachable
        && !spec.tolerations.iter().any(stays)
}

/// `false_evictions_total`.
pub const FALSE_EVICTIONS_TOTAL: Metric = Metric {
    name: "false_evictions_total",
    unit: "pods",
    labels: &["workload"],
    about: "pods evicted because their node was given up though their containers ran; without a label over all \
            workloads",
    formula: "count of taint evictions of pods whose containers run in truth, from nodes without an operator's \
              NoExecute taint that they do not tolerate",
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
