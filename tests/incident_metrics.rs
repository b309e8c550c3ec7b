//! Metrics of faults that overlap, leave ghosts and cost work, against values calculated by hand.

use sim::experiment::{self, Options, Unwatched};
use sim::outcome::{ActionKind, Incident, Outcome};
use sim::scenario;

/// Two nodes, one in each zone, that boot at once; all delays are fixed. A pod runs 1 s after its start. The node
/// monitor looks at 1 s, 6 s …, leases are renewed at 4 s, 14 s ….
fn text(workloads: &str, faults: &str) -> String {
    format!(
        "
name: metrics
duration: 1000s
start: settled
cluster:
  nodes:
    - {{ name: n-1, capacity: {{ cpu: 4, memory: 8Gi }}, zone: z1 }}
    - {{ name: n-2, capacity: {{ cpu: 4, memory: 8Gi }}, zone: z2 }}
phases: {{ node-monitor: 1s, pod-gc: 3s, leases: {{ n-1: 4s, n-2: 4s }} }}
control-plane:
  latencies: {{ api-write: 0s, watch: 0s, kubelet-watch: 0s, scheduling-cycle: 0s, scheduling-cycle-per-node: 0s,
               node-monitor-pass: 1us }}
kubelet: {{ node-lease-jitter: 0, start: 1s, container-start: 0s, status: 0s, stop: 2s, teardown: 1s, boot: 0s, kubelet-start: 0s,
           node-ready: 0s, reconnect: 2s, resync: 1s }}
workloads: {workloads}
faults: {faults}
"
    )
}

fn run(workloads: &str, faults: &str) -> Outcome {
    run_text(&text(workloads, faults), &[])
}

fn run_text(text: &str, settings: &[(&str, &str)]) -> Outcome {
    let settings: Vec<(String, String)> = settings.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let scenario = scenario::load_text("metrics.yaml", text, &settings).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    let setup = scenario::build(&scenario).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    experiment::run(setup, Options::default(), &mut Unwatched).unwrap()
}

#[track_caller]
fn assert_metric(outcome: &Outcome, name: &str, labels: &[(&str, &str)], expected: f64) {
    let found = outcome.metric(name, labels);
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-3), "{name}: {found:?} instead of {expected}");
}

const WEB: &str = "[{ deployment: web, replicas: 2, pod: { requests: { cpu: 1 } } }]";

#[test]
fn overlapping_incidents_share_what_is_missing() {
    // one pod on each node; missing: 60–100 s one pod, 100–161 s both, 161–201 s the other
    let crashes = "[{ name: one, node-crash: { node: n-1, at: 60s, for: 100s } },
                    { name: two, partition: { node: n-2, at: 30s, for: 1s } },
                    { name: three, node-crash: { node: n-2, at: 100s, for: 100s } }]";
    let outcome = run(WEB, crashes);
    let crashed: Vec<_> =
        outcome.incidents.iter().filter(|incident| incident.label.starts_with("node-crash")).collect();
    assert_eq!(crashed.len(), 2);
    for incident in &crashed {
        assert_eq!(incident.attributed_pod_nanos, 101_000_000_000, "{}", incident.label); // 40 + 61, 61 + 40
        let stages: u64 = incident.stages().unwrap().iter().map(|stage| stage.span.0).sum();
        assert_eq!(stages, incident.recovery().unwrap().0, "{}", incident.label);
    }
    for (label, value, expected) in [
        ("fault", "one", 101.0),
        ("fault", "two", 0.0),
        ("fault", "three", 101.0),
        ("fault", "none", 0.0),
        ("verb", "node-crash", 202.0),
        ("verb", "partition", 0.0),
        ("verb", "none", 0.0),
    ] {
        assert_metric(&outcome, "attributed_pod_seconds", &[(label, value)], expected);
    }
    assert_metric(&outcome, "unavailable_pod_seconds", &[], 202.0);
}

