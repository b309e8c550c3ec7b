//! What an operator does: drain, cordon, taint, delete (nodes.md 7).

use crate::{check, run};

/// `web` with so many pods on `n-1`; `n-2`, empty, joins at 30 s.
fn web(replicas: u32, timeline: &str) -> String {
    format!(
        "
duration: 10m
cluster: {{ nodes: [{{ name: n-1 }}] }}
phases: {{ leases: {{ n-1: 4s }} }}
workloads: [{{ deployment: web, replicas: {replicas} }}]
timeline: [{{ at: 30s, add-nodes: {{ name: n-2 }} }}, {timeline}]
"
    )
}

/// A pod of its own on the only node.
fn lone_pod(spec: &str, timeline: &str) -> String {
    format!(
        "
duration: 10m
cluster: {{ nodes: [{{ name: n-1 }}] }}
phases: {{ leases: {{ n-1: 4s }} }}
workloads: [{{ pod: p, spec: {{ {spec} }} }}]
timeline: [{timeline}]
"
    )
}

#[test]
fn a_drain_evicts_at_once_and_pods_are_replaced_elsewhere() {
    check(
        &web(2, "{ at: 60s, drain: { node: n-1 } }"),
        &["node", "pod"],
        "
        30.0s node/n-2 Added
        30.0s node/n-2 Taints=[] # admission gave it not-ready:NoSchedule
        60.0s node/n-1 Unschedulable=true
        60.0s node/n-1 Taints=[unschedulable:NoSchedule]
        60.0s pod/web-1-*@n-1 Deleting=grace 30s
        60.0s pod/web-1-*@n-1 Deleting=grace 30s
        60.0s pod/web-1-* Created=by ReplicaSet web-1
        60.0s pod/web-1-* Created=by ReplicaSet web-1
        60.0s pod/web-1-*@n-2 Node=n-2
        60.0s pod/web-1-*@n-2 Node=n-2
        61.0s pod/web-1-*@n-2 Phase=Running
        61.0s pod/web-1-*@n-2 Phase=Running
        61.0s pod/web-1-*@n-2 Ready=True
        61.0s pod/web-1-*@n-2 Ready=True
        62.0s pod/web-1-*@n-1 Ready=False # stopped
        62.0s pod/web-1-*@n-1 Ready=False
        63.0s pod/web-1-*@n-1 Removed
        63.0s pod/web-1-*@n-1 Removed
        ",
    );
}

#[test]
fn a_pod_has_its_grace_period_and_no_longer_to_stop() {
    for (spec, grace, stopped, removed) in [
        ("stop-after: 5s", "30s", "65.0s", "66.0s"),
        ("stop-after: 1h", "30s", "90.0s", "91.0s"),
        ("stop-after: 1h, termination-grace-period-seconds: 100", "100s", "160.0s", "161.0s"),
    ] {
        check(
            &lone_pod(spec, "{ at: 60s, delete: { pod: p } }"),
            &["pod"],
            &format!(
                "60.0s pod/p@n-1 Deleting=grace {grace}
                 {stopped} pod/p@n-1 Ready=False
                 {removed} pod/p@n-1 Removed"
            ),
        );
    }
    check(
        &lone_pod("stop-after: 1h", "{ at: 60s, drain: { node: n-1, grace-period: 7s } }"),
        &["pod"],
        "60.0s pod/p@n-1 Deleting=grace 7s
         67.0s pod/p@n-1 Ready=False
         68.0s pod/p@n-1 Removed",
    );
}

#[test]
fn a_pod_that_has_no_node_is_deleted_at_once() {
    check(
        &lone_pod("node-selector: { disk: ssd }", "{ at: 60s, delete: { pod: p } }"),
        &["pod"],
        "60.0s pod/p Removed",
    );
}

