//! Hand-calculated runs, driven through the cluster's mutators. Times are in seconds.

mod sums;

use std::cell::RefCell;
use std::rc::Rc;

use crate::cluster::labels::Selector;
use crate::cluster::object::{Body, Deployment, DeploymentStatus, IntOrPercent, ReplicaSet, Strategy};
use crate::cluster::{
    Cluster, Container, Disruption, Labels, Lease, Link, Message, NewPod, NodeId, NodeSpec, ObjectId, Phase, PodId,
    PodName, PodSpec, Power, ReplicaSetStatus, Resources, SpecId, Status, Subject,
};
use crate::engine::{Seed, Span, Time};
use crate::outcome::{ActionKind, EventRow, EventSink, NodeState, Outcome, Run};

use super::{ActionNote, Metrics, Settings};

/// Something done to nodes, or an outage of nobody.
fn of_crash<'a>(kind: ActionKind, label: &'a str, nodes: &'a [NodeId]) -> ActionNote<'a> {
    let (verb, fault) = ("crash", "");
    ActionNote { kind, verb, fault, label, nodes, pods: &[], struck: true, takes_out: true, outage: None }
}

/// A cluster under observation.
struct World {
    cluster: Cluster,
    metrics: Metrics,
    spec: SpecId,
    set: ObjectId,
    deployment: ObjectId,
}

impl World {
    /// `nodes` nodes of 4 cpu and 8 GiB in zones a, b, a, b …, and the Deployment `web` with `replicas`
    /// pods of 500m and 256 MiB, placed round robin, all of them serving from second 0 on.
    fn new(nodes: u32, replicas: u32) -> World {
        let mut cluster = Cluster::new(Seed(1));
        for number in 1..=nodes {
            let spec = node_spec(&mut cluster, &format!("worker-{number}"), ["a", "b"][(number as usize + 1) % 2]);
            let lease = Lease { anchor: Time::ZERO, period: Span::from_secs(10), renewing: true };
            cluster.add_node(spec, Status::True, lease);
        }
        let spec = PodSpec::new(&mut cluster.names, "nginx").with_requests(Resources::new(500, 256 << 20));
        let spec = cluster.intern_spec(spec);
        let (deployment, set) = create_web(&mut cluster, spec, replicas);
        let metrics = Metrics::new(&cluster, Settings::default());
        let mut world = World { cluster, metrics, spec, set, deployment };
        for replica in 0..replicas {
            let pod = world.create();
            world.start(pod, NodeId(replica % nodes));
        }
        world.tell();
        world
    }

    /// Lets the metrics see what changed.
    fn tell(&mut self) {
        for change in self.cluster.take_changes() {
            self.metrics.observe(change, &self.cluster);
        }
        for record in self.cluster.take_records() {
            self.metrics.record(&record, &self.cluster);
        }
        self.cluster.bury();
    }

    /// Moves the clock, after telling what happened until then.
    fn at(&mut self, seconds: f64) -> &mut Self {
        self.tell();
        self.cluster.now = Time(Span::from_secs_f64(seconds).0);
        self
    }

    fn create(&mut self) -> PodId {
        let base = self.cluster.names.intern("web-1");
        self.cluster.create_pod(NewPod { owner: Some(self.set), ..NewPod::bare(PodName::Generated(base), self.spec) })
    }

    fn bind(&mut self, pod: PodId, node: NodeId) {
        self.cluster.assume(pod, node);
        self.cluster.bind(pod);
        self.cluster.record("default-scheduler", Subject::Pod(pod), Message::Scheduled(node));
    }

    fn run(&mut self, pod: PodId) {
        self.cluster.set_phase(pod, Phase::Running);
        self.cluster.set_container(pod, Container::Ready);
        self.cluster.set_pod_ready(pod, true);
    }

    fn start(&mut self, pod: PodId, node: NodeId) {
        self.bind(pod, node);
        self.run(pod);
    }

    fn note(&mut self, kind: ActionKind, label: &str, nodes: &[NodeId]) {
        self.tell();
        self.metrics.action(&self.cluster, of_crash(kind, label, nodes));
    }

    fn pods_on(&self, node: NodeId) -> Vec<PodId> {
        let mut pods = self.cluster.node(node).map_or(Vec::new(), |node| node.pods.clone());
        pods.sort_unstable();
        pods
    }

