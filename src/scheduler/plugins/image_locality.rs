//! ImageLocality (reference: scheduler.md 4.5).
//!
//! ```text
//! s = Σ over containers whose image the node has: trunc(size · nodes having it / all nodes)
//! score = 100·(clamp(s, min, max) - min) / (max - min),  min = 23 MiB, max = 1000 MiB · containers
//! ```
//! The size is the one said by the first node that had the image, also on nodes that say another.

use crate::cluster::{Name, Node, NodeId};
use crate::scheduler::framework::{Context, Kept, Plugin};

/// The plugin.
pub struct ImageLocality;

const MIB: i64 = 1024 * 1024;
const MIN: i64 = 23 * MIB;
const MAX_PER_CONTAINER: i64 = 1000 * MIB;

impl Plugin for ImageLocality {
    fn score(&self, cx: &Context<'_>, _id: NodeId, node: &Node) -> i64 {
        score(cx, |_, image| has(node, image))
    }

    fn kept(&mut self, _cx: &mut Context<'_>) -> Kept {
        Kept::Grade
    }

    /// Which of the pod's images the node has, a bit each: how many nodes have them is asked later.
    fn grade(&self, cx: &Context<'_>, _id: NodeId, node: &Node) -> Option<i64> {
        if cx.spec.containers.len() > 62 {
            return None;
        }
        let present = cx.spec.images().enumerate().filter(|(_, image)| has(node, *image));
        Some(present.fold(0, |bits, (position, _)| bits | 1 << position))
    }

    fn score_grades(&self, cx: &Context<'_>, _nodes: &[usize], grades: &mut [i64]) {
        let mut last = None;
        for grade in grades {
            let bits = *grade;
            *grade = match last {
                Some((same, score)) if same == bits => score, // as most nodes have the same images
                _ => score(cx, |position, _| bits & (1 << position) != 0),
            };
            last = Some((bits, *grade));
        }
    }
}

fn has(node: &Node, image: Name) -> bool {
    node.spec.images.iter().any(|(name, _)| *name == image)
}

/// The score of a node that has the pod's images for which `has` says so, by position and name.
fn score(cx: &Context<'_>, has: impl Fn(usize, Name) -> bool) -> i64 {
    let total = cx.cluster.n_nodes() as f64;
    let present = cx.spec.images().enumerate().filter(|(position, image)| has(*position, *image));
    let parts = present.filter_map(|(_, image)| {
        let image = cx.index.images.get(&image)?;
        Some((image.size as f64 * (image.nodes as f64 / total)) as i64)
    });
    let max = MAX_PER_CONTAINER * cx.spec.containers.len() as i64;
    100 * (parts.sum::<i64>().clamp(MIN, max) - MIN) / (max - MIN)
}
