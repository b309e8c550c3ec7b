//! Hand-calculated runs, driven through the cluster's mutators. Times are in seconds.

use std::cell::RefCell;
use std::rc::Rc;

use crate::cluster::labels::Selector;
use crate::cluster::object::{Body, Deployment, DeploymentStatus, IntOrPercent, ReplicaSet, Strategy};
use crate::cluster::{
    Cluster, Container, Labels, Lease, Link, Message, NewPod, NodeId, NodeSpec, ObjectId, Phase, PodId, PodName,
    PodSpec, Power, ReplicaSetStatus, Resources, SpecId, Status, Subject,
};
use crate::engine::{Seed, Span, Time};
use crate::outcome::{ActionKind, EventRow, EventSink, NodeState, Outcome, Run};

use super::{ActionNote, Metrics, Settings};

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
        self.cluster.create_pod(NewPod {
            name: PodName::Generated(base),
            spec: self.spec,
            owner: Some(self.set),
            run_for: None,
            deletion_cost: 0,
        })
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
        self.metrics.action(&self.cluster, ActionNote { kind, verb: "crash", label, nodes, pods: &[] });
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
    assert_eq!((incident.workload.as_str(), &incident.nodes[..]), ("web", &["worker-1".to_string()][..]));
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
