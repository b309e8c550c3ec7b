//! The simulator against laws that it does not know: queueing theory and renewal theory.
//!
//! Seeds are fixed, so no test can fail by chance; how far an estimate may lie from the law follows from
//! the spread of the estimate itself, and is small enough to tell the law from others.

use sim::cluster::taint::TolerationOperator;
use sim::cluster::{Change, Cluster, Effect, PodSpec, Record, Resources, RestartPolicy, Toleration};
use sim::engine::{Distribution, Seed, Span, Stream, Time};
use sim::experiment::{self, Options, Unwatched};
use sim::outcome::Outcome;
use sim::simulation::{Command, Note, Observer, Scheduling, Settings, Setup, Simulation, Target, Workload};
use sim::workload::Arrival;
use sim::{controllers, kubelet, scenario};

/// Mean time that a pod runs. Next to it the scheduler's back-off of up to 10 s is nothing.
const SERVICE: Span = Span::from_secs(100_000);
/// Kept in each batch of the method of batch means; consecutive customers wait alike, batches do not.
const BATCHES: usize = 20;
/// 99.9 % quantile, two-sided, of Student's t with 19 degrees of freedom.
const STUDENT: f64 = 3.883;

/// No delays anywhere, so that only what the law speaks of takes time.
fn instant() -> Settings {
    let zero = Distribution::Constant(Span::ZERO);
    Settings {
        controllers: controllers::Settings {
            kube_api_qps_milli: 1_000_000_000_000_000,
            watch: zero.clone().into(),
            api_write: zero.clone().into(),
            terminated_pod_gc_threshold: 10,
            ..controllers::Settings::default()
        },
        kubelet: kubelet::Settings {
            boot: zero.clone(),
            kubelet_start: zero.clone(),
            node_ready: zero.clone(),
            reconnect: zero.clone(),
            resync: zero,
            ..kubelet::Settings::instant()
        },
        scheduling: Scheduling::instant(),
        lease_phases: Vec::new(),
    }
}

/// `nodes` nodes with room for one pod each, on which nothing takes time.
fn cluster_of(nodes: usize, duration: Time, seed: u64) -> Setup {
    let nodes = format!("[{{ name: n, count: {nodes}, capacity: {{ cpu: 1, memory: 1Gi, pods: 1 }} }}]");
    let text = format!("name: theory\nseed: {seed}\nduration: 1s\ncluster: {{ nodes: {nodes} }}\n");
    let setup = scenario::load_text("theory.yaml", &text, &[]).and_then(|scenario| scenario::build(&scenario));
    Setup { duration, settings: instant(), ..setup.unwrap_or_else(|wrong| panic!("{wrong}")) }
}

/// A pod that fills a node.
fn pod(setup: &mut Setup, image: &str) -> PodSpec {
    PodSpec::new(&mut setup.cluster.names, image).with_requests(Resources::new(1000, 1 << 30))
}

/// `servers` nodes with room for one pod each; `customers` pods that come as a Poisson process and run for
/// exponential times, so that the servers are busy for a share of `load` of the time.
fn queue(servers: usize, load: f64, customers: usize, seed: u64) -> Setup {
    let seconds = SERVICE.as_secs_f64() * (customers as f64 / load / servers as f64 + 200.0);
    let mut setup = cluster_of(servers, Time::from_secs(seconds as u64), seed);
    let mut spec = pod(&mut setup, "job");
    spec.restart_policy = RestartPolicy::Never;
    let (spec, base) = (setup.cluster.intern_spec(spec), setup.cluster.names.intern("job"));
    let between = Distribution::Exponential { mean: Span((SERVICE.0 as f64 / (load * servers as f64)) as u64) };
    let service = Distribution::Exponential { mean: SERVICE };
    let (mut arrivals, mut services) = (Seed(seed).stream("test-arrivals", 0), Seed(seed).stream("test-services", 0));
    let mut at = Time::ZERO;
    let source = std::iter::repeat_with(move || {
        at += between.sample(&mut arrivals);
        Arrival { at, spec, run_for: Some(service.sample(&mut services)), base }
    });
    setup.sources = vec![Box::new(source.take(customers))];
    setup.scheduler.max_unschedulable = Span::from_secs(10_000_000_000); // who waits is tried when a pod ends
    setup
}

/// How long each pod waited for its node, in the order in which they were bound.
#[derive(Default)]
struct Waits(Vec<f64>);

