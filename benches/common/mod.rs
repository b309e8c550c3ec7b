//! The seeded workload W: pods that come, run and end. 64-CPU, 128-GiB nodes; a pod asks for 0.5, 1, 2
//! or 4 CPU and 2 GiB per CPU, runs for 60 to 600 s, and comes within the time that loads the nodes to
//! 60 %. Integer-only, so that the same pods can be produced anywhere.

use sim::cluster::{Cluster, Labels, NodeSpec, PodSpec, Resources, RestartPolicy, SpecId};
use sim::engine::{Seed, Span, Time};
use sim::scheduler;
use sim::simulation::{Settings, Setup};
use sim::workload::{Arrival, Source};

/// Name, nodes and pods of each size of W.
pub(crate) const SIZES: [(&str, u64, u64); 6] = [
    ("W1", 100, 10_000),
    ("W2", 1_000, 10_000),
    ("W3", 1_000, 100_000),
    ("W4", 5_000, 10_000),
    ("W5", 100, 1_000_000),
    ("W6", 1_000, 1_000_000),
];

const CPUS: [i64; 4] = [500, 1000, 2000, 4000];

struct SplitMix64(u64);

impl SplitMix64 {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.0;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * u128::from(n)) >> 64) as u64
    }
}

/// Second of submission, index into [`CPUS`] and seconds of running of each pod, in order.
fn pods(nodes: u64, count: u64) -> Vec<(u64, u64, usize, u64)> {
    let horizon = (count * 1875 * 330 * 100).div_ceil(nodes * 64_000 * 60);
    let mut rng = SplitMix64(42);
    let mut pods: Vec<_> = (0..count)
        .map(|i| {
            let submit = rng.below(horizon.max(1));
            let cpu = rng.below(4) as usize;
            (submit, i, cpu, 60 + rng.below(541))
        })
        .collect();
    pods.sort_unstable();
    pods
}

/// W with this many nodes and pods, under the default scheduler; its client is not limited, as the
/// pods come faster than 50 a second.
pub(crate) fn w(nodes: u64, count: u64) -> Setup {
    let mut cluster = Cluster::new(Seed(42));
    let gib = 1 << 30;
    let shapes: Vec<SpecId> = CPUS
        .iter()
        .map(|&cpu| {
            let mut spec =
                PodSpec::new(&mut cluster.names, "job").with_requests(Resources::new(cpu, cpu * 2 * gib / 1000));
            spec.restart_policy = RestartPolicy::Never;
            cluster.intern_spec(spec)
        })
        .collect();
    let node_specs = (1..=nodes).map(|index| node(&mut cluster, index)).collect();
    let base = cluster.names.intern("job");
    let arrivals = pods(nodes, count);
    let end = arrivals.iter().map(|(submit, ..)| submit + 700).max().unwrap_or(0);
    let source = arrivals.into_iter().map(move |(submit, _, shape, seconds)| Arrival {
        at: Time::from_secs(submit),
        spec: shapes[shape],
        run_for: Some(Span::from_secs(seconds)),
        base,
    });
    let sources: Vec<Box<dyn Source>> = vec![Box::new(source)];
    let mut settings = Settings::default();
    settings.scheduling.qps_milli = 1_000_000;
    let scheduler = scheduler::Config::new(&mut cluster.names);
    Setup {
        cluster,
        duration: Time::from_secs(end),
        nodes: node_specs,
        workloads: Vec::new(),
        settled: false,
        timeline: Vec::new(),
        faults: Vec::new(),
        quiet: None,
        sources,
        settings,
        scheduler,
        metrics: sim::metrics::Settings::default(),
    }
}

/// A node of 64 CPU and 128 GiB.
pub(crate) fn node(cluster: &mut Cluster, index: u64) -> NodeSpec {
    let name = cluster.names.intern(&format!("node-{index}"));
    let size = Resources::new(64_000, 128 << 30);
    NodeSpec {
        name,
        labels: Labels::new(vec![(cluster.known.hostname, name)]),
        taints: Vec::new(),
        unschedulable: false,
        capacity: size.clone(),
        allocatable: size,
        max_pods: 110,
        images: Vec::new(),
        gpus: None,
    }
}
