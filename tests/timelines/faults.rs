//! Every kind of fault once: what it does, and when the control plane makes what of it. The instants follow
//! from `nodes.md` and the fixed delays that `main.rs` states.

use sim::cluster::{Container, PodId};
use sim::engine::Time;

use crate::{Log, check, check_sequence, run, start};

/// Two nodes with leases renewed at 4 s, 14 s …, the pod `p` on the first, and a fault.
fn two_nodes(fault: &str) -> String {
    with_pod(fault, "")
}

/// The same with more to say of the pod.
fn with_pod(fault: &str, spec: &str) -> String {
    format!(
        "
duration: 1h
cluster: {{ nodes: [{{ name: n, count: 2 }}] }}
phases: {{ leases: {{ n-1: 4s, n-2: 4s }} }}
workloads: [{{ pod: p, spec: {{ node-selector: {{ kubernetes.io/hostname: n-1 }}{spec} }} }}]
faults: [{fault}]
"
    )
}

/// A Deployment of one pod on `n-1`; `n-2`, empty, joins at 30 s.
fn replaceable(fault: &str) -> String {
    format!(
        "
duration: 1h
cluster: {{ nodes: [{{ name: n-1 }}] }}
phases: {{ leases: {{ n-1: 4s }} }}
workloads: [{{ deployment: web, replicas: 1 }}]
timeline: [{{ at: 30s, add-nodes: {{ name: n-2 }} }}]
faults: [{fault}]
"
    )
}

#[test]
fn a_crashed_node_boots_when_its_outage_is_over() {
    check(
        &two_nodes("{ node-crash: { node: n-1, at: 60s, for: 120s } }"),
        &["node Machine", "node Ready", "pod Ready", "pod Restarts"],
        "
        60.0s node/n-1 Machine=off
        106.0s node/n-1 Ready=Unknown # renewed 54, seen 56
        106.0s pod/p@n-1 Ready=False
        180.0s node/n-1 Machine=booting
        225.0s node/n-1 Machine=on, unhealthy # 40 s to boot, 5 s to the first status
        225.0s node/n-1 Ready=False
        235.0s node/n-1 Ready=True
        235.0s node/n-1 Machine=on
        235.0s pod/p@n-1 Restarts=1
        236.0s pod/p@n-1 Ready=True
        ",
    );
}

#[test]
fn a_node_in_two_outages_is_up_when_both_have_ended() {
    check(
        &two_nodes(
            "{ node-crash: { node: n-1, at: 60s, for: 60s } }, { node-crash: { nodes: [n-1], at: 90s, for: 2m } }",
        ),
        &["node Machine"],
        "
        60.0s node/n-1 Machine=off
        210.0s node/n-1 Machine=booting
        255.0s node/n-1 Machine=on, unhealthy
        265.0s node/n-1 Machine=on
        ",
    );
}

#[test]
fn a_reboot_within_the_grace_period_is_seen_from_the_kubelets_own_status_only() {
    check(
        &two_nodes("{ reboot: { node: n-1, at: 60s } }"),
        &["node Machine", "node Ready", "pod Ready", "pod Restarts"],
        "
        60.0s node/n-1 Machine=booting
        105.0s node/n-1 Machine=on, unhealthy # before the look at 106 s
        105.0s node/n-1 Ready=False
        105.0s pod/p@n-1 Ready=False
        115.0s node/n-1 Ready=True
        115.0s node/n-1 Machine=on
        115.0s pod/p@n-1 Restarts=1
        116.0s pod/p@n-1 Ready=True
        ",
    );
}

#[test]
fn a_graceful_shutdown_ends_non_critical_pods_first_and_they_stay_failed() {
    let scenario = "
        duration: 1h
        cluster: { nodes: [{ name: n-1 }] }
        phases: { leases: { n-1: 4s } }
        workloads:
          - { pod: p, spec: { stop-after: 1h } }
          - { pod: q, spec: { priority: 2000001000 } }
        faults: [{ graceful-shutdown: { node: n-1, at: 60s, grace-period: 30s, critical-grace-period: 10s } }]";
    check(
        scenario,
        &["node Ready", "node Machine", "pod Phase", "pod Removed", "pod Deleting"],
        "
        60.0s node/n-1 Ready=False # at once
        60.0s node/n-1 Machine=on, unhealthy
        80.0s pod/p@n-1 Phase=Failed # min(30 s of its own, 30 s - 10 s)
        82.0s pod/q@n-1 Phase=Failed # 2 s to stop, after the others
        82.0s node/n-1 Machine=off, unhealthy
        126.0s node/n-1 Ready=Unknown # renewed 74, seen 76
        ",
    );
}

