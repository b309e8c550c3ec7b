//! Gangs (scheduler::permit): bound together or not at all. `n-1` has 8 cores; a cycle takes no time here.

use sim::cluster::PodId;
use sim::engine::Time;

use crate::{Log, check, run, start};

/// One node, the queue order `gang`, workloads of the start and what comes.
fn gangs(workloads: &str, timeline: &str) -> String {
    format!(
        "
duration: 20m
cluster: {{ nodes: [{{ name: n-1 }}] }}
phases: {{ leases: {{ n-1: 4s }} }}
scheduler: {{ queue: gang, gang-timeout: 30s }}
workloads: [{workloads}]
timeline: [{timeline}]
"
    )
}

const WORK: &str = "{ pod: a, count: 3, spec: { requests: { cpu: 2 }, min-count: 3 } }";
const TWO_AT_70: &str = "{ at: 70s, create: { pod: b, count: 2, spec: { requests: { cpu: 2 }, min-count: 2 } } }";

#[test]
fn a_gang_that_does_not_fit_holds_nothing_and_goes_when_it_fits() {
    // 6 of 8 cores are taken: there is room for b-1, not for b-2. A pod that needs that room gets it. When a-1 is
    // gone, 3 s after its deletion, one core is missing still; when c is gone, both fit
    let scenario = gangs(
        WORK,
        &format!(
            "{TWO_AT_70}, {{ at: 80s, create: {{ pod: c, spec: {{ requests: {{ cpu: 1 }} }} }} }},
             {{ at: 100s, delete: {{ pod: a-1 }} }}, {{ at: 200s, delete: {{ pod: c }} }}"
        ),
    );
    check(
        &scenario,
        &["pod Node", "pod Removed", "pod FailedScheduling"],
        "
        70.0s pod/b-1 FailedScheduling=0/1 nodes are available: 1 minCount (2) cannot be satisfied: 1 scheduled, 0 remaining, default/b-2 found no node.
        70.0s pod/b-2 FailedScheduling=0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
        80.0s pod/c@n-1 Node=n-1
        103.0s pod/a-1@n-1 Removed
        103.0s pod/b-1 FailedScheduling=0/1 nodes are available: 1 minCount (2) cannot be satisfied: 1 scheduled, 0 remaining, default/b-2 found no node.
        103.0s pod/b-2 FailedScheduling=0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.
        203.0s pod/c@n-1 Removed
        203.0s pod/b-1@n-1 Node=n-1
        203.0s pod/b-2@n-1 Node=n-1
        ",
    );
}

#[test]
fn in_another_order_pods_are_bound_one_by_one() {
    check(
        &gangs(WORK, TWO_AT_70).replace("queue: gang", "queue: priority"),
        &["pod Node"],
        "70.0s pod/b-1@n-1 Node=n-1",
    );
}

#[test]
fn pods_beyond_the_minimum_do_not_hold_the_others_back() {
    // 4 of 5 fit, and 3 are enough
    let work = "{ at: 60s, create: { pod: a, count: 5, spec: { requests: { cpu: 2 }, min-count: 3 } } }";
    let log = run(&gangs("", work).replace("workloads: []\n", ""));
    assert_eq!(log.instants("pod", "Node", "n-1"), [Time::from_secs(60); 4]);
    let failed = log.instants("pod", "FailedScheduling", "1 Insufficient cpu");
    assert_eq!(failed[..2], [Time::from_secs(60), Time::from_secs(390)], "the fifth, and again after five minutes");
}

#[test]
fn too_few_pods_are_not_tried() {
    let set = "{ replica-set: rs, replicas: 2, pod: { min-count: 3 } }";
    let more = "{ at: 60s, scale: { replica-set: rs, replicas: 3 } }";
    check(
        &gangs(set, more),
        &["pod"],
        "
        60.0s pod/rs-* Created=by ReplicaSet rs
        60.0s pod/rs-*@n-1 Node=n-1
        60.0s pod/rs-*@n-1 Node=n-1
        60.0s pod/rs-*@n-1 Node=n-1
        61.0s pod/rs-*@n-1 Phase=Running
        61.0s pod/rs-*@n-1 Phase=Running
        61.0s pod/rs-*@n-1 Phase=Running
        61.0s pod/rs-*@n-1 Ready=True
        61.0s pod/rs-*@n-1 Ready=True
        61.0s pod/rs-*@n-1 Ready=True
        ",
    );
}

/// Four pods of 2 cores fill the node; a gang of higher priority comes.
fn urgent(count: u32, cpu: u32) -> String {
    let spec = format!("{{ priority: 100, requests: {{ cpu: {cpu} }}, min-count: {count} }}");
    gangs(
        "{ pod: low, count: 4, spec: { requests: { cpu: 2 } } }",
        &format!("{{ at: 60s, create: {{ pod: high, count: {count}, spec: {spec} }} }}"),
    )
}

