//! The order in which nodes are looked at, and how many of them (reference: scheduler.md 2.1, 2.2).

use crate::cluster::{Cluster, Name, NodeId};

/// Region and zone.
type Zone = (Name, Name);

/// Nodes by zone, and the list in which zones take turns.
#[derive(Debug, Default)]
pub struct NodeOrder {
    /// Zones in the order first seen, each with its nodes in the order they were added.
    zones: Vec<(Zone, Vec<NodeId>)>,
    list: Vec<NodeId>,
    /// By node: its place in the list.
    places: Vec<u32>,
    /// Grows whenever the list is another.
    epoch: u32,
    stale: bool,
}

const NOWHERE: u32 = u32::MAX;

impl NodeOrder {
    /// A node was added.
    pub fn add(&mut self, node: NodeId, cluster: &Cluster) {
        if let Some(found) = cluster.node(node) {
            self.insert(node, found.zone);
            self.stale = true;
        }
    }

    fn insert(&mut self, node: NodeId, zone: Zone) {
        match self.zones.iter_mut().find(|(key, _)| *key == zone) {
            Some((_, nodes)) => nodes.push(node),
            None => self.zones.push((zone, vec![node])),
        }
    }

    /// A node was removed.
    pub fn remove(&mut self, node: NodeId) {
        for (_, nodes) in &mut self.zones {
            nodes.retain(|other| *other != node);
        }
        self.zones.retain(|(_, nodes)| !nodes.is_empty());
        self.stale = true;
    }

    /// A node's labels changed. Its zone may be another, which shows in the list only when a node is
    /// added or removed.
    pub fn relabel(&mut self, node: NodeId, cluster: &Cluster) {
        let Some(found) = cluster.node(node) else { return };
        let here = |(zone, nodes): &(Zone, Vec<NodeId>)| *zone == found.zone && nodes.contains(&node);
        if self.zones.iter().any(here) {
            return;
        }
        let was_stale = self.stale;
        self.remove(node);
        self.stale = was_stale;
        self.insert(node, found.zone);
    }

    /// Brings the list up to date with nodes added and removed; to be called at the begin of a search.
    pub fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        self.epoch += 1;
        self.list.clear();
        let longest = self.zones.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
        for turn in 0..longest {
            self.list.extend(self.zones.iter().filter_map(|(_, nodes)| nodes.get(turn)));
        }
        self.places.clear();
        self.places.resize(self.list.iter().map(|node| node.index() + 1).max().unwrap_or(0), NOWHERE);
        for (place, node) in self.list.iter().enumerate() {
            self.places[node.index()] = place as u32;
        }
    }

    /// All nodes, the zones taking turns, as of the last [`NodeOrder::refresh`].
    pub fn list(&self) -> &[NodeId] {
        &self.list
    }

    /// The node's place in the list.
    pub fn place(&self, node: NodeId) -> Option<usize> {
        self.places.get(node.index()).filter(|place| **place != NOWHERE).map(|place| *place as usize)
    }

    /// Those of these nodes that are in the list, in its order, each once.
    pub fn sorted(&self, nodes: &[NodeId]) -> Vec<NodeId> {
        let mut places: Vec<usize> = nodes.iter().filter_map(|node| self.place(*node)).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().map(|place| self.list[place]).collect()
    }

    /// Grows whenever the list is another.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }
}

/// How many feasible nodes are enough among `n_nodes` (reference 2.2). `percentage` 0 is adaptive:
/// `max(5, 50 - n/125)`.
pub fn nodes_to_find(n_nodes: usize, percentage: u32) -> usize {
    if n_nodes < 100 {
        return n_nodes;
    }
    let percentage = match percentage {
        0 => 50usize.saturating_sub(n_nodes / 125).max(5),
        given => given as usize,
    };
    if percentage >= 100 { n_nodes } else { (n_nodes * percentage / 100).max(100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_to_find_follows_the_reference() {
        let expected = [
            (99, 99),
            (100, 100),
            (120, 100),
            (206, 100),
            (250, 120),
            (500, 230),
            (1000, 420),
            (2000, 680),
            (3000, 780),
            (5000, 500),
            (5500, 330),
            (5625, 281),
            (6000, 300),
            (10000, 500),
        ];
        for (n, want) in expected {
            assert_eq!(nodes_to_find(n, 0), want, "{n} nodes");
        }
    }

    #[test]
    fn zones_take_turns_and_a_zone_that_returns_is_last() {
        let zone = |z| (Name(0), Name(z));
        let mut order = NodeOrder::default();
        for (node, z) in [(1, 1), (2, 1), (3, 2), (4, 1)] {
            order.insert(NodeId(node), zone(z));
        }
        order.stale = true;
        let ids = |order: &mut NodeOrder| {
            order.refresh();
            for (place, node) in order.list().iter().enumerate() {
                assert_eq!(order.place(*node), Some(place));
            }
            order.list().iter().map(|node| node.0).collect::<Vec<_>>()
        };
        assert_eq!(ids(&mut order), [1, 3, 2, 4]);
        order.remove(NodeId(3));
        assert_eq!(ids(&mut order), [1, 2, 4]);
        order.insert(NodeId(5), zone(2));
        order.stale = true;
        assert_eq!(ids(&mut order), [1, 5, 2, 4]);
    }
}
