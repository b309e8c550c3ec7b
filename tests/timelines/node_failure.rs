//! A machine crashes, and comes back or not (nodes.md 3 to 5, 7 and 8).

use crate::{check, run};

/// Two nodes with leases renewed at 4 s, 14 s …, the pod `p` on the first, and a timeline.
fn two_nodes(timeline: &str) -> String {
    format!(
        "
duration: 1h
cluster: {{ nodes: [{{ name: n, count: 2 }}] }}
phases: {{ leases: {{ n-1: 4s, n-2: 4s }} }}
workloads: [{{ pod: p, spec: {{ node-selector: {{ kubernetes.io/hostname: n-1 }} }} }}]
timeline: [{timeline}]
"
    )
}

/// A Deployment of one pod on `n-1`; `n-2`, empty, joins at 30 s.
fn replaceable(timeline: &str) -> String {
    format!(
        "
duration: 1h
cluster: {{ nodes: [{{ name: n-1 }}] }}
phases: {{ leases: {{ n-1: 4s }} }}
workloads: [{{ deployment: web, replicas: 1 }}]
timeline: [{{ at: 30s, add-nodes: {{ name: n-2 }} }}, {timeline}]
"
    )
}

#[test]
fn a_crash_is_noticed_at_the_first_look_after_the_grace_period_and_the_pod_marked_300_s_later() {
    check(
        &two_nodes("{ at: 60s, crash: { node: n-1 } }"),
        &["node", "pod"],
        "
        60.0s node/n-1 Machine=off
        # renewed at 54 s, noticed by the look at 56 s; 50 s later, and strictly after, is the look at 106 s
        106.0s node/n-1 Ready=Unknown
        106.0s pod/p@n-1 Ready=False
        106.0s node/n-1 Taints=[unreachable:NoSchedule]
        106.0s node/n-1 Taints=[unreachable:NoSchedule, unreachable:NoExecute]
        406.0s pod/p@n-1 Deleting=grace 30s # 106 + 300, and nobody is there to confirm it
        ",
    );
}

#[test]
fn a_crash_is_noticed_after_40_to_55_s() {
    // phases of the lease and of the node monitor, the crash, and when it is noticed
    for (lease, monitor, crash, noticed) in [
        ("4s", "1s", "60s", "106.0s"),           // renewed 54, seen 56
        ("6s", "1s", "60s", "106.0s"),           // renewed 56, seen at once
        ("7s", "1s", "60s", "111.0s"),           // renewed 57, seen 61
        ("0s", "1s", "60500ms", "111.0s"),       // renewed 60, seen 61
        ("1s", "1s", "60900ms", "101.0s"),       // renewed 51, seen 51: 40.1 s after the crash
        ("500ms", "400ms", "60600ms", "115.4s"), // renewed 60.5, seen 65.4: 54.8 s after the crash
    ] {
        let scenario = two_nodes(&format!("{{ at: {crash}, crash: {{ node: n-1 }} }}"));
        let phases = format!("phases: {{ node-monitor: {monitor}, leases: {{ n-1: {lease} }} }}");
        let scenario = scenario.replace("phases: { leases: { n-1: 4s, n-2: 4s } }", &phases);
        check(&scenario, &["node Ready"], &format!("{noticed} node/n-1 Ready=Unknown"));
    }
}

#[test]
fn the_flags_of_the_controller_manager_are_heeded() {
    let flags = "node-monitor-grace-period: 20s, node-monitor-period: 2s";
    let flags = format!("control-plane: {{ kube-controller-manager: {{ {flags} }} }}\n");
    check(
        &(two_nodes("{ at: 60s, crash: { node: n-1 } }") + &flags),
        &["node Ready"],
        "75.0s node/n-1 Ready=Unknown # renewed 54, seen 55; looks at 1 s, 3 s, 5 s …",
    );
}

