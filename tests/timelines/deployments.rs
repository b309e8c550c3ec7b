//! Rollouts step by step (controllers.md 3). R is `replicas`, S `max-surge`, U `max-unavailable`.

use crate::{check, check_sequence};

/// `web` on one large node, the given strategy and more, and a timeline.
fn web(replicas: u32, more: &str, timeline: &str) -> String {
    format!(
        "
duration: 20m
cluster: {{ nodes: [{{ name: n-1, capacity: {{ cpu: 64 }} }}] }}
phases: {{ leases: {{ n-1: 4s }} }}
workloads: [{{ deployment: web, replicas: {replicas}, {more} }}]
timeline: [{timeline}]
"
    )
}

const UPDATE: &str = "{ at: 60s, update: { deployment: web, image: 'web:2' } }";

#[test]
fn ten_replicas_with_a_quarter_surge_and_a_quarter_unavailable() {
    // S = ceil(2.5) = 3, U = floor(2.5) = 2: at most 13 pods, at least 8 available; the example of the reference
    check_sequence(
        &web(10, "strategy: { max-surge: 25%, max-unavailable: 25% }", UPDATE),
        &["deployment ScalingReplicaSet"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 3
        60.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 10 to 8
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 3 to 5
        # the five are Ready
        61.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 8 to 3
        61.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 5 to 10
        62.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 3 to 0
        ",
    );
}

#[test]
fn one_more_and_none_less() {
    check_sequence(
        &web(3, "strategy: { max-surge: 1, max-unavailable: 0 }", UPDATE),
        &["deployment ScalingReplicaSet"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 1
        61.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 3 to 2
        61.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 1 to 2
        62.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 2 to 1
        62.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 2 to 3
        63.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 1 to 0
        ",
    );
}

#[test]
fn none_more_and_one_less() {
    // the new ReplicaSet begins with nothing, as R + S - 3 = 0
    check_sequence(
        &web(3, "strategy: { max-surge: 0, max-unavailable: 1 }", UPDATE),
        &["deployment ScalingReplicaSet"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 3 to 2
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 1
        61.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 2 to 1
        61.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 1 to 2
        62.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 1 to 0
        62.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 2 to 3
        ",
    );
}

#[test]
fn neither_more_nor_less_counts_as_one_less() {
    // 10 % of 2: S = ceil(0.2) = 1 … but 0 and 10 % give 0 and floor(0.2) = 0, and so U = 1
    check_sequence(
        &web(2, "strategy: { max-surge: 0, max-unavailable: 10% }", UPDATE),
        &["deployment ScalingReplicaSet"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 2 to 1
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 1
        61.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 1 to 0
        61.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 1 to 2
        ",
    );
}

#[test]
fn pods_must_have_been_ready_for_min_ready_seconds() {
    check_sequence(
        &web(2, "min-ready-seconds: 10, strategy: { max-surge: 1, max-unavailable: 0 }", UPDATE),
        &["deployment ScalingReplicaSet"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 1
        71.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 2 to 1 # Ready since 61 s
        71.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 1 to 2
        82.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 1 to 0 # Ready since 72 s
        ",
    );
}

/// Pods too large for any node.
const STUCK: &str = "{ at: 60s, update: { deployment: web, requests: { cpu: 1000 } } }";

#[test]
fn a_rollout_whose_pods_never_start_stays_where_it_is() {
    check_sequence(
        &web(10, "progress-deadline-seconds: 300", STUCK),
        &["deployment ScalingReplicaSet"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 3
        60.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 10 to 8
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 3 to 5
        ",
    );
}

#[test]
fn a_scaling_during_a_rollout_is_shared_in_proportion() {
    // sizes 8 and 5, annotated with 13 at most; now 20 + 5 = 25: 8 * 25 / 13 = 15.4 and 5 * 25 / 13 = 9.6
    check_sequence(
        &web(10, "pod: {}", &format!("{STUCK}, {{ at: 100s, scale: {{ deployment: web, replicas: 20 }} }}")),
        &["deployment ScalingReplicaSet"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 3
        60.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 10 to 8
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 3 to 5
        100.0s deployment/web ScalingReplicaSet=Scaled up replica set web-1 from 8 to 15
        100.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 5 to 10
        ",
    );
}

#[test]
fn a_scaling_alone_is_no_rollout() {
    let timeline = "{ at: 60s, scale: { deployment: web, replicas: 5 } }, \
                    { at: 90s, scale: { deployment: web, replicas: 0 } }";
    check_sequence(
        &web(2, "pod: {}", timeline),
        &["deployment ScalingReplicaSet"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-1 from 2 to 5
        90.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 5 to 0
        ",
    );
}

#[test]
fn going_back_to_an_old_template_takes_its_replica_set_again() {
    let back = "{ at: 100s, update: { deployment: web, image: 'app:1' } }";
    check_sequence(
        &web(1, "pod: {}", &format!("{UPDATE}, {back}")),
        &["deployment ScalingReplicaSet", "replicaset Created"],
        "
        60.0s replicaset/web-2 Created
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 1 # S 1, U 0
        61.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 1 to 0
        100.0s deployment/web ScalingReplicaSet=Scaled up replica set web-1 from 0 to 1
        101.0s deployment/web ScalingReplicaSet=Scaled down replica set web-2 from 1 to 0
        ",
    );
}

#[test]
fn recreate_waits_until_every_old_pod_is_gone() {
    check(
        &web(2, "strategy: { type: Recreate }", UPDATE),
        &["deployment ScalingReplicaSet", "pod"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 2 to 0
        60.0s pod/web-1-*@n-1 Deleting=grace 30s
        60.0s pod/web-1-*@n-1 Deleting=grace 30s
        62.0s pod/web-1-*@n-1 Ready=False
        62.0s pod/web-1-*@n-1 Ready=False
        63.0s pod/web-1-*@n-1 Removed
        63.0s pod/web-1-*@n-1 Removed
        63.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 2
        63.0s pod/web-2-* Created=by ReplicaSet web-2
        63.0s pod/web-2-* Created=by ReplicaSet web-2
        63.0s pod/web-2-*@n-1 Node=n-1
        63.0s pod/web-2-*@n-1 Node=n-1
        64.0s pod/web-2-*@n-1 Phase=Running
        64.0s pod/web-2-*@n-1 Phase=Running
        64.0s pod/web-2-*@n-1 Ready=True
        64.0s pod/web-2-*@n-1 Ready=True
        ",
    );
}

#[test]
fn recreate_waits_for_a_pod_stuck_on_a_dead_node_until_the_node_is_deleted() {
    check(
        "
        duration: 10m
        cluster: { nodes: [{ name: n, count: 2 }] }
        phases: { leases: { n-1: 4s } }
        workloads: [{ deployment: web, replicas: 2, strategy: { type: Recreate } }]
        timeline:
          - { at: 60s, crash: { node: n-1 } }
          - { at: 110s, update: { deployment: web, image: 'web:2' } }
          - { at: 300s, delete-node: { node: n-1 } }",
        &["deployment ScalingReplicaSet", "pod Deleting", "pod Removed"],
        "
        110.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 2 to 0
        110.0s pod/web-1-*@n-1 Deleting=grace 30s
        110.0s pod/web-1-*@n-2 Deleting=grace 30s
        113.0s pod/web-1-*@n-2 Removed
        343.0s pod/web-1-*@n-1 Removed # collected at the first look, at 303 s, plus 40 s
        343.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 2
        ",
    );
}

#[test]
fn a_rolling_update_goes_on_past_a_dead_node_only_after_its_eviction() {
    // R 2, S 1, U 0 on two nodes, a pod each. The new pod finds n-1 full of room and dead: it never starts
    // there, and no old pod may go, as both are counted on until n-1 is noticed at 106 s, and one after.
    check_sequence(
        "
        duration: 15m
        cluster: { nodes: [{ name: n-1, capacity: { cpu: 8 } }, { name: n-2, capacity: { cpu: 2 } }] }
        phases: { leases: { n-1: 4s } }
        workloads:
          - deployment: web
            replicas: 2
            strategy: { max-surge: 1, max-unavailable: 0 }
            pod: { requests: { cpu: 1500m } }
        timeline: [{ at: 60s, crash: { node: n-1 } }, { at: 65s, update: { deployment: web, image: 'web:2' } }]",
        &["deployment ScalingReplicaSet", "pod Deleting", "pod Node"],
        "
        65.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 1
        65.0s pod/web-2-*@n-1 Node=n-1
        406.0s pod/web-1-*@n-1 Deleting=grace 30s
        406.0s pod/web-2-*@n-1 Deleting=grace 30s
        ",
    );
}
