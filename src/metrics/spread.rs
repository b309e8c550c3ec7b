//! How evenly a workload's pods lie over nodes and zones.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, Name, Status};

use super::workloads::Workload;

/// Most minus fewest active pods of `workload` on a Ready node, and in a zone with a Ready node.
/// Looks at every node; for incidents and the end of a run.
pub(crate) fn of(workload: &Workload, cluster: &Cluster) -> (i64, i64) {
    let mut zones: BTreeMap<Name, i64> = BTreeMap::new();
    let (mut most, mut fewest) = (i64::MIN, i64::MAX);
    for (id, node) in cluster.nodes().filter(|(_, node)| node.ready.status == Status::True) {
        let pods = workload.per_node.get(&id.0).map_or(0, |count| i64::from(*count));
        most = most.max(pods);
        fewest = fewest.min(pods);
        *zones.entry(node.zone.1).or_insert(0) += pods;
    }
    let most_in_zone = zones.values().copied().max().unwrap_or(0);
    let fewest_in_zone = zones.values().copied().min().unwrap_or(0);
    (most.saturating_sub(fewest).max(0), most_in_zone - fewest_in_zone)
}