impl Observer for Waits {
    fn observe(&mut self, change: Change, cluster: &Cluster) {
        if let Change::PodBound(pod) = change {
            let created = cluster.pod(pod).unwrap().created_at;
            self.0.push(cluster.now.since(created).as_secs_f64());
        }
    }

    fn record(&mut self, _: &Record, _: &Cluster) {}

    fn note(&mut self, _: Note, _: &Cluster) {}
}

/// Mean, and half the width of its confidence interval at 99.9 %, by batch means.
fn estimate(values: &[f64]) -> (f64, f64) {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let batches: Vec<f64> = values.chunks_exact(values.len() / BATCHES).map(mean).collect();
    let center = mean(&batches);
    let variance =
        batches.iter().map(|batch| (batch - center) * (batch - center)).sum::<f64>() / (batches.len() - 1) as f64;
    (center, STUDENT * (variance / batches.len() as f64).sqrt())
}

/// Within the confidence interval, which must not be wider than `width` of the law's value.
#[track_caller]
fn agrees(what: &str, values: &[f64], law: f64, width: f64) {
    let (mean, half) = estimate(values);
    assert!((mean - law).abs() <= half, "{what}: {mean} ± {half} found, {law} by the law");
    assert!(half <= width * law, "{what}: {mean} ± {half} found tells too little about {law}");
}

/// Erlang's C: the probability that a customer waits, for `load` in servers' worth of work.
fn erlang_c(servers: usize, load: f64) -> f64 {
    let mut blocking = 1.0; // Erlang's B by its recursion
    for n in 1..=servers {
        blocking = load * blocking / (n as f64 + load * blocking);
    }
    let busy = load / servers as f64;
    blocking / (1.0 - busy * (1.0 - blocking))
}

#[test]
fn erlang_c_is_right_where_it_is_known() {
    assert!((erlang_c(1, 0.5) - 0.5).abs() < 1e-12, "M/M/1: the load");
    assert!((erlang_c(2, 1.0) - 1.0 / 3.0).abs() < 1e-12, "two servers, half busy: a third");
}

#[test]
fn waiting_for_a_node_follows_erlang_c() {
    for (servers, load, customers, seed) in [(1, 0.5, 20_000, 1), (3, 0.7, 30_000, 2), (8, 0.8, 60_000, 3)] {
        let mut waits = Waits::default();
        let mut simulation = Simulation::new(queue(servers, load, customers, seed), &mut waits);
        simulation.run(&mut waits);
        assert_eq!(waits.0.len(), customers, "all were served");
        let settled = &waits.0[customers / 10..]; // the queue begins empty
        let waits_at_all = erlang_c(servers, load * servers as f64);
        let mean = waits_at_all * SERVICE.as_secs_f64() / (servers as f64 * (1.0 - load));
        let waited: Vec<f64> = settled.iter().map(|wait| f64::from(*wait > 0.0)).collect();
        agrees(&format!("share that waits, {servers} servers"), &waited, waits_at_all, 0.1);
        agrees(&format!("mean wait, {servers} servers"), settled, mean, 0.3);
    }
}

/// Runs with metrics.
fn outcome(setup: Setup) -> Outcome {
    experiment::run(setup, Options::default(), &mut Unwatched).unwrap()
}

#[track_caller]
fn metric(outcome: &Outcome, name: &str, labels: &[(&str, &str)]) -> f64 {
    outcome.metric(name, labels).unwrap_or_else(|| panic!("no {name} {labels:?}"))
}

#[track_caller]
fn equal(what: &str, one: f64, other: f64) {
    assert!((one - other).abs() <= 1e-9 * one.abs(), "{what}: {one} and {other}");
}

#[test]
fn littles_law_holds_exactly_for_the_pods_that_wait() {
    // Everybody is served within the run: the area under the number that waits is the sum of the waits.
    let customers = 5_000;
    let outcome = outcome(queue(3, 0.8, customers, 4));
    let area = metric(&outcome, "unscheduled_pod_seconds", &[]);
    let mean = metric(&outcome, "pod_scheduling_seconds", &[]);
    assert!(mean > 0.0);
    equal("L T = λ T W", area, customers as f64 * mean);
}