    /// Power lost: containers are gone at once, the API still calls them Ready.
    fn crash(&mut self, nodes: &[NodeId]) {
        self.note(ActionKind::Fault, "crash", nodes);
        for &node in nodes {
            self.cluster.set_machine(node, |machine| machine.power = Power::Off);
            for pod in self.pods_on(node) {
                self.cluster.set_container(pod, Container::Absent);
            }
        }
    }

    /// The control plane notices.
    fn notice(&mut self, node: NodeId) {
        self.cluster.set_node_ready(node, Status::Unknown);
        for pod in self.pods_on(node) {
            self.cluster.set_pod_ready(pod, false);
        }
    }

    /// Marks every pod of a node.
    fn evict(&mut self, node: NodeId) {
        for pod in self.pods_on(node) {
            self.cluster.record("taint-eviction-controller", Subject::Pod(pod), Message::TaintManagerEviction);
            self.cluster.set_disrupted(pod, Disruption::DeletionByTaintManager);
            self.cluster.mark(pod, Span::from_secs(30));
        }
    }

    /// The node is back, its containers run and it is Ready.
    fn recover(&mut self, node: NodeId) {
        self.cluster.set_machine(node, |machine| machine.power = Power::On);
        self.cluster.set_node_ready(node, Status::True);
        for pod in self.pods_on(node) {
            self.cluster.set_container(pod, Container::Ready);
            self.cluster.set_pod_ready(pod, true);
        }
    }

    fn finish(mut self, seconds: f64) -> Outcome {
        self.at(seconds);
        self.cluster.check().unwrap_or_else(|wrong| panic!("{wrong}"));
        self.metrics.finish(&self.cluster, Run { scenario: "test".to_string(), ..Run::default() })
    }
}

fn node_spec(cluster: &mut Cluster, name: &str, zone: &str) -> NodeSpec {
    let key = cluster.names.intern("topology.kubernetes.io/zone");
    let zone = cluster.names.intern(zone);
    NodeSpec {
        name: cluster.names.intern(name),
        labels: Labels::new(vec![(key, zone)]),
        taints: Vec::new(),
        unschedulable: false,
        capacity: Resources::new(4000, 8 << 30),
        allocatable: Resources::new(4000, 8 << 30),
        max_pods: 110,
        images: Vec::new(),
        gpus: None,
    }
}

fn create_web(cluster: &mut Cluster, spec: SpecId, replicas: u32) -> (ObjectId, ObjectId) {
    let default = cluster.names.intern("default");
    let (web, web_1) = (cluster.names.intern("web"), cluster.names.intern("web-1"));
    let deployment = Deployment {
        replicas,
        template: spec,
        selector: Selector::default(),
        strategy: Strategy::RollingUpdate {
            max_surge: IntOrPercent::Percent(25),
            max_unavailable: IntOrPercent::Percent(25),
        },
        min_ready: Span::ZERO,
        progress_deadline: Span::from_secs(600),
        history_limit: 10,
        paused: false,
        status: DeploymentStatus::default(),
    };
    let deployment = cluster.create_object(default, web, Labels::default(), None, Body::Deployment(deployment));
    let set = ReplicaSet {
        replicas,
        template: spec,
        made_from: None,
        selector: Selector::default(),
        min_ready: Span::ZERO,
        revision: 1,
        desired_annotation: None,
        max_annotation: None,
        status: ReplicaSetStatus::default(),
    };
    let set = cluster.create_object(default, web_1, Labels::default(), Some(deployment), Body::ReplicaSet(set));
    (deployment, set)
}

const WEB: [(&str, &str); 1] = [("workload", "web")];

fn secs(seconds: f64) -> Option<Time> {
    Some(Time(Span::from_secs_f64(seconds).0))
}

/// The recording T-crash-default-3n6r-a: 3 nodes, 6 replicas, a node dies at 100 s and stays down.
fn crash_and_replacement() -> World {
    let mut world = World::new(3, 6);
    world.at(100.0).crash(&[NodeId(0)]);
    world.at(147.5).notice(NodeId(0));
    world.at(447.5).evict(NodeId(0));
    let first = world.create();
    let second = world.create();
    world.at(447.6).bind(first, NodeId(1));
    world.at(447.7).bind(second, NodeId(2));
    world.at(449.6).run(first);
    world.at(450.0).run(second);
    world
}