#[test]
fn a_gang_preempts_for_all_its_pods() {
    // two of the low ones go, 2 s for stopping and 1 s for clean-up
    let log = run(&urgent(2, 2));
    assert_eq!(log.instants("pod", "Deleting", ""), [Time::from_secs(60); 2]);
    assert_eq!(log.instants("pod", "Node", ""), [Time::from_secs(63); 2]);
}

#[test]
fn nobody_is_preempted_for_a_gang_that_cannot_be_completed() {
    // 3 × 4 cores never fit into 8
    let log = run(&urgent(3, 4));
    assert_eq!(log.instants("pod", "Created", "").len(), 3);
    assert_eq!(log.instants("pod", "Deleting", ""), []);
    assert_eq!(log.instants("pod", "Node", ""), []);
}

/// `low` takes 6 of 8 cores and, preempted, ten minutes to stop. Of the gang `high`, `high-1` fits beside it and waits
/// on Permit; `high-2` waits for the room of `low`.
fn waiting(timeline: &str) -> String {
    gangs(
        "{ pod: low, spec: { requests: { cpu: 6 }, stop-after: 10m, termination-grace-period-seconds: 600 } }",
        &format!(
            "{{ at: 60s, create: {{ pod: high, count: 2, spec: {{ priority: 100, requests: {{ cpu: 2 }}, min-count: 2 }} }} }}{timeline}"
        ),
    )
}

/// Cores asked for on the node, as the scheduler counts them, at this second.
fn cores_at(scenario: &str, second: u64) -> i64 {
    let mut log = Log::default();
    let mut simulation = start(scenario, &mut log);
    simulation.run_until(Time::from_secs(second), &mut log);
    simulation.cluster.check().unwrap();
    simulation.cluster.nodes().map(|(_, node)| node.requested.cpu / 1000).sum()
}

#[test]
fn reserved_pods_wait_for_victims_until_the_timeout() {
    let scenario = waiting("");
    assert_eq!(cores_at(&scenario, 80), 8, "6 of `low`, 2 of `high-1`, which waits");
    let log = run(&scenario);
    let timeouts = log.instants("pod", "FailedScheduling", "1 rejected due to timeout after waiting 30s at plugin");
    assert_eq!(timeouts[..2], [Time::from_secs(90), Time::from_secs(120)], "it is tried anew, and waits anew");
    assert_eq!(log.instants("pod", "Node", ""), [Time::from_secs(661); 2]);
}

#[test]
fn the_room_of_a_waiting_pod_that_is_deleted_is_given_back() {
    let scenario = waiting(", { at: 70s, delete: { pod: high-1 } }");
    assert_eq!(cores_at(&scenario, 71), 6);
    let log = run(&scenario);
    assert_eq!(log.instants("pod", "Node", ""), [], "one of two is no gang");
}

#[test]
fn a_gang_is_let_go_when_the_node_under_it_goes() {
    let two = waiting(", { at: 70s, delete-node: { node: n-2 } }")
        .replace("{ name: n-1 }", "{ name: n-1, capacity: { cpu: 7 } }, { name: n-2, capacity: { cpu: 2 } }");
    assert_eq!((cores_at(&two, 69), cores_at(&two, 71)), (8, 6));
    let log = run(&two);
    assert_eq!(log.instants("pod", "FailedScheduling", "1 node \"n-2\" not found"), [Time::from_secs(70)]);
    assert_eq!(log.instants("pod", "Node", "n-1"), [Time::from_secs(661); 2]);
}

#[test]
fn a_waiting_pod_that_is_preempted_is_rejected_and_not_deleted() {
    let scenario = waiting(", { at: 70s, create: { pod: top, spec: { priority: 1000, requests: { cpu: 8 } } } }");
    assert_eq!(cores_at(&scenario, 71), 6);
    let log = run(&scenario);
    assert_eq!(log.instants("pod", "FailedScheduling", "1 preempted"), [Time::from_secs(70)]);
    assert_eq!(log.instants("pod", "Removed", ""), [Time::from_secs(661)], "`low` only");
    assert_eq!(log.instants("pod", "Node", ""), [Time::from_secs(661)], "`top` only");
}

#[test]
fn a_scheduler_that_starts_anew_knows_gangs_and_reserves_nothing_that_is_not_bound() {
    let scenario = waiting("") + "faults: [{ scheduler-down: { at: 70s, for: 10s } }]";
    assert_eq!(cores_at(&scenario, 75), 6, "what it reserved went with its memory");
    assert_eq!(
        cores_at(&scenario, 100),
        6,
        "beside `low` there is the room `high-2` is nominated to: `high-1` waits for `low`, too"
    );
    assert_eq!(run(&scenario).instants("pod", "Node", ""), [Time::from_secs(661); 2]);
}

#[test]
fn a_waiting_pod_says_what_it_waits_for() {
    let mut log = Log::default();
    let mut simulation = start(&waiting(""), &mut log);
    simulation.run_until(Time::from_secs(70), &mut log);
    let words = "waiting on permit: 1 of minCount 2 pods of its gang are placed";
    assert_eq!(simulation.gang_waits(), [(PodId(1), words.into())]);
}