#[test]
fn a_cordoned_node_keeps_its_pods_and_takes_no_new_ones() {
    let scenario = "
        duration: 10m
        cluster: { nodes: [{ name: n-1 }] }
        phases: { leases: { n-1: 4s } }
        workloads: [{ deployment: web, replicas: 1 }]
        timeline:
          - { at: 60s, cordon: { node: n-1, for: 60s } }
          - { at: 70s, scale: { deployment: web, replicas: 2 } }";
    check(
        scenario,
        &["node", "node NodeNotSchedulable", "node NodeSchedulable", "pod", "pod FailedScheduling"],
        "
        60.0s node/n-1 Unschedulable=true
        60.0s node/n-1 Taints=[unschedulable:NoSchedule]
        62.0s node/n-1 NodeNotSchedulable=Node n-1 status is now: NodeNotSchedulable # with the kubelet's next status
        70.0s pod/web-1-* Created=by ReplicaSet web-1
        70.0s pod/web-1-* FailedScheduling=0/1 nodes are available: 1 node(s) were unschedulable. \
no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.
        120.0s node/n-1 Unschedulable=false
        120.0s node/n-1 Taints=[]
        120.0s pod/web-1-*@n-1 Node=n-1
        121.0s pod/web-1-*@n-1 Phase=Running
        121.0s pod/web-1-*@n-1 Ready=True
        122.0s node/n-1 NodeSchedulable=Node n-1 status is now: NodeSchedulable
        ",
    );
}

#[test]
fn kubelets_name_the_containers_they_stop() {
    let pod = |name: &str| {
        let containers = "[{name: app, image: a}, {name: log, image: b}], initContainers: [{name: init, image: c}]";
        format!("apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{ containers: {containers} }}")
    };
    let (one, other) = (pod("p"), pod("late"));
    let scenario = format!(
        "
        duration: 10m
        cluster: {{ nodes: [{{ name: n-1 }}] }}
        workloads: [object: {{ {one} }}]
        timeline:
          - {{ at: 60s, delete: {{ pod: p }} }}
          - {{ at: 60s, create: {{ object: {{ {other} }} }} }}
          - {{ at: 60500ms, delete: {{ pod: late }} }}"
    );
    check(
        &scenario,
        &["pod Deleting", "pod Killing"],
        "
        60.0s pod/p@n-1 Deleting=grace 30s
        60.0s pod/p@n-1 Killing=Stopping container app
        60.0s pod/p@n-1 Killing=Stopping container log
        60.5s pod/late@n-1 Deleting=grace 30s # its containers do not run yet
        ",
    );
}

#[test]
fn a_kubelet_that_starts_says_again_that_its_node_is_cordoned() {
    let scenario = "
        duration: 10m
        cluster: { nodes: [{ name: n-1 }] }
        phases: { leases: { n-1: 4s } }
        workloads: [{ deployment: web, replicas: 1 }]
        timeline: [{ at: 60s, cordon: { node: n-1 } }]
        faults: [{ reboot: { node: n-1, at: 100s } }]";
    check(
        scenario,
        &["node Unschedulable", "node Machine", "node NodeNotSchedulable", "node NodeReady"],
        "
        60.0s node/n-1 Unschedulable=true
        62.0s node/n-1 NodeNotSchedulable=Node n-1 status is now: NodeNotSchedulable
        100.0s node/n-1 Machine=booting
        145.0s node/n-1 Machine=on, unhealthy # 40 s to boot, 5 s to its first status
        145.0s node/n-1 NodeNotSchedulable=Node n-1 status is now: NodeNotSchedulable
        155.0s node/n-1 Machine=on
        155.0s node/n-1 NodeReady=Node n-1 status is now: NodeReady
        ",
    );
}

#[test]
fn a_no_execute_taint_evicts_who_does_not_tolerate_it_and_the_others_when_their_time_is_up() {
    let taint = "{ at: 60s, taint: { node: n-1, key: work, effect: NoExecute } }";
    let bears = "tolerations: [{ key: work, operator: Exists, effect: NoExecute, tolerationSeconds: 100 }]";
    check(&lone_pod("", taint), &["pod Deleting"], "60.0s pod/p@n-1 Deleting=grace 30s");
    check(&lone_pod(bears, taint), &["pod Deleting"], "160.0s pod/p@n-1 Deleting=grace 30s");
    let removed = format!("{taint}, {{ at: 159s, untaint: {{ node: n-1, key: work }} }}");
    check(&lone_pod(bears, &removed), &["pod Deleting"], "");
    let twice = format!("{removed}, {{ at: 200s, taint: {{ node: n-1, key: work, effect: NoExecute }} }}");
    check(&lone_pod(bears, &twice), &["pod Deleting"], "300.0s pod/p@n-1 Deleting=grace 30s");
}

#[test]
fn a_no_schedule_taint_evicts_nobody() {
    let scenario = lone_pod("", "{ at: 60s, taint: { node: n-1, key: work, value: now, effect: NoSchedule } }");
    check(&scenario, &["node", "pod"], "60.0s node/n-1 Taints=[work=now:NoSchedule]");
}