#[test]
fn the_reference_scenario_of_five_nodes_and_ten_replicas() {
    // The table of nodes.md 3 with its t = 0 at 100 s: the last renewal at t = -4 s, looks at t = -1, 4, 9 …;
    // NoExecute comes with the look that finds the node silent, as recorded.
    check(
        "
        duration: 30m
        cluster: { nodes: [{ name: n, count: 5, capacity: { cpu: 4 } }] }
        phases: { node-monitor: 4s, leases: { n-1: 6s } }
        workloads: [{ deployment: web, replicas: 10, pod: { requests: { cpu: 1 } } }]
        timeline: [{ at: 100s, crash: { node: n-1 } }]",
        &["node", "pod Created", "pod Ready", "pod Deleting", "pod Removed"],
        "
        100.0s node/n-1 Machine=off
        149.0s node/n-1 Ready=Unknown
        149.0s pod/web-1-*@n-1 Ready=False
        149.0s pod/web-1-*@n-1 Ready=False
        149.0s node/n-1 Taints=[unreachable:NoSchedule]
        149.0s node/n-1 Taints=[unreachable:NoSchedule, unreachable:NoExecute]
        449.0s pod/web-1-* Created=by ReplicaSet web-1
        449.0s pod/web-1-* Created=by ReplicaSet web-1
        449.0s pod/web-1-*@n-1 Deleting=grace 30s
        449.0s pod/web-1-*@n-1 Deleting=grace 30s
        450.0s pod/web-1-*@? Ready=True
        450.0s pod/web-1-*@? Ready=True
        # the two old pods stay Terminating
        ",
    );
}

#[test]
fn each_pod_stays_as_long_as_it_tolerates_the_taint() {
    let on_first = "node-selector: { kubernetes.io/hostname: n-1 }";
    let workloads = format!(
        "
workloads:
  - {{ pod: default, spec: {{ {on_first} }} }}
  - {{ pod: short, spec: {{ {on_first}, toleration-seconds: 30 }} }}
  - {{ pod: none, spec: {{ {on_first}, toleration-seconds: 0 }} }}
  - {{ pod: forever, spec: {{ {on_first}, tolerations: [{{ operator: Exists, effect: NoExecute }}] }} }}
"
    );
    let scenario = two_nodes("{ at: 60s, crash: { node: n-1 } }");
    let (before, after) = scenario.split_once("workloads:").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    check(
        &format!("{before}{}{after}", workloads.trim_start()),
        &["pod Deleting"],
        "
        106.0s pod/none@n-1 Deleting=grace 30s
        136.0s pod/short@n-1 Deleting=grace 30s
        406.0s pod/default@n-1 Deleting=grace 30s
        ",
    );
}

#[test]
fn a_node_that_returns_before_the_eviction_keeps_its_pods_and_starts_them_again() {
    check(
        &two_nodes("{ at: 60s, crash: { node: n-1, for: 120s } }"),
        &["node", "pod", "pod TaintManagerEviction"],
        "
        60.0s node/n-1 Machine=off
        106.0s node/n-1 Ready=Unknown
        106.0s pod/p@n-1 Ready=False
        106.0s node/n-1 Taints=[unreachable:NoSchedule]
        106.0s node/n-1 Taints=[unreachable:NoSchedule, unreachable:NoExecute]
        180.0s node/n-1 Machine=booting
        # boots 40 s, and the kubelet reports after 5 s; each taint is swapped in two steps
        225.0s node/n-1 Machine=on, unhealthy
        225.0s node/n-1 Ready=False
        225.0s node/n-1 Taints=[unreachable:NoExecute, not-ready:NoSchedule]
        225.0s node/n-1 Taints=[unreachable:NoExecute, not-ready:NoSchedule]
        # NoExecute waits for the next look, at 226 s, at 236 s
        226.0s node/n-1 Taints=[not-ready:NoSchedule, not-ready:NoExecute]
        226.0s node/n-1 Taints=[not-ready:NoSchedule, not-ready:NoExecute]
        235.0s node/n-1 Machine=on
        235.0s node/n-1 Ready=True
        235.0s node/n-1 Taints=[not-ready:NoExecute]
        235.0s pod/p@n-1 Restarts=1
        236.0s pod/p@n-1 Ready=True
        236.0s node/n-1 Taints=[]
        236.0s pod/p@n-1 TaintManagerEviction=Cancelling deletion of Pod default/p
        ",
    );
}