#[test]
fn the_utilisation_law_holds_exactly_for_the_nodes() {
    // The share of cpu requested is the work that came over what the nodes could have done.
    let (servers, customers, seed) = (3, 5_000, 5);
    let setup = queue(servers, 0.6, customers, seed);
    let duration = setup.duration.as_secs_f64();
    let mut services = Seed(seed).stream("test-services", 0);
    let service = Distribution::Exponential { mean: SERVICE };
    let work: f64 = (0..customers).map(|_| service.sample(&mut services).as_secs_f64()).sum();
    let outcome = outcome(setup);
    equal("U = λ S / c", metric(&outcome, "cpu_requested_ratio", &[]), work / (servers as f64 * duration));
}

/// A node that fails and is repaired, time and again, with exponential times.
struct Renewal {
    mtbf: Span,
    mttr: Span,
}

impl Renewal {
    /// Crashes of one node, each with its repair, up to `end`.
    fn timeline(&self, target: &Target, end: Time, stream: &mut Stream) -> Vec<(Time, Command)> {
        let (up, down) = (Distribution::Exponential { mean: self.mtbf }, Distribution::Exponential { mean: self.mttr });
        let mut timeline = Vec::new();
        let mut now = Time::ZERO + up.sample(stream);
        while now < end {
            let repair = down.sample(stream);
            timeline.push((now, Command::Crash(target.clone(), Some(repair))));
            now = now + repair + up.sample(stream);
        }
        timeline
    }

    fn availability(&self) -> f64 {
        let (up, down) = (self.mtbf.as_secs_f64(), self.mttr.as_secs_f64());
        up / (up + down)
    }
}

/// A pod on each of `nodes` nodes, which fail independently; the pods stay where they are for ever and start
/// at once when their machine is back.
fn failing(nodes: usize, renewal: &Renewal, duration: Time, seed: u64) -> Setup {
    let mut setup = cluster_of(nodes, duration, seed);
    let mut spec = pod(&mut setup, "web");
    spec.tolerations = vec![Toleration {
        key: None,
        operator: TolerationOperator::Exists,
        value: setup.cluster.names.intern(""),
        effect: Some(Effect::NoExecute),
        seconds: None,
    }];
    let spec = setup.cluster.intern_spec(spec);
    for (index, node) in setup.nodes.iter().enumerate() {
        let target = Target { names: vec![node.name], ..Target::default() };
        let mut stream = Seed(seed).stream("test-failures", index as u64);
        setup.timeline.extend(renewal.timeline(&target, duration, &mut stream));
        let name = setup.cluster.names.intern(&format!("web-{index}"));
        setup.workloads.push(Workload::Pod { name, spec });
    }
    setup.timeline.sort_by_key(|(at, _)| *at);
    setup.settled = true;
    setup
}

/// Four standard deviations of the availability seen over so many cycles of failure and repair: by the
/// central limit theorem for renewal rewards, `A (1 − A) √(2/n)` is one.
fn spread(availability: f64, cycles: f64) -> f64 {
    4.0 * availability * (1.0 - availability) * (2.0 / cycles).sqrt()
}

#[test]
fn availability_is_mtbf_over_mtbf_plus_mttr() {
    for (mtbf, mttr, cycles, seed) in [(100_000, 10_000, 2_000.0, 1), (1_000, 3_000, 2_000.0, 2)] {
        let renewal = Renewal { mtbf: Span::from_secs(mtbf), mttr: Span::from_secs(mttr) };
        let duration = Time::from_secs((cycles * (mtbf + mttr) as f64) as u64);
        let found = outcome(failing(1, &renewal, duration, seed));
        let label = [("workload", "(pods)")];
        let (found, law) = (metric(&found, "availability_ratio", &label), renewal.availability());
        let within = spread(law, cycles);
        assert!((found - law).abs() <= within, "{found} found, {law} ± {within} by the law");
    }
}

#[test]
fn independent_replicas_are_available_as_products_say() {
    let renewal = Renewal { mtbf: Span::from_secs(10_000), mttr: Span::from_secs(5_000) };
    let (nodes, cycles) = (3, 2_000.0);
    let duration = Time::from_secs((cycles * 15_000.0) as u64);
    let found = outcome(failing(nodes, &renewal, duration, 3));
    let one = renewal.availability();
    let label = [("workload", "(pods)")];
    let expect = |name: &str, law: f64| {
        let found = metric(&found, name, &label);
        let within = 2.0 * spread(one, cycles); // products vary by at most the sum of their factors' spreads
        assert!((found - law).abs() <= within, "{name}: {found} found, {law} ± {within} by the law");
    };
    expect("availability_ratio", one);
    expect("complete_ratio", one * one * one);
    expect("any_serving_ratio", 1.0 - (1.0 - one) * (1.0 - one) * (1.0 - one));
}

