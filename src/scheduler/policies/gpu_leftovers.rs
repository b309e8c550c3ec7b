//! The node, and on it the device, where the pod lets the least GPU be left over in the end. Ours.
//!
//! ```text
//! score = −(rise of Σ_i L(g_i) + rise of S)
//! L_0(g) = g
//! L_k(g) = L_{k−1}(g) − Σ_M p_M max(0, L_{k−1}(g) − L_{k−1}(g − m_M))   over typical GPU pods M with m_M <= g
//! L      = L_64
//! S      = max(0, G − C / ρ),   ρ = Σ p_M c_M / Σ p_M d_M over typical GPU pods
//! ```
//! with g_i the free share of device i, G the sum of them, C the free CPU of the node; p_M, c_M, m_M, d_M the popularity,
//! CPU, share of a device and share of all devices of shape M.
//!
//! * L is what is left of a device that 64 more typical pods are offered to, one after another, if each is taken only
//!   when that lowers what is left (others find another device). 190 thousandths are as good as lost when next to no
//!   pod asks for so little; 530 are not, where 470 is in demand.
//! * S is the idle share that the node's CPU will not reach, when ρ CPU go with each GPU.
//!
//! Both are in thousandths of a device, and are simply added. A whole device costs the same on every node with CPU to
//! spare, so many tie and the first of them wins: nodes fill up one by one, and others stay empty for pods of many
//! devices. It sees what [`super::fgd`] sees, typical pods and the node (no memory), and refuses nothing.
//! Why it leaves less idle than FGD, how the 64 was found, and where it loses: `results/fgd/README.md`.

use crate::cluster::fragmentation::TypicalPods;
use crate::cluster::gpu::DEVICE;
use crate::cluster::{DeviceSet, NodeId};
use crate::engine::Stream;

use super::typical::Knowledge;
use super::{Ask, Candidate, Policy, best_devices};

/// The policy.
pub struct GpuLeftovers {
    knowledge: Knowledge,
    /// L by free thousandths, in [`UNIT`]s.
    left: Vec<i64>,
    /// CPU and GPU that the typical GPU pods ask for in all, in thousandths.
    demand: (i64, i64),
}

/// How many pods are offered to a device. From 64 to 100 the results hardly differ; much less knows too little of what
/// may still come, from 128 on a device waits for pods that never come.
const OFFERS: usize = 64;

/// A thousandth of a device.
const UNIT: i64 = 1 << 20;

impl GpuLeftovers {
    /// With typical pods known from the start.
    pub fn new(typical: TypicalPods) -> Self {
        GpuLeftovers::with(Knowledge::told(typical))
    }

    /// That learns from the pods it places.
    pub fn learning() -> Self {
        GpuLeftovers::with(Knowledge::learning())
    }

    fn with(knowledge: Knowledge) -> Self {
        let mut policy = GpuLeftovers { knowledge, left: Vec::new(), demand: (0, 0) };
        policy.prepare();
        policy
    }

    fn prepare(&mut self) {
        let typical = self.knowledge.typical();
        self.left = left_over(typical, OFFERS);
        self.demand = typical.shapes().iter().fold((0, 0), |(cpu, gpu), shape| match &shape.gpu {
            Some(request) => (cpu + shape.pods * shape.cpu, gpu + shape.pods * request.total()),
            None => (cpu, gpu),
        });
    }

    /// S, in [`UNIT`]s.
    fn stranded(&self, free_cpu: i64, idle: i64) -> i64 {
        let (cpu, gpu) = self.demand;
        if cpu == 0 { 0 } else { (idle - free_cpu * gpu / cpu).max(0) * UNIT }
    }

    /// The score of placing the pod, and the devices.
    fn best(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> (i64, DeviceSet) {
        let idle = node.gpus.total_free();
        let before = self.stranded(node.cpu.free, idle);
        let free_cpu = node.cpu.free - ask.cpu;
        let Some(gpu) = ask.gpu else { return (before - self.stranded(free_cpu, idle), DeviceSet::default()) };
        let stranded = before - self.stranded(free_cpu, idle - gpu.total());
        best_devices(gpu, node.gpus, |devices| {
            let free = |device: usize| usize::from(node.gpus.free()[device]);
            let rise = |device| self.left[free(device) - gpu.milli as usize] - self.left[free(device)];
            stranded - devices.iter().map(rise).sum::<i64>()
        })
    }
}

/// L by free thousandths, in [`UNIT`]s, after so many offers.
fn left_over(typical: &TypicalPods, offers: usize) -> Vec<i64> {
    let mut asked: Vec<(usize, i64)> = Vec::new();
    for shape in typical.shapes() {
        let Some(gpu) = &shape.gpu else { continue };
        let milli = gpu.milli as usize;
        match asked.iter_mut().find(|(other, _)| *other == milli) {
            Some((_, pods)) => *pods += shape.pods,
            None => asked.push((milli, shape.pods)),
        }
    }
    let mut left: Vec<i64> = (0..=i64::from(DEVICE)).map(|free| free * UNIT).collect();
    for _ in 0..offers {
        // downwards, so that what is read is still that of one offer less
        for free in (0..left.len()).rev() {
            let fitting = asked.iter().filter(|(milli, _)| *milli <= free);
            let gain: i64 = fitting.map(|(milli, pods)| pods * (left[free] - left[free - milli]).max(0)).sum();
            left[free] -= gain / typical.covered().max(1);
        }
    }
    left
}

impl Policy for GpuLeftovers {
    fn score(&self, ask: &Ask<'_>, node: &Candidate<'_>) -> i64 {
        self.best(ask, node).0
    }

