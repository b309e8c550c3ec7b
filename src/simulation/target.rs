//! Which nodes a command is for, resolved when it strikes.

use crate::cluster::{Cluster, NodeId};
use crate::engine::Stream;

use super::setup::{Sample, Target};

/// The nodes in the API that match, in the order they were added; a sample is drawn from `stream`.
pub(super) fn resolve(target: &Target, cluster: &Cluster, mut stream: Stream) -> Vec<NodeId> {
    let matches = |node: &crate::cluster::Node| {
        let named = target.names.is_empty() || target.names.contains(&node.name());
        let zoned = target.zone.is_none_or(|zone| node.zone.1 == zone);
        let selected =
            target.selector.as_ref().is_none_or(|selector| selector.matches(&node.spec.labels, &cluster.names));
        named && zoned && selected
    };
    let mut nodes: Vec<NodeId> = cluster.nodes().filter(|(_, node)| matches(node)).map(|(id, _)| id).collect();
    if let Some(sample) = target.sample {
        let count = match sample {
            Sample::Count(count) => count as usize,
            Sample::Percent(percent) => (nodes.len() * percent as usize).div_ceil(100),
        };
        stream.choose_to_front(&mut nodes, count);
        nodes.truncate(count);
        nodes.sort_unstable();
    }
    nodes
}
