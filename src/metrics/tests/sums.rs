//! Load, fragmentation, stages, bare pods, digest, event log.

use super::*;

#[test]
fn the_stages_add_up_to_the_recovery() {
    let outcome = crash_and_replacement().finish(900.0);
    let stages = outcome.incidents[0].stages().unwrap_or_else(|| panic!("it recovered"));
    let told: Vec<String> = stages.iter().map(|stage| format!("{} {}", stage.name, stage.span)).collect();
    assert_eq!(
        told,
        ["detect 47.500s", "evict 300.000s", "replace 0.000s", "schedule 0.200s", "return 0.000s", "start 2.300s"]
    );
    let sum = stages.iter().fold(Span::ZERO, |sum, stage| sum + stage.span);
    assert_eq!(Some(sum), outcome.incidents[0].recovery());
}

#[test]
fn load_and_fragmentation_follow_their_formulas() {
    // 3 nodes of 4000m and 8 GiB, 5 pods of 500m and 256 MiB: 2, 2, 1
    let outcome = World::new(3, 5).finish(10.0);
    assert_eq!(outcome.metric("cpu_requested_ratio", &[]), Some(2500.0 / 12_000.0));
    // loads 0.25, 0.25, 0.125: mean 5/24, variance (2·(1/24)² + (1/12)²)/3 = 1/288, root 0.0589255
    assert_eq!(outcome.metric("node_imbalance_ratio", &[]), Some(0.058_925));
    assert_eq!(outcome.metric("fragmentation_ratio", &[]), Some(0.0), "3000m and 3500m hold whole pods");
    // nodes 2, 2, 1; zones a: worker-1 and worker-3, b: worker-2
    assert_eq!(outcome.metric("node_spread_pods", &WEB), Some(1.0));
    assert_eq!(outcome.metric("zone_spread_pods", &WEB), Some(1.0));
}

#[test]
fn stranded_cpu_is_what_no_typical_pod_can_take() {
    // one node of 4000m; pods of 1500m: one placed, 2500m free, one more fits, 1000m of 2500m stranded
    let mut world = World::new(1, 0);
    let spec = PodSpec::new(&mut world.cluster.names, "fat").with_requests(Resources::new(1500, 0));
    world.spec = world.cluster.intern_spec(spec);
    let pod = world.create();
    world.start(pod, NodeId(0));
    let outcome = world.finish(10.0);
    assert_eq!(outcome.metric("fragmentation_ratio", &[]), Some(0.4));
}

#[test]
fn a_bare_pod_lost_to_a_fault_is_missed_for_good() {
    let mut world = World::new(2, 0);
    let name = world.cluster.names.intern("solo");
    let new = NewPod::bare(PodName::Given(name), world.spec);
    let pod = world.cluster.create_pod(new);
    world.start(pod, NodeId(0));
    world.at(100.0).crash(&[NodeId(0)]);
    world.at(147.0).notice(NodeId(0));
    world.at(447.0).evict(NodeId(0));
    let outcome = world.finish(600.0);
    let incident = &outcome.incidents[0];
    assert_eq!((&*incident.workload, incident.whole, incident.pods_displaced), ("(pods)", None, 1));
    assert_eq!(outcome.metric("unavailable_pod_seconds", &[("workload", "(pods)")]), Some(500.0));
}

#[test]
fn a_fault_that_did_nothing_is_over_after_its_instant() {
    let mut world = World::new(3, 6);
    world.at(100.0).note(ActionKind::Fault, "nothing", &[NodeId(1)]);
    // another node, much later: the first change there is
    world.at(300.0).crash(&[NodeId(2)]);
    let outcome = world.finish(301.0);
    let incident = &outcome.incidents[0];
    assert_eq!((incident.whole, incident.overlapping), (Some(incident.fault), false));
    assert_eq!(incident.unavailable_pod_nanos, 0);
}

#[test]
fn a_crash_is_not_to_blame_for_a_scale_up_without_room() {
    let mut world = World::new(3, 6);
    world.at(100.0).crash(&[NodeId(0)]);
    world.at(200.0);
    let web = world.deployment;
    world.cluster.scale(web, 10);
    world.at(400.0).evict(NodeId(0));
    let pods = [world.create(), world.create()];
    world.at(450.0);
    pods.iter().for_each(|pod| world.start(*pod, NodeId(1)));
    let outcome = world.finish(600.0);
    // missing: 2 from 100 s on, 6 from 200 s, 4 from 450 s; the crash lacks 2 until 450 s
    assert_eq!(outcome.metric("unavailable_pod_seconds", &WEB), Some(200.0 + 6.0 * 250.0 + 4.0 * 150.0));
    assert_eq!(outcome.metric("attributed_pod_seconds", &[("fault", "crash")]), Some(2.0 * 350.0));
    assert_eq!(outcome.metric("attributed_pod_seconds", &[("fault", "none")]), Some(4.0 * 400.0));
}