#[test]
fn objectives_of_two_overlapping_crashes() {
    let outcome = run(
        WEB,
        "[{ node-crash: { node: n-1, at: 60s, for: 100s } }, { node-crash: { node: n-2, at: 100s, for: 100s } }]",
    );
    let web = [("workload", "web")];
    // 202 of 2000 pod-seconds
    assert_metric(&outcome, "availability_ratio", &web, 0.899);
    assert_metric(&outcome, "availability_nines", &web, -libm::log10(0.101));
    assert_metric(&outcome, "resilience_loss_seconds", &web, 101.0);
    // a quorum of 2 is 2: missed from 60 to 201 s
    assert_metric(&outcome, "quorum_availability_ratio", &web, 0.859);
    let objective = |objective| [("workload", "web"), ("objective", objective)];
    assert_metric(&outcome, "error_budget_spent_ratio", &objective("0.99"), 10.1);
    // 101 s of full loss in the only hour
    assert_metric(&outcome, "burn_rate_max", &objective("0.99"), 101.0 / 3600.0 / 0.01);
    // 14.4 of an hour's budget are 518.4 s at 0.99 and 51.84 s at 0.999; of five minutes 4.32 s are enough for the latter
    let alerts = |objective, window| [("workload", "web"), ("objective", objective), ("window", window)];
    assert_metric(&outcome, "burn_rate_alerts_total", &alerts("0.99", "1h"), 0.0);
    assert_metric(&outcome, "burn_rate_alerts_total", &alerts("0.999", "1h"), 1.0);
    assert_metric(&outcome, "burn_rate_alerts_total", &alerts("0.999", "6h"), 0.0); // 129.6 s
}

/// Two crashes that overlap: one of two pods is missing from 60 s, both from 100 s, the other until 201 s.
const CRASHES: &str =
    "[{ node-crash: { node: n-1, at: 60s, for: 100s } }, { node-crash: { node: n-2, at: 100s, for: 100s } }]";

#[test]
fn tolerated_is_what_a_budget_or_else_a_rolling_update_allows() {
    let web = [("workload", "web")];
    let with = |update: &str, budget: &str| {
        let budget = format!(
            ", {{ object: {{ apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{ name: web }},
                spec: {{ {budget}, selector: {{ matchLabels: {{ app: web }} }} }} }} }}"
        );
        let budget = if budget.contains("vailable:") { budget } else { String::new() };
        let web = format!("deployment: web, replicas: 2, strategy: {{ {update} }}, pod: {{ requests: {{ cpu: 1 }} }}");
        run(&format!("[{{ {web} }}{budget}]"), CRASHES)
    };
    // 25 % of 2, rounded down, is none: 141 of 1000 s too few
    assert_metric(&with("", ""), "tolerated_availability_ratio", &web, 0.859);
    // one may be missing: both are from 100 to 161 s
    assert_metric(&with("max-unavailable: 1", ""), "tolerated_availability_ratio", &web, 0.939);
    assert_metric(&with("", "maxUnavailable: 1"), "tolerated_availability_ratio", &web, 0.939);
    // a budget counts before the update; half of 2, rounded up, has to be there
    assert_metric(&with("", "minAvailable: 50%"), "tolerated_availability_ratio", &web, 0.939);
    assert_metric(&with("max-unavailable: 1", "minAvailable: 2"), "tolerated_availability_ratio", &web, 0.859);
    // a ReplicaSet of its own says nothing
    let alone = "[{ replica-set: web, replicas: 2, pod: { requests: { cpu: 1 } } }]";
    assert_eq!(run(alone, CRASHES).metric("tolerated_availability_ratio", &web), None);
}