#[test]
fn a_stopped_kubelet_leaves_a_ghost_beside_the_replacement() {
    let scenario = replaceable("{ kubelet-stop: { node: n-1, at: 60s, for: 400s } }");
    check(
        &scenario,
        &["node Ready", "pod"],
        "
        106.0s node/n-1 Ready=Unknown
        106.0s pod/web-1-*@n-1 Ready=False
        406.0s pod/web-1-*@n-1 Deleting=grace 30s # 106 + 300
        406.0s pod/web-1-* Created=by ReplicaSet web-1
        406.0s pod/web-1-*@n-2 Node=n-2
        407.0s pod/web-1-*@n-2 Phase=Running
        407.0s pod/web-1-*@n-2 Ready=True
        462.0s node/n-1 Ready=True
        # reconciled at 463 s; 2 s to stop, 1 s to clean up
        466.0s pod/web-1-*@n-1 Removed
        ",
    );
    let mut log = Log::default();
    let mut simulation = start(&scenario, &mut log);
    for (second, running) in [(50, 1), (300, 1), (450, 2), (470, 1)] {
        simulation.run_until(Time::from_secs(second), &mut log);
        let pods = simulation.cluster.pods().filter(|(_, pod)| pod.container.is_running());
        assert_eq!(pods.count(), running, "at {second} s");
    }
}

#[test]
fn what_ends_while_the_kubelet_is_stopped_is_seen_when_it_works_again() {
    check(
        &with_pod("{ kubelet-stop: { node: n-1, at: 95s, for: 20s } }", ", run-for: 100s, restart-policy: Never"),
        &["pod"],
        "115.0s pod/p@n-1 Phase=Succeeded
         115.0s pod/p@n-1 Ready=False",
    );
}

#[test]
fn a_pod_that_ended_and_was_marked_while_the_kubelet_was_stopped_goes_when_it_works_again() {
    check(
        &with_pod("{ kubelet-stop: { node: n-1, at: 60s, for: 400s } }", ", run-for: 100s, restart-policy: Never"),
        &["pod Phase", "pod Deleting", "pod Removed"],
        "
        406.0s pod/p@n-1 Deleting=grace 30s # noticed at 106 s, tolerated for 300 s
        460.0s pod/p@n-1 Phase=Succeeded
        # reconciled at 463 s: nothing to stop, 1 s to clean up
        464.0s pod/p@n-1 Removed
        ",
    );
}

#[test]
fn a_partition_shorter_than_the_toleration_costs_no_restart() {
    check(
        &two_nodes("{ partition: { node: n-1, at: 60s, for: 120s } }"),
        &["node Ready", "node Machine", "pod"],
        "
        60.0s node/n-1 Machine=on, partitioned
        106.0s node/n-1 Ready=Unknown
        106.0s pod/p@n-1 Ready=False
        180.0s node/n-1 Machine=on
        182.0s node/n-1 Ready=True
        183.0s pod/p@n-1 Ready=True
        ",
    );
}

#[test]
fn a_flapping_node_is_noticed_each_time_it_is_silent_for_long() {
    check(
        &two_nodes("{ flapping: { node: n-1, at: 60s, down: 65s, up: 55s, for: 240s } }"),
        &["node Ready", "node Machine"],
        "
        60.0s node/n-1 Machine=on, partitioned
        106.0s node/n-1 Ready=Unknown
        125.0s node/n-1 Machine=on
        127.0s node/n-1 Ready=True
        180.0s node/n-1 Machine=on, partitioned
        231.0s node/n-1 Ready=Unknown # renewed 177, seen 181
        245.0s node/n-1 Machine=on
        247.0s node/n-1 Ready=True
        ",
    );
}

