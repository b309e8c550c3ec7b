//! Images on nodes and their pulls: one at a time on a node by default; pods that need an image being
//! pulled wait for that pull (nodes.md 9.3, latencies.md 3).

use std::collections::BTreeMap;

use crate::cluster::{Name, NodeId};
use crate::engine::{Distribution, Seed, Span, Time};

use super::settings::Settings;

/// Pulls under way, or done and not yet in the API's list of images, by node.
#[derive(Debug, Default)]
pub(super) struct Images {
    pulls: BTreeMap<NodeId, Vec<(Name, Time)>>,
}

impl Images {
    /// When `image` will be on the node for somebody who needs it at `wanted`; starts the pull unless
    /// one is under way.
    pub(super) fn pull(&mut self, node: NodeId, image: Name, wanted: Time, settings: &Settings, seed: Seed) -> Time {
        let pulls = self.pulls.entry(node).or_default();
        if let Some((_, done)) = pulls.iter().find(|(name, _)| *name == image) {
            return wanted.max(*done);
        }
        let busy_until = pulls.iter().map(|(_, done)| *done).max().unwrap_or(wanted);
        let start = if settings.serialize_image_pulls { busy_until.max(wanted) } else { wanted };
        let done = start + duration(size_of(image, settings, seed), settings);
        pulls.push((image, done));
        done
    }

    /// The node's machine died, and its pulls with it.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.pulls.remove(&node);
    }
}

/// Compressed bytes of an image the scenario says nothing about: log-normal, drawn once per image.
pub(super) fn size_of(image: Name, settings: &Settings, seed: Seed) -> u64 {
    let (median, sigma) = settings.image_size;
    // one nanosecond stands for one byte
    let drawn = Distribution::LogNormal { median: Span(median), sigma };
    drawn.sample(&mut seed.stream("image-size", u64::from(image.0))).0
}

/// Base + size / download rate + size / unpack rate.
fn duration(bytes: u64, settings: &Settings) -> Span {
    let at = |rate: u64| if rate == 0 { 0 } else { bytes.saturating_mul(1_000_000_000) / rate };
    settings.pull_base + Span(at(settings.pull_rate)) + Span(at(settings.unpack_rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulls_on_one_node_queue_and_equal_images_share() {
        let settings = Settings { image_size: (120_000_000, 0.0), ..Settings::default() };
        let mut images = Images::default();
        let mut pull = |image, at| images.pull(NodeId(0), Name(image), Time::from_secs(at), &settings, Seed(1));
        // 0.3 s + 120 MB / 60 MB/s + 120 MB / 80 MB/s = 3.8 s
        assert_eq!(pull(1, 10), Time(13_800_000_000));
        assert_eq!(pull(1, 11), Time(13_800_000_000), "the same pull");
        assert_eq!(pull(2, 11), Time(17_600_000_000), "after the first");
    }
}
