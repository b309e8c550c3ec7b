//! Which pods go first when a ReplicaSet shrinks (controllers.md 2, the order since 1.22).

use std::cmp::Ordering;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cluster::{Cluster, NodeId, ObjectId, Phase, PodId};
use crate::engine::Time;

/// The `count` active pods of `set` that are deleted first, in order.
pub(super) fn victims(set: ObjectId, count: usize, cluster: &Cluster) -> Vec<PodId> {
    let doubled_up = related_per_node(set, cluster);
    let Some(object) = cluster.object(set) else { return Vec::new() };
    let mut ranked: Vec<Rank> = object
        .pods
        .iter()
        .filter(|pod| cluster.pod(**pod).is_some_and(|pod| pod.is_active()))
        .filter_map(|pod| Rank::of(*pod, &doubled_up, cluster))
        .collect();
    ranked.sort_by_key(|rank| rank.pod); // the starting order must not depend on storage
    merge_sort(&mut ranked, &|a, b| a.compare(b, cluster.now));
    ranked.into_iter().take(count).map(|rank| rank.pod).collect()
}

/// Active pods per node of all ReplicaSets with the same owner; counted once, not after each deletion.
fn related_per_node(set: ObjectId, cluster: &Cluster) -> BTreeMap<NodeId, u32> {
    let owner = cluster.object(set).and_then(|object| object.owner);
    let siblings = owner.and_then(|owner| cluster.object(owner)).map_or(vec![set], |owner| owner.children.clone());
    let mut counts = BTreeMap::new();
    for sibling in siblings.iter().filter_map(|id| cluster.object(*id)) {
        for pod in sibling.pods.iter().filter_map(|pod| cluster.pod(*pod)).filter(|pod| pod.is_active()) {
            if let Some(node) = pod.bound_node() {
                *counts.entry(node).or_insert(0) += 1;
            }
        }
    }
    counts
}

/// What decides between two pods.
struct Rank {
    pod: PodId,
    /// Rules 1 to 5, smaller first.
    first: (bool, u8, bool, i32, Reverse<u32>),
    ready: bool,
    ready_at: Time,
    restarts: u32,
    created_at: Time,
    uid: u128,
}

impl Rank {
    fn of(id: PodId, doubled_up: &BTreeMap<NodeId, u32>, cluster: &Cluster) -> Option<Rank> {
        let pod = cluster.pod(id)?;
        let node = pod.bound_node();
        let phase = if pod.phase == Phase::Pending { 0 } else { 1 };
        let on_node = node.and_then(|node| doubled_up.get(&node)).copied().unwrap_or(0);
        Some(Rank {
            pod: id,
            first: (node.is_some(), phase, pod.ready, pod.deletion_cost, Reverse(on_node)),
            ready: pod.ready,
            ready_at: pod.ready_at,
            restarts: pod.restarts,
            created_at: pod.created_at,
            uid: cluster.pod_uid(id),
        })
    }

    fn compare(&self, other: &Rank, now: Time) -> Ordering {
        let by_rules = self.first.cmp(&other.first);
        if by_rules != Ordering::Equal {
            return by_rules;
        }
        if self.ready && other.ready && self.ready_at != other.ready_at {
            return younger_first(self.ready_at, other.ready_at, now).then(self.uid.cmp(&other.uid));
        }
        other
            .restarts
            .cmp(&self.restarts)
            .then_with(|| younger_first(self.created_at, other.created_at, now))
            .then(self.uid.cmp(&other.uid))
    }
}

/// The younger first, on a logarithmic scale: ages within a factor of two may count as equal.
fn younger_first(a: Time, b: Time, now: Time) -> Ordering {
    let rank = |since: Time| now.since(since).0.checked_ilog2().map_or(0, |log| log + 1);
    rank(a).cmp(&rank(b))
}

/// A stable merge sort. Kubernetes' comparison is no total order (readiness times decide between
/// some pairs and restarts between others), on which the standard library's sort may panic.
fn merge_sort<T>(items: &mut Vec<T>, compare: &impl Fn(&T, &T) -> Ordering) {
    if items.len() < 2 {
        return;
    }
    let mut right = items.split_off(items.len() / 2);
    merge_sort(items, compare);
    merge_sort(&mut right, compare);
    let mut left = std::mem::take(items).into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare(b, a) == Ordering::Less { right.next() } else { left.next() };
        items.extend(next);
    }
    items.extend(left);
    items.extend(right);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_within_one_power_of_two_are_equal() {
        let now = Time::from_secs(1000);
        let age = |seconds: u64| Time::from_secs(1000 - seconds);
        assert_eq!(younger_first(age(300), age(400), now), Ordering::Equal); // 2^38 ns = 275 s, 2^39 = 550 s
        assert_eq!(younger_first(age(200), age(400), now), Ordering::Less);
    }

    #[test]
    fn merge_sort_is_stable() {
        let mut items = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd'), (0, 'e')];
        merge_sort(&mut items, &|x, y| x.0.cmp(&y.0));
        assert_eq!(items, [(0, 'e'), (1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')]);
    }
}