#[test]
fn blast_radius_of_labelled_domains() {
    let rack = "topology.kubernetes.io/rack";
    let nodes = "[{ name: a, count: 2, capacity: { cpu: 2, memory: 16Gi }, labels: { topology.kubernetes.io/rack: r1 } },
                  { name: b, capacity: { cpu: 2, memory: 16Gi }, labels: { topology.kubernetes.io/rack: r2, feed: f1 } }]";
    // two pods on each node: four in one rack, two in the other; none is in a zone
    let web = "[{ deployment: web, replicas: 6, pod: { requests: { cpu: 1 } } }]";
    let outcome = settled(nodes, web);
    let of = |domain| [("workload", "web"), ("domain", domain)];
    assert_metric(&outcome, "node_blast_radius_ratio", &[("workload", "web")], 2.0 / 6.0);
    assert_eq!(outcome.metric("zone_blast_radius_ratio", &[("workload", "web")]), None);
    assert_metric(&outcome, "domain_blast_radius_ratio", &of(rack), 4.0 / 6.0);
    assert_metric(&outcome, "expected_replicas_lost", &of(rack), 3.0);
    assert_metric(&outcome, "expected_replicas_lost", &of("node"), 2.0);
    assert_eq!(outcome.metric("domain_blast_radius_ratio", &of("feed")), None);
    // a fault that names the label makes it a domain; only one node is in one
    let fault = format!("{web}, faults: [{{ domain-outage: {{ label: feed, at: 599s }} }}]");
    assert_metric(&settled(nodes, &fault), "domain_blast_radius_ratio", &of("feed"), 2.0 / 6.0);
}

#[test]
fn objectives_of_the_scenario() {
    let faults = "[{ node-crash: { node: n-1, at: 60s, for: 100s } }]
objectives: [0.95]";
    let outcome = run(WEB, faults);
    // half is missing from 60 to 161 s: 101 of 2000 pod-seconds, 50.5 s of full loss in the hour
    let of = |objective| [("workload", "web"), ("objective", objective)];
    assert_metric(&outcome, "error_budget_spent_ratio", &of("0.95"), 0.0505 / 0.05);
    assert_metric(&outcome, "burn_rate_max", &of("0.95"), 50.5 / 3600.0 / 0.05);
    assert_eq!(outcome.metric("burn_rate_max", &of("0.99")), None);
}

#[test]
fn a_pod_that_runs_unheard_beside_its_replacement_is_a_ghost() {
    let web = [("workload", "web")];
    // one pod on each node. Noticed at 106 s, evicted at 406 s, heard again at 460 s; the replacement runs 1 s after that,
    // but the worker that taints looks at its queue at some point of each tenth of a second
    let outcome = run(WEB, "[{ kubelet-stop: { node: n-1, at: 60s, for: 400s } }]");
    let ghost = outcome.metric("ghost_replica_seconds", &web).unwrap();
    assert!((52.9..=53.0).contains(&ghost), "{ghost}");
    assert_metric(&outcome, "false_evictions_total", &web, 1.0);
    assert_metric(&outcome, "collateral_pods_total", &web, 0.0);
    // without power nothing runs on: no ghost, and the eviction was right
    let outcome = run(WEB, "[{ node-crash: { node: n-1, at: 60s, for: 400s } }]");
    assert_metric(&outcome, "ghost_replica_seconds", &web, 0.0);
    assert_metric(&outcome, "false_evictions_total", &web, 0.0);
}

#[test]
fn an_operator_who_taints_a_node_means_it() {
    // the pod on n-1 is evicted at once from a node that is sound: moved, but not given up by mistake
    let web = [("workload", "web")];
    let taint = "[]
timeline: [{ at: 100s, taint: { node: n-1, key: repair, effect: NoExecute } }]";
    let outcome = run(WEB, taint);
    assert_metric(&outcome, "pods_evicted_total", &[], 1.0);
    assert_metric(&outcome, "collateral_pods_total", &web, 1.0);
    assert_metric(&outcome, "false_evictions_total", &web, 0.0);
}

#[test]
fn a_pod_without_a_running_replacement_is_no_ghost() {
    let one = "[{ deployment: web, replicas: 1, pod: { node-selector: { topology.kubernetes.io/zone: z1 } } }]";
    // evicted at 406 s though it runs; the replacement has nowhere to go
    let outcome = run(one, "[{ kubelet-stop: { node: n-1, at: 60s, for: 400s } }]");
    assert_metric(&outcome, "false_evictions_total", &[("workload", "web")], 1.0);
    assert_metric(&outcome, "ghost_replica_seconds", &[("workload", "web")], 0.0);
    // scaled down instead of replaced: no new one runs beside the old one
    let outcome = run(
        WEB,
        "[{ partition: { node: n-1, at: 60s, for: 400s } }]
timeline: [{ at: 200s, scale: { deployment: web, replicas: 1 } }]",
    );
    assert_metric(&outcome, "ghost_replica_seconds", &[("workload", "web")], 0.0);
}

