//! Which pods go when a ReplicaSet shrinks (controllers.md 2, "Deletion order"), and what is replaced.

use crate::{check, run};

#[test]
fn a_pod_without_a_node_goes_before_all_others() {
    check(
        "
        duration: 5m
        cluster: { nodes: [{ name: n-1, capacity: { cpu: 2 } }] }
        workloads: [{ replica-set: rs, replicas: 3, pod: { requests: { cpu: 1 } } }]
        timeline: [{ at: 60s, scale: { replica-set: rs, replicas: 2 } }]",
        &["pod"],
        "60.0s pod/rs-* Removed",
    );
}

#[test]
fn a_pending_pod_goes_before_running_ones() {
    check(
        "
        duration: 5m
        cluster: { nodes: [{ name: n-1 }] }
        workloads: [{ replica-set: rs, replicas: 1 }]
        timeline:
          - { at: 30s, add-nodes: { name: n-2 } }
          - { at: 60s, scale: { replica-set: rs, replicas: 2 } }
          - { at: 60500ms, scale: { replica-set: rs, replicas: 1 } }",
        &["pod"],
        "
        60.0s pod/rs-* Created=by ReplicaSet rs
        60.0s pod/rs-*@n-2 Node=n-2
        60.5s pod/rs-*@n-2 Deleting=grace 30s # it would have run at 61 s
        63.5s pod/rs-*@n-2 Removed # stop 2 s, clean-up 1 s
        ",
    );
}

#[test]
fn a_pod_that_is_not_ready_goes_before_those_that_are() {
    check(
        "
        duration: 5m
        cluster: { nodes: [{ name: n, count: 2 }] }
        phases: { leases: { n-2: 4s } }
        workloads: [{ replica-set: rs, replicas: 2 }]
        timeline: [{ at: 60s, crash: { node: n-2 } }, { at: 120s, scale: { replica-set: rs, replicas: 1 } }]",
        &["pod"],
        "
        106.0s pod/rs-*@n-2 Ready=False
        120.0s pod/rs-*@n-2 Deleting=grace 30s
        ",
    );
}

#[test]
fn before_the_failure_is_noticed_the_pod_on_the_dead_node_is_as_good_as_any() {
    // doubled up on n-1, which lives: one of those goes
    check(
        "
        duration: 100s
        cluster: { nodes: [{ name: n-1, capacity: { cpu: 2 } }, { name: n-2, capacity: { cpu: 1 } }] }
        phases: { leases: { n-2: 4s } }
        workloads: [{ replica-set: rs, replicas: 3, pod: { requests: { cpu: 1 } } }]
        timeline: [{ at: 60s, crash: { node: n-2 } }, { at: 70s, scale: { replica-set: rs, replicas: 2 } }]",
        &["pod Deleting"],
        "70.0s pod/rs-*@n-1 Deleting=grace 30s",
    );
}

#[test]
fn of_two_on_one_node_one_goes_before_a_pod_alone() {
    check(
        "
        duration: 5m
        cluster: { nodes: [{ name: n-1, capacity: { cpu: 2 } }, { name: n-2, capacity: { cpu: 1 } }] }
        workloads: [{ replica-set: rs, replicas: 3, pod: { requests: { cpu: 1 } } }]
        timeline: [{ at: 60s, scale: { replica-set: rs, replicas: 2 } }]",
        &["pod"],
        "
        60.0s pod/rs-*@n-1 Deleting=grace 30s
        62.0s pod/rs-*@n-1 Ready=False
        63.0s pod/rs-*@n-1 Removed
        ",
    );
}

#[test]
fn the_pod_that_became_ready_last_goes_first() {
    // ready for 610 s and for 9 s: not the same power of two
    check(
        "
        duration: 15m
        cluster: { nodes: [{ name: n-1 }] }
        workloads: [{ replica-set: rs, replicas: 1 }]
        timeline:
          - { at: 300s, add-nodes: { name: n-2 } }
          - { at: 600s, scale: { replica-set: rs, replicas: 2 } }
          - { at: 610s, scale: { replica-set: rs, replicas: 1 } }",
        &["pod Deleting"],
        "610.0s pod/rs-*@n-2 Deleting=grace 30s",
    );
}

#[test]
fn the_number_of_pods_on_a_node_is_counted_once() {
    // as recorded: 7, 7 and 6 pods scaled to 7 can become 0, 1 and 6, since doubled-up pods are ranked by the
    // counts of before. Here 4, 4 and 2 scaled to 2: all of the fuller nodes go.
    let log = run("
        duration: 5m
        cluster:
          nodes: [{ name: a, count: 2, capacity: { cpu: 8, pods: 4 } }, { name: b, capacity: { cpu: 8, pods: 2 } }]
        workloads: [{ replica-set: rs, replicas: 10 }]
        timeline: [{ at: 60s, scale: { replica-set: rs, replicas: 2 } }]");
    let gone = log.lines(&["pod Deleting"]);
    let on = |node: &str| gone.iter().filter(|line| line.contains(&format!("@{node} "))).count();
    assert_eq!((on("a-1"), on("a-2"), on("b")), (4, 4, 0), "{gone:#?}");
}

#[test]
fn a_pod_that_failed_is_replaced_and_kept() {
    // more pods than the node has room for once its first ones are counted; the kubelet refuses none here, so
    // the failure comes from a deleted node: its pod is set Failed, then removed, and one is created in its place
    check(
        "
        duration: 5m
        cluster: { nodes: [{ name: n-1 }] }
        workloads: [{ replica-set: rs, replicas: 1 }]
        timeline:
          - { at: 30s, add-nodes: { name: n-2 } }
          - { at: 60s, delete-node: { node: n-1 } }",
        &["pod Phase", "pod Created"],
        "
        103.0s pod/rs-*@n-1 Phase=Failed
        103.0s pod/rs-* Created=by ReplicaSet rs
        104.0s pod/rs-*@n-2 Phase=Running
        ",
    );
}
