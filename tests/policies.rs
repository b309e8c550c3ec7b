//! Every placement policy and every order of the queue runs a simulation to its end, with Kubernetes' filters
//! in force, the same way twice; and some do what they are known for.

use std::collections::BTreeMap;

use sim::cluster::{Cluster, GpuInventory, GpuRequest, NodeId, PodId};
use sim::engine::{Span, Time};
use sim::scenario;
use sim::scheduler::policies;
use sim::simulation::{Command, Silent, Simulation};

/// Six equal nodes in two zones, two more that are tainted, and three workloads that ask for 19.5 cpu: what three
/// nodes have.
fn text(policy: &str, queue: &str) -> String {
    format!(
        r#"
name: policies
duration: 5m
cluster:
  nodes:
    - {{ name: one, count: 4, capacity: {{ cpu: 8, memory: 16Gi }}, zone: a }}
    - {{ name: two, count: 2, capacity: {{ cpu: 8, memory: 16Gi }}, zone: b }}
    - {{ name: kept, count: 2, capacity: {{ cpu: 64, memory: 64Gi }}, taints: [{{ key: kept, effect: NoSchedule }}] }}
workloads:
  - {{ deployment: web, replicas: 12, pod: {{ requests: {{ cpu: 500m, memory: 512Mi }} }} }}
  - {{ deployment: cache, replicas: 6, pod: {{ requests: {{ cpu: 250m, memory: 2Gi }} }} }}
  - {{ deployment: work, replicas: 6, pod: {{ requests: {{ cpu: "2", memory: 256Mi }} }} }}
scheduler: {{ policy: {policy}, queue: {queue} }}
"#
    )
}

fn run(policy: &str, queue: &str) -> Cluster {
    run_text(&text(policy, queue))
}

fn run_text(text: &str) -> Cluster {
    let scenario = scenario::load_text("policies.yaml", text, &[]).map_err(|d| d.to_string());
    let setup = scenario::build(&scenario.unwrap()).map_err(|d| d.to_string()).unwrap();
    let mut simulation = Simulation::new(setup, &mut Silent);
    simulation.run(&mut Silent);
    simulation.cluster.check().unwrap();
    simulation.cluster
}

/// Pods by node, in order of creation.
fn placements(cluster: &Cluster) -> Vec<(PodId, NodeId)> {
    cluster.pods().filter_map(|(id, pod)| Some((id, pod.node?))).collect()
}

/// How many pods each node that has any has.
fn pods_by_node(cluster: &Cluster) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for (_, node) in placements(cluster) {
        *counts.entry(cluster.node_name(node).to_string()).or_default() += 1;
    }
    counts
}

#[test]
fn every_policy_places_all_pods_where_kubernetes_allows_it() {
    for name in policies::ALL.iter().map(|entry| entry.name).chain(["default"]) {
        let cluster = run(name, "priority");
        let placed = placements(&cluster);
        assert_eq!(placed.len(), 24, "{name}");
        let tainted = placed.iter().any(|(_, node)| cluster.node_name(*node).starts_with("kept"));
        assert!(!tainted, "{name} ignores taints");
        assert_eq!(placements(&run(name, "priority")), placed, "{name} twice");
    }
}

#[test]
fn packing_uses_fewer_nodes_than_spreading() {
    let nodes = |policy: &str| pods_by_node(&run(policy, "priority")).len();
    for packing in ["most-allocated", "best-fit", "first-fit", "next-fit"] {
        assert!(nodes(packing) <= 4, "{packing}: {} nodes", nodes(packing));
    }
    for spreading in ["least-allocated", "worst-fit", "least-pods", "round-robin", "swarm-spread", "borg-epvm"] {
        assert_eq!(nodes(spreading), 6, "{spreading}");
    }
}

/// Nodes of 2 Ti: what is free is above 1e12 bytes on both, and still the emptier one gets each pod.
#[test]
fn large_scores_of_expressions_are_told_apart() {
    let cluster = run_text(
        r#"
name: large
duration: 3m
cluster: { nodes: [{ name: n, count: 2, capacity: { cpu: 64, memory: 2Ti } }] }
workloads: [{ deployment: web, replicas: 6, pod: { requests: { cpu: 1, memory: 100Gi } } }]
policies: [{ name: mine, score: "node.free.memory" }]
scheduler: { policy: mine }
"#,
    );
    assert_eq!(pods_by_node(&cluster), BTreeMap::from([("n-1".to_string(), 3), ("n-2".to_string(), 3)]));
}