#[test]
fn a_pod_whose_object_is_gone_runs_on_until_its_machine_is_heard() {
    let web = [("workload", "web")];
    // noticed at 106 s, so that nothing new goes to n-1; gone from the API at 120 s at once. The replacement runs from 121 s
    // on, the old one is heard at 460 s
    let killed = "[{ partition: { node: n-1, at: 60s, for: 400s } },
                   { pod-kill: { node: n-1, at: 120s, grace-period: 0s, mode: all } }]";
    assert_metric(&run(WEB, killed), "ghost_replica_seconds", &web, 339.0);
    // the collector of pods sees at 103 s that their node is gone, and 40 s later that it still is: 144 to 460 s
    let deleted = "[{ partition: { node: n-1, at: 60s, for: 400s } }]
timeline: [{ at: 100s, delete-node: { node: n-1 } }]";
    assert_metric(&run(WEB, deleted), "ghost_replica_seconds", &web, 316.0);
    // power fails on the machine that nobody hears: nothing runs on it from 200 s on
    let dead = killed.replacen('[', "[{ node-crash: { node: n-1, at: 200s } }, ", 1);
    assert_metric(&run(WEB, &dead), "ghost_replica_seconds", &web, 79.0);
}

#[test]
fn a_rollout_leaves_ghosts_too() {
    // restarted at 200 s, one more at a time and none less (25 % of 2, rounded up and down): once the first new pod is Ready at
    // 201 s the unheard one, which the API has as not Ready, is the first to go. It was made and replaced before it was marked
    let restarted = "[{ partition: { node: n-1, at: 60s, for: 400s } }]
timeline: [{ at: 200s, restart: { deployment: web } }]";
    let outcome = run(WEB, restarted);
    let ghost = outcome.metric("ghost_replica_seconds", &[("workload", "web")]).unwrap();
    assert!((258.0..=259.0).contains(&ghost), "{ghost}");
}

#[test]
fn work_that_is_cut_short_is_lost() {
    let job = "[{ pod: job, spec: { run-for: 500s, node-selector: { topology.kubernetes.io/zone: z1 } } }]";
    // began at 0 s; lost 60 s, then from the restart at 161 s on until 300 s another 139 s; from 300 s on it runs through
    let faults =
        "[{ node-crash: { node: n-1, at: 60s, for: 100s } }, { container-crash: { workload: job, at: 300s } }]";
    let outcome = run(job, faults);
    assert_metric(&outcome, "lost_work_seconds", &[], 60.0 + 139.0);
    assert_metric(&run(job, "[]"), "lost_work_seconds", &[], 0.0);
}

#[test]
fn what_a_complete_checkpoint_holds_is_not_lost() {
    let job = "[{ pod: job, spec: { run-for: 500s, checkpoint-every: 50s, checkpoint-overhead: 10s, node-selector: { topology.kubernetes.io/zone: z1 } } }]";
    let spent = |outcome: &Outcome, [useful, overhead, lost]: [f64; 3]| {
        for labels in [&[][..], &[("workload", "(pods)")]] {
            assert_metric(outcome, "useful_work_seconds", labels, useful);
            assert_metric(outcome, "checkpoint_overhead_seconds", labels, overhead);
            assert_metric(outcome, "lost_work_seconds", labels, lost);
            assert_metric(outcome, "wasted_work_ratio", labels, (lost + overhead) / (lost + overhead + useful));
        }
    };
    // ten times 50 s and nine checkpoints, then again from the start, and in the last 410 s 6 checkpoints and 350 s
    spent(&run(job, "[]"), [500.0 + 350.0, 90.0 + 60.0, 0.0]);
    // 55 s: the first is not complete. From the restart at 161 s on until 300 s: two in 120 s, 19 s lost. From 300 s on 400 s
    // are left, with seven checkpoints; done at 770 s. Back-off until 780 s; of the last 220 s 30 go into checkpoints
    let faults =
        "[{ node-crash: { node: n-1, at: 55s, for: 105s } }, { container-crash: { workload: job, at: 300s } }]";
    spent(&run(job, faults), [100.0 + 400.0 + 190.0, 20.0 + 70.0 + 30.0, 55.0 + 19.0]);
}

