//! How much of a workload the loss of one node or one domain would take away.

use super::Metric;

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