#[test]
fn a_node_that_returns_after_the_eviction_only_clears_up() {
    check(
        &replaceable("{ at: 60s, crash: { node: n-1, for: 400s } }"),
        &["node Ready", "pod"],
        "
        106.0s node/n-1 Ready=Unknown
        106.0s pod/web-1-*@n-1 Ready=False
        406.0s pod/web-1-*@n-1 Deleting=grace 30s
        406.0s pod/web-1-* Created=by ReplicaSet web-1
        406.0s pod/web-1-*@n-2 Node=n-2
        407.0s pod/web-1-*@n-2 Phase=Running
        407.0s pod/web-1-*@n-2 Ready=True
        505.0s node/n-1 Ready=False # 460 + boot 40 + kubelet 5
        515.0s node/n-1 Ready=True
        516.0s pod/web-1-*@n-1 Removed # nothing of it runs; the clean-up takes 1 s
        ",
    );
}

#[test]
fn a_reboot_restarts_pods_in_place() {
    check(
        &two_nodes("{ at: 60s, reboot: { node: n-1 } }"),
        &["node", "pod"],
        "
        60.0s node/n-1 Machine=booting
        105.0s node/n-1 Machine=on, unhealthy # just before the look at 106 s would have found it silent
        105.0s node/n-1 Ready=False
        105.0s pod/p@n-1 Ready=False # the kubelet reports what it finds
        105.0s node/n-1 Taints=[not-ready:NoSchedule]
        106.0s node/n-1 Taints=[not-ready:NoSchedule, not-ready:NoExecute]
        115.0s node/n-1 Machine=on
        115.0s node/n-1 Ready=True
        115.0s node/n-1 Taints=[not-ready:NoExecute]
        115.0s pod/p@n-1 Restarts=1
        116.0s node/n-1 Taints=[]
        116.0s pod/p@n-1 Ready=True
        ",
    );
}

#[test]
fn a_quick_reboot_is_invisible_to_the_control_plane_but_for_its_pods() {
    check(
        &(two_nodes("{ at: 60s, reboot: { node: n-1 } }") + "kubelet: { node-ready: 0s }\n"),
        &["node Ready", "node Taints", "pod"],
        "
        105.0s pod/p@n-1 Ready=False
        105.0s pod/p@n-1 Restarts=1
        106.0s pod/p@n-1 Ready=True
        ",
    );
}

#[test]
fn a_pod_that_never_restarts_has_failed_after_a_reboot() {
    let scenario = two_nodes("{ at: 60s, reboot: { node: n-1 } }");
    let log = run(&scenario.replace("spec: {", "spec: { restart-policy: Never,"));
    assert_eq!(log.instants("pod", "Phase", "Failed").len(), 1);
    assert!(log.instants("pod", "Restarts", "").is_empty());
}

#[test]
fn an_eviction_timer_once_set_is_not_set_anew() {
    // Not ready from 105 s on, tainted at 106 s; the crash at 200 s makes it unreachable at 246 s (renewed
    // 195, seen 196). The pod goes 300 s after the first taint.
    check(
        &(two_nodes("{ at: 60s, reboot: { node: n-1 } }, { at: 200s, crash: { node: n-1 } }")
            + "kubelet: { node-ready: 1h }\n"),
        &["node Ready", "pod Deleting"],
        "
        105.0s node/n-1 Ready=False
        246.0s node/n-1 Ready=Unknown
        406.0s pod/p@n-1 Deleting=grace 30s
        ",
    );
}

#[test]
fn a_replacement_is_not_made_before_the_pod_is_marked() {
    // a longer toleration than the default keeps the service down for longer
    let scenario = replaceable("{ at: 60s, crash: { node: n-1 } }");
    check(
        &scenario.replace("replicas: 1", "replicas: 1, pod: { toleration-seconds: 600 }"),
        &["pod Created", "pod Ready"],
        "
        106.0s pod/web-1-*@n-1 Ready=False
        706.0s pod/web-1-* Created=by ReplicaSet web-1
        707.0s pod/web-1-*@n-2 Ready=True
        ",
    );
}
