//! Images on nodes and their pulls: one or a few at a time on a node; pods that need an image being
//! pulled wait for that pull (nodes.md 9.3, latencies.md 3).

use std::collections::BTreeMap;

use crate::cluster::{Name, NodeId};
use crate::engine::{Distribution, Seed, Span, Stream, Time};

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
        let at_once = if settings.serialize_image_pulls { Some(1) } else { settings.max_parallel_image_pulls };
        let free = at_once.map_or(Time::ZERO, |at_once| free_from(pulls, at_once as usize));
        let mut stream = seed.stream("image-pull", u64::from(node.0) << 32 | u64::from(image.0));
        let done = free.max(wanted) + duration(size_of(image, settings, seed), settings, &mut stream);
        pulls.push((image, done));
        done
    }

    /// The node's machine died, and its pulls with it.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.pulls.remove(&node);
    }
}

/// When the first of `at_once` workers that take the pulls in turn is free: each but those with the last
/// `at_once` ends has been followed by another.
fn free_from(pulls: &[(Name, Time)], at_once: usize) -> Time {
    let mut ends: Vec<Time> = pulls.iter().map(|(_, done)| *done).collect();
    ends.sort_unstable();
    ends.len().checked_sub(at_once.max(1)).map_or(Time::ZERO, |index| ends[index])
}

/// Compressed bytes of an image the scenario says nothing about: log-normal, drawn once per image.
pub(super) fn size_of(image: Name, settings: &Settings, seed: Seed) -> u64 {
    let (median, sigma) = settings.image_size;
    // one nanosecond stands for one byte
    let drawn = Distribution::LogNormal { median: Span(median), sigma };
    drawn.sample(&mut seed.stream("image-size", u64::from(image.0))).0
}

/// As a whole, or base + size / download rate + size / unpack rate.
fn duration(bytes: u64, settings: &Settings, stream: &mut Stream) -> Span {
    if let Some(whole) = &settings.pull {
        return whole.sample(stream);
    }
    let at = |rate: u64| {
        let nanos = (u128::from(bytes) * 1_000_000_000).checked_div(u128::from(rate));
        Span(nanos.unwrap_or(0) as u64)
    };
    settings.pull_base.sample(stream) + at(settings.pull_rate) + at(settings.unpack_rate)
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

    #[test]
    fn so_many_pulls_at_once_as_the_node_allows() {
        let ten = Some(Distribution::Constant(Span::from_secs(10)));
        let some = Settings { pull: ten, serialize_image_pulls: false, ..Settings::default() };
        let ends = |settings: Settings| {
            let mut images = Images::default();
            [(1, 0), (2, 4), (3, 5), (4, 6)].map(|(image, at)| {
                let done = images.pull(NodeId(0), Name(image), Time::from_secs(at), &settings, Seed(1));
                done.as_secs_f64() as u64
            })
        };
        assert_eq!(ends(some.clone()), [10, 14, 15, 16], "no limit");
        assert_eq!(ends(Settings { max_parallel_image_pulls: Some(2), ..some }), [10, 14, 20, 24]);
    }
}
