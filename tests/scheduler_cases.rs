//! Decisions of the scheduler worked out by hand: corners that the recordings do not show.

use serde_json::{Value, json};
use sim::cluster::NodeId;
use sim::fidelity::world::World;
use sim::scheduler::explain::Explanation;
use sim::scheduler::{Config, config, plugins};

/// A world under the default profile.
fn world() -> World {
    World::new(|names| Ok(Config::new(names))).expect("a world")
}

/// A world under this profile, written as in a KubeSchedulerConfiguration.
fn world_with(profile: &Value) -> World {
    let written = json!({"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "profiles": [profile]});
    World::new(|names| {
        config::read(&written, names)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    })
    .expect("a configuration")
}

/// Adds a node of 2 cores, 2Gi and 110 pods; `spec` and `labels` as given.
fn add_node(world: &mut World, name: &str, labels: Value, spec: Value) {
    let size = json!({"cpu": "2", "memory": "2Gi", "pods": "110"});
    let node = json!({"metadata": {"name": name, "labels": labels}, "spec": spec,
        "status": {"capacity": size, "allocatable": size}});
    world.add_node(&node).expect("a node");
}

/// A pod of one container with these requests, and what else its spec says.
fn pod(name: &str, requests: Value, spec: Value) -> Value {
    let mut pod = json!({"metadata": {"name": name, "labels": {"app": name}},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"requests": requests}}]}});
    for (key, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][key] = value.clone();
    }
    pod
}

/// Creates a pod that runs on a node.
fn run(world: &mut World, mut pod: Value, node: &str) {
    pod["spec"]["nodeName"] = node.into();
    world.create_running(&pod, 1_767_229_200).expect("a running pod");
}

/// What an attempt to schedule the pod comes to.
fn ask(world: &mut World, pod: &Value) -> Explanation {
    let pod = world.create_pod(pod).expect("a pod");
    world.scheduler.explain(pod, &world.cluster, None)
}

fn priority_class(world: &mut World, name: &str, value: i32) {
    world.create(&json!({"kind": "PriorityClass", "metadata": {"name": name}, "value": value})).expect("a class");
}

fn names(world: &World, nodes: &[NodeId]) -> Vec<String> {
    nodes.iter().map(|node| world.cluster.node_name(*node).to_string()).collect()
}

/// A plugin's weighted scores by feasible node.
fn scores(world: &World, explanation: &Explanation, plugin: &str) -> Vec<(String, i64)> {
    let column = explanation.scores.iter().find(|column| plugins::ALL[column.plugin].name == plugin);
    let weighted = column.map_or(&[][..], |column| &column.weighted);
    names(world, &explanation.feasible).into_iter().zip(weighted.iter().copied()).collect()
}

#[test]
fn a_pod_pinned_to_a_node_that_is_not_there_finds_all_nodes_left_out() {
    let mut world = world();
    (1..=3).for_each(|n| add_node(&mut world, &format!("n{n}"), json!({}), json!({})));
    let pin = json!({"key": "metadata.name", "operator": "In", "values": ["ghost"]});
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": [{"matchFields": [pin]}]}}});
    let explanation = ask(&mut world, &pod("p", json!({}), json!({"affinity": affinity})));
    // the PreFilter result names a node, so the pod is not rejected at once; none of the three is that node
    assert_eq!(
        explanation.message.as_deref(),
        Some(
            "0/3 nodes are available: 3 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims to deallocate, \
             preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
        )
    );
}

#[test]
fn a_node_on_which_preemption_fails_for_two_reasons_is_one_node() {
    let mut world = world();
    priority_class(&mut world, "high", 10);
    priority_class(&mut world, "middle", 5);
    add_node(&mut world, "n1", json!({}), json!({}));
    add_node(&mut world, "n2", json!({}), json!({"taints": [{"key": "k", "effect": "NoSchedule"}]}));
    let big = json!({"cpu": "1500m", "memory": "1536Mi"});
    run(&mut world, pod("high", big, json!({"priorityClassName": "high"})), "n1");
    run(&mut world, pod("low", json!({"cpu": "100m"}), json!({})), "n1");
    let preemptor = pod("p", json!({"cpu": "1", "memory": "1Gi"}), json!({"priorityClassName": "middle"}));
    let explanation = ask(&mut world, &preemptor);
    assert_eq!(
        explanation.message.as_deref(),
        Some(
            "0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) had untolerated taint(s). \
             no new claims to deallocate, preemption: 0/2 nodes are available: 1 Insufficient cpu, \
             1 Insufficient memory, 1 Preemption is not helpful for scheduling."
        )
    );
}

