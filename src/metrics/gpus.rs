//! GPUs: how much of them is asked for, and how much of what is free is of no use.

use crate::cluster::{Cluster, GpuRequest, Node, NodeId, PodId, SpecId, Status};
use crate::engine::{Integral, Time};

use super::capacity::{PPM, ratio_ppm};
use super::series::Recorder;
use super::{Finished, Metric, Rows};

/// Templates that the measure of fragmentation looks at: those most pods were made from.
const TYPICAL: usize = 32;

/// A template that asks for GPUs: cpu in thousandths, the request, and how many pods were made from it.
#[derive(Clone, Debug)]
struct Typical {
    cpu: i64,
    request: GpuRequest,
    weight: i64,
}

/// What one Ready node adds, in thousandths of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    capacity: i64,
    free: i64,
    /// Of what is free, what the typical pods cannot use.
    fragments: i64,
}

/// Sums over the Ready nodes; idle in a cluster without GPUs.
#[derive(Clone, Debug)]
pub(crate) struct Gpus {
    shares: Vec<Share>,
    sum: Share,
    typical: Vec<Typical>,
    /// Pods created from each template that asks for GPUs.
    per_spec: Vec<u64>,
    created: u64,
    elect_at: u64,
    capacity: Integral,
    requested: Integral,
    fragmentation: Integral,
    started: Time,
    pub(crate) requested_series: Recorder,
    pub(crate) fragmentation_series: Recorder,
}

impl Gpus {
    pub(crate) fn new(now: Time, limit: usize) -> Self {
        let zero = Integral::starting(now, 0);
        let recorder = Recorder::starting(now, 0, limit);
        Gpus {
            shares: Vec::new(),
            sum: Share::default(),
            typical: Vec::new(),
            per_spec: Vec::new(),
            created: 0,
            elect_at: 1,
            capacity: zero,
            requested: zero,
            fragmentation: zero,
            started: now,
            requested_series: recorder.clone(),
            fragmentation_series: recorder,
        }
    }

    /// Whether there ever were any.
    pub(crate) fn is_used(&self) -> bool {
        self.capacity.value() > 0 || !self.shares.is_empty()
    }

    /// A pod was created: whenever their number has doubled, the typical pods are elected anew.
    pub(crate) fn pod_created(&mut self, pod: PodId, cluster: &Cluster) {
        let Some(spec) = cluster.pod(pod).map(|pod| pod.spec) else { return };
        if cluster.spec(spec).gpu.is_none() {
            return;
        }
        if self.per_spec.len() <= spec.index() {
            self.per_spec.resize(spec.index() + 1, 0);
        }
        self.per_spec[spec.index()] += 1;
        self.created += 1;
        if self.created < self.elect_at {
            return;
        }
        self.elect_at = self.created * 2;
        self.elect(cluster);
        let ids: Vec<NodeId> = cluster.nodes().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.node_changed(id, false, cluster));
    }

    fn elect(&mut self, cluster: &Cluster) {
        let mut counts: Vec<(u64, usize)> = self
            .per_spec
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(spec, count)| (*count, spec))
            .collect();
        counts.sort_by_key(|(count, spec)| (std::cmp::Reverse(*count), *spec));
        counts.truncate(TYPICAL);
        let typical = counts.into_iter().filter_map(|(count, spec)| {
            let spec = cluster.spec(SpecId(spec as u32));
            Some(Typical { cpu: spec.requests.cpu, request: spec.gpu.clone()?, weight: count as i64 })
        });
        self.typical = typical.collect();
    }

    /// Something on a node, or the node itself, changed. `gone`: this is the news that it was removed.
    pub(crate) fn node_changed(&mut self, id: NodeId, gone: bool, cluster: &Cluster) {
        let node = cluster.node(id).filter(|node| !gone && node.ready.status == Status::True);
        let has_devices = node.is_some_and(|node| !node.gpus.is_empty());
        if !has_devices && self.shares.len() <= id.index() {
            return;
        }
        let share = node.map_or(Share::default(), |node| self.share_of(node));
        if self.shares.len() <= id.index() {
            self.shares.resize(id.index() + 1, Share::default());
        }
        let old = std::mem::replace(&mut self.shares[id.index()], share);
        if old == share {
            return;
        }
        self.sum.capacity += share.capacity - old.capacity;
        self.sum.free += share.free - old.free;
        self.sum.fragments += share.fragments - old.fragments;
        let (now, requested) = (cluster.now, self.sum.capacity - self.sum.free);
        self.capacity.set(now, self.sum.capacity);
        self.requested.set(now, requested);
        self.fragmentation.set(now, ratio_ppm(self.sum.fragments, self.sum.free));
        self.requested_series.set(now, ratio_ppm(requested, self.sum.capacity));
        self.fragmentation_series.set(now, ratio_ppm(self.sum.fragments, self.sum.free));
    }

    fn share_of(&self, node: &Node) -> Share {
        let free_cpu = node.spec.allocatable.cpu - node.requested.cpu;
        let free = node.gpus.total_free();
        let weight: i64 = self.typical.iter().map(|typical| typical.weight).sum();
        let useless = |typical: &Typical| {
            if typical.cpu > free_cpu || !node.gpus.fits(&typical.request) {
                return free;
            }
            let usable: i64 = node.gpus.fitting(typical.request.milli).map(|it| i64::from(node.gpus.free()[it])).sum();
            free - usable
        };
        let sum: i64 = self.typical.iter().map(|typical| typical.weight * useless(typical)).sum();
        let capacity = node.gpus.len() as i64 * i64::from(crate::cluster::gpu::DEVICE);
        Share { capacity, free, fragments: if weight > 0 { sum / weight } else { 0 } }
    }
}

/// `gpu_requested_ratio`.
pub const GPU_REQUESTED_RATIO: Metric = Metric {
    name: "gpu_requested_ratio",
    unit: "ratio",
    labels: &[],
    about: "GPUs asked for by pods over those there are, shares added up, on Ready nodes, averaged over the run",
    formula: "∫ Σ requested dt / ∫ Σ devices dt over nodes Ready in the API",
    read: |run, rows| {
        let whole = run.gpus.capacity.area_at(run.end);
        if whole > 0 {
            rows.push(&[], run.gpus.requested.area_at(run.end) as f64 / whole as f64);
        }
    },
};

/// `gpu_fragmentation_ratio`.
pub const GPU_FRAGMENTATION_RATIO: Metric = Metric {
    name: "gpu_fragmentation_ratio",
    unit: "ratio",
    labels: &[],
    about: "share of the free GPUs that a typical pod cannot use, averaged over the run",
    formula: "(1/T) ∫ Σₙ Fₙ/Σₙ free dt, Fₙ = Σₘ pₘ·Fₙ(m): all that is free on n if m does not fit there by cpu and GPU, else what is \
              free on devices too full for m; m: the 32 templates with GPUs that most pods were made from, weighted by \
              pods (re-elected whenever their number doubles); FGD (Weng et al., ATC 2023)",
    read: |run: &Finished<'_>, rows: &mut Rows| {
        let span = run.end.since(run.gpus.started);
        if span.0 > 0 && run.gpus.is_used() {
            rows.push(&[], run.gpus.fragmentation.area_at(run.end) as f64 / span.0 as f64 / PPM as f64);
        }
    },
};