/// `data` may go to `n-2` only: the node with the label it wants. `web` has no such label, which fails and filters,
/// unless asked for; its namespace and the zone decide for `n-1`.
#[test]
fn expressions_know_labels_zones_taints_and_names() {
    let cluster = run_text(
        r#"
name: marks
duration: 3m
cluster:
  nodes:
    - { name: n-1, zone: a, capacity: { cpu: 64, memory: 64Gi }, labels: { disk: hdd } }
    - { name: n-2, zone: b, capacity: { cpu: 64, memory: 64Gi }, labels: { disk: ssd } }
    - { name: n-3, zone: a, capacity: { cpu: 64, memory: 64Gi }, taints: [{ key: old, effect: PreferNoSchedule }] }
workloads:
  - { deployment: data, replicas: 3, pod: { requests: { cpu: 1 }, labels: { wants: ssd } } }
  - { deployment: web, namespace: shop, replicas: 4, pod: { requests: { cpu: 1 }, priority: 7 } }
policies:
  - name: mine
    filter: |
      "wants" in pod.labels
        ? node.labels["disk"] == pod.labels["wants"]
        : pod.priority == 7 && !("old" in node.taints && node.taints["old"] == "PreferNoSchedule")
    score: 'pod.namespace == "shop" && node.zone == "a" && node.name != "n-3" ? 1 : 0'
scheduler: { policy: mine }
"#,
    );
    assert_eq!(pods_by_node(&cluster), BTreeMap::from([("n-1".to_string(), 4), ("n-2".to_string(), 3)]));
}

/// Pods come one after another, and each is refused unless its group is as large as its controller wants it.
#[test]
fn a_group_is_as_large_as_its_controller_wants_it() {
    let cluster = run_text(
        r#"
name: groups
duration: 5m
cluster: { nodes: [{ name: n, count: 3, capacity: { cpu: 64, memory: 64Gi } }] }
workloads:
  - { deployment: web, replicas: 3, pod: { requests: { cpu: 1 } } }
  - object:
      apiVersion: apps/v1
      kind: StatefulSet
      metadata: { name: db }
      spec:
        replicas: 3
        serviceName: db
        selector: { matchLabels: { app: db } }
        template: { metadata: { labels: { app: db } }, spec: { containers: [{ name: db, image: "db:1" }] } }
  - object:
      apiVersion: apps/v1
      kind: DaemonSet
      metadata: { name: agent }
      spec:
        selector: { matchLabels: { app: agent } }
        template: { metadata: { labels: { app: agent } }, spec: { containers: [{ name: agent, image: "agent:1" }] } }
  - object:
      apiVersion: batch/v1
      kind: Job
      metadata: { name: sum }
      spec:
        parallelism: 3
        completions: 7
        template: { spec: { restartPolicy: Never, containers: [{ name: sum, image: "sum:1" }] } }
policies: [{ name: mine, filter: pod.group_size == 3, score: "0" }]
scheduler: { policy: mine }
"#,
    );
    assert_eq!(placements(&cluster).len(), 12);
}

/// An Indexed Job of one pod that fails: Nomad's reschedule penalty sends the second try to the other node, on which
/// (fit − 0) is better than (fit − 1) / 2, whichever node came first.
#[test]
fn nomad_tries_again_elsewhere() {
    let text = r#"
name: again
duration: 90s
cluster: { nodes: [{ name: n, count: 2, capacity: { cpu: 64, memory: 64Gi } }] }
workloads:
  - object:
      apiVersion: batch/v1
      kind: Job
      metadata: { name: try }
      spec:
        parallelism: 1
        completions: 1
        completionMode: Indexed
        template:
          metadata: { annotations: { sim/run-for: 20s, sim/exit-code: "1" } }
          spec: { restartPolicy: Never, containers: [{ name: try, image: "try:1" }] }
scheduler: { policy: nomad-binpack }
"#;
    for seed in 0..6 {
        let cluster = run_text(&format!("{text}seed: {seed}\n"));
        let nodes: Vec<NodeId> = placements(&cluster).into_iter().map(|(_, node)| node).collect();
        assert!(nodes.len() >= 2 && nodes[0] != nodes[1], "seed {seed}: {nodes:?}");
    }
}