#[test]
fn checkpoints_that_nobody_goes_on_from_are_lost_with_their_pod() {
    let job = "[{ pod: job, spec: { run-for: 500s, checkpoint-every: 50s, checkpoint-overhead: 10s, restart-policy: Never } }]";
    let outcome = run(job, "[{ container-crash: { workload: job, at: 130s } }]");
    assert_metric(&outcome, "useful_work_seconds", &[], 0.0);
    assert_metric(&outcome, "checkpoint_overhead_seconds", &[], 20.0);
    assert_metric(&outcome, "lost_work_seconds", &[], 110.0);
}

#[test]
fn a_slow_node_takes_longer_for_work_and_checkpoints() {
    let job = "[{ pod: job, spec: { run-for: 500s, checkpoint-every: 50s, checkpoint-overhead: 10s, restart-policy: Never } }]";
    // at half the pace from 55 to 165 s: the first checkpoint is complete after 15 s at 65; 50 s of work take until 165
    let faults = "[{ slow-node: { nodes: [n-1, n-2], at: 55s, for: 110s, work-factor: 2 } }]";
    let outcome = run(job, faults);
    assert_metric(&outcome, "checkpoint_overhead_seconds", &[], 90.0 + 5.0);
    assert_metric(&outcome, "useful_work_seconds", &[], 500.0 + 50.0);
    assert_metric(&outcome, "lost_work_seconds", &[], 0.0);
}

#[test]
fn work_in_arrivals_takes_its_checkpoints_along() {
    let streams = "[]
arrivals:
  - generate: { every: 1h }
    pod: { run-for: 100s, checkpoint-every: 50s, checkpoint-overhead: 10s }
  - generate: { every: 400s }
    name: short
    pod: { run-for: 100s, checkpoint-every: 50s, checkpoint-overhead: 10s }";
    let outcome = run(streams, "[]");
    assert_metric(&outcome, "useful_work_seconds", &[], 200.0); // at 400 and 800 s
    assert_metric(&outcome, "checkpoint_overhead_seconds", &[], 20.0);
}

/// One run of ten minutes of pods that run already, on these nodes.
fn settled(nodes: &str, workloads: &str) -> Outcome {
    let text = format!(
        "{{ name: room, duration: 600s, start: settled, cluster: {{ nodes: {nodes} }}, workloads: {workloads} }}"
    );
    let scenario = scenario::load_text("room.yaml", &text, &[]).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    let setup = scenario::build(&scenario).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    experiment::run(setup, Options::default(), &mut Unwatched).unwrap()
}

#[test]
fn headroom_and_blast_radius() {
    // four pods of one core, two on each node of four cores: one node has room for all
    let four = "[{ deployment: web, replicas: 4, pod: { requests: { cpu: 1 } } }]";
    let outcome = run(four, "[]");
    assert_metric(&outcome, "headroom_nodes", &[], 1.0);
    assert_metric(&outcome, "node_blast_radius_ratio", &[("workload", "web")], 0.5);
    assert_metric(&outcome, "zone_blast_radius_ratio", &[("workload", "web")], 0.5);
    let six = "[{ deployment: web, replicas: 6, pod: { requests: { cpu: 1 } } }]";
    assert_metric(&run(six, "[]"), "headroom_nodes", &[], 0.0); // three more on a node with room for one
}

