//! Random manifests: small sets of labels, zones and sizes, so that everything meets everything.

use serde_json::{Value, json};
use sim::engine::Stream;

/// One of these.
pub(crate) fn one<T: Clone>(draw: &mut Stream, of: &[T]) -> T {
    of[draw.below(of.len() as u64) as usize].clone()
}

/// True once in `n`.
pub(crate) fn once_in(draw: &mut Stream, n: u64) -> bool {
    draw.below(n) == 0
}

/// A node.
pub(crate) fn node(draw: &mut Stream, number: u64, zones: u64) -> Value {
    let name = format!("node-{number}");
    let size = json!({"cpu": one(draw, &["2", "4", "8"]), "memory": one(draw, &["4Gi", "8Gi"]),
        "pods": one(draw, &["5", "9", "110"]), "example.com/gpu": one(draw, &["0", "2"])});
    let images: Vec<Value> = (0..draw.below(3))
        .map(|_| json!({"names": [format!("{}:1", one(draw, &["big", "small"]))], "sizeBytes": 500_000_000}))
        .collect();
    json!({"metadata": {"name": name, "labels": labels(draw, &name, zones)},
        "spec": {"taints": taints(draw), "unschedulable": once_in(draw, 12)},
        "status": {"capacity": size, "allocatable": size, "images": images}})
}

/// A node's labels; some have no zone.
pub(crate) fn labels(draw: &mut Stream, name: &str, zones: u64) -> Value {
    let mut labels = json!({"kubernetes.io/hostname": name, "disk": one(draw, &["ssd", "hdd"])});
    if !once_in(draw, 6) {
        labels["topology.kubernetes.io/zone"] = json!(format!("z{}", 1 + draw.below(zones)));
    }
    labels
}

/// Taints of a node, mostly none.
pub(crate) fn taints(draw: &mut Stream) -> Value {
    let effects = ["NoSchedule", "PreferNoSchedule", "PreferNoSchedule", "NoExecute"];
    let taint = |draw: &mut Stream| json!({"key": one(draw, &["a", "b"]), "value": "x", "effect": one(draw, &effects)});
    match draw.below(6) {
        0 => json!([taint(draw)]),
        1 => {
            json!([{"key": "a", "value": "x", "effect": "PreferNoSchedule"}, {"key": "b", "effect": "PreferNoSchedule"}])
        }
        _ => json!([]),
    }
}

fn selector(draw: &mut Stream) -> Value {
    match draw.below(8) {
        0 => json!({}),
        1 => json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}),
        2 => json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
        _ => json!({"matchLabels": {"app": one(draw, &["a", "b", "c"])}}),
    }
}

fn key(draw: &mut Stream) -> &'static str {
    one(draw, &["topology.kubernetes.io/zone", "topology.kubernetes.io/zone", "kubernetes.io/hostname", "disk"])
}

fn term(draw: &mut Stream) -> Value {
    let mut term = json!({"topologyKey": key(draw), "labelSelector": selector(draw)});
    match draw.below(6) {
        0 => term["namespaces"] = json!(["team"]),
        1 => term["namespaceSelector"] = json!({}),
        2 => term["namespaceSelector"] = json!({"matchLabels": {"kind": "team"}}),
        _ => (),
    }
    term
}

fn weighted(draw: &mut Stream) -> Value {
    json!([{"weight": one(draw, &[1, 10, 100]), "podAffinityTerm": term(draw)}])
}

fn affinity(draw: &mut Stream) -> Value {
    let disk = json!({"key": "disk", "operator": one(draw, &["In", "NotIn"]), "values": ["ssd"]});
    let zone = json!({"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["z1", "z2"]});
    match draw.below(8) {
        0 => json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchExpressions": [disk]}, {"matchExpressions": [zone]}]}}}),
        1 => json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
            [{"weight": 3, "preference": {"matchExpressions": [disk]}}, {"weight": 5, "preference": {"matchExpressions": [zone]}}]}}),
        2 => json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(draw)]}}),
        3 => json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(draw)]}}),
        4 => json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(draw), term(draw)],
            "preferredDuringSchedulingIgnoredDuringExecution": weighted(draw)}}),
        5 => json!({"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": weighted(draw)}}),
        6 => json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
            {"nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-2"]}]}]}}}),
        _ => json!({}),
    }
}

fn spread(draw: &mut Stream) -> Value {
    let constraint = |draw: &mut Stream| {
        let hard = once_in(draw, 2);
        let mut one_of = json!({"maxSkew": 1 + draw.below(3), "topologyKey": key(draw), "labelSelector": selector(draw),
            "whenUnsatisfiable": if hard { "DoNotSchedule" } else { "ScheduleAnyway" }});
        if hard && once_in(draw, 4) {
            one_of["minDomains"] = json!(4);
        }
        if once_in(draw, 4) {
            one_of["nodeAffinityPolicy"] = json!("Ignore");
        }
        if once_in(draw, 3) {
            one_of["nodeTaintsPolicy"] = json!("Honor");
        }
        if once_in(draw, 4) && one_of["labelSelector"].get("matchExpressions").is_none() {
            one_of["matchLabelKeys"] = json!(["tier"]);
        }
        one_of
    };
    match draw.below(4) {
        0 => json!([constraint(draw)]),
        1 => json!([constraint(draw), constraint(draw)]),
        _ => json!([]),
    }
}

