//! How evenly a workload's pods lie over nodes and zones, kept up to date: constant work for each pod that is placed
//! or goes, and work in the size of a node's pods when its readiness changes.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::cluster::{Name, NodeId};

/// The nodes that are Ready in the API, and their zones.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadyNodes {
    /// The zone of each that is.
    zone_of: Vec<Option<Name>>,
    count: i64,
    zones: BTreeMap<Name, u32>,
}

/// A workload's active pods with a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    per_node: FxHashMap<NodeId, u32>,
    /// By how many of them: on how many Ready nodes there are so many; nodes without any are not counted.
    nodes_with: Vec<u32>,
    /// How many are on Ready nodes of each zone.
    per_zone: BTreeMap<Name, i64>,
}

impl ReadyNodes {
    /// The zone of a node, if it is Ready.
    pub(crate) fn zone(&self, node: NodeId) -> Option<Name> {
        self.zone_of.get(node.index()).copied().flatten()
    }

    /// A node is Ready, in this zone, or no longer. Returns its zone before and now if that is a change.
    pub(crate) fn set(&mut self, node: NodeId, zone: Option<Name>) -> Option<(Option<Name>, Option<Name>)> {
        if self.zone_of.len() <= node.index() {
            self.zone_of.resize(node.index() + 1, None);
        }
        let before = std::mem::replace(&mut self.zone_of[node.index()], zone);
        if before == zone {
            return None;
        }
        self.count += i64::from(zone.is_some()) - i64::from(before.is_some());
        if let Some(zone) = zone {
            *self.zones.entry(zone).or_default() += 1;
        }
        if let Some(zone) = before {
            remove_one(&mut self.zones, zone);
        }
        Some((before, zone))
    }
}

impl Spread {
    /// A pod was placed on a node (1) or went (-1); how many are there now.
    pub(crate) fn place(&mut self, node: NodeId, sign: i32, ready: &ReadyNodes) -> u32 {
        let count = self.per_node.entry(node).or_insert(0);
        let before = *count;
        *count = before.saturating_add_signed(sign);
        let now = *count;
        if now == 0 {
            self.per_node.remove(&node);
        }
        if let Some(zone) = ready.zone(node) {
            self.recount(before, now);
            *self.per_zone.entry(zone).or_default() += i64::from(now) - i64::from(before);
        }
        now
    }

    /// The zone in which a node counts changed; `None`: it is not Ready.
    pub(crate) fn node_changed(&mut self, node: NodeId, before: Option<Name>, now: Option<Name>) {
        let pods = self.per_node.get(&node).copied().unwrap_or(0);
        let counted = |zone: Option<Name>| if zone.is_some() { pods } else { 0 };
        self.recount(counted(before), counted(now));
        for (zone, sign) in [(before, -1), (now, 1)] {
            if let Some(zone) = zone {
                *self.per_zone.entry(zone).or_default() += sign * i64::from(pods);
            }
        }
    }

    /// A Ready node that had `before` of the pods has `now`.
    fn recount(&mut self, before: u32, now: u32) {
        if before == now {
            return;
        }
        if now > 0 {
            if self.nodes_with.len() <= now as usize {
                self.nodes_with.resize(now as usize + 1, 0);
            }
            self.nodes_with[now as usize] += 1;
        }
        if before > 0 {
            self.nodes_with[before as usize] -= 1;
        }
    }

    /// Nodes that have some, Ready or not, and how many; in their order.
    pub(crate) fn on_nodes(&self) -> Vec<(NodeId, u32)> {
        // sorted right away, so that the order of the map shows nowhere
        let mut all: Vec<(NodeId, u32)> = self.per_node.iter().map(|(node, pods)| (*node, *pods)).collect();
        all.sort_unstable();
        all
    }

    /// Most minus fewest pods on a Ready node, and in a zone with a Ready node.
    pub(crate) fn of(&self, ready: &ReadyNodes) -> (i64, i64) {
        let with_some: i64 = self.nodes_with.iter().map(|nodes| i64::from(*nodes)).sum();
        let most = self.nodes_with.iter().rposition(|nodes| *nodes > 0).map_or(0, |count| count as i64);
        let fewest = self.nodes_with.iter().position(|nodes| *nodes > 0).map_or(0, |count| count as i64);
        let nodes = if with_some < ready.count { most } else { most - fewest };
        let in_zone = |zone: &Name| self.per_zone.get(zone).copied().unwrap_or(0);
        let most = ready.zones.keys().map(in_zone).max().unwrap_or(0);
        let fewest = ready.zones.keys().map(in_zone).min().unwrap_or(0);
        (nodes, most - fewest)
    }
}

fn remove_one(counts: &mut BTreeMap<Name, u32>, key: Name) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_follows_pods_and_nodes() {
        let (a, b) = (Name(1), Name(2));
        let mut ready = ReadyNodes::default();
        let mut spread = Spread::default();
        for (node, zone) in [(0, a), (1, a), (2, b)] {
            ready.set(NodeId(node), Some(zone));
        }
        // three pods on node 0, one on node 1, none on node 2: 3 − 0 over nodes, 4 − 0 over zones
        for node in [0, 0, 0, 1] {
            spread.place(NodeId(node), 1, &ready);
        }
        assert_eq!(spread.of(&ready), (3, 4));
        spread.place(NodeId(2), 1, &ready);
        assert_eq!(spread.of(&ready), (2, 3)); // 3, 1, 1 and 4, 1
        let (before, now) = ready.set(NodeId(0), None).unwrap();
        spread.node_changed(NodeId(0), before, now);
        assert_eq!(spread.of(&ready), (0, 0)); // 1, 1 and 1, 1
        spread.place(NodeId(0), -1, &ready); // while nobody counts it
        let (before, now) = ready.set(NodeId(0), Some(b)).unwrap();
        spread.node_changed(NodeId(0), before, now);
        assert_eq!(spread.of(&ready), (1, 2)); // 2, 1, 1 and 1, 3
    }
}