#[test]
fn headroom_heeds_where_pods_may_run() {
    let nodes = "[{ name: big, capacity: { cpu: 64, memory: 256Gi }, labels: { k: big } },
                  { name: small, count: 3, capacity: { cpu: 4, memory: 16Gi }, labels: { k: small } }]";
    // 40 cores that only the big node may have; the small ones have 9 of 12 cores in use
    let pinned = "[{ deployment: a, replicas: 10, pod: { requests: { cpu: 4 }, node-selector: { k: big } } },
                   { deployment: b, replicas: 9, pod: { requests: { cpu: 1 }, node-selector: { k: small } } }]";
    assert_metric(&settled(nodes, pinned), "headroom_nodes", &[], 0.0);
    // two of the three small nodes are enough for 6 cores, one is not; the big one is never missed
    let small = "[{ deployment: b, replicas: 6, pod: { requests: { cpu: 1 }, node-selector: { k: small } } }]";
    assert_metric(&settled(nodes, small), "headroom_nodes", &[], 1.0);
}

#[test]
fn headroom_counts_the_greatest_load_even_if_its_share_is_small() {
    // one pod of 5 cores on 64 is the smallest share, yet has no room on nodes with 3 cores left each
    let nodes = "[{ name: big, capacity: { cpu: 64, memory: 256Gi }, labels: { k: big } },
                  { name: small, count: 3, capacity: { cpu: 4, memory: 16Gi }, labels: { k: small } }]";
    let free = "[{ deployment: a, replicas: 1, pod: { requests: { cpu: 5 } } },
                 { deployment: b, replicas: 3, pod: { requests: { cpu: 1 }, node-selector: { k: small } } }]";
    assert_metric(&settled(nodes, free), "headroom_nodes", &[], 0.0);
}

#[test]
fn daemons_need_no_new_home() {
    let nodes = "[{ name: n, count: 4, capacity: { cpu: 4, memory: 16Gi } }]";
    let daemon = "[{ object: { apiVersion: apps/v1, kind: DaemonSet, metadata: { name: agent }, spec: {
        selector: { matchLabels: { app: agent } }, template: { metadata: { labels: { app: agent } }, spec: {
          containers: [{ name: a, image: 'a:1', resources: { requests: { cpu: 3 } } }] } } } } }]";
    assert_metric(&settled(nodes, daemon), "headroom_nodes", &[], 3.0); // all but the last, which nothing can replace
    // a core each is left beside the daemons: two pods on two of the nodes, room for both on one of the others each
    let with_web = daemon.replacen('[', "[{ deployment: web, replicas: 2, pod: { requests: { cpu: 1 } } }, ", 1);
    assert_metric(&settled(nodes, &with_web), "headroom_nodes", &[], 2.0);
}

#[test]
fn headroom_knows_taints_and_devices() {
    // the tainted node is no home: one of two others can be lost with 2 of 4 cores each in use
    let nodes = "[{ name: n, count: 2, capacity: { cpu: 4, memory: 16Gi } },
                  { name: t, capacity: { cpu: 4, memory: 16Gi }, taints: [{ key: k, effect: NoSchedule }] }]";
    let web = "[{ deployment: web, replicas: 4, pod: { requests: { cpu: 1 } } }]";
    assert_metric(&settled(nodes, web), "headroom_nodes", &[], 1.0);
    // each of two devices is shared by a pod that leaves less than the other needs
    let nodes = "[{ name: g, count: 2, capacity: { cpu: 8, memory: 16Gi }, gpus: { model: T4, count: 1 } }]";
    let shares = "[{ deployment: train, replicas: 2, pod: { gpu: 0.6 } }]";
    assert_metric(&settled(nodes, shares), "headroom_nodes", &[], 0.0);
}

#[test]
fn a_container_that_restarts_at_once_ends_its_own_incident() {
    let pod = "[{ deployment: web, replicas: 1, pod: { requests: { cpu: 1 } } }]";
    let faults = "[{ container-crash: { workload: web, at: 60s } }, { container-crash: { workload: web, at: 120s } }]";
    let outcome = run(pod, faults);
    // nothing takes time, so the first restart takes none; the second waits for the back-off of 10 s
    let recoveries: Vec<_> = outcome.incidents.iter().map(|incident| incident.recovery().unwrap().0).collect();
    assert_eq!(recoveries, [0, 10_000_000_000]);
    assert_metric(&outcome, "unavailable_pod_seconds", &[], 10.0);
}

