//! How much the loss of one node or zone would take away, and how many losses the cluster can still take.

use crate::cluster::{Cluster, NodeId, Status};

use super::{Metric, Rows};

/// `node_blast_radius_ratio`.
pub const NODE_BLAST_RADIUS_RATIO: Metric = Metric {
    name: "node_blast_radius_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of a workload that the loss of its fullest node would take, at the end",
    formula: "max over Ready nodes of active pods / desired",
    read: |run, rows| {
        for workload in run.workloads.iter().filter(|workload| workload.desired.value() > 0) {
            let most = workload.spread.most_on_a_node() as f64;
            rows.push(&[("workload", &workload.label)], most / workload.desired.value() as f64);
        }
    },
};

/// `zone_blast_radius_ratio`.
pub const ZONE_BLAST_RADIUS_RATIO: Metric = Metric {
    name: "zone_blast_radius_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of a workload that the loss of its fullest zone would take, at the end",
    formula: "max over zones of active pods on Ready nodes / desired",
    read: |run, rows| {
        for workload in run.workloads.iter().filter(|workload| workload.desired.value() > 0) {
            let most = workload.spread.most_in_a_zone() as f64;
            rows.push(&[("workload", &workload.label)], most / workload.desired.value() as f64);
        }
    },
};

/// `headroom_nodes`.
pub const HEADROOM_NODES: Metric = Metric {
    name: "headroom_nodes",
    unit: "nodes",
    labels: &[],
    about: "how many of the fullest Ready nodes could be lost at the end with room for all their pods on the others, \
            by cpu, memory and number of pods",
    formula: "largest k (N − k headroom) for which first-fit decreasing places the pods of the k nodes with the \
              greatest dominant share of requests; a lower bound, as a better packing may exist",
    read: |run, rows: &mut Rows| rows.push(&[], headroom(run.cluster) as f64),
};

/// Room on a node, or the requests of a pod: cpu, memory, pods.
type Amount = [i64; 3];

fn headroom(cluster: &Cluster) -> usize {
    let mut nodes: Vec<(NodeId, Amount, f64)> = cluster
        .nodes()
        .filter(|(_, node)| node.ready.status == Status::True && !node.spec.unschedulable)
        .map(|(id, node)| {
            let (allocatable, requested) = (&node.spec.allocatable, &node.requested);
            let share = |used: i64, all: i64| used as f64 / all.max(1) as f64;
            let dominant = share(requested.cpu, allocatable.cpu).max(share(requested.memory, allocatable.memory));
            let free = [
                allocatable.cpu - requested.cpu,
                allocatable.memory - requested.memory,
                node.spec.max_pods - node.n_pods,
            ];
            (id, free, dominant)
        })
        .collect();
    nodes.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
    // what fits after k losses fits after fewer, but for the quirks of first fit
    let (mut fits, mut too_many) = (0, nodes.len());
    while too_many - fits > 1 {
        let k = usize::midpoint(fits, too_many);
        if all_fit(&nodes, k, cluster) { fits = k } else { too_many = k }
    }
    fits
}

/// Whether the pods of the first `k` nodes find room on the others.
fn all_fit(nodes: &[(NodeId, Amount, f64)], k: usize, cluster: &Cluster) -> bool {
    let (lost, left) = nodes.split_at(k);
    let mut free: Vec<Amount> = left.iter().map(|(_, free, _)| *free).collect();
    let pods = lost.iter().filter_map(|(id, ..)| cluster.node(*id)).flat_map(|node| &node.pods);
    let mut wanted: Vec<Amount> = pods
        .filter_map(|pod| cluster.pod(*pod))
        .filter(|pod| pod.is_active())
        .map(|pod| {
            let requests = &cluster.spec(pod.spec).requests;
            [requests.cpu, requests.memory, 1]
        })
        .collect();
    wanted.sort_unstable_by(|a, b| b.cmp(a));
    // equal pods are looked for from where the last of them was placed
    let (mut from, mut last) = (0, [0; 3]);
    for pod in wanted {
        if pod != last {
            (from, last) = (0, pod);
        }
        let fits = |room: &Amount| room.iter().zip(&pod).all(|(room, wants)| room >= wants);
        let Some(index) = free[from..].iter().position(fits) else { return false };
        from += index;
        for (room, wants) in free[from].iter_mut().zip(&pod) {
            *room -= wants;
        }
    }
    true
}
