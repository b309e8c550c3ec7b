//! Failures that bring on others: bursts within a domain, and cascades among overloaded survivors.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, Name, Node, NodeId};
use crate::engine::{Span, Stream};

/// A failure drags further nodes of its domain along (Ford et al., OSDI 2010: 37 % of node failures belong
/// to bursts within 120 s; the default of latencies.md 6 is a probability of 0.2 and 2 followers on average).
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    /// How likely a failure starts a burst.
    pub probability: f64,
    /// Mean number of followers, at least 1: geometric on 1, 2 ….
    pub followers_mean: f64,
    /// Followers fail within this time, uniformly.
    pub window: Span,
    /// The topology label whose value followers share with the first; `None`: all nodes.
    pub domain: Option<Name>,
}

/// Survivors that have to take over too much fail in their turn, after Motter and Lai (Phys. Rev. E 66,
/// 065102, 2002): load is shared evenly among what is left of the domain, and whoever is over the tolerance
/// fails.
#[derive(Clone, Debug, PartialEq)]
pub struct Cascade {
    /// Requested cpu over allocatable cpu of the survivors, in thousandths, above which they are overloaded.
    pub overload_milli: u64,
    /// How likely an overloaded survivor fails.
    pub probability: f64,
    /// Within what time, uniformly.
    pub window: Span,
    /// The topology label whose value survivors share with the first; `None`: all nodes.
    pub domain: Option<Name>,
}

/// Nodes that are drawn into a failure, and how long after it.
pub(super) type Followers = Vec<(Span, NodeId)>;

impl Burst {
    /// The followers of a failure of `first`. As many draws are made whoever is there to follow.
    pub fn followers<'c>(
        &self,
        first: NodeId,
        candidates: impl FnOnce() -> &'c [NodeId],
        cluster: &Cluster,
        stream: &mut Stream,
    ) -> Followers {
        let happens = stream.unit() < self.probability;
        let n = geometric(self.followers_mean, stream);
        if !happens {
            return Vec::new();
        }
        let mut others = within(self.domain, first, candidates(), cluster);
        stream.choose_to_front(&mut others, n);
        others.truncate(n);
        others.into_iter().map(|node| (Span(stream.below(self.window.0 + 1)), node)).collect()
    }
}

/// A geometric number on 1, 2 … with this mean, by inversion.
fn geometric(mean: f64, stream: &mut Stream) -> usize {
    let u = stream.unit();
    if mean <= 1.0 {
        return 1;
    }
    let p = 1.0 / mean;
    1 + (libm::log(u) / libm::log(1.0 - p)) as usize
}

impl Cascade {
    /// Survivors that fail because `first` no longer does its part. Those that have `fallen` before do not fall again.
    pub fn failures(
        &self,
        first: NodeId,
        candidates: &[NodeId],
        fallen: &BTreeSet<NodeId>,
        cluster: &Cluster,
        stream: &mut Stream,
    ) -> Followers {
        let mut all = within(self.domain, first, candidates, cluster);
        let requested = |id: &NodeId| cluster.node(*id).map_or(0, |node| node.requested.cpu);
        let load: i64 = all.iter().chain([&first]).map(requested).sum();
        all.retain(|id| cluster.node(*id).is_some_and(|node| node.machine.is_managed()));
        // one that has fallen and is back does its part; one that is cut off, shuts down or is being drained does not
        let fell = |id: &NodeId| fallen.contains(id);
        let is_back = |node: &Node| node.machine.is_heard() && node.machine.healthy && !node.spec.unschedulable;
        let part = |id: &NodeId| cluster.node(*id).filter(|node| !fell(id) || is_back(node));
        let capacity: i64 = all.iter().filter_map(part).map(|node| node.spec.allocatable.cpu).sum();
        all.retain(|id| !fell(id));
        if i128::from(load) * 1000 <= i128::from(capacity) * i128::from(self.overload_milli) {
            return Vec::new();
        }
        let mut failures = Vec::new();
        for node in all {
            let (fails, after) = (stream.unit() < self.probability, Span(stream.below(self.window.0 + 1)));
            if fails {
                failures.push((after, node));
            }
        }
        failures
    }
}

/// The other candidates in the domain of `first`; a node without the label is in no domain.
fn within(domain: Option<Name>, first: NodeId, candidates: &[NodeId], cluster: &Cluster) -> Vec<NodeId> {
    let others = candidates.iter().copied().filter(|id| *id != first);
    let Some(key) = domain else { return others.collect() };
    let value = |id: NodeId| cluster.node(id).and_then(|node| node.spec.labels.get(key));
    match value(first) {
        Some(own) => others.filter(|id| value(*id) == Some(own)).collect(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Seed;

    #[test]
    fn the_number_of_followers_is_geometric() {
        let mut stream = Seed(1).stream("test", 0);
        let draws: Vec<usize> = (0..100_000).map(|_| geometric(2.0, &mut stream)).collect();
        let mean = draws.iter().sum::<usize>() as f64 / 100_000.0;
        // standard deviation √(1−p)/p = √2; four standard errors are 0.018
        assert!((mean - 2.0).abs() < 0.018, "{mean}");
        // P(N = 1) = p = 1/2; four standard errors are 0.0063
        let ones = draws.iter().filter(|n| **n == 1).count() as f64 / 100_000.0;
        assert!((ones - 0.5).abs() < 0.0063, "{ones}");
        assert!(geometric(1.0, &mut stream) == 1);
    }
}
