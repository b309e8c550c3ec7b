//! How many nodes of a zone are down decides how fast the others get their NoExecute taints (nodes.md 6).

use crate::{check, run};

/// `nodes` in one zone, all with leases renewed at 4 s, 14 s …; looks at 1 s, 6 s …. A crash at 60 s is
/// noticed at 106 s.
fn zone(nodes: u32, more: &str) -> String {
    let leases: Vec<String> = (1..=nodes).map(|node| format!("n-{node}: 4s")).collect();
    format!(
        "
cluster: {{ nodes: [{{ name: n, count: {nodes} }}] }}
phases: {{ leases: {{ {} }} }}
{more}
",
        leases.join(", ")
    )
}

fn first(count: u32) -> String {
    (1..=count).map(|node| format!("n-{node}")).collect::<Vec<_>>().join(", ")
}

/// The seconds at which nodes were tainted NoExecute: successive ones come 10.0 to 10.1 s apart, so that
/// tenths would tell of the polling.
fn tainted(scenario: &str) -> Vec<u64> {
    let log = run(scenario);
    log.instants("node", "Taints", "unreachable:NoExecute").iter().map(|at| at.0 / 1_000_000_000).collect()
}

#[test]
fn the_worked_consequences_of_the_reference() {
    // nodes, down at once, NoExecute taints within six minutes
    for (nodes, down, taints) in [
        (3, 1, &[106][..]),                  // Normal
        (3, 2, &[106, 116]),                 // Normal, as 2 is not more than 2
        (3, 3, &[]),                         // all zones down: none
        (4, 3, &[]),                         // Partial and small: none
        (10, 5, &[106, 116, 126, 136, 146]), // Normal: 50 %
        (10, 6, &[]),                        // Partial
    ] {
        let scenario =
            zone(nodes, &format!("duration: 6m\ntimeline: [{{ at: 60s, crash: {{ nodes: [{}] }} }}]", first(down)));
        assert_eq!(tainted(&scenario), taints, "{down} of {nodes}");
    }
}

#[test]
fn a_large_zone_that_is_partially_down_goes_on_at_the_secondary_rate() {
    // the look that finds 60 nodes silent writes for seconds, and the zone's queue is filled by the next one; then
    // one node in 100 s, the first at once
    let timeline = format!("duration: 6m\ntimeline: [{{ at: 60s, crash: {{ nodes: [{}] }} }}]", first(60));
    let tainted = tainted(&zone(100, &timeline));
    assert!((106..=121).contains(&tainted[0]), "{tainted:?}");
    // the first patch waits up to a second behind the events of that look
    assert_eq!(tainted[2] - tainted[1], 100, "{tainted:?}");
    assert!((99..=100).contains(&(tainted[1] - tainted[0])), "{tainted:?}");
}

#[test]
fn the_rates_are_flags() {
    let timeline = format!("duration: 3m\ntimeline: [{{ at: 60s, crash: {{ nodes: [{}] }} }}]\n", first(4));
    let flags = "control-plane: { kube-controller-manager: { node-eviction-rate: 1 } }";
    assert_eq!(tainted(&zone(10, &format!("{timeline}{flags}"))), [106, 107, 108, 109]);
    let flags = "control-plane: { kube-controller-manager: { unhealthy-zone-threshold: 0.4 } }";
    assert_eq!(tainted(&zone(10, &format!("{timeline}{flags}"))), [0; 0]);
}

#[test]
fn a_zone_that_is_fully_down_goes_on_at_the_normal_rate_while_another_is_healthy() {
    let scenario = "
        duration: 6m
        cluster: { nodes: [{ name: a, count: 2, zone: a }, { name: b, count: 3, zone: b }] }
        phases: { leases: { b-1: 4s, b-2: 4s, b-3: 4s } }
        timeline: [{ at: 60s, crash: { zone: b } }]";
    assert_eq!(tainted(scenario), [106, 116, 126]);
}

#[test]
fn zones_are_tainted_side_by_side() {
    let scenario = "
        duration: 6m
        cluster: { nodes: [{ name: a, count: 5, zone: a }, { name: b, count: 5, zone: b }] }
        phases: { leases: { a-1: 4s, a-2: 4s, b-1: 4s, b-2: 4s } }
        timeline: [{ at: 60s, crash: { nodes: [a-1, a-2, b-1, b-2] } }]";
    assert_eq!(tainted(scenario), [106, 106, 116, 116]);
}

