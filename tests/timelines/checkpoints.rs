//! Work with checkpoints: when a pod that was interrupted is done, and who goes on with what it left. In all of
//! these a checkpoint is written for 5 s after each 30 s of work.

use crate::{check, run};

const SAVED: &str = "run-for: 100s, checkpoint-every: 30s, checkpoint-overhead: 5s, restart-policy: OnFailure";

/// The pod `p` with 100 s of work on the first of two nodes.
fn pod(faults: &str) -> String {
    format!(
        "
duration: 1h
cluster: {{ nodes: [{{ name: n, count: 2 }}] }}
phases: {{ leases: {{ n-1: 4s, n-2: 4s }} }}
workloads: [{{ pod: p, spec: {{ node-selector: {{ kubernetes.io/hostname: n-1 }}, {SAVED} }} }}]
faults: [{faults}]
"
    )
}

#[test]
fn three_checkpoints_in_100_s_of_work_take_15_s() {
    check(&pod(""), &["pod Phase"], "115.0s pod/p@n-1 Phase=Succeeded # 3 * 35 + 10");
}

#[test]
fn a_crashed_container_goes_on_from_its_last_complete_checkpoint() {
    check(
        &pod("{ container-crash: { workload: p, at: 80s } }"),
        &["pod Phase", "pod Restarts"],
        "80.0s pod/p@n-1 Restarts=1
         125.0s pod/p@n-1 Phase=Succeeded # 60 s were saved at 70; 40 s of work and one checkpoint are left",
    );
    check(
        &pod("{ container-crash: { workload: p, at: 69s } }"),
        &["pod Phase", "pod Restarts"],
        "69.0s pod/p@n-1 Restarts=1
         149.0s pod/p@n-1 Phase=Succeeded # the second is written from 65 to 70 s: 70 s and two checkpoints are left",
    );
}

#[test]
fn a_pod_that_is_started_again_after_a_reboot_goes_on_too() {
    check(
        &pod("{ node-crash: { node: n-1, at: 60s, for: 120s } }"),
        &["pod Phase", "pod Restarts"],
        "235.0s pod/p@n-1 Restarts=1
         316.0s pod/p@n-1 Phase=Succeeded # 30 s were saved at 35; 1 s to start, 70 s and two checkpoints",
    );
}

#[test]
fn a_slow_node_works_and_writes_slower() {
    let slow = "{ slow-node: { node: n-1, at: 60s, for: 50s, start-factor: 1, work-factor: 2 } }";
    check(&pod(slow), &["pod Phase"], "140.0s pod/p@n-1 Phase=Succeeded # 60 of 115 s done, 25 in 50, 30 left");
    // the second checkpoint takes from 70 to 80 s, not from 65 to 70
    check(
        &pod(&format!("{slow}, {{ container-crash: {{ workload: p, at: 79s }} }}")),
        &["pod Phase", "pod Restarts"],
        "79.0s pod/p@n-1 Restarts=1
         174.5s pod/p@n-1 Phase=Succeeded # 70 s and two checkpoints are left: 15.5 in 31 s, then 64.5",
    );
    check(
        &pod(&format!("{slow}, {{ container-crash: {{ workload: p, at: 80s }} }}")),
        &["pod Phase", "pod Restarts"],
        "80.0s pod/p@n-1 Restarts=1
         140.0s pod/p@n-1 Phase=Succeeded # 40 s and one checkpoint are left: 15 in 30 s, then 30",
    );
}

/// A Job of 100 s a pod on the nodes `a-1` …, which have room for one pod each; `b-1` … join at 30 s. A pod is evicted as
/// soon as its node is known to be lost, and after a failure the next comes 10 s later.
fn job(pods: u32, mode: &str, faults: &str, annotations: &str) -> String {
    let leases: Vec<String> = (1..=pods).map(|number| format!("a-{number}: 4s")).collect();
    let leases = leases.join(", ");
    format!(
        "
duration: 1h
cluster: {{ nodes: [{{ name: a, count: {pods} }}] }}
phases: {{ leases: {{ {leases} }} }}
workloads:
  - object:
      apiVersion: batch/v1
      kind: Job
      metadata: {{ labels: {{}}, name: j }}
      spec:
        completions: {pods}
        parallelism: {pods}
        completionMode: {mode}
        template:
          metadata: {{ annotations: {{ sim/run-for: 100s, sim/checkpoint-every: 30s, sim/checkpoint-overhead: 5s{annotations} }} }}
          spec:
            restartPolicy: Never
            tolerations: [{{ key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 0 }}]
            containers:
              - image: i
                name: c
                resources: {{ requests: {{ cpu: 5 }} }}
timeline: [{{ at: 30s, add-nodes: {{ name: b, count: 2 }} }}]
faults: [{faults}]
"
    )
}

/// When pods became this, in seconds.
#[track_caller]
fn assert_phases(scenario: &str, phase: &str, expected: &[f64]) {
    let found = run(scenario).instants("pod", "Phase", phase);
    let found: Vec<f64> = found.iter().map(|at| (at.as_secs_f64() * 10.0).floor() / 10.0).collect();
    assert_eq!(found, expected, "{phase}");
}

#[test]
fn the_pod_that_replaces_a_lost_one_goes_on_from_its_checkpoint() {
    // known to be lost and evicted at 126 s, replaced 10 s later. 60 s were saved at 70; 40 s and one checkpoint are left
    let scenario = job(1, "NonIndexed", "{ node-crash: { node: a-1, at: 80s } }", "");
    assert_phases(&scenario, "Running", &[137.0]);
    assert_phases(&scenario, "Succeeded", &[182.0]);
}

#[test]
fn each_replacement_takes_up_what_was_left_first() {
    let crashes = "{ node-crash: { node: a-1, at: 60s } }, { node-crash: { node: a-2, at: 80s } }";
    for mode in ["NonIndexed", "Indexed"] {
        let scenario = job(2, mode, crashes, "");
        // evicted at 106 and 126 s, replaced 10 and 20 s later. Of the first 30 s were saved at 35: 70 s and two checkpoints
        // are left, 80 s; of the other 60 s at 70: 45 s
        assert_phases(&scenario, "Running", &[117.0, 147.0]);
        assert_phases(&scenario, "Succeeded", &[192.0, 197.0]);
    }
}

#[test]
fn a_pod_that_is_stopped_saves_work_until_its_replacement_starts() {
    // told to stop at 60 s, it runs until 80; its replacement comes at 70, when 60 s are saved, and starts at 71
    let scenario = job(1, "NonIndexed", "{ pod-kill: { workload: j, at: 60s } }", ", sim/stop-after: 20s");
    assert_phases(&scenario, "Running", &[71.0]);
    assert_phases(&scenario, "Succeeded", &[116.0]);
}