#[test]
fn a_restart_is_seen_by_the_next_look_and_takes_the_start_of_a_container() {
    let faults = "[{ container-crash: { workload: web, at: 60s } }, { container-crash: { workload: web, at: 120s } }]";
    let text = text("[{ deployment: web, replicas: 1, pod: { requests: { cpu: 1 } } }]", faults);
    let outcome = run_text(&text, &[("kubelet.status", "700ms"), ("kubelet.container-start", "500ms")]);
    // seen at 60.7 s, started at 61.2 s, reported at 61.9 s; then 10 s from the end: 130.0, 130.5 and 131.2 s
    let instants = |incident: &Incident| [incident.detected, incident.whole].map(|at| at.unwrap().0 / 100_000_000);
    let found: Vec<_> = outcome.incidents.iter().map(instants).collect();
    assert_eq!(found, [[607, 619], [1207, 1312]]);
}

#[test]
fn what_waits_for_the_control_plane_is_the_fault_of_its_outage() {
    let scheduler = "{ name: s, scheduler-down: { at: 60s, for: 300s } }";
    let controllers = "{ name: c, controller-manager-down: { at: 90s, for: 300s } }";
    let scaled_up = |faults: &str| {
        let scale = "timeline: [{ at: 100s, scale: { deployment: web, replicas: 4 } }]\n";
        run_text(&(text(WEB, faults) + scale), &[])
    };
    // two pods are created at 100 s and wait for the scheduler until 360 s
    let alone = scaled_up(&format!("[{scheduler}]"));
    assert_metric(&alone, "attributed_pod_seconds", &[("fault", "s")], 2.0 * 260.0);
    assert_metric(&alone, "attributed_pod_seconds", &[("verb", "scheduler-down")], 2.0 * 260.0);
    // without controllers nobody creates them: the outage that began first answers until 360 s, then the other
    let both = scaled_up(&format!("[{scheduler}, {controllers}]"));
    assert_metric(&both, "attributed_pod_seconds", &[("fault", "s")], 2.0 * 260.0);
    assert_metric(&both, "attributed_pod_seconds", &[("fault", "c")], 2.0 * 30.0);
    let all = both.metric("unavailable_pod_seconds", &[]).unwrap();
    assert_metric(&both, "attributed_pod_seconds", &[("fault", "none")], all - 2.0 * 290.0);
}

#[test]
fn members_of_a_sequence_are_named() {
    let steps = "steps: [{ node-crash: { node: n-1, for: 10s } }, { after: 20s, partition: { node: n-2, for: 10s } }]";
    let outcome = run(WEB, &format!("[{{ name: both, sequence: {{ at: 60s, {steps} }} }}]"));
    let begun = outcome.actions.iter().filter(|action| action.kind == ActionKind::Fault);
    let named: Vec<_> = begun.map(|action| (action.fault.as_str(), &*action.label)).collect();
    assert_eq!(named, [("both", "node-crash n-1"), ("both", "partition n-2")]);
}

#[test]
fn a_pod_that_recovers_unheard_is_found_back_when_its_node_is_heard() {
    // containers fail their check from 60 s to 90 s, and a cut from 62 s to 97 s hides that from the API for good: the
    // kubelet reports 5 s late, and nothing but the news of the node tells that the pod is back
    let flap = "{ readiness-flap: { workload: web, zone: z1, mode: all, at: 60s, for: 30s } }";
    let faults = format!("[{flap}, {{ partition: {{ node: n-1, at: 62s, for: 35s }} }}]");
    let outcome = run_text(&text(WEB, &faults), &[("kubelet.status", "5s")]);
    let flap = &outcome.incidents[0];
    assert_eq!((flap.whole.map(|whole| whole.0 / 1_000_000_000), flap.undecided), (Some(90), false), "{flap:?}");
}

#[test]
fn a_fault_that_never_strikes_costs_nothing_rather_than_being_unknown() {
    let outcome = run(WEB, "[{ name: rare, node-crash: { node: n-1, mtbf: 10000d, for: 60s } }]");
    assert!(outcome.incidents.is_empty());
    assert_metric(&outcome, "attributed_pod_seconds", &[("fault", "rare")], 0.0);
}
