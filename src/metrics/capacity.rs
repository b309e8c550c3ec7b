//! What of the cluster is asked for, how evenly, and how much of the rest is of use.
//!
//! Each node's share is read again when something on it changes, and the sums move by the difference:
//! constant work per change. Only nodes that are Ready in the API count.

use crate::cluster::{Cluster, Node, NodeId, PodId, Status};
use crate::engine::{Integral, Time};

use super::series::Recorder;
use super::{Finished, Metric, Rows};

/// One million: ratios are kept in parts per million.
pub(crate) const PPM: i64 = 1_000_000;

/// What one node adds to the sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Share {
    /// 1 if it is Ready.
    nodes: i64,
    cpu: i64,
    cpu_allocatable: i64,
    memory: i64,
    memory_allocatable: i64,
    /// The larger of its cpu and memory ratio, parts per million.
    load: i64,
    free_cpu: i64,
    stranded_cpu: i64,
}

/// The pod most often asked for: its requests.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    cpu: i64,
    memory: i64,
}

/// Sums over the Ready nodes, and what follows from them.
#[derive(Clone, Debug)]
pub(crate) struct Capacity {
    shares: Vec<Share>,
    sum: Share,
    load_squares: i128,
    shape: Shape,
    /// Pods created from each template.
    per_spec: Vec<u64>,
    created: u64,
    elect_at: u64,
    cpu: Integral,
    cpu_allocatable: Integral,
    memory: Integral,
    memory_allocatable: Integral,
    nodes_ready: Integral,
    imbalance: Integral,
    fragmentation: Integral,
    started: Time,
    pub(crate) cpu_series: Recorder,
    pub(crate) memory_series: Recorder,
    pub(crate) imbalance_series: Recorder,
    pub(crate) fragmentation_series: Recorder,
    pub(crate) nodes_series: Recorder,
}

impl Capacity {
    pub(crate) fn new(now: Time, limit: usize) -> Self {
        let zero = Integral::starting(now, 0);
        let recorder = Recorder::starting(now, 0, limit);
        Capacity {
            shares: Vec::new(),
            sum: Share::default(),
            load_squares: 0,
            shape: Shape::default(),
            per_spec: Vec::new(),
            created: 0,
            elect_at: 1,
            cpu: zero,
            cpu_allocatable: zero,
            memory: zero,
            memory_allocatable: zero,
            nodes_ready: zero,
            imbalance: zero,
            fragmentation: zero,
            started: now,
            cpu_series: recorder.clone(),
            memory_series: recorder.clone(),
            imbalance_series: recorder.clone(),
            fragmentation_series: recorder.clone(),
            nodes_series: recorder,
        }
    }

    /// A pod was created: whenever the number of pods has doubled, the template most of them were made
    /// from (the oldest of equals) becomes the typical shape.
    pub(crate) fn pod_created(&mut self, pod: PodId, cluster: &Cluster) {
        let Some(spec) = cluster.pod(pod).map(|pod| pod.spec) else { return };
        if self.per_spec.len() <= spec.index() {
            self.per_spec.resize(spec.index() + 1, 0);
        }
        self.per_spec[spec.index()] += 1;
        self.created += 1;
        if self.created < self.elect_at {
            return;
        }
        self.elect_at = self.created * 2;
        let most = self.per_spec.iter().copied().max().unwrap_or(0);
        let winner = self.per_spec.iter().position(|count| *count == most).unwrap_or(0);
        let requests = &cluster.spec(crate::cluster::SpecId(winner as u32)).requests;
        let shape = Shape { cpu: requests.cpu, memory: requests.memory };
        if (shape.cpu, shape.memory) != (self.shape.cpu, self.shape.memory) {
            self.shape = shape;
            let ids: Vec<NodeId> = cluster.nodes().map(|(id, _)| id).collect();
            ids.into_iter().for_each(|id| self.node_changed(id, false, cluster));
        }
    }

