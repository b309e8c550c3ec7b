//! `kubectl describe`: what a table has no room for, and what was said about the object.

use std::fmt::Write;

use crate::cluster::admission::{bytes_text, cpu_text};
use crate::cluster::spec::{ContainerSpec, Role};
use crate::cluster::taint::{TolerationOperator, taint_text};
use crate::cluster::{Cluster, Labels, Node, Object, Phase, Pod, PodId, Resources, Toleration};

use super::age::age;
use super::nodes::percent;
use super::table::aligned;
use super::{Resource, Row, Snapshot, or_none, text};

/// Everything about the objects of a kind called `name`; empty if there is none.
pub fn describe(snapshot: &Snapshot, resource: &Resource, name: &str) -> String {
    let table = snapshot.table(resource, Some(name));
    let one = |row: &Row| {
        let mut out = match resource.kind {
            "pod" => pod(row, snapshot.cluster()),
            "node" => node(row, snapshot.cluster()),
            _ => object(row, resource, snapshot.cluster()),
        };
        if !matches!(resource.kind, "pod" | "node") {
            for (index, head) in table.columns(true) {
                field(&mut out, &spelled(head), &row.cells[index]);
            }
        }
        said(&mut out, snapshot, resource, row);
        out
    };
    table.rows.iter().map(one).collect::<Vec<_>>().join("\n\n")
}

fn pod(row: &Row, cluster: &Cluster) -> String {
    let found = cluster.pods().find(|(id, pod)| is(row, *id, pod, cluster));
    let Some((_, pod)) = found else { return String::new() };
    let spec = cluster.spec(pod.spec);
    let mut out = String::new();
    field(&mut out, "Name", &row.name);
    field(&mut out, "Namespace", &row.namespace);
    field(&mut out, "Priority", &spec.priority.to_string());
    field(&mut out, "Node", &or_none(pod.bound_node().map_or(String::new(), |id| cluster.node_name(id).to_string())));
    list(&mut out, "Labels", labels(&spec.labels, cluster));
    field(&mut out, "Status", if pod.deletion.is_some() { "Terminating" } else { pod.phase.as_str() });
    if let Some(owner) = pod.owner.and_then(|owner| cluster.object(owner)) {
        let owner = format!("{}/{}", owner.body.kind().as_str(), text(owner.name, cluster));
        field(&mut out, "Controlled By", &owner);
    }
    for (title, role) in [("Init Containers:\n", Role::Init), ("Containers:\n", Role::App)] {
        let of_role: Vec<&ContainerSpec> = spec.containers.iter().filter(|it| it.role == role).collect();
        out.push_str(if of_role.is_empty() { "" } else { title });
        of_role.into_iter().for_each(|spec| container(&mut out, spec, pod, cluster));
    }
    let truth = |is: bool| vec![if is { "True" } else { "False" }.to_string()];
    let condition = |name: &str, is: bool| [vec![name.to_string()], truth(is)].concat();
    let conditions = [
        condition("Ready", pod.ready),
        condition("ContainersReady", pod.containers_ready),
        condition("PodScheduled", pod.bound),
    ];
    out.push_str("Conditions:\n");
    out.push_str(&aligned(&["Type", "Status"], &conditions, "  "));
    list(&mut out, "Node-Selectors", labels(&spec.node_selector, cluster));
    list(&mut out, "Tolerations", spec.tolerations.iter().map(|it| toleration(it, cluster)).collect());
    out
}

fn is(row: &Row, id: PodId, pod: &Pod, cluster: &Cluster) -> bool {
    cluster.pod_exists(id)
        && cluster.names.text(cluster.spec(pod.spec).namespace) == row.namespace
        && cluster.pod_name(id) == row.name
}

