//! The scheduler's configuration, expectations and seeds: what a run does with them.

use super::{START, after, diagnostics, pods_on, setup};
use crate::engine::{Span, Time};
use crate::metrics::{self, Metrics};
use crate::outcome::Outcome;
use crate::scenario::{build, load_text};
use crate::simulation::{Silent, Simulation};

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