#[test]
fn a_slow_node_starts_and_works_slower_while_it_lasts() {
    let fault = "{ slow-node: { node: n-1, at: 60s, for: 50s, start-factor: 3, work-factor: 2 } }";
    let scenario = with_pod(fault, ", run-for: 100s, restart-policy: Never");
    let created =
        "timeline: [{ at: 70s, create: { pod: late, spec: { node-selector: { kubernetes.io/hostname: n-1 } } } }]";
    check(
        &format!("{scenario}{created}\n"),
        &["pod Phase", "node Pace", "node Ready"],
        "
        60.0s node/n-1 Pace=start x3.000, work x2.000
        73.0s pod/late@n-1 Phase=Running # 3 s to start in place of 1 s
        110.0s node/n-1 Pace=start x1.000, work x1.000
        125.0s pod/p@n-1 Phase=Succeeded # 60 s of 100 done, 25 s in 50, 15 s left
        ",
    );
}

#[test]
fn lost_capacity_keeps_new_pods_away_and_leaves_the_others() {
    let fault = "{ capacity-loss: { node: n-1, at: 60s, for: 60s, lost: 0.5 } }";
    let spec = "requests: { cpu: 5 }, node-selector: { kubernetes.io/hostname: n-1 }";
    let created = format!("timeline: [{{ at: 70s, create: {{ pod: late, spec: {{ {spec} }} }} }}]");
    check(
        &format!("{}{created}\n", two_nodes(fault)),
        &["pod", "node Resized"],
        "
        60.0s node/n-1 Resized=cpu 4000m, memory 8589934592
        70.0s pod/late Created=no owner
        120.0s node/n-1 Resized=cpu 8000m, memory 17179869184
        120.0s pod/late@n-1 Node=n-1
        121.0s pod/late@n-1 Phase=Running
        121.0s pod/late@n-1 Ready=True
        ",
    );
}

#[test]
fn a_slow_clock_renews_the_lease_more_rarely_and_an_offset_changes_nothing() {
    let crash = "{ node-crash: { node: n-1, at: 60s } }";
    check(
        &two_nodes(&format!("{{ clock-skew: {{ node: n-1, at: 10s, rate: 2 }} }}, {crash}")),
        &["node Ready"],
        "96.0s node/n-1 Ready=Unknown # renewed 4, 24, 44; seen 46",
    );
    check(
        &two_nodes(&format!("{{ clock-skew: {{ node: n-1, at: 10s, offset: 1h }} }}, {crash}")),
        &["node Ready"],
        "106.0s node/n-1 Ready=Unknown # renewed 54, seen 56, by the controller's own clock",
    );
}

#[test]
fn a_domain_fails_as_a_whole() {
    let scenario = |more: &str| {
        format!(
            "
duration: 10m
cluster:
  nodes:
    - {{ name: a, count: 2, capacity: {{ cpu: 8 }}, labels: {{ rack: r1 }} }}
    - {{ name: b, capacity: {{ cpu: 8 }}, labels: {{ rack: r2 }} }}
faults: [{{ domain-outage: {{ label: rack, at: 60s, {more} }} }}]
"
        )
    };
    check(
        &scenario("domain: r1"),
        &["node Machine"],
        "60.0s node/a-1 Machine=off
         60.0s node/a-2 Machine=off",
    );
    check(&scenario("domain: r2, partitions: 1"), &["node Machine"], "60.0s node/b Machine=on, partitioned");
    let struck = run(&scenario("mode: one")).instants("node", "Machine", "off").len();
    assert!(struck == 2 || struck == 1, "either rack: {struck}");
}

#[test]
fn a_rolling_restart_takes_one_node_after_the_other() {
    check(
        &two_nodes("{ rolling-restart: { mode: all, at: 60s, interval: 2m } }"),
        &["node Machine"],
        "
        60.0s node/n-1 Machine=booting
        105.0s node/n-1 Machine=on, unhealthy
        115.0s node/n-1 Machine=on
        180.0s node/n-2 Machine=booting
        225.0s node/n-2 Machine=on, unhealthy
        235.0s node/n-2 Machine=on
        ",
    );
}

#[test]
fn maintenance_drains_first_and_uncordons_after() {
    check(
        &two_nodes("{ maintenance: { node: n-1, at: 60s, drain-for: 30s, for: 20s } }"),
        &["node Machine", "node Unschedulable", "node Ready", "pod"],
        "
        60.0s node/n-1 Unschedulable=true
        60.0s pod/p@n-1 Deleting=grace 30s
        62.0s pod/p@n-1 Ready=False
        63.0s pod/p@n-1 Removed
        90.0s node/n-1 Machine=off
        110.0s node/n-1 Machine=booting
        136.0s node/n-1 Ready=Unknown # renewed 84, seen 86
        155.0s node/n-1 Machine=on, unhealthy
        155.0s node/n-1 Ready=False
        165.0s node/n-1 Machine=on
        165.0s node/n-1 Ready=True
        166.0s node/n-1 Unschedulable=false # the look of the monitor that takes the last taint away
        ",
    );
}

