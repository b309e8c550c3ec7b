//! One step of a DaemonSet's rolling update. Old pods that are not available are always replaced;
//! available ones as far as `maxUnavailable`, or with a surge `maxSurge`, allows.

use crate::cluster::workloads::{DaemonSet, DaemonSetUpdate};
use crate::cluster::{Cluster, PodId};

use super::Decision;
use super::nodes::{Daemons, Wanted};

/// The pods of one node that are not being deleted, at most one of each revision.
struct OnNode {
    new: Option<PodId>,
    old: Option<PodId>,
}

/// What the step decides; nothing with `OnDelete`.
pub(super) fn step(set: &DaemonSet, daemons: &Daemons, cluster: &Cluster) -> Decision {
    let DaemonSetUpdate::RollingUpdate { max_surge, max_unavailable } = set.update else {
        return Decision::default();
    };
    let desired = daemons.desired();
    let surge = max_surge.ceil(desired) as usize;
    if surge > 0 {
        return with_surge(set, surge, daemons, cluster);
    }
    // both 0 cannot be met: one may then be unavailable
    in_place(set, max_unavailable.ceil(desired).max(1) as usize, daemons, cluster)
}

fn on_node(set: &DaemonSet, pods: &[PodId], cluster: &Cluster) -> Option<OnNode> {
    let mut found = OnNode { new: None, old: None };
    for &id in pods {
        let Some(pod) = cluster.pod(id).filter(|pod| pod.deletion.is_none()) else { continue };
        let slot = if pod.template == set.template { &mut found.new } else { &mut found.old };
        if slot.replace(id).is_some() {
            return None; // two of one revision: the excess is being removed
        }
    }
    Some(found)
}

fn is_available(pod: PodId, set: &DaemonSet, cluster: &Cluster) -> bool {
    cluster.pod(pod).is_some_and(|pod| super::super::is_available(pod, set.min_ready, cluster))
}

fn in_place(set: &DaemonSet, max_unavailable: usize, daemons: &Daemons, cluster: &Cluster) -> Decision {
    let mut unavailable = 0;
    let mut deletions = Vec::new();
    let mut candidates = Vec::new();
    for (_, pods) in daemons.occupied(cluster) {
        match on_node(set, pods, cluster) {
            Some(OnNode { new: None, old: Some(old) }) if !is_available(old, set, cluster) => deletions.push(old),
            Some(OnNode { new: None, old: Some(old) }) => candidates.push(old),
            Some(OnNode { new: Some(new), old: None }) if is_available(new, set, cluster) => (),
            _ => unavailable += 1,
        }
    }
    deletions.extend(candidates.into_iter().take(max_unavailable.saturating_sub(unavailable)));
    Decision { nodes: Vec::new(), deletions }
}

fn with_surge(set: &DaemonSet, max_surge: usize, daemons: &Daemons, cluster: &Cluster) -> Decision {
    let mut surging = 0;
    let mut decision = Decision::default();
    let mut candidates = Vec::new();
    let runs = |node| daemons.wanted.binary_search_by_key(&node, |(id, _)| *id).map(|at| daemons.wanted[at].1);
    for (node, pods) in daemons.occupied(cluster) {
        match on_node(set, pods, cluster) {
            None => surging += 1,
            Some(OnNode { old: None, .. }) => (),
            // no new pod may come to such a node
            Some(OnNode { new: None, .. }) if runs(node) != Ok(Wanted::Run) => (),
            Some(OnNode { new: None, old: Some(old) }) if !is_available(old, set, cluster) => decision.nodes.push(node),
            Some(OnNode { new: None, .. }) => candidates.push(node),
            Some(OnNode { new: Some(new), old: Some(old) }) => {
                if is_available(new, set, cluster) {
                    decision.deletions.push(old);
                } else {
                    surging += 1;
                }
            }
        }
    }
    decision.nodes.extend(candidates.into_iter().take(max_surge.saturating_sub(surging)));
    decision
}