#[test]
fn a_crash_is_told_instant_by_instant() {
    let outcome = crash_and_replacement().finish(900.0);
    let [incident] = &outcome.incidents[..] else { panic!("{:?}", outcome.incidents) };
    assert_eq!((&*incident.workload, &incident.nodes[..]), ("web", &["worker-1".to_string()][..]));
    assert_eq!((Some(incident.fault), incident.detected), (secs(100.0), secs(147.5)));
    assert_eq!((incident.first_evicted, incident.last_evicted), (secs(447.5), secs(447.5)));
    assert_eq!((incident.first_created, incident.last_created), (secs(447.5), secs(447.5)));
    assert_eq!((incident.first_scheduled, incident.last_scheduled), (secs(447.6), secs(447.7)));
    assert_eq!((incident.last_ready, incident.whole, incident.returned), (secs(450.0), secs(450.0), None));
    assert_eq!((incident.serving_before, incident.serving_lowest), (6, 4));
    assert_eq!((incident.pods_hit, incident.pods_displaced, incident.pods_replaced), (2, 2, 2));
    assert_eq!((incident.pods_extra, incident.pods_pending), (0, 0));
    // 2 missing for 349.6 s, 1 missing for 0.4 s
    assert_eq!(incident.unavailable_pod_seconds(), 2.0 * 349.6 + 0.4);
}

#[test]
fn metrics_sum_up_a_crash() {
    let outcome = crash_and_replacement().finish(900.0);
    assert_eq!(outcome.metric("recovery_seconds", &WEB), Some(350.0));
    assert_eq!(outcome.metric("recovery_seconds", &[]), Some(350.0));
    assert_eq!(outcome.metric("detection_seconds", &WEB), Some(47.5));
    assert_eq!(outcome.metric("eviction_seconds", &WEB), Some(347.5));
    assert_eq!(outcome.metric("reschedule_seconds", &WEB).map(|s| (s * 10.0).round()), Some(2.0));
    // 699.6 pod-seconds of 6 × 900 = 5400 wanted
    assert_eq!(outcome.metric("unavailable_pod_seconds", &WEB), Some(699.6));
    assert_eq!(outcome.metric("availability_ratio", &WEB), Some(1.0 - 699.6 / 5400.0));
    assert_eq!(outcome.metric("complete_ratio", &WEB), Some((900.0 - 350.0) / 900.0));
    assert_eq!(outcome.metric("any_serving_ratio", &WEB), Some(1.0));
    assert_eq!(outcome.metric("serving_pods_min", &WEB), Some(4.0));
    // the API misses them only from 147.5 s on: 2 × 302.1 + 0.4
    assert_eq!(outcome.metric("not_ready_pod_seconds", &WEB), Some(604.6));
    assert_eq!(outcome.metric("pods_created_total", &WEB), Some(8.0));
    assert_eq!(outcome.metric("pods_deleted_total", &[]), Some(2.0));
    assert_eq!(outcome.metric("pods_evicted_total", &[]), Some(2.0));
    assert_eq!(outcome.metric("pod_startup_seconds", &[("quantile", "1")]), Some(2.5));
    assert_eq!(outcome.metric("node_not_ready_seconds", &[]), Some(752.5));
    assert_eq!(outcome.metric("recovery_seconds", &[("workload", "wbe")]), None);
    assert_eq!(outcome.label_values("workload"), ["web"]);
}

#[test]
fn a_node_back_before_eviction_keeps_its_pods() {
    // down at 100, noticed 147.5, back at 200 with its containers
    let mut world = World::new(3, 6);
    world.at(100.0).crash(&[NodeId(0)]);
    world.at(147.5).notice(NodeId(0));
    world.at(200.0).note(ActionKind::FaultEnded, "recover worker-1", &[NodeId(0)]);
    world.recover(NodeId(0));
    let outcome = world.finish(300.0);
    let [incident] = &outcome.incidents[..] else { panic!("{:?}", outcome.incidents) };
    assert_eq!((incident.whole, incident.returned), (secs(200.0), secs(200.0)));
    assert_eq!((incident.pods_displaced, incident.pods_replaced, incident.first_evicted), (0, 0, None));
    assert_eq!(incident.unavailable_pod_seconds(), 200.0);
    let stages = incident.stages().unwrap_or_else(|| panic!("it recovered"));
    let lengths: Vec<u64> = stages.iter().map(|stage| stage.span.0 / 100_000_000).collect();
    assert_eq!(lengths, [475, 0, 0, 0, 525, 0], "detect 47.5 s, then 52.5 s until the node returned");
    let states: Vec<(f64, NodeState)> =
        outcome.nodes[0].states.iter().map(|(at, state)| (at.as_secs_f64(), *state)).collect();
    let expected = [
        (0.0, NodeState::Ready),
        (100.0, NodeState::Unnoticed),
        (147.5, NodeState::NotReady),
        (200.0, NodeState::Ready),
    ];
    assert_eq!(states, expected);
}

