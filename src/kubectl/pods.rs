//! `kubectl get pods`.

use crate::cluster::spec::Role;
use crate::cluster::{Cluster, Pod, PodId};

use super::age::age;
use super::{Resource, Row, or_none, text};

pub(super) const PODS: Resource = Resource {
    name: "pods",
    short: &["po"],
    kind: "pod",
    columns: &["READY", "STATUS", "RESTARTS", "AGE", "+NODE", "+NOMINATED NODE"],
    rows,
};

fn rows(cluster: &Cluster) -> Vec<Row> {
    let exist = cluster.pods().filter(|(id, _)| cluster.pod_exists(*id));
    exist.map(|(id, pod)| row(id, pod, cluster)).collect()
}

fn row(id: PodId, pod: &Pod, cluster: &Cluster) -> Row {
    let containers = cluster.spec(pod.spec).containers.iter().filter(|it| it.role != Role::Init).count();
    let node = pod.bound_node().map_or(String::new(), |node| cluster.node_name(node).to_string());
    let nominated = pod.nominated.filter(|_| pod.node.is_none());
    let cells = vec![
        format!("{}/{containers}", if pod.containers_ready { containers } else { 0 }),
        pod.status().to_string(),
        pod.restarts.to_string(),
        age(pod.created_at, cluster.now),
        or_none(node),
        or_none(nominated.map_or(String::new(), |node| cluster.node_name(node).to_string())),
    ];
    Row { namespace: text(cluster.spec(pod.spec).namespace, cluster), name: cluster.pod_name(id), cells }
}
