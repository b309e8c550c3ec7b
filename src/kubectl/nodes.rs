//! `kubectl get nodes`.

use crate::cluster::{Cluster, Node, Status};

use super::age::age;
use super::{Resource, Row, text};

pub(super) const NODES: Resource = Resource {
    name: "nodes",
    short: &["no"],
    kind: "node",
    columns: &["STATUS", "AGE", "+ZONE", "+PODS", "+CPU REQUESTS", "+MEMORY REQUESTS"],
    rows,
};

fn rows(cluster: &Cluster) -> Vec<Row> {
    cluster.nodes().map(|(_, node)| row(node, cluster)).collect()
}

fn row(node: &Node, cluster: &Cluster) -> Row {
    let (requested, allocatable) = (&node.requested, &node.spec.allocatable);
    let cells = vec![
        status(node),
        age(node.created_at, cluster.now),
        super::or_none(text(node.zone.1, cluster)),
        format!("{}/{}", node.n_pods, node.spec.max_pods),
        percent(requested.cpu, allocatable.cpu),
        percent(requested.memory, allocatable.memory),
    ];
    Row { namespace: String::new(), name: text(node.name(), cluster), cells }
}

/// As kubectl has it: a Ready condition that is False or Unknown is NotReady.
fn status(node: &Node) -> String {
    let ready = if node.ready.status == Status::True { "Ready" } else { "NotReady" };
    let cordoned = if node.spec.unschedulable { ",SchedulingDisabled" } else { "" };
    format!("{ready}{cordoned}")
}

/// In whole percent, rounded down as in `kubectl describe node`.
pub(super) fn percent(part: i64, whole: i64) -> String {
    let percent = if whole > 0 { i128::from(part) * 100 / i128::from(whole) } else { 0 };
    format!("{percent}%")
}