    /// Something on a node, or the node itself, changed. `gone`: this is the news that it was removed.
    pub(crate) fn node_changed(&mut self, id: NodeId, gone: bool, cluster: &Cluster) {
        let node = cluster.node(id).filter(|node| !gone && node.ready.status == Status::True);
        let share = node.map_or(Share::default(), |node| share_of(node, self.shape));
        if self.shares.len() <= id.index() {
            self.shares.resize(id.index() + 1, Share::default());
        }
        let old = std::mem::replace(&mut self.shares[id.index()], share);
        if old == share {
            return;
        }
        self.sum.nodes += share.nodes - old.nodes;
        self.sum.cpu += share.cpu - old.cpu;
        self.sum.cpu_allocatable += share.cpu_allocatable - old.cpu_allocatable;
        self.sum.memory += share.memory - old.memory;
        self.sum.memory_allocatable += share.memory_allocatable - old.memory_allocatable;
        self.sum.load += share.load - old.load;
        self.sum.free_cpu += share.free_cpu - old.free_cpu;
        self.sum.stranded_cpu += share.stranded_cpu - old.stranded_cpu;
        self.load_squares += i128::from(share.load).pow(2) - i128::from(old.load).pow(2);
        self.note(cluster.now);
    }

    fn note(&mut self, now: Time) {
        let sum = self.sum;
        self.cpu.set(now, sum.cpu);
        self.cpu_allocatable.set(now, sum.cpu_allocatable);
        self.memory.set(now, sum.memory);
        self.memory_allocatable.set(now, sum.memory_allocatable);
        self.nodes_ready.set(now, sum.nodes);
        let (imbalance, fragmentation) = (self.deviation_of_load(), ratio_ppm(sum.stranded_cpu, sum.free_cpu));
        self.imbalance.set(now, imbalance);
        self.fragmentation.set(now, fragmentation);
        self.cpu_series.set(now, ratio_ppm(sum.cpu, sum.cpu_allocatable));
        self.memory_series.set(now, ratio_ppm(sum.memory, sum.memory_allocatable));
        self.imbalance_series.set(now, imbalance);
        self.fragmentation_series.set(now, fragmentation);
        self.nodes_series.set(now, sum.nodes);
    }

    /// Standard deviation of the Ready nodes' load now, parts per million.
    pub(crate) fn imbalance_ppm(&self) -> i64 {
        self.imbalance.value()
    }

    fn deviation_of_load(&self) -> i64 {
        let nodes = i128::from(self.sum.nodes);
        if nodes == 0 {
            return 0;
        }
        // n·Σx² − (Σx)² is n² times the variance; the root of an integer needs no floating point
        let scaled = nodes * self.load_squares - i128::from(self.sum.load).pow(2);
        let root = match u64::try_from(scaled.max(0)) {
            Ok(scaled) => i128::from(scaled.isqrt()), // as a rule, and in a tenth of the time
            Err(_) => scaled.isqrt(),
        };
        (root / nodes) as i64
    }

    /// Share of free cpu stranded now, parts per million.
    pub(crate) fn fragmentation_ppm(&self) -> i64 {
        self.fragmentation.value()
    }
}

/// `part` of `whole` in parts per million; 0 of nothing.
pub(crate) fn ratio_ppm(part: i64, whole: i64) -> i64 {
    match part.checked_mul(PPM) {
        _ if whole <= 0 => 0,
        Some(scaled) => scaled / whole,
        None => (i128::from(part) * i128::from(PPM) / i128::from(whole)) as i64,
    }
}

