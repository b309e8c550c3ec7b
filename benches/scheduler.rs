//! One scheduling decision: a pod comes, is placed and goes again, on clusters of different sizes; on 1,000 nodes, one
//! of a Service's pods, which Kubernetes' default constraints spread; and, on 5,000 nodes, a pod with spread constraints and inter-pod anti-affinity. Each with and without what the
//! scheduler remembers between decisions. Of the latter pod's naive decision, also what each plugin costs.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sim::cluster::spec::{AffinityTerm, SpreadConstraint};
use sim::cluster::{
    Body, Change, Cluster, Labels, Lease, NewPod, NodeId, NodeSpec, PodId, PodName, PodSpec, Resources, Selector,
    SpecId, Status,
};
use sim::engine::{Seed, Span, Time};
use sim::scheduler::cycle::{Cycle, PreFiltered, Profile};
use sim::scheduler::framework::{Context, NodeView, PreFilter};
use sim::scheduler::index::Index;
use sim::scheduler::nominator::Nominator;
use sim::scheduler::{Config, Scheduler, Verdict, plugins};

/// A cluster with its scheduler.
struct Bed {
    cluster: Cluster,
    scheduler: Scheduler,
}

impl Bed {
    /// So many nodes in three zones.
    fn new(nodes: u64, cached: bool) -> Bed {
        let mut cluster = Cluster::new(Seed(1));
        let zone_key = cluster.names.intern("topology.kubernetes.io/zone");
        for index in 1..=nodes {
            let name = cluster.names.intern(&format!("node-{index}"));
            let zone = cluster.names.intern(["a", "b", "c"][index as usize % 3]);
            let size = Resources::new(64_000, 128 << 30);
            let node = NodeSpec {
                name,
                labels: Labels::new(vec![(cluster.known.hostname, name), (zone_key, zone)]),
                taints: Vec::new(),
                unschedulable: false,
                capacity: size.clone(),
                allocatable: size,
                max_pods: 110,
                images: Vec::new(),
                gpus: None,
            };
            let lease = Lease { anchor: Time::ZERO, period: Span::from_secs(10), renewing: true };
            cluster.add_node(node, Status::True, lease);
        }
        let mut config = Config::new(&mut cluster.names);
        config.cached = cached;
        let mut bed = Bed { cluster, scheduler: Scheduler::new(config, Seed(1)) };
        bed.tell();
        bed
    }

    /// The scheduler hears of what became true.
    fn tell(&mut self) {
        for change in self.cluster.take_changes() {
            self.scheduler.observe(change, &self.cluster);
        }
        self.cluster.take_records();
        self.cluster.bury();
    }

    /// A pod comes and is placed.
    fn place(&mut self, spec: SpecId) -> PodId {
        let base = self.cluster.names.intern("pod");
        let pod = self.cluster.submit_pod(NewPod::bare(PodName::Given(base), spec)).expect("admitted");
        self.tell();
        let decision = self.scheduler.cycle(&self.cluster).expect("a pod waits");
        let Verdict::Bind(node) = decision.verdict else { panic!("there is room") };
        self.cluster.assume(pod, node);
        self.cluster.bind(pod);
        self.tell();
        pod
    }

    fn remove(&mut self, pod: PodId) {
        self.cluster.remove_pod(pod);
        self.tell();
    }
}

fn plain(cluster: &mut Cluster) -> SpecId {
    let spec = PodSpec::new(&mut cluster.names, "job").with_requests(Resources::new(500, 1 << 30));
    cluster.intern_spec(spec)
}

/// `maxSkew: 1` over zones, and never two of them on a node.
fn demanding(cluster: &mut Cluster) -> SpecId {
    let names = &mut cluster.names;
    let labels = Labels::new(vec![(names.intern("app"), names.intern("web"))]);
    let (zone, host) = (names.intern("topology.kubernetes.io/zone"), names.intern("kubernetes.io/hostname"));
    let selector = Selector::from_labels(&labels);
    let mut spec = PodSpec::new(names, "web").with_requests(Resources::new(500, 1 << 30));
    spec.labels = labels;
    spec.spread.push(SpreadConstraint {
        max_skew: 1,
        topology_key: zone,
        hard: true,
        min_domains: 1,
        honor_affinity: true,
        honor_taints: false,
        selector: Some(selector.clone()),
        match_label_keys: Vec::new(),
    });
    spec.pod_anti_affinity.push(AffinityTerm {
        selector: Some(selector),
        namespaces: vec![spec.namespace],
        namespace_selector: None,
        topology_key: host,
    });
    cluster.intern_spec(spec)
}

fn decision(c: &mut Criterion) {
    let mut group = c.benchmark_group("decision");
    for nodes in [100, 1_000, 10_000] {
        for (name, cached) in [("remembering", true), ("naive", false)] {
            group.bench_with_input(BenchmarkId::new(name, nodes), &nodes, |b, &nodes| {
                let mut bed = Bed::new(nodes, cached);
                let spec = plain(&mut bed.cluster);
                b.iter(|| {
                    let pod = black_box(bed.place(spec));
                    bed.remove(pod);
                });
            });
        }
    }
    group.finish();
}

