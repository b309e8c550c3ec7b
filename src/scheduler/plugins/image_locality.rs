//! ImageLocality (reference: scheduler.md 4.5).
//!
//! ```text
//! s = Σ over containers whose image the node has: trunc(size · nodes having it / all nodes)
//! score = 100·(clamp(s, min, max) - min) / (max - min),  min = 23 MiB, max = 1000 MiB · containers
//! ```
//! The size is the one said by the first node that had the image, also on nodes that say another.

use crate::cluster::{Node, NodeId};
use crate::scheduler::framework::{Context, Normalization, Plugin};

/// The plugin.
pub struct ImageLocality;

const MIB: i64 = 1024 * 1024;
const MIN: i64 = 23 * MIB;
const MAX_PER_CONTAINER: i64 = 1000 * MIB;

impl Plugin for ImageLocality {
    fn pre_score(&mut self, cx: &mut Context<'_>, _feasible: &[NodeId]) -> bool {
        cx.spec.images().any(|image| cx.index.images.contains_key(&image))
    }

    fn score(&self, cx: &Context<'_>, _id: NodeId, node: &Node) -> i64 {
        let total = cx.cluster.n_nodes() as f64;
        let sum: i64 = cx
            .spec
            .images()
            .filter_map(|image| {
                node.spec.images.iter().find(|(name, _)| *name == image)?;
                let image = cx.index.images.get(&image)?;
                Some((image.size as f64 * (image.nodes as f64 / total)) as i64)
            })
            .sum();
        let max = MAX_PER_CONTAINER * cx.spec.containers.len() as i64;
        100 * (sum.clamp(MIN, max) - MIN) / (max - MIN)
    }

    fn normalization(&self) -> Normalization {
        Normalization::None
    }
}
