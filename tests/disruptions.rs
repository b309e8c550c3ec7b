//! What incidents of planned disruptions say, against values calculated by hand.

use sim::experiment::{self, Options, Unwatched};
use sim::outcome::Outcome;
use sim::scenario;

/// Two pods, one on each of two nodes, are wanted at all times, so that the drain of n-1 at 60 s may move neither. All
/// delays are fixed: the node monitor looks at 1 s, 6 s …, leases are renewed at 4 s, 14 s ….
fn text(faults: &str) -> String {
    format!(
        "
name: disruptions
duration: 1000s
start: settled
cluster:
  nodes:
    - {{ name: n, count: 2, capacity: {{ cpu: 4, memory: 8Gi }} }}
phases: {{ node-monitor: 1s, leases: {{ n-1: 4s, n-2: 4s }} }}
control-plane:
  latencies: {{ api-write: 0s, watch: 0s, kubelet-watch: 0s, scheduling-cycle: 0s, scheduling-cycle-per-node: 0s, node-monitor-pass: 1us }}
kubelet: {{ node-lease-jitter: 0, start: 1s, status: 0s, stop: 2s, teardown: 1s }}
workloads:
  - {{ deployment: web, replicas: 2, pod: {{ requests: {{ cpu: 1 }} }} }}
  - object:
      apiVersion: policy/v1
      kind: PodDisruptionBudget
      metadata: {{ name: all }}
      spec: {{ minAvailable: 2, selector: {{ matchLabels: {{ app: web }} }} }}
timeline: [{{ at: 60s, drain: {{ node: n-1 }} }}]
faults: {faults}
"
    )
}

fn drained(faults: &str) -> Outcome {
    let scenario =
        scenario::load_text("disruptions.yaml", &text(faults), &[]).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    let setup = scenario::build(&scenario).unwrap_or_else(|wrong| panic!("\n{wrong}"));
    experiment::run(setup, Options::default(), &mut Unwatched).unwrap()
}

#[test]
fn a_drain_that_is_not_done_says_what_is_left() {
    let outcome = drained("[]");
    let told: Vec<_> =
        outcome.incidents.iter().map(|drain| (drain.pods_hit, drain.pods_displaced, drain.pods_left)).collect();
    assert_eq!(told, [(1, 0, 1)]);
}

#[test]
fn a_crash_answers_for_what_a_drain_could_not_move() {
    let outcome = drained("[{ name: power, node-crash: { node: n-1, at: 100s } }]");
    let [drain, crash] = &outcome.incidents[..] else { panic!("{:?}", outcome.incidents) };
    let whole = |incident: &sim::outcome::Incident| incident.whole.map(|whole| whole.0 / 1_000_000_000);
    // nothing was missing until the crash, which takes the pod that still ran
    assert_eq!((drain.pods_hit, drain.pods_displaced, drain.pods_left, whole(drain)), (1, 0, 0, Some(60)));
    assert_eq!(drain.attributed_pod_nanos, 0);
    // renewed last at 94 s, seen at 96 s: called Unknown at 146 s, evicted 300 s later, replaced within a second
    assert_eq!((crash.pods_hit, crash.pods_displaced, whole(crash)), (1, 1, Some(447)));
    let missing = crash.attributed_pod_nanos as f64 / 1e9;
    assert!((missing - 347.0).abs() < 1.0, "{missing}");
    assert_eq!(outcome.metric("incidents_total", &[]), Some(1.0));
}

#[test]
fn a_budget_cannot_ask_for_more_than_all_pods() {
    let text = text("[]").replace("minAvailable: 2", "minAvailable: 120%");
    let wrong = scenario::load_text("disruptions.yaml", &text, &[]).and_then(|scenario| scenario::build(&scenario));
    let wrong = wrong.err().map(|wrong| wrong.to_string()).unwrap_or_default();
    assert!(wrong.contains("must not be greater than 100%"), "{wrong}");
}