#[test]
fn a_spot_node_is_drained_on_notice_taken_away_and_replaced() {
    check(
        &two_nodes("{ spot-interruption: { node: n-1, at: 60s, notice: 30s, replacement: 45s } }"),
        &["node Machine", "node Unschedulable", "node Added", "node Removed", "pod Deleting", "pod Removed"],
        "
        60.0s node/n-1 Unschedulable=true
        60.0s pod/p@n-1 Deleting=grace 30s
        63.0s pod/p@n-1 Removed
        90.0s node/n-1 Machine=off
        136.8s node/n-1 Added # ordered for 135, when its name is free
        136.8s node/n-1 Removed # not Ready since 136.0 (renewed 84, seen 86), at the next look, one in 5 s
        ",
    );
}

#[test]
fn an_ordered_node_joins_when_it_has_booted() {
    check(
        &two_nodes("{ node-added: { at: 60s, boot: 45s, nodes: { name: m, count: 2 } } }"),
        &["node Added"],
        "105.0s node/m-1 Added
         105.0s node/m-2 Added",
    );
}

#[test]
fn a_killed_pod_is_replaced_at_once() {
    check(
        &replaceable("{ pod-kill: { workload: web, at: 60s, grace-period: 0s } }"),
        &["pod Deleting", "pod Removed", "pod Created", "pod Ready"],
        "
        60.0s pod/web-1-*@n-1 Removed # a grace of zero: the object goes at once
        60.0s pod/web-1-* Created=by ReplicaSet web-1
        61.0s pod/web-1-*@? Ready=True
        ",
    );
    check(
        &replaceable("{ pod-kill: { workload: web, at: 60s } }"),
        &["pod Deleting", "pod Removed", "pod Created"],
        "
        60.0s pod/web-1-*@n-1 Deleting=grace 30s
        60.0s pod/web-1-* Created=by ReplicaSet web-1
        63.0s pod/web-1-*@n-1 Removed
        ",
    );
}

#[test]
fn a_crashed_container_is_started_again_with_back_off() {
    check(
        &(two_nodes("{ container-crash: { workload: p, at: 60s, every: 10s, times: 2 } }")
            + "kubelet: { container-start: 500ms }\n"),
        &["pod"],
        "
        60.0s pod/p@n-1 Ready=False
        60.5s pod/p@n-1 Restarts=1 # the first start begins at once
        60.5s pod/p@n-1 Ready=True
        70.0s pod/p@n-1 Ready=False
        80.5s pod/p@n-1 Restarts=2 # the second after 10 s
        80.5s pod/p@n-1 Ready=True
        ",
    );
    check(
        &with_pod("{ container-crash: { workload: p, at: 60s } }", ", run-for: 100s, restart-policy: Never"),
        &["pod"],
        "60.0s pod/p@n-1 Phase=Failed # though its exit code would have been 0
         60.0s pod/p@n-1 Ready=False",
    );
}

#[test]
fn a_failed_readiness_check_takes_the_pod_out_of_service_only() {
    check(
        &two_nodes("{ readiness-flap: { workload: p, at: 60s, for: 30s } }"),
        &["pod"],
        "60.0s pod/p@n-1 Ready=False
         90.0s pod/p@n-1 Ready=True",
    );
}

/// `web` on one node; at 70 s a pod is created.
fn with_a_pod_created(fault: &str) -> String {
    format!(
        "
duration: 30m
cluster: {{ nodes: [{{ name: n, count: 2 }}] }}
phases: {{ leases: {{ n-1: 4s, n-2: 4s }} }}
timeline: [{{ at: 70s, create: {{ pod: late, count: 2 }} }}]
faults: [{fault}]
"
    )
}

