//! The text of a scenario in, what a run is made of or what it did out.

mod runs;
mod storage;

use super::build;
use crate::cluster::taint::taint_text;
use crate::controllers;
use crate::engine::{Distribution, Span, Time};
use crate::kubelet;
use crate::metrics::{self, Metrics};
use crate::outcome::{Outcome, Run};
use crate::scenario::{judge, load_text};
use crate::simulation::{Scheduling, Setup, Simulation, Workload};

/// Three nodes and six pods that run already. Five lines.
const START: &str = "name: t
duration: 15m
cluster: { nodes: [{ name: worker, count: 3, capacity: { cpu: 4, memory: 8Gi }, zone: a }] }
start: settled
workloads: [{ deployment: web, replicas: 6, pod: { requests: { cpu: 500m } } }]
";

fn setup(text: &str) -> Setup {
    let scenario = load_text("t.yaml", text, &[]).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    build(&scenario).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

/// What is wrong with the scenario, if anything is, as a person reads it.
fn diagnostics(text: &str) -> String {
    let built = load_text("t.yaml", text, &[]).and_then(|scenario| build(&scenario));
    built.err().map_or("sound\n".to_string(), |diagnostics| diagnostics.render(false))
}

fn outcome(text: &str) -> Outcome {
    let scenario = load_text("t.yaml", text, &[]).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let setup = build(&scenario).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let mut metrics = Metrics::new(&setup.cluster, metrics::Settings::default());
    let mut simulation = Simulation::new(setup, &mut metrics);
    simulation.run(&mut metrics);
    let mut outcome = metrics.finish(&simulation.cluster, Run::default());
    outcome.expectations = judge(&scenario.expect, &outcome);
    outcome
}

/// The outcome of the start and `more`.
fn after(more: &str) -> Outcome {
    outcome(&format!("{START}{more}"))
}

/// How many pods `web` has on each node at the end.
fn pods_on(outcome: &Outcome, node: &str) -> usize {
    outcome.pods.iter().filter(|pod| pod.node == node && pod.status == "Running").count()
}

#[test]
fn defaults_of_the_file_are_those_of_the_components() {
    let setup = setup(START);
    assert_eq!(setup.settings.controllers, controllers::Settings::default());
    assert_eq!(setup.settings.kubelet, kubelet::Settings::default());
    assert_eq!(setup.settings.scheduling, Scheduling::default());
    assert_eq!(setup.scheduler.max_unschedulable, Span::from_secs(300));
    assert_eq!(setup.duration, Time::from_secs(900));
}

#[test]
fn nodes_have_names_labels_taints_and_what_pods_may_use() {
    let setup = setup(
        "name: t
duration: 1m
cluster:
  nodes:
    - name: worker
      count: 2
      capacity: { cpu: 4, memory: 8Gi, nvidia.com/gpu: 2 }
      allocatable: { cpu: 3800m, pods: 20 }
      labels: { disk: ssd }
      zone: eu-1a
      region: eu
      taints: [{ key: gpu, value: a100, effect: NoSchedule }, { key: old, effect: PreferNoSchedule }]
      images: [{ name: nginx, size: 70M }]
    - { name: spare, capacity: { cpu: 1, memory: 1Gi }, unschedulable: true }
",
    );
    let names = &setup.cluster.names;
    let nodes: Vec<&str> = setup.nodes.iter().map(|node| names.text(node.name)).collect();
    assert_eq!(nodes, ["worker-1", "worker-2", "spare"]);
    let worker = &setup.nodes[1];
    let mut labels: Vec<String> =
        worker.labels.iter().map(|(key, value)| format!("{}={}", names.text(key), names.text(value))).collect();
    labels.sort();
    assert_eq!(
        labels,
        [
            "disk=ssd",
            "kubernetes.io/arch=amd64",
            "kubernetes.io/hostname=worker-2",
            "kubernetes.io/os=linux",
            "topology.kubernetes.io/region=eu",
            "topology.kubernetes.io/zone=eu-1a",
        ]
    );
    let taints: Vec<String> = worker.taints.iter().map(|taint| taint_text(taint, names)).collect();
    assert_eq!(taints, ["gpu=a100:NoSchedule", "old:PreferNoSchedule"]);
    assert_eq!((worker.capacity.cpu, worker.allocatable.cpu), (4000, 3800));
    assert_eq!((worker.allocatable.memory, worker.max_pods), (8 << 30, 20), "memory as in the capacity");
    assert_eq!(worker.allocatable.scalar(names.find("nvidia.com/gpu").unwrap()), 2);
    assert_eq!(worker.images, [(names.find("nginx:latest").unwrap(), 70_000_000)]);
    assert!(setup.nodes[2].unschedulable);
    assert_eq!(setup.nodes[2].max_pods, 110);
}

#[test]
fn workloads_of_all_kinds_are_created_in_order() {
    let setup = setup(
        "name: t
duration: 1m
cluster: { nodes: [{ name: n, capacity: { cpu: 4, memory: 8Gi } }] }
workloads:
  - { deployment: web, replicas: 3, strategy: { max-surge: 1 }, pod: { priority: 7, toleration-seconds: 30 } }
  - { replica-set: rs, namespace: shop, labels: { tier: db } }
  - { pod: p, count: 2, spec: { run-for: 10s, exit-code: 3, restart-policy: Never } }
  - object: { apiVersion: v1, kind: Service, metadata: { name: s }, spec: { selector: { app: web } } }
  - object: { apiVersion: v1, kind: Namespace, metadata: { name: shop, labels: { team: x } } }
",
    );
    let names = &setup.cluster.names;
    let created: Vec<String> = setup
        .workloads
        .iter()
        .map(|workload| match workload {
            Workload::Object { namespace, name, body, .. } => {
                format!("{} {}/{}", body.kind().as_str(), names.text(*namespace), names.text(*name))
            }
            Workload::Pod { name, .. } => format!("Pod {}", names.text(*name)),
        })
        .collect();
    assert_eq!(created, ["Deployment default/web", "ReplicaSet shop/rs", "Pod p-1", "Pod p-2", "Service default/s"]);
    let Workload::Object { body: crate::cluster::Body::Deployment(web), .. } = &setup.workloads[0] else { panic!() };
    let spec = setup.cluster.spec(web.template);
    assert_eq!((web.replicas, spec.priority), (3, 7));
    assert_eq!(spec.tolerations[0].seconds, Some(Span::from_secs(30)));
    let Workload::Pod { spec, .. } = &setup.workloads[2] else { panic!() };
    let behaviour = &setup.cluster.spec(*spec).behaviour;
    assert_eq!(behaviour.run_for, Some(Distribution::Constant(Span::from_secs(10))));
    assert_eq!(behaviour.exit_code, 3);
    let shop = setup.cluster.namespaces.iter().find(|(name, _)| names.text(*name) == "shop").unwrap();
    assert_eq!(shop.1.get(names.find("team").unwrap()), names.find("x"));
}

#[test]
fn flags_and_timings_reach_the_components() {
    let setup = setup(&format!(
        "{START}
control-plane:
  kube-controller-manager:
    node-monitor-grace-period: 40s
    node-monitor-period: 2s
    node-eviction-rate: 0.5
    secondary-node-eviction-rate: 0.025
    large-cluster-size-threshold: 9
    unhealthy-zone-threshold: 0.7
    kube-api-qps: 2.5
    kube-api-burst: 3
    terminated-pod-gc-threshold: 5
  kube-scheduler: {{ kube-api-qps: 1.5, kube-api-burst: 2, pod-max-in-unschedulable-pods-duration: 1m }}
  kube-apiserver: {{ default-not-ready-toleration-seconds: 20, default-unreachable-toleration-seconds: 30 }}
  latencies:
    api-write: 1ms
    watch: 2ms
    kubelet-watch: 3ms
    scheduling-cycle: 4ms
    scheduling-cycle-per-node: 5us
    node-monitor-pass: 6ms
kubelet: {{ node-lease-duration-seconds: 20, node-lease-jitter: 0.1, stop: 3s, image-size: 5M, registry-rate: 1G }}
phases: {{ node-monitor: 1s, pod-gc: 7s, leases: {{ worker-2: 4s }} }}
"
    ));
    let ms = |millis| Distribution::Constant(Span::from_millis(millis));
    let settings = &setup.settings;
    assert_eq!(
        settings.controllers,
        controllers::Settings {
            node_monitor_period: Span::from_secs(2),
            node_monitor_grace_period: Span::from_secs(40),
            node_eviction_rate_milli: 500,
            secondary_node_eviction_rate_milli: 25,
            large_cluster_size_threshold: 9,
            unhealthy_zone_threshold_milli: 700,
            terminated_pod_gc_threshold: 5,
            kube_api_qps_milli: 2500,
            kube_api_burst: 3,
            watch: ms(2).into(),
            api_write: ms(1).into(),
            monitor_pass: Span::from_millis(6),
            node_monitor_phase: Some(Time::from_secs(1)),
            pod_gc_phase: Some(Time::from_secs(7)),
            ..controllers::Settings::default()
        }
    );
    assert_eq!(
        settings.kubelet,
        kubelet::Settings {
            watch: ms(3).into(),
            stop: ms(3000).into(),
            image_size: (5_000_000, 1.1),
            pull_rate: 1_000_000_000,
            lease_interval: Distribution::Uniform(Span::from_secs(5), Span::from_millis(5500)),
            ..kubelet::Settings::default()
        }
    );
    assert_eq!(
        settings.scheduling,
        Scheduling {
            watch: ms(2).into(),
            startup: Scheduling::default().startup,
            cycle: Span::from_millis(4),
            cycle_per_node: Span::from_micros(5),
            api_write: ms(1).into(),
            qps_milli: 1500,
            burst: 2,
        }
    );
    assert_eq!(setup.scheduler.max_unschedulable, Span::from_secs(60));
    assert_eq!(settings.lease_phases, [(setup.cluster.names.find("worker-2").unwrap(), Span::from_secs(4))]);
    let Workload::Object { body: crate::cluster::Body::Deployment(web), .. } = &setup.workloads[0] else { panic!() };
    let borne: Vec<_> =
        setup.cluster.spec(web.template).tolerations.iter().map(|toleration| toleration.seconds).collect();
    assert_eq!(borne, [Some(Span::from_secs(20)), Some(Span::from_secs(30))]);
}

#[test]
fn settled_workloads_run_at_time_zero_and_others_start_then() {
    let serving = |text: &str| {
        let setup = setup(text);
        let mut metrics = Metrics::new(&setup.cluster, metrics::Settings::default());
        let simulation = Simulation::new(setup, &mut metrics);
        let outcome = metrics.finish(&simulation.cluster, Run::default());
        outcome.metric("pods_serving", &[("workload", "web")])
    };
    assert_eq!(serving(START), Some(6.0));
    assert_eq!(serving(&START.replace("settled", "empty")), Some(0.0));
}

#[test]
fn every_action_is_carried_out_at_its_time() {
    let outcome = after(
        "timeline:
  - { at: 10m, untaint: { key: k, zone: a } }
  - { at: 1m, crash: { node: worker-2, for: 90s } }
  - { at: 4m, partition: { nodes: [worker-1, worker-3], for: 5s } }
  - { at: 5m, cordon: { nodes: { selector: 'kubernetes.io/hostname in (worker-3)' }, for: 10s } }
  - { at: 6m, crash: { node: worker-1 } }
  - { at: 6m, recover: { node: worker-1 } }
  - { at: 7m, reboot: { node: worker-1 } }
  - { at: 8m, cordon: { zone: a } }
  - { at: 8m, uncordon: { zone: a } }
  - { at: 8m30s, partition: { node: worker-3 } }
  - { at: 8m40s, heal: { node: worker-3 } }
  - { at: 9m, taint: { key: k, value: v, effect: NoSchedule, random: 50% } }
  - { at: 11m, drain: { node: worker-3, grace-period: 1s } }
  - { at: 12m, delete-node: { node: worker-3 } }
  - { at: 12m, add-nodes: { name: extra, capacity: { cpu: 1, memory: 1Gi } } }
  - { at: 13m, create: { deployment: late } }
  - { at: 13m, scale: { deployment: web, replicas: 2 } }
  - { at: 13m, update: { deployment: web, image: 'app:2' } }
  - { at: 14m, delete: { deployment: late } }
",
    );
    let lines: Vec<String> = outcome.actions.iter().map(|action| format!("{} {}", action.at, action.label)).collect();
    assert_eq!(
        lines,
        [
            "60.000s crash worker-2",
            "150.000s recover worker-2",
            "240.000s partition worker-1, worker-3",
            "245.000s heal worker-1, worker-3",
            "300.000s cordon worker-3",
            "310.000s uncordon worker-3",
            "360.000s crash worker-1",
            "360.000s recover worker-1",
            "420.000s reboot worker-1",
            "480.000s cordon worker-1, worker-2, worker-3",
            "480.000s uncordon worker-1, worker-2, worker-3",
            "510.000s partition worker-3",
            "520.000s heal worker-3",
            "540.000s taint worker-2, worker-3",
            "600.000s untaint worker-1, worker-2, worker-3",
            "660.000s drain worker-3",
            "720.000s delete-node worker-3",
            "720.000s add-nodes extra",
            "780.000s create deployment/late",
            "780.000s scale deployment/web to 2",
            "780.000s update deployment/web",
            "840.000s delete deployment/late",
        ]
    );
    let nodes: Vec<String> = outcome.nodes.iter().map(|node| format!("{} {}", node.name, node.status)).collect();
    assert_eq!(nodes, ["worker-1 Ready", "worker-2 Ready", "worker-3 Gone", "extra Ready"]);
    assert!(outcome.nodes.iter().all(|node| node.taints.is_empty()), "the taint was removed again");
    assert_eq!(outcome.metric("pods_serving", &[("workload", "web")]), Some(2.0));
    assert_eq!(outcome.metric("pods_serving", &[("workload", "late")]), Some(0.0));
}

#[test]
fn taints_evict_and_tolerations_hold() {
    let taint = "timeline: [{ at: 1m, taint: { key: k, effect: NoExecute, node: worker-1 } }]\n";
    assert_eq!(pods_on(&after(taint), "worker-1"), 0);
    let text = format!("{START}{taint}").replace("pod: {", "pod: { tolerations: [{ key: k, operator: Exists }],");
    assert_eq!(pods_on(&outcome(&text), "worker-1"), 2);
}

#[test]
fn updates_change_what_they_name_and_keep_the_rest() {
    let mut setup = setup(&format!(
        "{START}timeline:
  - {{ at: 2m, update: {{ deployment: web, requests: {{ memory: 1Gi }}, labels: {{ track: b }} }} }}
  - {{ at: 1m, update: {{ deployment: web, image: 'app:2' }} }}
"
    ));
    let mut templates = Vec::new();
    for (at, command) in setup.timeline.drain(..) {
        let crate::simulation::Command::SetTemplate(_, _, _, spec) = command else { panic!() };
        let spec = setup.cluster.spec(spec);
        let image = setup.cluster.names.text(spec.containers[0].image);
        templates.push((at, image.to_string(), spec.requests.cpu, spec.requests.memory, spec.labels.iter().count()));
    }
    let expected = [(60, 0, 1), (120, 1 << 30, 2)];
    let expected = expected.map(|(at, memory, labels)| (Time::from_secs(at), "app:2".to_string(), 500, memory, labels));
    assert_eq!(templates, expected);
    let outcome = after("timeline: [{ at: 1m, update: { deployment: web, image: 'app:2' } }]\n");
    assert_eq!(outcome.metric("pods_created_total", &[]), Some(12.0), "each pod was replaced once");
}

#[test]
fn updates_that_cannot_be_made_are_marked() {
    let text = format!(
        "{START}timeline:
  - {{ at: 1m, update: {{ deployment: web, labels: {{ app: other }} }} }}
  - {{ at: 2m, update: {{ deployment: web, limits: {{ cpu: 1m }} }} }}
  - {{ at: 3m, delete: {{ deployment: web }} }}
  - {{ at: 4m, update: {{ deployment: web, image: x }} }}
"
    );
    let rendered = diagnostics(&text);
    let expected = "
error: `selector` must be set and match the labels of the template
 --> t.yaml:7:15
  |
7 |   - { at: 1m, update: { deployment: web, labels: { app: other } } }
  |               ^^^^^^ spec.selector

error: request of `cpu` would be more than its limit
 --> t.yaml:8:15
  |
8 |   - { at: 2m, update: { deployment: web, limits: { cpu: 1m } } }
  |               ^^^^^^

error: Deployment `web` has been deleted by then
  --> t.yaml:10:15
   |
10 |   - { at: 4m, update: { deployment: web, image: x } }
   |               ^^^^^^";
    assert_eq!(rendered.trim(), expected.trim(), "\n{rendered}");
}

#[test]
fn nodes_of_a_manifest_get_the_labels_of_their_kubelet() {
    let folder = tempfile::tempdir().unwrap();
    let node = "apiVersion: v1\nkind: Node\nmetadata: { name: n1 }\nstatus: { capacity: { cpu: 2, memory: 1Gi } }\n";
    std::fs::write(folder.path().join("nodes.yaml"), node).unwrap();
    let path = folder.path().join("s.yaml");
    std::fs::write(&path, "name: t\nduration: 1m\ncluster: { manifest: nodes.yaml }\n").unwrap();
    let scenario = crate::scenario::load(&path, &[]).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let setup = build(&scenario).map_err(|d| d.to_string()).unwrap();
    let hostname = setup.nodes[0].labels.get(setup.cluster.known.hostname);
    assert_eq!(hostname, setup.cluster.names.find("n1"));
    assert_eq!((setup.nodes[0].allocatable.cpu, setup.nodes[0].max_pods), (2000, 110));
}
