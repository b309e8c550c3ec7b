//! The scheduler's configuration, expectations and seeds: what a run does with them.

use super::{START, after, diagnostics, outcome, pods_on, setup};
use crate::engine::{Span, Time};
use crate::metrics::{self, Metrics};
use crate::outcome::Outcome;
use crate::scenario::{build, load_text};
use crate::simulation::{Silent, Simulation};

#[test]
fn a_filter_without_what_it_filters_by_is_refused() {
    let config = |point: &str| {
        let plugins = format!("plugins: {{ {point}: {{ disabled: [{{ name: PodTopologySpread }}] }} }}");
        format!(
            "{START}
scheduler:
  config: {{ apiVersion: kubescheduler.config.k8s.io/v1, kind: KubeSchedulerConfiguration, profiles: [{{ {plugins} }}] }}
"
        )
    };
    let said = diagnostics(&config("preFilter"));
    assert!(said.contains("PodTopologySpread filters by what its preFilter finds, which is disabled"), "{said}");
    setup(&config("multiPoint")); // at all points: fine
}

#[test]
fn the_scheduler_packs_when_told_so_in_short_or_in_full() {
    let packed = "scheduler: { scoring: most-allocated }\n";
    let config = "
scheduler:
  config:
    apiVersion: kubescheduler.config.k8s.io/v1
    kind: KubeSchedulerConfiguration
    clientConnection: { qps: 7.5, burst: 9 }
    profiles:
      - plugins:
          score: { disabled: [{ name: NodeResourcesBalancedAllocation }, { name: PodTopologySpread }] }
        pluginConfig:
          - name: NodeResourcesFit
            args: { scoringStrategy: { type: MostAllocated } }
";
    let per_node = |outcome: &Outcome| {
        let mut pods: Vec<usize> = outcome.nodes.iter().map(|node| pods_on(outcome, &node.name)).collect();
        pods.sort_unstable();
        pods
    };
    assert_eq!(per_node(&after("")), [2, 2, 2]);
    let strategy = setup(&format!("{START}{packed}")).scheduler.profiles[0].args.strategy.clone();
    assert_eq!(strategy, crate::scheduler::config::Strategy::MostAllocated);
    assert_eq!(per_node(&after(config)), [0, 0, 6]);
    let scheduling = setup(&format!("{START}{config}")).settings.scheduling;
    assert_eq!((scheduling.qps_milli, scheduling.burst), (7500, 9));
}

#[test]
fn the_scheduler_configuration_is_checked_at_its_place() {
    let text = format!(
        "{START}scheduler:
  config:
    apiVersion: kubescheduler.config.k8s.io/v1
    kind: KubeSchedulerConfiguration
    profils: []
    profiles:
      - plugins: {{ score: {{ enabled: [{{ name: ImageLocalty, weight: 3 }}] }} }}
        pluginConfig:
          - name: InterPodAffinity
            args: {{ hardPodAffinityWeight: 101 }}
"
    );
    let rendered = diagnostics(&text);
    assert!(rendered.contains("t.yaml:10:5"), "{rendered}");
    assert!(rendered.contains("10 |     profils: []\n   |     ^^^^^^^ profils"), "{rendered}");
    assert!(rendered.contains("t.yaml:12:47"), "{rendered}");
    assert!(rendered.contains("t.yaml:15:44"), "{rendered}");
    assert!(rendered.contains("profiles[0].pluginConfig[0].args.hardPodAffinityWeight"), "{rendered}");
}

#[test]
fn a_scheduler_configuration_may_be_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.yaml");
    std::fs::write(&path, format!("{START}scheduler: {{ config: c.yaml }}\n")).unwrap();
    let write = |extra: &str| {
        let text = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
        std::fs::write(folder.path().join("c.yaml"), format!("{text}{extra}\n")).unwrap();
        crate::scenario::load(&path, &[])
    };
    let scenario = write("podMaxBackoffSeconds: 42").unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert_eq!(build(&scenario).map_err(|d| d.to_string()).unwrap().scheduler.max_backoff, Span::from_secs(42));
    let rendered = write("podMaxBackoffSeconds: soon").unwrap_err().render(false);
    assert!(rendered.contains("c.yaml:3:23"), "{rendered}");
}