    /// One that learns scores the same node differently later.
    fn scores_alone(&self) -> bool {
        !self.knowledge.learns()
    }

    fn devices(&self, ask: &Ask<'_>, node: &Candidate<'_>, _draw: &mut Stream) -> DeviceSet {
        self.best(ask, node).1
    }

    fn placed(&mut self, ask: &Ask<'_>, _node: NodeId) {
        if self.knowledge.placed(ask) {
            self.prepare();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::fragmentation::Histogram;
    use crate::cluster::{GpuInventory, GpuRequest, Gpus, Name};
    use crate::scheduler::policies::{Room, tests};
    use smallvec::SmallVec;

    fn share(milli: u32) -> GpuRequest {
        GpuRequest { count: 1, milli, models: SmallVec::new() }
    }

    /// As many pods that ask for 400 as for 600 thousandths, each with 5 cpu: 10 cpu go with a GPU.
    fn typical() -> TypicalPods {
        let mut histogram = Histogram::default();
        histogram.count(4000, Some(&share(400)));
        histogram.count(6000, Some(&share(600)));
        histogram.typical(|model| model.0)
    }

    fn candidate(gpus: &Gpus, cpu: i64) -> Candidate<'_> {
        Candidate { gpus, cpu: Room { free: cpu, capacity: 64_000 }, ..tests::node(0, (0, 0), (0, 0)) }
    }

    #[test]
    fn what_is_left_after_offers_is_that_by_hand() {
        let left = |offers, free: usize| left_over(&typical(), offers)[free] as f64 / UNIT as f64;
        // one offer: half of them take 400, the other half 600
        let once = [399, 400, 600, 1000].map(|free| left(1, free));
        assert_eq!(once, [399.0, 400.0 - 200.0, 600.0 - 500.0, 1000.0 - 500.0]);
        // two: of 600, a pod of 400 leaves 200 where one offer leaves 100, and is declined; a pod of 600 leaves 0.
        // Of 1000, 400 leaves 100 after the next offer, 600 leaves 200
        let twice = [399, 400, 600, 1000].map(|free| left(2, free));
        assert_eq!(twice, [399.0, 100.0, 100.0 - 50.0, 500.0 - 200.0 - 150.0]);
    }

    #[test]
    fn a_share_spares_the_device_it_would_spoil() {
        let policy = GpuLeftovers::new(typical());
        let mut gpus = Gpus::new(Some(GpuInventory { model: Name(0), count: 2 }));
        gpus.take(&share(300), DeviceSet::one(0));
        let small = share(400);
        let ask = Ask { gpu: Some(&small), ..tests::ask(4000, 0) };
        // of 700, now good for a pod of 600 with 100 left, 300 would be left; of the whole one 600, and then nothing
        let (score, devices) = policy.best(&ask, &candidate(&gpus, 64_000));
        let in_thousandths = |score: i64| (score as f64 / UNIT as f64).round();
        assert_eq!((in_thousandths(score), devices), (0.0, DeviceSet::one(1)));
        gpus.take(&share(1000), DeviceSet::one(1));
        assert_eq!(in_thousandths(policy.score(&ask, &candidate(&gpus, 64_000))), -200.0);
    }

    #[test]
    fn cpu_that_idle_gpus_need_is_spared() {
        let policy = GpuLeftovers::new(typical());
        let two = Gpus::new(Some(GpuInventory { model: Name(0), count: 2 }));
        let none = Gpus::new(None);
        let ask = tests::ask(5000, 0);
        let score = |gpus, cpu| policy.score(&ask, &candidate(gpus, cpu));
        // two GPUs need 20 cpu: of 25, five can be spared; of 20, the pod takes those of half a GPU
        assert_eq!((score(&two, 25_000), score(&two, 20_000), score(&none, 20_000)), (0, -500 * UNIT, 0));
        // a share brings its own demand away with it: 400 thousandths with 5 cpu instead of 4 strand 100
        let small = share(400);
        let ask = Ask { gpu: Some(&small), ..ask };
        let room = candidate(&two, 20_000);
        assert_eq!(policy.score(&ask, &room), -100 * UNIT + policy.left[1000] - policy.left[600]);
    }
}