#[test]
fn pods_of_a_deleted_node_are_collected_after_a_quarantine_of_40_s() {
    check(
        // collection at 63 s sees the pod for the first time; those at 83 s and 103 s follow
        &web(1, "{ at: 60s, delete-node: { node: n-1 } }"),
        &["node", "pod"],
        "
        30.0s node/n-2 Added
        30.0s node/n-2 Taints=[] # admission gave it not-ready:NoSchedule
        60.0s node/n-1 Removed
        103.0s pod/web-1-*@n-1 Ready=False
        103.0s pod/web-1-*@n-1 Phase=Failed
        103.0s pod/web-1-*@n-1 Removed
        103.0s pod/web-1-* Created=by ReplicaSet web-1
        103.0s pod/web-1-*@n-2 Node=n-2
        104.0s pod/web-1-*@n-2 Phase=Running
        104.0s pod/web-1-*@n-2 Ready=True
        ",
    );
}

#[test]
fn collection_takes_40_to_60_s_from_the_deletion_of_the_node() {
    for (deleted, replaced) in [("62s", "103.0s"), ("64s", "123.0s"), ("82s", "123.0s")] {
        let scenario = web(1, &format!("{{ at: {deleted}, delete-node: {{ node: n-1 }} }}"));
        check(&scenario, &["pod Created"], &format!("{replaced} pod/web-1-* Created=by ReplicaSet web-1"));
    }
}

#[test]
fn deleting_a_crashed_node_beats_the_toleration() {
    check(
        &web(1, "{ at: 60s, crash: { node: n-1 } }, { at: 110s, delete-node: { node: n-1 } }"),
        &["node Ready", "pod Ready", "pod Removed"],
        "
        106.0s node/n-1 Ready=Unknown
        106.0s pod/web-1-*@n-1 Ready=False
        163.0s pod/web-1-*@n-1 Removed # first seen at 123 s
        164.0s pod/web-1-*@n-2 Ready=True
        ",
    );
}

#[test]
fn deleting_a_node_lets_its_terminating_pods_go() {
    check(
        &web(1, "{ at: 60s, crash: { node: n-1 } }, { at: 450s, delete-node: { node: n-1 } }"),
        &["pod Deleting", "pod Ready", "pod Removed"],
        "
        106.0s pod/web-1-*@n-1 Ready=False
        406.0s pod/web-1-*@n-1 Deleting=grace 30s
        407.0s pod/web-1-*@n-2 Ready=True
        503.0s pod/web-1-*@n-1 Removed # first seen at 463 s
        ",
    );
}

#[test]
fn what_a_deleted_deployment_owned_is_collected_and_not_replaced() {
    check(
        &web(2, "{ at: 60s, delete: { deployment: web } }"),
        &["pod"],
        "
        60.0s pod/web-1-*@n-1 Deleting=grace 30s
        60.0s pod/web-1-*@n-1 Deleting=grace 30s
        62.0s pod/web-1-*@n-1 Ready=False
        62.0s pod/web-1-*@n-1 Ready=False
        63.0s pod/web-1-*@n-1 Removed
        63.0s pod/web-1-*@n-1 Removed
        ",
    );
}

#[test]
fn a_container_that_keeps_ending_is_restarted_after_0_10_20_40_s_and_so_on() {
    // it runs for 1 s each time; the wait counts from its end (nodes.md 9.4)
    let log = run(&lone_pod("run-for: 1s", ""));
    let restarts: Vec<u64> = log.instants("pod", "Restarts", "").iter().map(|at| at.0 / 1_000_000_000).collect();
    // ends at 1, 2, 13, 34, 75, 156, 317; the first at time zero plus one second
    assert_eq!(restarts, [1, 12, 33, 74, 155, 316]);
}

#[test]
fn an_attempt_that_fails_for_a_new_reason_costs_a_write_before_the_next() {
    // `b` is tried when the condition of `a` is written
    let scenario = "
        duration: 2m
        cluster: { nodes: [{ name: n-1 }] }
        control-plane: { latencies: { api-write: 200ms } }
        timeline:
          - { at: 60s, create: { pod: a, spec: { node-selector: { disk: ssd } } } }
          - { at: 60s, create: { pod: b, spec: { node-selector: { disk: ssd } } } }";
    let tried = run(scenario).instants("pod", "FailedScheduling", "node affinity/selector");
    assert_eq!(tried.iter().map(|at| at.0 / 100_000_000).collect::<Vec<_>>(), [600, 602]);
}