fn container(out: &mut String, spec: &ContainerSpec, pod: &Pod, cluster: &Cluster) {
    let state = match pod.phase {
        _ if spec.role != Role::App => "",
        Phase::Pending => "Waiting",
        Phase::Running if pod.container.has_ended() => "Waiting (CrashLoopBackOff)",
        Phase::Running => "Running", // as last heard of: the machine may be gone
        Phase::Succeeded | Phase::Failed => "Terminated",
    };
    let _ = writeln!(out, "  {}:", text(spec.name, cluster)); // writing to a String cannot fail
    for (name, value) in [
        ("Image", or_none(text(spec.image, cluster))),
        ("State", state.to_string()),
        ("Ready", if pod.containers_ready { "True" } else { "False" }.to_string()),
        ("Restart Count", pod.restarts.to_string()),
        ("Limits", amounts(&spec.limits, cluster)),
        ("Requests", amounts(&spec.requests, cluster)),
    ] {
        if !value.is_empty() && (spec.role == Role::App || !matches!(name, "Ready" | "Restart Count")) {
            let _ = writeln!(out, "    {:<15} {value}", format!("{name}:"));
        }
    }
}

fn node(row: &Row, cluster: &Cluster) -> String {
    let found = cluster.nodes().find(|(_, node)| cluster.names.text(node.name()) == row.name);
    let Some((_, node)) = found else { return String::new() };
    let mut out = String::new();
    field(&mut out, "Name", &row.name);
    list(&mut out, "Labels", labels(&node.spec.labels, cluster));
    list(&mut out, "Taints", node.spec.taints.iter().map(|taint| taint_text(taint, &cluster.names)).collect());
    field(&mut out, "Unschedulable", &node.spec.unschedulable.to_string());
    let ready = vec![
        "Ready".to_string(),
        node.ready.status.as_str().to_string(),
        format!("{} ago", age(node.ready.since, cluster.now)),
    ];
    out.push_str("Conditions:\n");
    out.push_str(&aligned(&["Type", "Status", "LastTransition"], &[ready], "  "));
    let with_pods = |resources: &Resources| format!("{}, pods {}", amounts(resources, cluster), node.spec.max_pods);
    field(&mut out, "Capacity", &with_pods(&node.spec.capacity));
    field(&mut out, "Allocatable", &with_pods(&node.spec.allocatable));
    pods_of(&mut out, node, cluster);
    out
}

/// The pods that hold resources of the node, and what they hold together.
fn pods_of(out: &mut String, node: &Node, cluster: &Cluster) {
    let allocatable = &node.spec.allocatable;
    let running = node.pods.iter().filter_map(|id| Some((*id, cluster.pod(*id)?)));
    let running = running.filter(|(_, pod)| pod.bound && !pod.phase.is_terminal());
    let line = |(id, pod): (PodId, &Pod)| {
        let spec = cluster.spec(pod.spec);
        let (cpu, memory) = (spec.requests.cpu, spec.requests.memory);
        vec![
            text(spec.namespace, cluster),
            cluster.pod_name(id),
            format!("{} ({})", cpu_text(cpu), percent(cpu, allocatable.cpu)),
            format!("{} ({})", bytes_text(memory), percent(memory, allocatable.memory)),
            age(pod.created_at, cluster.now),
        ]
    };
    let mut lines: Vec<Vec<String>> = running.map(line).collect();
    lines.sort();
    let _ = writeln!(out, "Non-terminated Pods: ({} in total)", lines.len()); // writing to a String cannot fail
    if !lines.is_empty() {
        out.push_str(&aligned(&["Namespace", "Name", "CPU Requests", "Memory Requests", "Age"], &lines, "  "));
    }
    let (cpu, memory) = (node.requested.cpu, node.requested.memory);
    let allocated = [
        vec!["cpu".to_string(), format!("{} ({})", cpu_text(cpu), percent(cpu, allocatable.cpu))],
        vec!["memory".to_string(), format!("{} ({})", bytes_text(memory), percent(memory, allocatable.memory))],
    ];
    out.push_str("Allocated resources:\n");
    out.push_str(&aligned(&["Resource", "Requests"], &allocated, "  "));
}

