//! `kubectl rollout` and `kubectl apply` in a timeline (controllers.md 3 to 5).

use crate::{check, check_sequence};

#[test]
fn undo_goes_back_to_the_template_before() {
    // The ReplicaSet of the first template is found again and scaled up; one more, none less.
    check_sequence(
        "
        duration: 20m
        cluster: { nodes: [{ name: n-1, capacity: { cpu: 64 } }] }
        workloads: [{ deployment: web, replicas: 1, strategy: { max-surge: 1, max-unavailable: 0 } }]
        timeline:
          - { at: 60s, update: { deployment: web, image: 'web:2' } }
          - { at: 120s, undo: { deployment: web } }",
        &["deployment ScalingReplicaSet"],
        "
        60.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 1
        61.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 1 to 0
        120.0s deployment/web ScalingReplicaSet=Scaled up replica set web-1 from 0 to 1
        121.0s deployment/web ScalingReplicaSet=Scaled down replica set web-2 from 1 to 0
        ",
    );
}

#[test]
fn a_paused_deployment_rolls_out_when_it_is_resumed() {
    // both updates become one rollout
    check_sequence(
        "
        duration: 20m
        cluster: { nodes: [{ name: n-1, capacity: { cpu: 64 } }] }
        workloads: [{ deployment: web, replicas: 1, strategy: { max-surge: 1, max-unavailable: 0 } }]
        timeline:
          - { at: 30s, pause: { deployment: web } }
          - { at: 60s, update: { deployment: web, image: 'web:2' } }
          - { at: 70s, update: { deployment: web, labels: { track: b } } }
          - { at: 90s, resume: { deployment: web } }",
        &["deployment ScalingReplicaSet"],
        "
        90.0s deployment/web ScalingReplicaSet=Scaled up replica set web-2 from 0 to 1
        91.0s deployment/web ScalingReplicaSet=Scaled down replica set web-1 from 1 to 0
        ",
    );
}

const SETS: &str = "
duration: 20m
cluster: { nodes: [{ name: n-1, capacity: { cpu: 64 } }, { name: n-2, capacity: { cpu: 64 } }] }
workloads:
  - object:
      apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: db}
      spec:
        replicas: 3
        serviceName: db
        selector: { matchLabels: { app: db } }
        template: { metadata: { labels: { app: db } }, spec: { containers: [{name: db, image: 'db:1' }] } }
  - object:
      apiVersion: apps/v1
      kind: DaemonSet
      metadata: {name: log}
      spec:
        selector: { matchLabels: { app: log } }
        template: { metadata: { labels: { app: log } }, spec: { containers: [{name: log, image: 'log:1' }] } }
";

#[test]
fn a_stateful_set_restarts_from_its_last_pod_to_its_first() {
    // each goes 2 s after it is told to and is gone 1 s later; its successor is Ready 1 s after that
    check(
        &format!("{SETS}timeline: [{{ at: 60s, restart: {{ stateful-set: db }} }}]"),
        &["pod Deleting", "pod Created"],
        "
        60.0s pod/db-2@? Deleting=grace 30s
        63.0s pod/db-2@? Created=by StatefulSet db
        64.0s pod/db-1@? Deleting=grace 30s
        67.0s pod/db-1@? Created=by StatefulSet db
        68.0s pod/db-0@? Deleting=grace 30s
        71.0s pod/db-0@? Created=by StatefulSet db
        ",
    );
}

#[test]
fn a_daemon_set_updates_one_node_after_the_other() {
    // maxUnavailable is 1
    check(
        &format!("{SETS}timeline: [{{ at: 60s, update: {{ daemon-set: log, image: 'log:2' }} }}]"),
        &["pod Deleting", "pod Created"],
        "
        60.0s pod/log-*@? Deleting=grace 30s
        63.0s pod/log-* Created=by DaemonSet log
        64.0s pod/log-*@? Deleting=grace 30s
        67.0s pod/log-* Created=by DaemonSet log
        ",
    );
}

#[test]
fn apply_changes_what_is_there_and_creates_what_is_not() {
    let set = |replicas: u32, name: &str| {
        format!(
            "{{ object: {{ apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: {name}}}, spec: {{ \
             replicas: {replicas}, serviceName: x, selector: {{ matchLabels: {{ app: {name} }} }}, template: {{ \
             metadata: {{ labels: {{ app: {name} }} }}, spec: {{ containers: [{{name: db, image: 'db:1' }}] }} }} }} }} }}"
        )
    };
    check(
        &format!(
            "{SETS}timeline:\n  - {{ at: 60s, apply: {} }}\n  - {{ at: 80s, apply: {} }}",
            set(2, "db"),
            set(1, "other")
        ),
        &["pod Deleting", "pod Created"],
        "
        60.0s pod/db-2@? Deleting=grace 30s
        80.0s pod/other-0 Created=by StatefulSet other
        ",
    );
}

#[test]
fn a_label_brings_a_waiting_pod_its_node() {
    check(
        "
        duration: 5m
        cluster: { nodes: [{ name: n-1, capacity: { cpu: 4 } }] }
        timeline:
          - { at: 30s, create: { pod: p, spec: { node-selector: { disk: ssd } } } }
          - { at: 60s, label: { node: n-1, key: disk, value: ssd } }",
        &["pod Scheduled"],
        "60.0s pod/p@n-1 Scheduled=Successfully assigned default/p to n-1",
    );
}
