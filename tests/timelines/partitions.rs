//! Node and control plane do not hear each other: the pods live on (nodes.md 8).

use sim::cluster::{Container, PodId};
use sim::engine::Time;
use sim::simulation::Simulation;

use crate::{Log, check, start};

/// One pod on `n-1`, which is cut off at 60 s for `span`; `n-2` joins at 30 s.
fn cut_off(span: &str) -> String {
    format!(
        "
duration: 1h
cluster: {{ nodes: [{{ name: n-1 }}] }}
phases: {{ leases: {{ n-1: 4s }} }}
workloads: [{{ deployment: web, replicas: 1 }}]
timeline:
  - {{ at: 30s, add-nodes: {{ name: n-2 }} }}
  - {{ at: 60s, partition: {{ node: n-1, for: {span} }} }}
"
    )
}

#[test]
fn a_partition_shorter_than_the_detection_is_invisible() {
    check(
        &cut_off("30s"), // heard again at 92 s; it would have been noticed at 106 s
        &["node", "pod"],
        "
        30.0s node/n-2 Added
        30.0s node/n-2 Taints=[] # admission gave it not-ready:NoSchedule
        60.0s node/n-1 Machine=on, partitioned
        90.0s node/n-1 Machine=on
        ",
    );
}

#[test]
fn after_a_partition_shorter_than_the_toleration_pods_are_ready_again_without_a_restart() {
    check(
        &cut_off("120s"),
        &["node Ready", "node Taints", "pod"],
        "
        30.0s node/n-2 Taints=[]
        106.0s node/n-1 Ready=Unknown
        106.0s node/n-1 Taints=[unreachable:NoSchedule]
        106.0s node/n-1 Taints=[unreachable:NoSchedule, unreachable:NoExecute]
        106.0s pod/web-1-*@n-1 Ready=False
        182.0s node/n-1 Ready=True # 180 + reconnect 2
        182.0s node/n-1 Taints=[unreachable:NoExecute]
        183.0s pod/web-1-*@n-1 Ready=True # resync 1
        186.0s node/n-1 Taints=[] # the next look
        ",
    );
}

#[test]
fn a_long_partition_has_the_pod_running_on_both_sides() {
    check(
        &cut_off("400s"),
        &["node Ready", "pod"],
        "
        106.0s node/n-1 Ready=Unknown
        106.0s pod/web-1-*@n-1 Ready=False
        406.0s pod/web-1-*@n-1 Deleting=grace 30s
        406.0s pod/web-1-* Created=by ReplicaSet web-1
        406.0s pod/web-1-*@n-2 Node=n-2
        407.0s pod/web-1-*@n-2 Phase=Running
        407.0s pod/web-1-*@n-2 Ready=True
        462.0s node/n-1 Ready=True
        # the kubelet learns of the mark at 463 s; the container stops for 2 s, the clean-up takes 1 s
        466.0s pod/web-1-*@n-1 Removed
        ",
    );
    let mut log = Log::default();
    let mut simulation = start(&cut_off("400s"), &mut log);
    // pods whose containers run in truth, and those that the API calls Ready
    for (second, running, ready) in [(50, 1, 1), (100, 1, 1), (300, 1, 0), (450, 2, 1), (464, 2, 1), (470, 1, 1)] {
        simulation.run_until(Time::from_secs(second), &mut log);
        assert_eq!(running_and_ready(&simulation), (running, ready), "at {second} s");
    }
}

fn running_and_ready(simulation: &Simulation) -> (usize, usize) {
    let pods = || simulation.cluster.pods().map(|(_, pod)| pod);
    let running = pods().filter(|pod| matches!(pod.container, Container::Started | Container::Ready)).count();
    (running, pods().filter(|pod| pod.ready).count())
}

#[test]
fn what_ended_during_a_partition_is_reported_after_it() {
    check(
        "
        duration: 10m
        cluster: { nodes: [{ name: n-1 }] }
        phases: { leases: { n-1: 4s } }
        workloads: [{ pod: p, spec: { run-for: 100s, restart-policy: Never } }]
        timeline: [{ at: 95s, partition: { node: n-1, for: 20s } }]",
        &["pod"],
        "
        118.0s pod/p@n-1 Ready=False # 95 + 20 + reconnect 2 + resync 1
        118.0s pod/p@n-1 Phase=Succeeded
        ",
    );
}

#[test]
fn a_pod_bound_to_a_node_that_is_not_heard_starts_when_it_is() {
    check(
        "
        duration: 10m
        cluster: { nodes: [{ name: n-1 }] }
        phases: { leases: { n-1: 4s } }
        timeline: [{ at: 60s, partition: { node: n-1, for: 30s } }, { at: 70s, create: { pod: p } }]",
        &["pod"],
        "
        70.0s pod/p Created=no owner
        70.0s pod/p@n-1 Node=n-1
        94.0s pod/p@n-1 Phase=Running # 90 + reconnect 2 + resync 1 + start 1
        94.0s pod/p@n-1 Ready=True
        ",
    );
}

#[test]
fn containers_that_a_partitioned_machine_lost_are_started_when_it_is_heard() {
    // cut off, then power lost and back while nobody can tell: the machine is up at 185 s, heard at 302 s
    let mut log = Log::default();
    let scenario = "
        duration: 10m
        cluster: { nodes: [{ name: n, count: 2 }] }
        phases: { leases: { n-1: 4s, n-2: 4s } }
        workloads: [{ pod: p, spec: { node-selector: { kubernetes.io/hostname: n-1 } } }]
        timeline:
          - { at: 60s, partition: { node: n-1, for: 240s } }
          - { at: 140s, reboot: { node: n-1 } }";
    let mut simulation = start(scenario, &mut log);
    for (second, runs) in [(139, true), (150, false), (305, true)] {
        simulation.run_until(Time::from_secs(second), &mut log);
        let container = simulation.cluster.pod(PodId(0)).unwrap().container;
        assert_eq!(container == Container::Ready, runs, "at {second} s: {container:?}");
    }
    simulation.run(&mut log);
    assert_eq!(log.instants("pod", "Deleting", "").len(), 0);
    assert_eq!(log.instants("pod", "Restarts", "1").len(), 1);
}