/// What all other kinds have in common; what is their own stands in the columns of their table.
fn object(row: &Row, resource: &Resource, cluster: &Cluster) -> String {
    let called = |object: &Object| {
        object.body.kind().as_str().eq_ignore_ascii_case(resource.kind)
            && cluster.names.text(object.name) == row.name
            && cluster.names.text(object.namespace) == row.namespace
    };
    let found = cluster.objects().find(|(_, object)| called(object));
    let Some((_, object)) = found else { return String::new() };
    let mut out = String::new();
    field(&mut out, "Name", &row.name);
    if !row.namespace.is_empty() {
        field(&mut out, "Namespace", &row.namespace);
    }
    list(&mut out, "Labels", labels(&object.labels, cluster));
    if let Some(owner) = object.owner.and_then(|owner| cluster.object(owner)) {
        field(&mut out, "Controlled By", &format!("{}/{}", owner.body.kind().as_str(), text(owner.name, cluster)));
    }
    out
}

/// The events about the object.
fn said(out: &mut String, snapshot: &Snapshot, resource: &Resource, row: &Row) {
    let name = if row.namespace.is_empty() { row.name.clone() } else { format!("{}/{}", row.namespace, row.name) };
    let about = snapshot.log.about(Some(resource), Some(&name));
    if about.is_empty() {
        field(out, "Events", "<none>");
        return;
    }
    let lines: Vec<Vec<String>> = about.iter().map(|said| said.described(snapshot.cluster().now)).collect();
    out.push_str("Events:\n");
    out.push_str(&aligned(&["Type", "Reason", "Age", "From", "Message"], &lines, "  "));
}

/// A line `Name:   value`.
fn field(out: &mut String, name: &str, value: &str) {
    let name = if name.is_empty() { String::new() } else { format!("{name}:") };
    let _ = writeln!(out, "{name:<18} {value}"); // writing to a String cannot fail
}

/// A field with one value a line.
fn list(out: &mut String, name: &str, values: Vec<String>) {
    let mut values = values.into_iter();
    field(out, name, &values.next().unwrap_or_else(|| "<none>".to_string()));
    values.for_each(|value| field(out, "", &value));
}

/// `UP-TO-DATE` → `Up-to-date`, `ALLOWED DISRUPTIONS` → `Allowed disruptions`.
fn spelled(head: &str) -> String {
    let mut letters = head.chars();
    letters.next().into_iter().chain(letters.flat_map(char::to_lowercase)).collect()
}

fn labels(labels: &Labels, cluster: &Cluster) -> Vec<String> {
    let pair = |(key, value)| format!("{}={}", cluster.names.text(key), cluster.names.text(value));
    let mut pairs: Vec<String> = labels.iter().map(pair).collect();
    pairs.sort();
    pairs
}

/// `cpu 500m, memory 1Gi, nvidia.com/gpu 2`; empty if there is nothing.
fn amounts(resources: &Resources, cluster: &Cluster) -> String {
    let mut amounts = Vec::new();
    for (name, amount, written) in [
        ("cpu", resources.cpu, cpu_text(resources.cpu)),
        ("memory", resources.memory, bytes_text(resources.memory)),
        ("ephemeral-storage", resources.ephemeral_storage, bytes_text(resources.ephemeral_storage)),
    ] {
        amounts.extend((amount > 0).then(|| format!("{name} {written}")));
    }
    amounts.extend(resources.scalars.iter().map(|(name, amount)| format!("{} {amount}", cluster.names.text(*name))));
    amounts.join(", ")
}

/// `key=value:Effect op=Exists for 300s`, as kubectl writes it.
fn toleration(toleration: &Toleration, cluster: &Cluster) -> String {
    let mut out = toleration.key.map_or(String::new(), |key| text(key, cluster));
    if toleration.operator == TolerationOperator::Equal && !cluster.names.text(toleration.value).is_empty() {
        let _ = write!(out, "={}", cluster.names.text(toleration.value)); // writing to a String cannot fail
    }
    if let Some(effect) = toleration.effect {
        let _ = write!(out, ":{}", effect.as_str());
    }
    if toleration.operator == TolerationOperator::Exists {
        out.push_str(" op=Exists");
    }
    if let Some(span) = toleration.seconds {
        let _ = write!(out, " for {}s", span.0 / 1_000_000_000);
    }
    out.trim_start().to_string()
}