#[test]
fn who_was_tainted_before_the_zone_became_unhealthy_is_evicted_and_the_others_are_not() {
    check(
        &zone(
            4,
            "duration: 1h
workloads: [{ pod: p, spec: { node-selector: { kubernetes.io/hostname: n-1 } } }]
timeline: [{ at: 60s, crash: { node: n-1 } }, { at: 200s, crash: { nodes: [n-2, n-3] } }]",
        ),
        &["node Taints", "pod Deleting"],
        "
        106.0s node/n-1 Taints=[unreachable:NoSchedule]
        106.0s node/n-1 Taints=[unreachable:NoSchedule, unreachable:NoExecute]
        246.0s node/n-2 Taints=[unreachable:NoSchedule] # 3 of 4: partially disrupted from now on
        246.0s node/n-3 Taints=[unreachable:NoSchedule]
        406.0s pod/p@n-1 Deleting=grace 30s
        ",
    );
}

#[test]
fn when_everything_is_down_evictions_are_called_off_until_something_returns() {
    check(
        &zone(
            2,
            "duration: 15m
workloads: [{ pod: p, spec: { node-selector: { kubernetes.io/hostname: n-1 } } }]
timeline:
  - { at: 60s, crash: { node: n-1 } }
  - { at: 200s, crash: { node: n-2 } }
  - { at: 300s, recover: { node: n-2 } }",
        ),
        &["node Taints", "pod Deleting", "pod TaintManagerEviction"],
        "
        106.0s node/n-1 Taints=[unreachable:NoSchedule]
        106.0s node/n-1 Taints=[unreachable:NoSchedule, unreachable:NoExecute]
        246.0s node/n-1 Taints=[unreachable:NoSchedule]
        246.0s node/n-2 Taints=[unreachable:NoSchedule]
        246.0s pod/p@n-1 TaintManagerEviction=Cancelling deletion of Pod default/p
        345.0s node/n-2 Taints=[not-ready:NoSchedule]
        345.0s node/n-2 Taints=[not-ready:NoSchedule]
        355.0s node/n-2 Taints=[]
        # the look at 356 s finds n-2 Ready; the rate, nothing until then, begins with an empty bucket
        366.0s node/n-1 Taints=[unreachable:NoSchedule, unreachable:NoExecute]
        666.0s pod/p@n-1 TaintManagerEviction=Marking for deletion Pod default/p
        666.0s pod/p@n-1 Deleting=grace 30s
        ",
    );
}

#[test]
fn a_zone_that_is_healthy_again_waits_for_the_first_token() {
    // as recorded: 4 of 7 down, one returns; the look after that swaps the rate in, and the first taint comes
    // ten seconds later. Here: Ready at 155 s (100 + 40 + 5 + 10), looked at at 156 s
    let timeline = format!(
        "timeline: [{{ at: 60s, crash: {{ nodes: [{}] }} }}, {{ at: 100s, recover: {{ node: n-1 }} }}]",
        first(4)
    );
    assert_eq!(tainted(&zone(7, &format!("duration: 10m\n{timeline}"))), [166, 176, 186]);
}

#[test]
fn the_same_rate_in_another_state_changes_nothing() {
    // b-1 is tainted at 106 s; at 111 s all of b is down, for which the rate is the same: on at 116 s
    let scenario = "
        duration: 6m
        cluster: { nodes: [{ name: a, zone: a }, { name: b, count: 3, zone: b }] }
        phases: { leases: { b-1: 4s, b-2: 7s, b-3: 7s } }
        timeline: [{ at: 60s, crash: { nodes: [b-1, b-2, b-3] } }]";
    assert_eq!(tainted(scenario), [106, 116, 126]);
}

#[test]
fn deleting_the_last_healthy_node_calls_evictions_off() {
    check(
        &zone(
            2,
            "duration: 15m
workloads: [{ pod: p, spec: { node-selector: { kubernetes.io/hostname: n-1 } } }]
timeline: [{ at: 60s, crash: { node: n-1 } }, { at: 200s, delete-node: { node: n-2 } }]",
        ),
        &["node Taints", "pod Deleting"],
        "
        106.0s node/n-1 Taints=[unreachable:NoSchedule]
        106.0s node/n-1 Taints=[unreachable:NoSchedule, unreachable:NoExecute]
        201.0s node/n-1 Taints=[unreachable:NoSchedule] # the next look
        ",
    );
}

#[test]
fn a_zone_without_nodes_is_not_a_healthy_zone() {
    let scenario = "
        duration: 6m
        cluster: { nodes: [{ name: a, zone: a }, { name: b, zone: b }] }
        phases: { leases: { a: 4s } }
        timeline: [{ at: 30s, delete-node: { node: b } }, { at: 60s, crash: { node: a } }]";
    assert_eq!(tainted(scenario), [0; 0]);
}
