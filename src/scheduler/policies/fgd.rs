//! Fragmentation Gradient Descent: the node, and on it the device, whose fragmentation rises least.
//!
//! ```text
//! score = int(100 · sigmoid((F(node) − F(node after placing)) / 1000)),  sigmoid(x) = 1 / (1 + e^(−x))
//! ```
//! F is that of [`crate::cluster::fragmentation`]. For a share of a device the score is that of the best
//! device, lowest position first. Source: Weng et al., USENIX ATC 2023, in the arithmetic of its artifact
//! (reference: fgd.md 5 and 6).
//!
//! `fgd-exact`, ours: the same gradient without the rounding to 0..100, by which many nodes tie that differ; ties that
//! are left go to the node with the least idle GPU.
//!
//! ```text
//! score = (F(node) − F(node after placing)) · 4096 − idle share after placing / 4
//! ```
//!
//! In an experiment the typical pods are those of the whole pod list, as in the paper. In a simulation, where
//! the future is not known, they are learned: those of all pods placed so far.

use crate::cluster::fragmentation::{Histogram, TypicalPods};
use crate::cluster::{DeviceSet, GpuRequest, NodeId};
use crate::engine::Stream;

use super::{Ask, Candidate, Policy};

/// The policy.
pub struct Fgd {
    typical: TypicalPods,
    /// Shapes seen so far, if it learns.
    seen: Option<Histogram>,
    /// Without rounding.
    exact: bool,
}

/// In a learning one the typical pods are recomputed whenever the number of pods seen reaches a power of
/// two, or a multiple of this.
const RELEARN: i64 = 256;

impl Fgd {
    /// With typical pods known from the start.
    pub fn new(typical: TypicalPods) -> Self {
        Fgd { typical, seen: None, exact: false }
    }

    /// The same without rounding.
    pub fn exact(typical: TypicalPods) -> Self {
        Fgd { typical, seen: None, exact: true }
    }

    /// That learns from the pods it places.
    pub fn learning() -> Self {
        Fgd { typical: TypicalPods::default(), seen: Some(Histogram::default()), exact: false }
    }

    /// That learns, without rounding.
    pub fn learning_exact() -> Self {
        Fgd { exact: true, ..Fgd::learning() }
    }

    /// The score of placing the pod, and for a share the device.
    fn best(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> (i64, DeviceSet) {
        let before = self.typical.fragment(node.cpu.free, node.gpus);
        let free_cpu = node.cpu.free - ask.cpu;
        let after = |gpu: &GpuRequest, devices: DeviceSet| {
            let mut gpus = node.gpus.clone();
            gpus.take(gpu, devices);
            self.score_of(before, self.typical.fragment(free_cpu, &gpus), gpus.total_free())
        };
        match ask.gpu {
            None => {
                let after = self.typical.fragment(free_cpu, node.gpus);
                (self.score_of(before, after, node.gpus.total_free()), DeviceSet::default())
            }
            Some(gpu) if gpu.is_share() => {
                let mut best = (i64::MIN, DeviceSet::default());
                let mut tried = 0u16;
                for device in node.gpus.fitting(gpu.milli) {
                    let free = node.gpus.free()[device];
                    if node.gpus.free()[..device].contains(&free) && tried > 0 {
                        continue; // an equal device before it scored the same
                    }
                    tried += 1;
                    let score = after(gpu, DeviceSet::one(device));
                    if score > best.0 {
                        best = (score, DeviceSet::one(device));
                    }
                }
                best
            }
            Some(gpu) => {
                let devices = node.gpus.tightest(gpu).unwrap_or_default();
                (after(gpu, devices), devices)
            }
        }
    }

    fn score_of(&self, before: i64, after: i64, idle: i64) -> i64 {
        if self.exact {
            return (before - after) * 4096 - idle / 4;
        }
        let covered = self.typical.covered().max(1) as f64;
        let gradient = (before - after) as f64 / covered;
        (100.0 / (1.0 + libm::exp(-gradient / 1000.0))) as i64
    }
}

impl Policy for Fgd {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        self.best(ask, node).0
    }

    fn tell(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> Option<String> {
        Some(self.score(ask, node).to_string())
    }

    /// One that learns scores the same node differently later.
    fn scores_alone(&self) -> bool {
        self.seen.is_none()
    }

    fn devices(&self, ask: &Ask<'_>, node: &Candidate<'_>, _draw: &mut Stream) -> DeviceSet {
        self.best(ask, node).1
    }

    fn placed(&mut self, ask: &Ask<'_>, _node: NodeId) {
        let Some(seen) = &mut self.seen else { return };
        seen.count(ask.cpu, ask.gpu);
        let n = seen.pods();
        if n % RELEARN == 0 || n.count_ones() == 1 {
            self.typical = seen.typical(|model| model.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{GpuInventory, Gpus, Name};
    use crate::engine::Seed;
    use crate::scheduler::policies::{Room, tests};
    use smallvec::SmallVec;

    #[test]
    fn without_rounding_equal_gradients_go_to_the_fullest_node() {
        let half = GpuRequest { count: 1, milli: 500, models: SmallVec::new() };
        let mut histogram = Histogram::default();
        histogram.count(1000, Some(&half));
        let fgd = Fgd::exact(histogram.typical(|model| model.0));
        let inventory = |count| Gpus::new(Some(GpuInventory { model: Name(0), count }));
        let (small, large) = (inventory(1), inventory(8));
        let ask = Ask { gpu: Some(&half), ..tests::ask(1000, 0) };
        let cpu = Room { free: 64_000, capacity: 64_000 };
        let score = |gpus| fgd.score(&ask, &Candidate { gpus, cpu, ..tests::node(0, (0, 0), (0, 0)) });
        // nothing is fragmented before or after: what is idle decides, 500/4 and 7500/4
        assert_eq!((score(&small), score(&large)), (-125, -1875));
    }

    #[test]
    fn a_half_goes_where_a_half_is_left() {
        let half = GpuRequest { count: 1, milli: 500, models: SmallVec::new() };
        let whole = GpuRequest { count: 1, milli: 1000, models: SmallVec::new() };
        let pods = [(1000, Some(&half)), (1000, Some(&whole))];
        let mut histogram = Histogram::default();
        pods.iter().for_each(|(cpu, gpu)| histogram.count(*cpu, *gpu));
        let fgd = Fgd::new(histogram.typical(|model| model.0));
        let mut gpus = Gpus::new(Some(GpuInventory { model: Name(0), count: 2 }));
        gpus.take(&half, DeviceSet::one(1));
        let ask = Ask { gpu: Some(&half), ..tests::ask(1000, 0) };
        let cpu = Room { free: 64_000, capacity: 64_000 };
        let node = Candidate { gpus: &gpus, cpu, ..tests::node(0, (0, 0), (0, 0)) };
        // on device 1: F falls from 500/2 to 0; on device 0 it rises to 1000/2 (the whole one fits nowhere)
        let mut draw = Seed(0).stream("test", 0);
        assert_eq!(fgd.devices(&ask, &node, &mut draw), DeviceSet::one(1));
        assert_eq!(fgd.score(&ask, &node), (100.0 / (1.0 + libm::exp(-0.25))) as i64);
    }
}
