//! GPU fragmentation: how much of the idle GPUs the usual pods could not use.
//!
//! ```text
//! F_n(M)  idle thousandths of node n useless to shape M:
//!           M asks no GPU, or cannot run on n     all of them
//!           M can run                             those of devices with less free than M asks of each
//! F_n     Σ_M p_M F_n(M),   p_M the popularity of M among the typical pods
//! ```
//! *Typical pods* are the most frequent request shapes (CPU, GPU; memory is ignored) that together cover
//! 95 % of all pods. Popularity stays a count, so that sums are exact integers; divide by
//! [`TypicalPods::covered`] to read them. Source: Weng et al., USENIX ATC 2023, as in fgd.md 6.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::gpu::{DEVICE, GpuRequest, Gpus};
use super::names::Name;

/// A request shape with the number of pods that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// CPU in thousandths.
    pub cpu: i64,
    /// GPUs, if any.
    pub gpu: Option<GpuRequest>,
    /// How many pods.
    pub pods: i64,
}

/// The typical pods of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypicalPods {
    shapes: Vec<Shape>,
    covered: i64,
}

/// The share of pods to be covered, in per cent.
const COVERAGE: i64 = 95;

/// CPU, share of a device, devices, accepted models: what makes two requests the same shape.
type ShapeKey = (i64, u32, u32, SmallVec<[Name; 2]>);

/// Request shapes with how many pods have each.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: BTreeMap<ShapeKey, Shape>,
    pods: i64,
}

impl Histogram {
    /// One more pod.
    pub fn count(&mut self, cpu: i64, gpu: Option<&GpuRequest>) {
        let (milli, count) = gpu.map_or((0, 0), |gpu| (gpu.milli, gpu.count));
        let models = gpu.map(|gpu| gpu.models.clone()).unwrap_or_default();
        let shape = self.counts.entry((cpu, milli, count, models));
        shape.or_insert_with(|| Shape { cpu, gpu: gpu.cloned(), pods: 0 }).pods += 1;
        self.pods += 1;
    }

    /// How many pods were counted.
    pub fn pods(&self) -> i64 {
        self.pods
    }

    /// The typical pods: the shortest prefix of the shapes, most frequent first, that covers 95 % of the
    /// pods. Ties: larger CPU first, then share, number of devices and accepted models by `order`.
    pub fn typical<K: Ord>(&self, order: impl Fn(Name) -> K) -> TypicalPods {
        let mut shapes: Vec<Shape> = self.counts.values().cloned().collect();
        shapes.sort_by_cached_key(|shape| {
            let (milli, count) = shape.gpu.as_ref().map_or((0, 0), |gpu| (gpu.milli, gpu.count));
            let models: Vec<K> = shape.gpu.iter().flat_map(|gpu| &gpu.models).map(|model| order(*model)).collect();
            Reverse((shape.pods, shape.cpu, milli, count, models))
        });
        let mut covered = 0;
        let enough = shapes.iter().position(|shape| {
            covered += shape.pods;
            covered * 100 >= self.pods * COVERAGE
        });
        shapes.truncate(enough.map_or(0, |last| last + 1));
        TypicalPods { shapes, covered }
    }
}

impl TypicalPods {
    /// The shapes, most frequent first.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// How many pods they cover: the divisor of [`TypicalPods::fragment`].
    pub fn covered(&self) -> i64 {
        self.covered
    }

    /// F_n times [`TypicalPods::covered`], in thousandths of a device.
    pub fn fragment(&self, free_cpu: i64, gpus: &Gpus) -> i64 {
        let idle = gpus.total_free();
        if idle == 0 {
            return 0;
        }
        self.shapes.iter().map(|shape| shape.pods * useless(shape, free_cpu, gpus, idle)).sum()
    }
}

/// F_n(M).
fn useless(shape: &Shape, free_cpu: i64, gpus: &Gpus, idle: i64) -> i64 {
    let Some(gpu) = shape.gpu.as_ref().filter(|_| free_cpu >= shape.cpu) else { return idle };
    if !gpu.accepts(gpus.model) {
        return idle;
    }
    let milli = gpu.milli.min(DEVICE) as u16;
    let (mut fitting, mut below) = (0, 0);
    for &free in gpus.free() {
        if free >= milli {
            fitting += 1;
        } else {
            below += i64::from(free);
        }
    }
    if fitting >= gpu.count { below } else { idle }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::gpu::{DeviceSet, GpuInventory};

    fn gpu(count: u32, milli: u32) -> GpuRequest {
        GpuRequest { count, milli, models: SmallVec::new() }
    }

    fn typical<'a>(pods: impl Iterator<Item = (i64, Option<&'a GpuRequest>)>) -> TypicalPods {
        let mut histogram = Histogram::default();
        pods.for_each(|(cpu, gpu)| histogram.count(cpu, gpu));
        histogram.typical(|model| model)
    }

    #[test]
    fn the_prefix_that_covers_95_per_cent_is_typical() {
        let (whole, half) = (gpu(1, 1000), gpu(1, 500));
        let pods = (0..100).map(|i| match i {
            0..60 => (4000, Some(&whole)),
            60..94 => (2000, Some(&half)),
            94..97 => (1000, None),
            _ => (8000, None),
        });
        let typical = typical(pods);
        // 60 + 34 = 94 is not enough; of the two shapes of three pods the one with more CPU comes first
        let cpus: Vec<i64> = typical.shapes().iter().map(|shape| shape.cpu).collect();
        assert_eq!((cpus, typical.covered()), (vec![4000, 2000, 8000], 97));
    }

    #[test]
    fn each_reason_counts_as_in_the_paper() {
        let (whole, half, pair) = (gpu(1, 1000), gpu(1, 500), gpu(2, 1000));
        let pods = [(4000, Some(&whole)), (2000, Some(&half)), (1000, None), (1000, Some(&pair))];
        let typical = typical(pods.into_iter());
        let mut gpus = Gpus::new(Some(GpuInventory { model: Name(0), count: 2 }));
        gpus.take(&gpu(1, 700), DeviceSet::one(0));
        // idle 300 + 1000. whole: 300 below; half: 300 below; no GPU: 1300; a pair does not fit: 1300
        assert_eq!(typical.fragment(4000, &gpus), 300 + 300 + 1300 + 1300);
        // too little CPU for the whole one
        assert_eq!(typical.fragment(3999, &gpus), 1300 + 300 + 1300 + 1300);
        assert_eq!(typical.covered(), 4);
    }
}