/// A pod template without a name; the ReplicaSets `set-a` … own some of them.
pub(crate) fn template(draw: &mut Stream) -> Value {
    let app = one(draw, &["a", "b", "c"]);
    let requests = match draw.below(5) {
        0 => json!({}),
        1 => json!({"cpu": "1", "example.com/gpu": "1"}),
        _ => json!({"cpu": one(draw, &["100m", "500m", "1500m"]), "memory": one(draw, &["64Mi", "1Gi"])}),
    };
    let mut container = json!({"name": "c", "image": one(draw, &["big:1", "small:1", "other:1"]),
        "resources": {"requests": requests, "limits": {"example.com/gpu": requests.get("example.com/gpu").cloned().unwrap_or(json!("0"))}}});
    if once_in(draw, 6) {
        container["ports"] = json!([{"containerPort": 80, "hostPort": one(draw, &[80, 81])}]);
    }
    let mut metadata = json!({"namespace": one(draw, &["default", "default", "team"]), "labels": {"app": app}});
    if once_in(draw, 3) {
        metadata["labels"]["tier"] = json!(one(draw, &["x", "y"]));
    }
    if once_in(draw, 3) && metadata["namespace"] == "default" {
        metadata["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("set-{app}"), "uid": "1", "controller": true}]);
    }
    let mut spec = json!({"containers": [container], "affinity": affinity(draw), "topologySpreadConstraints": spread(draw),
        "priorityClassName": one(draw, &["", "", "", "high", "urgent"])});
    if once_in(draw, 3) {
        spec["tolerations"] = json!([{"key": "a", "operator": "Exists"}]);
    }
    if once_in(draw, 8) {
        spec["nodeSelector"] = json!({"disk": "ssd"});
    }
    match draw.below(10) {
        0 => {
            spec["volumes"] =
                json!([{"name": "v", "persistentVolumeClaim": {"claimName": one(draw, &["zonal", "shared"])}}])
        }
        1 => spec["volumes"] = json!([{"name": "v", "gcePersistentDisk": {"pdName": one(draw, &["d1", "d2"])}}]),
        _ => (),
    }
    json!({"metadata": metadata, "spec": spec})
}

/// Priority classes, namespaces, ReplicaSets, a Service, budgets and volumes.
pub(crate) fn objects() -> Vec<Value> {
    let set = |app: &str| {
        json!({"kind": "ReplicaSet", "metadata": {"name": format!("set-{app}")},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": app}}}})
    };
    let zonal = json!({"required": {"nodeSelectorTerms": [{"matchExpressions":
        [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["z1"]}]}]}});
    let volume = |name: &str, mode: &str, claim: &str| {
        json!({"kind": "PersistentVolume", "metadata": {"name": name}, "spec": {"capacity": {"storage": "1Gi"},
            "accessModes": [mode], "csi": {"driver": "csi.example.com", "volumeHandle": name},
            "claimRef": {"namespace": "default", "name": claim}}, "status": {"phase": "Bound"}})
    };
    let claim = |name: &str, mode: &str, volume: &str| {
        json!({"kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "default",
                "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
            "spec": {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": volume,
                "storageClassName": ""}, "status": {"phase": "Bound"}})
    };
    let mut zonal_volume = volume("pv-zonal", "ReadWriteOnce", "zonal");
    zonal_volume["spec"]["nodeAffinity"] = zonal;
    let class = |name: &str, value: i32| json!({"kind": "PriorityClass", "metadata": {"name": name}, "value": value});
    vec![
        class("high", 10),
        class("urgent", 1000),
        json!({"kind": "Namespace", "metadata": {"name": "team", "labels": {"kind": "team"}}}),
        set("a"),
        set("b"),
        set("c"),
        json!({"kind": "PodDisruptionBudget", "metadata": {"name": "b"},
            "spec": {"selector": {"matchLabels": {"app": "b"}}, "maxUnavailable": 1}, "status": {"disruptionsAllowed": 1}}),
        zonal_volume,
        volume("pv-shared", "ReadWriteOncePod", "shared"),
        claim("zonal", "ReadWriteOnce", "pv-zonal"),
        claim("shared", "ReadWriteOncePod", "pv-shared"),
    ]
}

/// A Service that selects an app.
pub(crate) fn service(draw: &mut Stream, number: u64) -> Value {
    json!({"kind": "Service", "metadata": {"name": format!("service-{number}"), "namespace": "default"},
        "spec": {"selector": {"app": one(draw, &["a", "b", "c"])}}})
}