#[test]
fn the_control_plane_sees_an_outage_shorter_by_the_time_to_detect_it() {
    // Exponential outages have no memory: of those longer than the detection, D, what is left after it is as
    // long as a whole one. So MTTR · E[e^(−D/MTTR)] of each outage is seen. D = 40 to 55 s, 47.5 s in the mean
    // (nodes.md 3): e^(−0.475) = 0.6219, and the spread of D adds less than 0.1 % to it.
    let renewal = Renewal { mtbf: Span::from_secs(1_000), mttr: Span::from_secs(100) };
    let cycles = 10_000.0;
    let found = outcome(failing(1, &renewal, Time::from_secs((cycles * 1_100.0) as u64), 7));
    let crashes = found.actions.iter().filter(|action| action.verb == "crash").count() as f64;
    let seen = metric(&found, "node_not_ready_seconds", &[]) / crashes;
    // what is seen of an outage is 0 or exponential: variance 100² (2 · 0.62 − 0.62²), 93 s
    let within = 4.0 * 93.0 / crashes.sqrt();
    assert!((seen - 62.2).abs() <= within, "{seen} s seen of each outage, 62.2 ± {within} expected");
    // and it is noticed at all with probability e^(−0.475)
    let noticed = metric(&found, "node_outages_total", &[]) / crashes;
    let within = 4.0 * (0.622 * 0.378 / crashes).sqrt();
    assert!((noticed - 0.622).abs() <= within, "{noticed} of the outages noticed, 0.622 ± {within} expected");
}

/// Mean time between failures, and length of a checkpoint: Young's interval √(2·300·21,600) is an hour.
const FAILURES: f64 = 21_600.0;
const CHECKPOINT: f64 = 300.0;

/// The share of running time wasted with checkpoints after each `every` seconds of work. An attempt at an interval and
/// its checkpoint, x, succeeds with probability e^(−x/M); the time until one does is M·(e^(x/M) − 1).
fn waste_by_law(every: f64) -> f64 {
    1.0 - every / (FAILURES * libm::expm1((every + CHECKPOINT) / FAILURES))
}

/// The same of five pods that run, crash at a constant rate and are started again at once, for 200 failures each.
fn waste(every: f64, seed: u64) -> f64 {
    let duration = 200.0 * FAILURES;
    let text = format!(
        "
name: theory
seed: {seed}
start: settled
duration: {duration}s
cluster: {{ nodes: [{{ name: n, capacity: {{ cpu: 8, memory: 8Gi }} }}] }}
workloads:
  - {{ deployment: p, replicas: 5, pod: {{ run-for: 10000d, checkpoint-every: {every}s, checkpoint-overhead: {CHECKPOINT}s }} }}
faults:
  - container-crash: {{ workload: p, mtbf: {{ exponential: {{ mean: {FAILURES}s }} }} }}
"
    );
    let setup = scenario::load_text("theory.yaml", &text, &[]).and_then(|scenario| scenario::build(&scenario));
    let mut setup = setup.unwrap_or_else(|wrong| panic!("{wrong}"));
    setup.settings = instant();
    setup.settings.kubelet.crash_backoff = Span::ZERO;
    metric(&outcome(setup), "wasted_work_ratio", &[])
}

#[test]
fn the_best_interval_between_checkpoints_is_youngs() {
    let mut means = Vec::new();
    for every in [900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0] {
        let found: Vec<f64> = (1..=20).map(|seed| waste(every, seed)).collect();
        agrees(&format!("waste with checkpoints every {every} s"), &found, waste_by_law(every), 0.05);
        means.push(found.iter().sum::<f64>() / 20.0);
    }
    let least = means.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(means[2], least, "{means:?}");
    // Young's approximation is within 6 % of the minimum of the law, and costs next to nothing more
    let best = (900..14_400).map(f64::from).min_by(|a, b| waste_by_law(*a).total_cmp(&waste_by_law(*b))).unwrap();
    assert!((best - 3_600.0).abs() < 0.06 * 3_600.0, "{best}");
    assert!(waste_by_law(3_600.0) - waste_by_law(best) < 0.001);
}
