//! Where each workload's pods lie, and how evenly over nodes and zones, kept up to date: work in the number of workloads
//! on a node for each pod that is placed there or goes, and when its readiness changes.

use std::collections::BTreeMap;

use crate::cluster::{Name, NodeId};

/// The nodes that are Ready in the API, and their zones.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadyNodes {
    /// The zone of each that is.
    zone_of: Vec<Option<Name>>,
    count: i64,
    zones: BTreeMap<Name, u32>,
}

/// Which workloads have active pods on each node, and how many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placed(Vec<Vec<(u32, u32)>>);

/// A workload's active pods with a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
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

impl Placed {
    /// A pod of a workload was placed on a node (1) or went (-1); how many there were and are.
    pub(crate) fn place(&mut self, workload: u32, node: NodeId, sign: i32) -> (u32, u32) {
        if self.0.len() <= node.index() {
            self.0.resize(node.index() + 1, Vec::new());
        }
        let here = &mut self.0[node.index()];
        let position = here.iter().position(|(other, _)| *other == workload).unwrap_or_else(|| {
            here.push((workload, 0));
            here.len() - 1
        });
        let before = here[position].1;
        let now = before.saturating_add_signed(sign);
        here[position].1 = now;
        if now == 0 {
            here.swap_remove(position);
        }
        (before, now)
    }

    /// The workloads on a node, and how many pods they have there.
    pub(crate) fn on(&self, node: NodeId) -> &[(u32, u32)] {
        self.0.get(node.index()).map_or(&[], Vec::as_slice)
    }

    /// By workload, of which there are so many: the nodes with some of its pods, in their order, and how many.
    pub(crate) fn by_workload(&self, workloads: usize) -> Vec<Vec<(NodeId, u32)>> {
        let mut all = vec![Vec::new(); workloads];
        for (node, here) in self.0.iter().enumerate() {
            for &(workload, pods) in here {
                all[workload as usize].push((NodeId(node as u32), pods));
            }
        }
        all
    }
}

impl Spread {
    /// A node of this zone that had `before` of the pods has `now`; `None`: it is not Ready.
    pub(crate) fn place(&mut self, (before, now): (u32, u32), zone: Option<Name>) {
        if let Some(zone) = zone {
            self.recount(before, now);
            *self.per_zone.entry(zone).or_default() += i64::from(now) - i64::from(before);
        }
    }

    /// The zone in which a node with so many pods counts changed; `None`: it is not Ready.
    pub(crate) fn node_changed(&mut self, pods: u32, before: Option<Name>, now: Option<Name>) {
        self.place((pods, 0), before);
        self.place((0, pods), now);
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
        let (mut spread, mut placed) = (Spread::default(), Placed::default());
        let mut place = |node: u32, sign: i32, spread: &mut Spread, ready: &ReadyNodes| {
            spread.place(placed.place(7, NodeId(node), sign), ready.zone(NodeId(node)));
            placed.on(NodeId(node)).to_vec()
        };
        for (node, zone) in [(0, a), (1, a), (2, b)] {
            ready.set(NodeId(node), Some(zone));
        }
        // three pods on node 0, one on node 1, none on node 2: 3 − 0 over nodes, 4 − 0 over zones
        for node in [0, 0, 0, 1] {
            place(node, 1, &mut spread, &ready);
        }
        assert_eq!(spread.of(&ready), (3, 4));
        assert_eq!(place(2, 1, &mut spread, &ready), [(7, 1)]);
        assert_eq!(spread.of(&ready), (2, 3)); // 3, 1, 1 and 4, 1
        let (before, now) = ready.set(NodeId(0), None).unwrap();
        spread.node_changed(3, before, now);
        assert_eq!(spread.of(&ready), (0, 0)); // 1, 1 and 1, 1
        place(0, -1, &mut spread, &ready); // while nobody counts it
        let (before, now) = ready.set(NodeId(0), Some(b)).unwrap();
        spread.node_changed(2, before, now);
        assert_eq!(spread.of(&ready), (1, 2)); // 2, 1, 1 and 1, 3
        assert_eq!(place(2, -1, &mut spread, &ready), []);
        assert_eq!(placed.by_workload(8)[7], [(NodeId(0), 2), (NodeId(1), 1)]);
    }
}
