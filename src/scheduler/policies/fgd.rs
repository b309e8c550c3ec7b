//! Fragmentation Gradient Descent: the node, and on it the device, whose fragmentation rises least.
//!
//! ```text
//! score = int(100 · sigmoid((F(node) − F(node after placing)) / 1000)),  sigmoid(x) = 1 / (1 + e^(−x))
//! ```
//! F is that of [`crate::cluster::fragmentation`]. For a share of a device the score is that of the best
//! device, lowest position first. Source: Weng et al., USENIX ATC 2023, in the arithmetic of its artifact
//! (reference: fgd.md 5 and 6).
//!
//! In an experiment the typical pods are those of the whole pod list; in a simulation they are learned.

use crate::cluster::fragmentation::TypicalPods;
use crate::cluster::{DeviceSet, NodeId};
use crate::engine::Stream;

use super::typical::Knowledge;
use super::{Ask, Candidate, Policy, best_devices};

/// The policy.
pub struct Fgd(Knowledge);

impl Fgd {
    /// With typical pods known from the start.
    pub fn new(typical: TypicalPods) -> Self {
        Fgd(Knowledge::told(typical))
    }

    /// That learns from the pods it places.
    pub fn learning() -> Self {
        Fgd(Knowledge::learning())
    }

    /// The score of placing the pod, and the devices.
    fn best(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> (i64, DeviceSet) {
        let typical = self.0.typical();
        let before = typical.fragment(node.cpu.free, node.gpus);
        let free_cpu = node.cpu.free - ask.cpu;
        let Some(gpu) = ask.gpu else {
            return (self.score_of(before, typical.fragment(free_cpu, node.gpus)), DeviceSet::default());
        };
        best_devices(gpu, node.gpus, |devices| {
            let mut gpus = node.gpus.clone();
            gpus.take(gpu, devices);
            self.score_of(before, typical.fragment(free_cpu, &gpus))
        })
    }

    fn score_of(&self, before: i64, after: i64) -> i64 {
        let covered = self.0.typical().covered().max(1) as f64;
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
        !self.0.learns()
    }

    fn devices(&self, ask: &Ask<'_>, node: &Candidate<'_>, _draw: &mut Stream) -> DeviceSet {
        self.best(ask, node).1
    }

    fn placed(&mut self, ask: &Ask<'_>, _node: NodeId) {
        self.0.placed(ask);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fragmentation::Histogram;
    use crate::cluster::{GpuInventory, GpuRequest, Gpus, Name};
    use crate::engine::Seed;
    use crate::scheduler::policies::{Room, tests};
    use smallvec::SmallVec;

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