#[test]
fn expectations_are_judged_with_what_was_observed() {
    let expect = |more: &str| {
        let outcome = after(&format!(
            "{more}expect:
  - recovery_seconds{{workload=\"web\"}} <= 420
  - recovery_seconds{{workload=\"deployment/web\"}} > 0
  - availability_ratio >= 0.5
  - incidents_total == 1
"
        ));
        outcome.expectations.iter().map(|e| (e.observed, e.held)).collect::<Vec<_>>()
    };
    let quiet = expect("");
    assert_eq!(quiet, [(None, false), (None, false), (Some(1.0), true), (Some(0.0), false)], "nothing struck");
    let crash = expect("timeline: [{ at: 1m, crash: { node: worker-1 } }]\n");
    assert_eq!(crash.iter().map(|(_, held)| *held).collect::<Vec<_>>(), [true; 4], "{crash:?}");
    let lost = expect("timeline: [{ at: 1m, crash: { zone: a } }]\n");
    assert_eq!(lost[0], (Some(f64::INFINITY), false), "never whole again");
    assert!(!lost[2].1, "{lost:?}");
}

#[test]
fn one_seed_gives_one_run_and_another_another() {
    let text = format!("{START}timeline: [{{ at: 1m, crash: {{ random: 1, for: 3m }} }}]\n");
    let digest = |seed: u64| {
        let mut scenario = load_text("t.yaml", &text, &[]).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        scenario.seed = seed;
        let setup = build(&scenario).map_err(|d| d.to_string()).unwrap();
        let mut metrics = Metrics::new(&setup.cluster, metrics::Settings::default());
        let mut simulation = Simulation::new(setup, &mut metrics);
        simulation.run(&mut metrics);
        metrics.digest()
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
    let mut quiet = Simulation::new(setup(START), &mut Silent);
    quiet.run(&mut Silent);
    assert_eq!(quiet.cluster.now, Time::from_secs(900));
}

#[test]
fn what_is_there_already_is_not_created_again() {
    let rendered = diagnostics(
        &format!(
            "{START}  - {{ pod: x-2 }}
  - {{ pod: x, count: 3 }}
timeline:
  - {{ at: 1m, create: {{ deployment: web }} }}
  - {{ at: 2m, delete: {{ deployment: web }} }}
  - {{ at: 2m, create: {{ deployment: web }} }}
"
        )
        .replace(
            "workloads: [{ deployment: web, replicas: 6, pod: { requests: { cpu: 500m } } }]",
            "workloads:\n  - deployment: web",
        ),
    );
    let titles: Vec<&str> = rendered.lines().filter(|line| line.starts_with("error") || line.contains("-->")).collect();
    assert_eq!(
        titles,
        ["error: a second Pod `x-2`", " --> t.yaml:8:12", "error: a second Deployment `web`", "  --> t.yaml:10:37",],
        "{rendered}"
    );
    let outcome =
        after("timeline: [{ at: 1m, create: { pod: x } }, { at: 2m, create: { pod: x, labels: { a: b } } }]\n");
    assert_eq!(outcome.pods.iter().filter(|pod| pod.name == "x").count(), 1);
}

#[test]
fn amounts_and_times_without_measure_do_no_harm() {
    let too_much = |resources: &str| diagnostics(&START.replace("memory: 8Gi", resources));
    assert!(too_much("memory: 9E").contains("t.yaml:3:74\n"), "{}", too_much("memory: 9E"));
    assert!(too_much("memory: 8Gi, nvidia.com/gpu: 9E").contains("too much `nvidia.com/gpu`"));
    let text = START.replace("count: 3", "count: 90000").replace("memory: 8Gi", "memory: 1Pi");
    assert!(diagnostics(&text).contains("too much `memory` in all nodes"));
    let more = "timeline: [{ at: 1m, crash: { node: worker-1, for: 100000d } }, { at: 2m, drain: { node: worker-2 } }]
kubelet: { start: { lognormal: { median: 100000d, sigma: 90 } }, status: 100000d, stop: 100000d, teardown: 100000d }
control-plane:
  latencies: { watch: 100000d, api-write: { pareto: { shape: 0.001, min: 100000d } } }
  kube-controller-manager: { node-monitor-grace-period: 100000d, kube-api-qps: 0.001 }
";
    let pod = "pod: { toleration-seconds: 4294967295, termination-grace-period-seconds: 4294967295,";
    let text = format!("{START}{more}").replace("pod: {", pod).replace("15m", "100000d");
    assert_eq!(outcome(&text).metric("incidents_total", &[]), Some(1.0));
}