fn share_of(node: &Node, shape: Shape) -> Share {
    let (requested, allocatable) = (&node.requested, &node.spec.allocatable);
    let free_cpu = (allocatable.cpu - requested.cpu).max(0);
    let free_memory = (allocatable.memory - requested.memory).max(0);
    let fit = |free: i64, asked: i64| if asked > 0 { free / asked } else { i64::MAX };
    let slots = (node.spec.max_pods - node.n_pods).max(0);
    let fits = fit(free_cpu, shape.cpu).min(fit(free_memory, shape.memory)).min(slots);
    // a shape that asks for no cpu strands all of it or none
    let usable = if shape.cpu > 0 {
        fits * shape.cpu
    } else if fits > 0 {
        free_cpu
    } else {
        0
    };
    let cpu_load = ratio_ppm(requested.cpu, allocatable.cpu);
    Share {
        nodes: 1,
        cpu: requested.cpu,
        cpu_allocatable: allocatable.cpu,
        memory: requested.memory,
        memory_allocatable: allocatable.memory,
        load: cpu_load.max(ratio_ppm(requested.memory, allocatable.memory)),
        free_cpu,
        stranded_cpu: free_cpu - usable,
    }
}

/// `cpu_requested_ratio`.
pub const CPU_REQUESTED_RATIO: Metric = Metric {
    name: "cpu_requested_ratio",
    unit: "ratio",
    labels: &[],
    about: "cpu requested by pods over cpu allocatable, on Ready nodes, averaged over the run",
    formula: "∫ Σ requested dt / ∫ Σ allocatable dt over nodes Ready in the API",
    read: |run, rows| ratio_of_areas(run, rows, &run.capacity.cpu, &run.capacity.cpu_allocatable),
};

/// `memory_requested_ratio`.
pub const MEMORY_REQUESTED_RATIO: Metric = Metric {
    name: "memory_requested_ratio",
    unit: "ratio",
    labels: &[],
    about: "memory requested by pods over memory allocatable, on Ready nodes, averaged over the run",
    formula: "∫ Σ requested dt / ∫ Σ allocatable dt over nodes Ready in the API",
    read: |run, rows| ratio_of_areas(run, rows, &run.capacity.memory, &run.capacity.memory_allocatable),
};

/// `nodes_ready`.
pub const NODES_READY: Metric = Metric {
    name: "nodes_ready",
    unit: "nodes",
    labels: &[],
    about: "nodes Ready in the API, averaged over the run",
    formula: "(1/T) ∫ ready nodes dt",
    read: |run, rows| average(run, rows, &run.capacity.nodes_ready, 1.0),
};

/// `node_imbalance_ratio`.
pub const NODE_IMBALANCE_RATIO: Metric = Metric {
    name: "node_imbalance_ratio",
    unit: "ratio",
    labels: &[],
    about: "standard deviation of the load of Ready nodes, averaged over the run; 0 is even",
    formula: "(1/T) ∫ √(Σ(x − x̄)²/n) dt, x = max(cpu, memory requested / allocatable) of a node",
    read: |run, rows| average(run, rows, &run.capacity.imbalance, PPM as f64),
};

/// `fragmentation_ratio`.
pub const FRAGMENTATION_RATIO: Metric = Metric {
    name: "fragmentation_ratio",
    unit: "ratio",
    labels: &[],
    about: "share of free cpu left over once each node is filled with the typical pod, averaged over the run",
    formula: "(1/T) ∫ Σ(free − k·r)/Σ free dt; r: cpu of the template most pods were made from (re-elected \
              whenever their number doubles), k: how many of it fit by cpu, memory and pod slots; after FGD \
              (Weng et al., ATC 2023)",
    read: |run, rows| average(run, rows, &run.capacity.fragmentation, PPM as f64),
};

fn ratio_of_areas(run: &Finished<'_>, rows: &mut Rows, part: &Integral, whole: &Integral) {
    let whole = whole.area_at(run.end);
    if whole > 0 {
        rows.push(&[], part.area_at(run.end) as f64 / whole as f64);
    }
}

fn average(run: &Finished<'_>, rows: &mut Rows, what: &Integral, scale: f64) {
    let span = run.end.since(run.capacity.started);
    if span.0 > 0 {
        rows.push(&[], what.area_at(run.end) as f64 / span.0 as f64 / scale);
    }
}