#[test]
fn pods_of_a_node_that_is_gone_count_nowhere() {
    let mut world = world();
    add_node(&mut world, "n1", json!({"zone": "a"}), json!({}));
    add_node(&mut world, "n2", json!({"zone": "b"}), json!({}));
    run(&mut world, pod("web", json!({}), json!({})), "n1");
    let gone = world.node("n1").expect("n1");
    world.cluster.remove_node(gone);
    world.settle();
    let term = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}});
    let affinity = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    // `p` is first asked about now, so its terms are counted after the node has gone
    let explanation = ask(&mut world, &pod("p", json!({}), json!({"affinity": affinity})));
    assert_eq!(explanation.chosen, None);
    let web = world.pod("default", "web").expect("web");
    world.cluster.mark(web, sim::engine::Span::from_secs(30));
    world.settle();
    world.cluster.remove_pod(web);
    world.settle();
    // the first-pod rule: nobody is called web, but `q` is
    let explanation = ask(&mut world, &{
        let mut first = pod("q", json!({}), json!({"affinity": affinity}));
        first["metadata"]["labels"]["app"] = "web".into();
        first
    });
    assert_eq!(names(&world, &explanation.feasible), ["n2"]);
}

#[test]
fn a_preferred_added_affinity_scores_all_pods() {
    // 30 for ssd and 10 for zone z1: n1 40 of 40, n2 30, n3 10, n4 0; times weight 2
    let preferred = |weight: i64, key: &str, value: &str| json!({"weight": weight, "preference": {"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]}});
    let added = json!({"preferredDuringSchedulingIgnoredDuringExecution":
        [preferred(30, "disk", "ssd"), preferred(10, "zone", "z1")]});
    let mut world = world_with(&json!({"schedulerName": "default-scheduler",
        "pluginConfig": [{"name": "NodeAffinity", "args": {"addedAffinity": added}}]}));
    add_node(&mut world, "n1", json!({"disk": "ssd", "zone": "z1"}), json!({}));
    add_node(&mut world, "n2", json!({"disk": "ssd"}), json!({}));
    add_node(&mut world, "n3", json!({"zone": "z1"}), json!({}));
    add_node(&mut world, "n4", json!({}), json!({}));
    let explanation = ask(&mut world, &pod("p", json!({"cpu": "1"}), json!({})));
    let expected = [("n1", 200), ("n2", 150), ("n3", 50), ("n4", 0)].map(|(node, score)| (node.to_string(), score));
    assert_eq!(scores(&world, &explanation, "NodeAffinity"), expected);
}

#[test]
fn list_defaults_without_constraints_spread_nothing() {
    let mut world = world_with(&json!({"schedulerName": "default-scheduler", "pluginConfig":
        [{"name": "PodTopologySpread", "args": {"defaultingType": "List", "defaultConstraints": []}}]}));
    add_node(&mut world, "n1", json!({"kubernetes.io/hostname": "n1"}), json!({}));
    add_node(&mut world, "n2", json!({"kubernetes.io/hostname": "n2"}), json!({}));
    world
        .create(&json!({"kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"app": "web"}}}))
        .expect("a service");
    run(&mut world, pod("web", json!({}), json!({})), "n1");
    let mut second = pod("second", json!({"cpu": "1"}), json!({}));
    second["metadata"]["labels"]["app"] = "web".into();
    let explanation = ask(&mut world, &second);
    assert_eq!(scores(&world, &explanation, "PodTopologySpread"), []);
}

#[test]
fn the_hard_weight_counts_required_affinity_of_existing_pods() {
    // `web` requires `p` in its zone: 50 for each node of zone a, stretched to 100, times weight 2
    let mut world = world_with(&json!({"schedulerName": "default-scheduler",
        "pluginConfig": [{"name": "InterPodAffinity", "args": {"hardPodAffinityWeight": 50}}]}));
    for (node, zone) in [("n1", "a"), ("n2", "a"), ("n3", "b")] {
        add_node(&mut world, node, json!({"zone": zone}), json!({}));
    }
    let term = json!({"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "p"}}});
    let affinity = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
    run(&mut world, pod("web", json!({}), json!({"affinity": affinity})), "n1");
    let explanation = ask(&mut world, &pod("p", json!({"cpu": "1"}), json!({})));
    let expected = [("n1", 200), ("n2", 200), ("n3", 0)].map(|(node, score)| (node.to_string(), score));
    assert_eq!(scores(&world, &explanation, "InterPodAffinity"), expected);
}

#[test]
fn a_volume_label_with_an_empty_part_says_nothing() {
    for (label, feasible) in [("z1__z2", vec!["n1"]), ("z1__", vec!["n1", "n3"])] {
        let mut world = world();
        add_node(&mut world, "n1", json!({"topology.kubernetes.io/zone": "z1"}), json!({}));
        add_node(&mut world, "n3", json!({"topology.kubernetes.io/zone": "z3"}), json!({}));
        let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "c", "namespace": "default",
                "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
                "volumeName": "v", "storageClassName": ""}, "status": {"phase": "Bound"}});
        let volume = json!({"kind": "PersistentVolume",
            "metadata": {"name": "v", "labels": {"topology.kubernetes.io/zone": label}},
            "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                "csi": {"driver": "csi.example.com", "volumeHandle": "v"},
                "claimRef": {"namespace": "default", "name": "c"}}, "status": {"phase": "Bound"}});
        world.create(&volume).expect("a volume");
        world.create(&claim).expect("a claim");
        let volumes = json!([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]);
        let explanation = ask(&mut world, &pod("p", json!({}), json!({"volumes": volumes})));
        assert_eq!(names(&world, &explanation.feasible), feasible, "{label}");
    }
}
