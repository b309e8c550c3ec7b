//! How much of a workload the loss of one node or one domain would take away: at most, and on average over domains.
//!
//! Domains are the values of a label: zones, racks, and whatever label the faults of a scenario name.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Cluster, Name, NodeId, Status};

use super::{Finished, Metric, Rows};

/// Labels that are domains wherever nodes have them.
const KNOWN: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/rack"];

/// Ready nodes, and the domain that each is in.
struct Domains {
    of_node: BTreeMap<NodeId, Name>,
    count: usize,
}

impl Domains {
    fn by(cluster: &Cluster, domain: impl Fn(NodeId) -> Option<Name>) -> Self {
        let ready = cluster.nodes().filter(|(_, node)| node.ready.status == Status::True);
        let of_node: BTreeMap<NodeId, Name> = ready.filter_map(|(id, _)| Some((id, domain(id)?))).collect();
        let count = of_node.values().collect::<BTreeSet<_>>().len();
        Domains { of_node, count }
    }

    /// The values of a label.
    fn of_label(key: Name, cluster: &Cluster) -> Self {
        Domains::by(cluster, |node| cluster.node(node)?.spec.labels.get(key))
    }

    /// Zones, by whichever label tells them.
    fn zones(cluster: &Cluster) -> Self {
        let zone = |node| cluster.node(node).map(|node| node.zone.1);
        Domains::by(cluster, |node| zone(node).filter(|zone| !cluster.names.text(*zone).is_empty()))
    }

    /// Every node for itself.
    fn nodes(cluster: &Cluster) -> Self {
        Domains::by(cluster, |node| cluster.node(node).map(|node| node.name()))
    }

    /// Of active pods on these nodes, those that the loss of one domain takes: at most, and on average.
    fn losses(&self, placed: &[(NodeId, u32)]) -> (u64, f64) {
        let mut lost: BTreeMap<Name, u64> = BTreeMap::new();
        for (node, pods) in placed {
            if let Some(domain) = self.of_node.get(node) {
                *lost.entry(*domain).or_default() += u64::from(*pods);
            }
        }
        let all: u64 = lost.values().sum();
        (lost.values().copied().max().unwrap_or(0), all as f64 / self.count.max(1) as f64)
    }
}

/// The domains that nodes are in, by label, in the order of their names; without single nodes.
fn labelled(run: &Finished<'_>) -> Vec<(String, Domains)> {
    let names = &run.cluster.names;
    let known = KNOWN.iter().filter_map(|key| names.find(key));
    let keys: BTreeSet<Name> = known.chain(run.domains.iter().copied()).collect();
    let mut found: Vec<(String, Domains)> =
        keys.into_iter().map(|key| (names.text(key).to_string(), Domains::of_label(key, run.cluster))).collect();
    found.retain(|(_, domains)| domains.count > 0);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

/// A workload that wants pods.
struct Wanting<'a> {
    label: &'a str,
    desired: f64,
    /// The nodes its pods are on, and how many.
    placed: &'a [(NodeId, u32)],
}

/// Workloads that want pods.
fn wanting<'a>(run: &'a Finished<'_>) -> impl Iterator<Item = Wanting<'a>> {
    let wanted = run.workloads.iter().zip(run.placed).filter(|(workload, _)| workload.desired.value() > 0);
    wanted.map(|(workload, placed)| Wanting {
        label: &workload.label,
        desired: workload.desired.value() as f64,
        placed,
    })
}

/// A row for each workload that wants pods, if nodes are in such domains at all.
fn rows_of_shares(run: &Finished<'_>, domains: &Domains, rows: &mut Rows) {
    if domains.count > 0 {
        for workload in wanting(run) {
            rows.push(&[("workload", workload.label)], domains.losses(workload.placed).0 as f64 / workload.desired);
        }
    }
}

/// `node_blast_radius_ratio`.
pub const NODE_BLAST_RADIUS_RATIO: Metric = Metric {
    name: "node_blast_radius_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of a workload that the loss of its fullest node would take, at the end",
    formula: "max over Ready nodes of active pods / desired",
    read: |run, rows| rows_of_shares(run, &Domains::nodes(run.cluster), rows),
};

/// `zone_blast_radius_ratio`.
pub const ZONE_BLAST_RADIUS_RATIO: Metric = Metric {
    name: "zone_blast_radius_ratio",
    unit: "ratio",
    labels: &["workload"],
    about: "share of a workload that the loss of its fullest zone would take, at the end; of clusters with zones",
    formula: "max over zones of active pods on Ready nodes / desired",
    read: |run, rows| rows_of_shares(run, &Domains::zones(run.cluster), rows),
};

/// `domain_blast_radius_ratio`.
pub const DOMAIN_BLAST_RADIUS_RATIO: Metric = Metric {
    name: "domain_blast_radius_ratio",
    unit: "ratio",
    labels: &["workload", "domain"],
    about: "share of a workload that the loss of its fullest domain would take, at the end, for each label of nodes that is a \
            domain: zone, rack (`topology.kubernetes.io/…`), and those that faults of the scenario name",
    formula: "max over values of the label of active pods on Ready nodes / desired",
    read: |run, rows| {
        for (label, domains) in labelled(run) {
            for workload in wanting(run) {
                let labels = [("workload", workload.label), ("domain", label.as_str())];
                rows.push(&labels, domains.losses(workload.placed).0 as f64 / workload.desired);
            }
        }
    },
};

/// `expected_replicas_lost`.
pub const EXPECTED_REPLICAS_LOST: Metric = Metric {
    name: "expected_replicas_lost",
    unit: "pods",
    labels: &["workload", "domain"],
    about: "replicas of a workload that the loss of a domain takes on average, at the end, for domain `node` and the labels of \
            domain_blast_radius_ratio",
    formula: "Σ active pods on Ready nodes that are in a domain / domains with a Ready node, each as likely to fail",
    read: |run, rows| {
        let nodes = ("node".to_string(), Domains::nodes(run.cluster));
        for (label, domains) in std::iter::once(nodes).chain(labelled(run)).filter(|(_, domains)| domains.count > 0) {
            for workload in wanting(run) {
                let labels = [("workload", workload.label), ("domain", label.as_str())];
                rows.push(&labels, domains.losses(workload.placed).1);
            }
        }
    },
};