#[test]
fn what_serves_though_it_was_hit_is_not_lacking() {
    // nobody hears the node from 100 s on, but its two pods serve until 150 s; other two go at 120 s, unasked
    let mut world = World::new(3, 6);
    world.at(100.0).note(ActionKind::Fault, "partition", &[NodeId(0)]);
    world.cluster.set_machine(NodeId(0), |machine| machine.link = Link::Partitioned);
    world.at(120.0);
    let others = world.pods_on(NodeId(1));
    others.iter().for_each(|pod| world.cluster.set_pod_ready(*pod, false));
    world.at(150.0).notice(NodeId(0));
    let outcome = world.finish(200.0);
    // the partition lacks 2 of 4 from 150 to 200 s
    assert_eq!(outcome.metric("attributed_pod_seconds", &[("fault", "crash")]), Some(100.0));
    assert_eq!(outcome.metric("attributed_pod_seconds", &[("fault", "none")]), Some(2.0 * 80.0));
}

#[test]
fn the_end_of_the_run_decides_nothing() {
    // a partition noticed: 4 of 6 serve at the end. Another, 10 s before the end, is not noticed any more
    let mut world = World::new(3, 6);
    for (at, node) in [(100.0, 0), (590.0, 1)] {
        world.at(at).note(ActionKind::Fault, "partition", &[NodeId(node)]);
        world.cluster.set_machine(NodeId(node), |machine| machine.link = Link::Partitioned);
        if node == 0 {
            world.at(150.0).notice(NodeId(0));
            world.at(450.0).evict(NodeId(0));
            let pods = [world.create(), world.create()];
            pods.iter().for_each(|pod| world.start(*pod, NodeId(2)));
        }
    }
    let outcome = world.finish(600.0);
    let told: Vec<_> = outcome.incidents.iter().map(|incident| (incident.whole, incident.undecided)).collect();
    assert_eq!(told, [(secs(450.0), false), (None, true)]);
    assert_eq!(outcome.metric("incidents_total", &WEB), Some(2.0));
    assert_eq!(outcome.metric("incidents_undecided_total", &WEB), Some(1.0));
    assert_eq!(outcome.metric("incidents_unrecovered_total", &WEB), Some(0.0));
    for name in ["recovery_seconds", "recovery_seconds_mean"] {
        assert_eq!(outcome.metric(name, &WEB), Some(350.0), "{name}");
    }
}

#[test]
fn the_digest_tells_runs_apart() {
    let digest = |seconds| crash_and_replacement().finish(seconds).digest;
    assert_eq!(digest(900.0), digest(900.0));
    let mut other = World::new(3, 6);
    other.at(100.0).crash(&[NodeId(1)]);
    assert_ne!(other.finish(900.0).digest, digest(900.0));
}

/// Keeps the rows as lines.
struct Lines(Rc<RefCell<Vec<String>>>);

impl EventSink for Lines {
    fn row(&mut self, row: &EventRow) {
        self.0.borrow_mut().push(row.to_string());
    }
}

#[test]
fn the_event_log_reads_line_by_line() {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let mut world = World::new(1, 1);
    world.metrics.log_to(Box::new(Lines(Rc::clone(&lines))));
    world.at(100.0).crash(&[NodeId(0)]);
    world.at(147.443).notice(NodeId(0));
    let key = world.cluster.names.intern("node.kubernetes.io/unreachable");
    let none = world.cluster.names.intern("");
    world.cluster.add_taint(NodeId(0), key, none, crate::cluster::Effect::NoExecute);
    world.at(447.5).evict(NodeId(0));
    world.finish(500.0);
    let expected = [
        "100.000s  action/crash  Begins",
        "100.000s  node/worker-1  Machine=off",
        "147.443s  node/worker-1  Ready=Unknown",
        "147.443s  pod/POD  Ready=False",
        "147.443s  node/worker-1  Taints=[node.kubernetes.io/unreachable:NoExecute]",
        "447.500s  pod/POD  Deleting=grace 30s",
        "447.500s  pod/POD  Normal TaintManagerEviction: Marking for deletion Pod default/POD",
    ];
    let pod = lines.borrow().iter().find_map(|line| Some(line.split_once("pod/")?.1.split_once(' ')?.0.to_string()));
    let pod = pod.unwrap_or_default();
    let told: Vec<String> = lines.borrow().iter().map(|line| line.replace(&pod, "POD")).collect();
    assert_eq!(told, expected);
}

#[test]
fn metric_names_are_unique_and_explained() {
    let mut names: Vec<&str> = crate::metrics::ALL.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), crate::metrics::ALL.len());
    assert!(crate::metrics::ALL.iter().all(|metric| !metric.about.is_empty() && !metric.formula.is_empty()));
    assert!(crate::metrics::find("recovery_seconds").is_some() && crate::metrics::find("recovery_second").is_none());
}