#[test]
fn pods_that_find_no_room_leave_the_incident_open() {
    let mut world = World::new(3, 6);
    world.at(100.0).crash(&[NodeId(0)]);
    world.at(147.5).notice(NodeId(0));
    world.at(447.5).evict(NodeId(0));
    for _ in 0..2 {
        let pod = world.create();
        let text: Rc<str> = "0/3 nodes are available: 2 Insufficient cpu.".into();
        world.cluster.record("default-scheduler", Subject::Pod(pod), Message::FailedScheduling(text));
    }
    let outcome = world.finish(900.0);
    let incident = &outcome.incidents[0];
    assert_eq!((incident.whole, incident.recovery()), (None, None));
    assert_eq!(incident.stages(), None);
    assert_eq!((incident.pods_replaced, incident.pods_pending), (2, 2));
    assert_eq!(incident.pending_reason.as_deref(), Some("0/3 nodes are available: 2 Insufficient cpu."));
    assert_eq!(incident.unavailable_pod_seconds(), 1600.0, "two pods for 800 s");
    assert_eq!(outcome.metric("recovery_seconds", &WEB), Some(f64::INFINITY));
    assert_eq!(outcome.metric("incidents_unrecovered_total", &WEB), Some(1.0));
    assert_eq!(outcome.metric("unscheduled_pod_seconds", &[]), Some(905.0), "two pods for 452.5 s");
}

#[test]
fn overlapping_incidents_each_wait_for_their_own_pods() {
    // 4 nodes, 8 replicas: worker-1 dies at 100, worker-2 at 200; replacements serve at 450 and 550
    let mut world = World::new(4, 8);
    world.at(100.0).crash(&[NodeId(0)]);
    world.at(147.0).notice(NodeId(0));
    world.at(200.0).crash(&[NodeId(1)]);
    world.at(247.0).notice(NodeId(1));
    for (node, at) in [(NodeId(0), 447.0), (NodeId(1), 547.0)] {
        world.at(at).evict(node);
        let pods = [world.create(), world.create()];
        world.at(at + 3.0);
        pods.iter().for_each(|pod| world.start(*pod, NodeId(2)));
    }
    let outcome = world.finish(900.0);
    let recoveries: Vec<Option<f64>> =
        outcome.incidents.iter().map(|incident| incident.recovery().map(Span::as_secs_f64)).collect();
    assert_eq!(recoveries, [Some(350.0), Some(350.0)]);
    assert_eq!(outcome.incidents[1].serving_lowest, 4);
    assert!(outcome.incidents.iter().all(|incident| incident.overlapping));
    assert_eq!(outcome.metric("unavailable_pod_seconds", &WEB), Some(1400.0), "2 × 350 twice");
}

#[test]
fn a_whole_cluster_lost_is_whole_when_the_last_pod_is() {
    let mut world = World::new(2, 4);
    world.at(100.0).crash(&[NodeId(0), NodeId(1)]);
    world.at(147.0).notice(NodeId(0));
    world.at(148.0).notice(NodeId(1));
    world.at(600.0).recover(NodeId(0));
    world.at(610.0).recover(NodeId(1));
    let outcome = world.finish(900.0);
    let incident = &outcome.incidents[0];
    assert_eq!((incident.detected, incident.returned, incident.whole), (secs(147.0), secs(610.0), secs(610.0)));
    assert_eq!((incident.serving_lowest, incident.pods_hit), (0, 4));
    // 4 missing for 500 s, 2 for another 10 s
    assert_eq!(incident.unavailable_pod_seconds(), 2020.0);
    assert_eq!(outcome.metric("any_serving_ratio", &WEB), Some(400.0 / 900.0));
}