/// Pods of one Service with Kubernetes' default constraints: spread over nodes and zones as evenly as may be.
fn default_spread(c: &mut Criterion) {
    let mut group = c.benchmark_group("decision with the default spread");
    for (name, cached) in [("remembering", true), ("naive", false)] {
        group.bench_with_input(BenchmarkId::new(name, 1_000), &1_000, |b, &nodes| {
            let mut bed = Bed::new(nodes, cached);
            let names = &mut bed.cluster.names;
            let labels = Labels::new(vec![(names.intern("app"), names.intern("web"))]);
            let mut spec = PodSpec::new(names, "web").with_requests(Resources::new(500, 1 << 30));
            let (namespace, service) = (spec.namespace, names.intern("web"));
            let body = Body::Service(Selector::from_labels(&labels));
            spec.labels = labels;
            bed.cluster.create_object(namespace, service, Labels::default(), None, body);
            let spec = bed.cluster.intern_spec(spec);
            bed.tell();
            for _ in 0..900 {
                bed.place(spec);
            }
            b.iter(|| {
                let pod = black_box(bed.place(spec));
                bed.remove(pod);
            });
        });
    }
    group.finish();
}

fn demanding_decision(c: &mut Criterion) {
    let mut group = c.benchmark_group("decision with spread and anti-affinity");
    group.sample_size(20);
    for (name, cached) in [("remembering", true), ("naive", false)] {
        group.bench_with_input(BenchmarkId::new(name, 5_000), &5_000, |b, &nodes| {
            let mut bed = Bed::new(nodes, cached);
            let spec = demanding(&mut bed.cluster);
            for _ in 0..300 {
                bed.place(spec);
            }
            b.iter(|| {
                let pod = black_box(bed.place(spec));
                bed.remove(pod);
            });
        });
    }
    group.finish();
}

/// A profile as the scheduler builds it.
fn profile(config: &Config) -> Profile {
    let written = &config.profiles[0];
    let build = |entry: &plugins::Entry| entry.build.map(|build| build(&written.args, &config.known));
    Profile {
        points: written.points.clone(),
        plugins: plugins::ALL.iter().map(build).collect(),
        percentage: 0,
        min_candidates: (10, 100),
    }
}

/// Each plugin's part of a naive decision, asked as the walk asks: PreFilter and Filter on the nodes it looks at,
/// PreScore, Score and NormalizeScore on those that are feasible.
fn each_plugin(c: &mut Criterion) {
    let mut bed = Bed::new(5_000, false);
    let spec_id = demanding(&mut bed.cluster);
    for _ in 0..300 {
        bed.place(spec_id);
    }
    let name = bed.cluster.names.intern("asked");
    let pod = bed.cluster.submit_pod(NewPod::bare(PodName::Given(name), spec_id)).expect("admitted");
    bed.tell();
    let config = Config::new(&mut bed.cluster.names);
    let explained = bed.scheduler.explain(pod, &bed.cluster, None);
    let rejected = explained.diagnosis.rejected.iter().map(|(node, _)| node);
    let looked_at: Vec<NodeId> = explained.feasible.iter().copied().chain(rejected).collect();
    let cluster = &bed.cluster;
    let mut index = Index::default();
    cluster.nodes().for_each(|(node, _)| index.observe(Change::NodeAdded(node), cluster));
    let placed = cluster.pods().filter(|(_, pod)| pod.node.is_some());
    placed.for_each(|(pod, _)| index.observe(Change::PodAssumed(pod), cluster));
    let (mut profile, nominator) = (profile(&config), Nominator::default());
    let points = profile.points.clone();
    let cx = Context { cluster, index: &mut index, known: &config.known, pod, spec_id, spec: cluster.spec(spec_id) };
    let mut cycle = Cycle { cx, profile: &mut profile, nominator: &nominator, pre: PreFiltered::default() };
    let mut group = c.benchmark_group("each plugin of the decision");
    for plugin in points.filter {
        let filters = |cycle: &mut Cycle<'_, '_>| {
            let built = cycle.profile.plugins[plugin].as_mut();
            built.is_some_and(|built| !matches!(built.pre_filter(&mut cycle.cx), PreFilter::Skip))
        };
        cycle.pre.filters = [plugin].into_iter().collect();
        group.bench_function(format!("filter/{}", plugins::ALL[plugin].name), |b| {
            b.iter(|| {
                if filters(&mut cycle) {
                    for id in &looked_at {
                        let node = cluster.node(*id).expect("it is there");
                        let _ = black_box(cycle.run_filters(.., &NodeView::of(*id, node)));
                    }
                }
            });
        });
    }
    let mut scores = Vec::new();
    for (plugin, _) in points.score {
        group.bench_function(format!("score/{}", plugins::ALL[plugin].name), |b| {
            b.iter(|| black_box(cycle.score_with(plugin, &explained.feasible, &mut scores)));
        });
    }
    group.finish();
}

criterion_group!(benches, decision, default_spread, demanding_decision, each_plugin);
criterion_main!(benches);