/// Pods that ask for nothing count as 100m and 200 MiB (reference 4.2), so that the emptiest of four equal nodes is
/// another one each time.
#[test]
fn pods_without_requests_are_spread_by_least_allocated() {
    let cluster = run_text(
        r#"
name: nothing
duration: 3m
cluster: { nodes: [{ name: n, count: 4, capacity: { cpu: 4, memory: 8Gi } }] }
workloads: [{ deployment: web, replicas: 12, pod: { image: x } }]
scheduler: { policy: least-allocated }
"#,
    );
    assert_eq!(pods_by_node(&cluster).into_values().collect::<Vec<_>>(), [3, 3, 3, 3]);
}

/// Eight GPUs, two tenants, one GPU a pod: an eighth each time is the dominant share of both, whatever cpu they ask for
/// (1 and 4 of 100), so they take turns.
#[test]
fn dominant_shares_count_gpus() {
    let cluster = run_text(
        r#"
name: gpus
duration: 5m
cluster: { nodes: [{ name: n, count: 1, capacity: { cpu: 100, memory: 100Gi }, gpus: { count: 8 } }] }
workloads:
  - { deployment: a, namespace: ta, replicas: 20, pod: { requests: { cpu: 1, memory: 1Gi }, gpu: 1 } }
  - { deployment: b, namespace: tb, replicas: 20, pod: { requests: { cpu: 4, memory: 4Gi }, gpu: 1 } }
scheduler: { queue: dominant-share }
"#,
    );
    let of = |namespace: &str| {
        let here = |(_, pod): &(PodId, &sim::cluster::Pod)| {
            pod.node.is_some() && cluster.names.text(cluster.spec(pod.spec).namespace) == namespace
        };
        cluster.pods().filter(here).count()
    };
    assert_eq!([of("ta"), of("tb")], [4, 4]);
}

#[test]
fn every_order_of_the_queue_tries_every_pod() {
    for queue in ["priority", "fifo", "shortest-job", "gang", "dominant-share"] {
        assert_eq!(placements(&run("least-pods", queue)).len(), 24, "{queue}");
    }
}

#[test]
fn an_unknown_policy_is_answered_with_the_nearest() {
    let problems = scenario::load_text("t.yaml", &text("best-fitt", "priority"), &[]).err().unwrap().to_string();
    assert!(problems.contains("best-fit"), "{problems}");
}

/// One node with two devices; four halves and a whole come, and the whole waits until two halves are gone.
#[test]
fn pods_share_devices_and_wait_for_them() {
    let yaml = r#"
name: gpus
duration: 2m
cluster: { nodes: [{ name: gpu, count: 1, capacity: { cpu: 16, memory: 16Gi } }] }
scheduler: { policy: fgd }
"#;
    let scenario = scenario::load_text("gpus.yaml", yaml, &[]).map_err(|d| d.to_string()).unwrap();
    let mut setup = scenario::build(&scenario).map_err(|d| d.to_string()).unwrap();
    let model = setup.cluster.names.intern("T4");
    setup.nodes[0].gpus = Some(GpuInventory { model, count: 2 });
    for (index, milli) in [500, 500, 500, 500, 1000].into_iter().enumerate() {
        let mut spec = sim::cluster::PodSpec::new(&mut setup.cluster.names, "train");
        spec.gpu = Some(GpuRequest { count: 1, milli, models: Default::default() });
        let spec = setup.cluster.intern_spec(spec);
        let name = setup.cluster.names.intern(&format!("train-{index}"));
        setup.workloads.push(sim::simulation::Workload::Pod { name, spec });
    }
    for name in ["train-0", "train-1"] {
        let command = Command::DeletePod(setup.cluster.names.intern("default"), name.to_string(), Some(Span::ZERO));
        setup.timeline.push((Time::from_secs(60), command));
    }
    let mut simulation = Simulation::new(setup, &mut Silent);
    simulation.run_until(Time::from_secs(59), &mut Silent);
    let cluster = &simulation.cluster;
    cluster.check().unwrap();
    let node = cluster.node(NodeId(0)).unwrap();
    assert_eq!((node.gpus.free(), node.gpus.classes()), ([0, 0].as_slice(), &[4, 0, 0, 0, 0]));
    assert_eq!(placements(cluster).len(), 4, "the whole device must wait");
    let devices = |cluster: &Cluster, pod: u32| cluster.pod(PodId(pod)).map(|pod| pod.devices);
    assert_eq!(devices(cluster, 0), devices(cluster, 1), "the second half fills the device of the first");
    let freed = devices(cluster, 0);
    simulation.run_until(Time::from_secs(119), &mut Silent);
    simulation.cluster.check().unwrap();
    assert_eq!(placements(&simulation.cluster).len(), 3);
    assert_eq!(devices(&simulation.cluster, 4), freed, "the whole device went to the one that waited");
}