#[test]
fn a_partition_healed_unnoticed_costs_nothing() {
    let mut world = World::new(3, 6);
    world.at(100.0).note(ActionKind::Fault, "partition worker-1", &[NodeId(0)]);
    world.cluster.set_machine(NodeId(0), |machine| machine.link = Link::Partitioned);
    world.at(120.0);
    world.cluster.set_machine(NodeId(0), |machine| machine.link = Link::Connected);
    let outcome = world.finish(300.0);
    let incident = &outcome.incidents[0];
    assert_eq!((incident.whole, incident.detected, incident.returned), (secs(100.0), None, secs(120.0)));
    assert_eq!(incident.recovery(), Some(Span::ZERO));
    assert_eq!(incident.unavailable_pod_seconds(), 0.0);
}

#[test]
fn a_partition_is_whole_only_after_the_pods_are_replaced() {
    // service goes on until the control plane gives the pods up at 147
    let mut world = World::new(3, 6);
    world.at(100.0).note(ActionKind::Fault, "partition worker-1", &[NodeId(0)]);
    world.cluster.set_machine(NodeId(0), |machine| machine.link = Link::Partitioned);
    world.at(147.0).notice(NodeId(0));
    world.at(447.0).evict(NodeId(0));
    let pods = [world.create(), world.create()];
    world.at(450.0);
    pods.iter().for_each(|pod| world.start(*pod, NodeId(1)));
    let outcome = world.finish(600.0);
    assert_eq!(outcome.incidents[0].whole, secs(450.0));
    assert_eq!(outcome.incidents[0].unavailable_pod_seconds(), 606.0, "2 pods from 147 to 450");
}

#[test]
fn scaling_during_an_incident_moves_the_goal() {
    // down to 4 at 200: the four that serve are enough
    let mut world = World::new(3, 6);
    world.at(100.0).crash(&[NodeId(0)]);
    world.at(147.0).notice(NodeId(0));
    world.at(200.0).note(ActionKind::Command, "scale web to 4", &[]);
    let web = world.deployment;
    world.cluster.scale(web, 4);
    for pod in world.pods_on(NodeId(0)) {
        world.cluster.mark(pod, Span::from_secs(30));
    }
    let down = world.finish(900.0);
    assert_eq!(down.incidents[0].whole, secs(200.0));

    // up to 8 at 200: two more pods do not make up for the dead ones alone, but six serving do
    let mut world = World::new(3, 6);
    world.at(100.0).crash(&[NodeId(0)]);
    world.at(200.0);
    let web = world.deployment;
    world.cluster.scale(web, 8);
    let pods = [world.create(), world.create()];
    world.at(203.0);
    pods.iter().for_each(|pod| world.start(*pod, NodeId(1)));
    let mut ended = world;
    // until the hit pods are marked nobody knows whether they come back
    ended.at(250.0).evict(NodeId(0));
    let up = ended.finish(300.0);
    let incident = &up.incidents[0];
    assert_eq!((incident.whole, incident.pods_replaced, incident.pods_extra), (secs(203.0), 0, 2));
    assert_eq!(up.metric("unavailable_pod_seconds", &WEB), Some(2.0 * 100.0 + 4.0 * 3.0 + 2.0 * 97.0));
}

#[test]
fn a_drain_is_a_planned_disruption() {
    let mut world = World::new(3, 6);
    world.at(100.0).note(ActionKind::Disruption, "drain worker-1", &[NodeId(0)]);
    world.cluster.set_cordon(NodeId(0), true);
    for (index, pod) in world.pods_on(NodeId(0)).into_iter().enumerate() {
        world.at(100.0 + 10.0 * index as f64);
        world.cluster.set_disrupted(pod, Disruption::EvictionByEvictionApi);
        world.cluster.mark(pod, Span::from_secs(30));
        let replacement = world.create();
        world.at(103.0 + 10.0 * index as f64).start(replacement, NodeId(1));
    }
    let outcome = world.finish(300.0);
    let incident = &outcome.incidents[0];
    assert!(incident.planned);
    assert_eq!((incident.whole, incident.serving_lowest, incident.pods_displaced), (secs(113.0), 5, 2));
    assert_eq!(incident.unavailable_pod_seconds(), 6.0);
    assert_eq!(outcome.metric("pods_evicted_total", &[]), Some(2.0));
    assert_eq!(outcome.metric("incidents_total", &[]), Some(0.0), "faults only");
    assert_eq!(outcome.metric("recovery_seconds", &WEB), None);
    assert_eq!(outcome.nodes[0].status, "Ready,SchedulingDisabled");
}