#[test]
fn without_a_scheduler_pods_wait_until_it_has_started() {
    let log = run(&with_a_pod_created("{ scheduler-down: { at: 60s, for: 60s } }"));
    let bound = log.instants("pod", "Node", "");
    // its caches fill for a while drawn from a median of 3 s
    let started = Time::from_secs(120)..Time::from_secs(150);
    assert!(bound.len() == 2 && bound.iter().all(|at| started.contains(at)), "{bound:?}");
}

#[test]
fn a_slow_scheduler_takes_a_multiple_of_its_time() {
    let scenario = with_a_pod_created("{ scheduler-slow: { at: 60s, factor: 10 } }")
        + "control-plane: { latencies: { scheduling-cycle: 1s } }\n";
    // a cycle takes 10 s in place of 1 s; the containers run 1 s after the binding
    check(&scenario, &["pod Phase"], "81.0s pod/late-1@? Phase=Running\n91.0s pod/late-2@? Phase=Running");
}

#[test]
fn a_new_controller_manager_gives_silent_nodes_a_fresh_grace_period() {
    let faults = "{ controller-manager-down: { at: 50s, for: 60s } }, { node-crash: { node: n-1, at: 60s } }";
    let unknown = run(&two_nodes(faults)).instants("node", "Ready", "Unknown");
    // it starts at 110 s, its caches fill for a while drawn from a median of 3 s, then 50 s go by
    let expected = Time::from_secs(160)..Time::from_secs(200);
    assert!(unknown.len() == 1 && expected.contains(&unknown[0]), "{unknown:?}");
}

#[test]
fn without_an_api_server_pods_run_on_and_nobody_is_found_silent_afterwards() {
    let scenario = replaceable("{ api-server-down: { at: 60s, for: 400s } }").replace(
        "timeline: [",
        "timeline: [{ at: 100s, scale: { deployment: web, replicas: 5 } }, { at: 600s, scale: { deployment: web, replicas: 2 } }, ",
    );
    // controllers.md 12: a fresh grace period for every node, and kubelets renew within 10 s
    check(&scenario, &["node Ready", "deployment Replicas"], "600.0s deployment/web Replicas=2 (was 1)");
    let mut log = Log::default();
    let mut simulation = start(&scenario, &mut log);
    simulation.run_until(Time::from_secs(400), &mut log);
    assert_eq!(simulation.cluster.pod(PodId(0)).unwrap().container, Container::Ready);
}

#[test]
fn requests_that_waited_for_the_api_server_are_made_in_their_order() {
    // the drain of 100 s waits until 120 s, when the node boots in no time and is to be uncordoned
    let maintenance = "{ maintenance: { node: n-1, at: 100s, drain-for: 10s, for: 10s } }";
    let nodes = two_nodes(&format!("{{ api-server-down: {{ at: 60s, for: 60s }} }}, {maintenance}"));
    let first = nodes.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let indentation = &first[..first.len() - first.trim_start().len()];
    check_sequence(
        &format!("{nodes}\n{indentation}kubelet: {{ boot: 0s, kubelet-start: 0s, node-ready: 0s }}\n"),
        &["node Unschedulable"],
        "
        120.0s node/n-1 Unschedulable=true
        120.0s node/n-1 Unschedulable=false
        ",
    );
}

#[test]
fn the_steps_of_a_sequence_follow_one_another() {
    let steps = "[{ node-crash: { node: n-1 } }, { after: 30s, partition: { node: n-2, for: 10s } }]";
    check(
        &two_nodes(&format!("{{ sequence: {{ at: 60s, steps: {steps} }} }}")),
        &["node Machine"],
        "
        60.0s node/n-1 Machine=off
        90.0s node/n-2 Machine=on, partitioned
        100.0s node/n-2 Machine=on
        ",
    );
}

#[test]
fn a_kubelet_that_stops_between_its_first_report_and_ready_waits_for_the_runtime_anew() {
    let faults = "{ reboot: { node: n-1, at: 60s } }, { kubelet-stop: { node: n-1, at: 110s, for: 20s } }";
    check(
        &two_nodes(faults),
        &["node Ready", "pod Ready", "pod Restarts"],
        "
        105.0s node/n-1 Ready=False
        105.0s pod/p@n-1 Ready=False
        # the kubelet works again at 130 s, is heard at 132 s and reconciles at 133 s
        133.0s pod/p@n-1 Restarts=1
        134.0s pod/p@n-1 Ready=True
        140.0s node/n-1 Ready=True
        ",
    );
}
