//! Recorded manifests and actions → commands. Manifests are kept, so that a patch can be merged into
//! the one it is for.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::core::v1 as core;
use serde_json::Value;

use crate::cluster::object::Body;
use crate::cluster::spec::Behaviour;
use crate::cluster::{Cluster, Effect, Kind, Labels, Name, PodId, Taint};
use crate::engine::{Distribution, Span, Time};
use crate::manifest::{self, Defaults};
use crate::simulation::{Command, Component, Exit, Target, Workload};

use super::case::{Case, LATENCY, typed};
use super::fit::succession;
use super::recorded::list;

/// The namespace that is recorded.
pub(super) const RECORDED_NAMESPACE: &str = "default";

/// An action at an instant.
#[derive(Clone, Debug)]
pub struct Step {
    /// When, in seconds.
    pub t: f64,
    /// Nodes whose lease is seen to be so many seconds old then.
    pub leases: Vec<(Name, f64)>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Command(Command),
    /// The deletion of a pod whose name in the run is not the recorded one.
    DeletePod(String, String, Option<Span>),
}

impl Step {
    /// The command, now that the run has come so far; `find` knows the run's pods by recorded names.
    pub fn command(self, cluster: &Cluster, find: impl Fn(&str) -> Option<PodId>) -> Option<Command> {
        match self.what {
            What::Command(command) => Some(command),
            What::DeletePod(namespace, name, grace) => {
                let name = find(&name).map_or(name, |pod| cluster.pod_name(pod));
                Some(Command::DeletePod(cluster.names.find(&namespace)?, name, grace))
            }
        }
    }
}

/// The manifests of a case as they stand.
pub(super) struct Manifests {
    objects: BTreeMap<String, Value>,
    defaults: Defaults,
    ready_delay: Span,
}

impl Manifests {
    pub(super) fn new(ready_delay: Span) -> Self {
        Manifests { objects: BTreeMap::new(), defaults: Defaults::default(), ready_delay }
    }

    /// Takes an object as created; `None` for one that only admission knows.
    pub(super) fn create(&mut self, cluster: &mut Cluster, manifest: &Value) -> Result<Option<Workload>, String> {
        self.objects.insert(key(manifest), manifest.clone());
        match manifest["kind"].as_str().unwrap_or_default() {
            "PriorityClass" => {
                self.defaults.priority_classes.push(manifest::priority_class(&typed(manifest)?));
                Ok(None)
            }
            "Namespace" => {
                know_namespace(cluster, text(&manifest["metadata"]["name"]));
                Ok(None)
            }
            _ => {
                know_namespace(cluster, text(&manifest["metadata"]["namespace"]));
                self.workload(cluster, manifest).map(Some)
            }
        }
    }

    fn workload(&self, cluster: &mut Cluster, manifest: &Value) -> Result<Workload, String> {
        let namespace = cluster.names.intern(manifest["metadata"]["namespace"].as_str().unwrap_or("default"));
        let name = cluster.names.intern(text(&manifest["metadata"]["name"]));
        if manifest["kind"] == "Pod" {
            let pod: core::Pod = typed(manifest)?;
            let spec = pod.spec.as_ref().ok_or("a pod without spec")?;
            let spec = manifest::pod_spec(&mut cluster.names, &pod.metadata, spec, &self.defaults);
            let mut spec = spec.map_err(|problems| format!("{problems:?}"))?;
            spec.set_behaviour(&self.behaviour(&manifest["metadata"]["annotations"]));
            return Ok(Workload::Pod { name, spec: cluster.intern_spec(spec) });
        }
        let body = self.body(cluster, manifest)?;
        Ok(Workload::Object { namespace, name, labels: Default::default(), body })
    }

    fn body(&self, cluster: &mut Cluster, manifest: &Value) -> Result<Body, String> {
        let spec = &manifest["spec"];
        let inner = if manifest["kind"] == "CronJob" { &spec["jobTemplate"]["spec"] } else { spec };
        let behaviour = self.behaviour(&inner["template"]["metadata"]["annotations"]);
        let defaults = &self.defaults;
        let body = match text(&manifest["kind"]) {
            "Deployment" => {
                let object: apps::Deployment = typed(manifest)?;
                manifest::workload::deployment(cluster, &object, &behaviour, defaults)
            }
            "ReplicaSet" => {
                let object: apps::ReplicaSet = typed(manifest)?;
                manifest::workload::replica_set(cluster, &object, &behaviour, defaults)
            }
            "StatefulSet" => manifest::sets::stateful_set(cluster, &typed(manifest)?, &behaviour, defaults),
            "DaemonSet" => manifest::sets::daemon_set(cluster, &typed(manifest)?, &behaviour, defaults),
            "Job" => manifest::batch::job(cluster, &typed(manifest)?, &behaviour, defaults),
            "CronJob" => manifest::batch::cron_job(cluster, &typed(manifest)?, &behaviour, defaults),
            "PodDisruptionBudget" => {
                manifest::disruption_budget(&mut cluster.names, &typed(manifest)?).map(Body::PodDisruptionBudget)
            }
            "ResourceQuota" => {
                manifest::quota::resource_quota(&mut cluster.names, &typed(manifest)?).map(Body::ResourceQuota)
            }
            "LimitRange" => manifest::quota::limit_range(&mut cluster.names, &typed(manifest)?).map(Body::LimitRange),
            "Service" => {
                let service: core::Service = typed(manifest)?;
                Ok(manifest::workload::service(cluster, &service).unwrap_or(Body::Service(Default::default())))
            }
            other => return Err(format!("kind {other}")),
        };
        body.map_err(|problems| format!("{problems:?}"))
    }

    /// What the recorder's kubelets do with a pod of these annotations.
    fn behaviour(&self, annotations: &Value) -> Behaviour {
        let seconds = |key: &str| annotations[key].as_str().and_then(|text| text.parse::<f64>().ok());
        Behaviour {
            ready_after: Some(Distribution::Constant(self.ready_delay)),
            never_ready: annotations["fake/ready"] == "never",
            run_for: seconds("fake/exit-after")
                .map(|after| Distribution::Constant(Span::from_secs_f64(after) + LATENCY)),
            exit_code: seconds("fake/exit-code").unwrap_or(0.0) as i32,
            ..Behaviour::default()
        }
    }

    /// Converts an action; `None` for one that only tells what came of another.
    pub(super) fn step(&mut self, cluster: &mut Cluster, action: &Value, case: &Case) -> Result<Vec<Step>, String> {
        let mut t = action["t"].as_f64().unwrap_or(0.0);
        if action["action"] == "kubectl-drain" {
            t = cordoned(case, text(&action["node"]), t); // how long a kubectl takes to start is chance
        }
        let commands = match text(&action["action"]) {
            "crash" | "recover" => machines(cluster, action, case),
            "create" => {
                let workload = self.create(cluster, &action["object"])?;
                workload.into_iter().map(|workload| Command::Create(vec![workload])).collect()
            }
            "patch" => self.patch(cluster, action)?,
            "add-node" => {
                let node: core::Node = typed(&action["node"])?;
                let spec =
                    manifest::node_spec(&mut cluster.names, &node).map_err(|problems| format!("{problems:?}"))?;
                vec![Command::AddNodes(vec![spec])]
            }
            "delete" if action["kind"] == "Pod" => {
                let namespace = action["namespace"].as_str().unwrap_or("default").to_string();
                // the recorder's kubelets look after one namespace: pods of others go by force
                let unkept = (namespace != RECORDED_NAMESPACE).then_some(Span::ZERO);
                let grace = action["grace"].as_u64().map(Span::from_secs).or(unkept);
                let what = What::DeletePod(namespace, text(&action["name"]).to_string(), grace);
                return Ok(vec![Step { t, leases: Vec::new(), what }]);
            }
            "delete" => vec![delete(cluster, action)?],
            "kubelet-reports-NotReady" => vec![Command::Sicken(node(cluster, action), None)],
            "kubelet-reports-Ready" => vec![Command::Cure(node(cluster, action))],
            "stop-controller-manager" => vec![Command::Stop(Component::ControllerManager)],
            "start-controller-manager" => vec![Command::Start(Component::ControllerManager)],
            "stop-scheduler" => vec![Command::Stop(Component::Scheduler)],
            "start-scheduler" => vec![Command::Start(Component::Scheduler)],
            "leader-kill" | "leader-terminate" => fail_over(action, case),
            "kubectl-drain" => vec![Command::Drain(node(cluster, action), None)],
            "kubectl-drain-returned" | "process-exited" => Vec::new(),
            other => return Err(format!("action {other}")),
        };
        let ages = action["secondsSinceLastLeaseRenewal"].as_object();
        let ages = ages.into_iter().flatten().filter_map(|(node, age)| Some((node, age.as_f64()?)));
        let leases: Vec<(Name, f64)> = ages.map(|(node, age)| (cluster.names.intern(node), age)).collect();
        let step = |command| Step { t, leases: leases.clone(), what: What::Command(command) };
        Ok(commands.into_iter().map(step).collect())
    }

    fn patch(&mut self, cluster: &mut Cluster, action: &Value) -> Result<Vec<Command>, String> {
        let (kind, patch) = (text(&action["kind"]), &action["patch"]);
        if kind == "Node" {
            return patch_node(cluster, action, patch);
        }
        let key = format!("{kind}/{}", text(&action["name"]));
        let mut manifest = self.objects.get(&key).cloned().ok_or_else(|| format!("patch of unknown {key}"))?;
        merge(&mut manifest, patch);
        self.objects.insert(key, manifest.clone());
        if kind == "Pod" {
            if manifest["spec"]["schedulingGates"].as_array().is_some_and(Vec::is_empty) {
                let namespace = cluster.names.intern(manifest["metadata"]["namespace"].as_str().unwrap_or("default"));
                return Ok(vec![Command::Ungate(namespace, text(&action["name"]).to_string())]);
            }
            return Err("patch of a Pod".to_string());
        }
        Ok(vec![Command::Apply(vec![self.workload(cluster, &manifest)?])])
    }
}

/// A namespace, with the label all namespaces have.
fn know_namespace(cluster: &mut Cluster, name: &str) {
    let (key, name) = (cluster.names.intern("kubernetes.io/metadata.name"), cluster.names.intern(name));
    if !cluster.names.text(name).is_empty() && cluster.namespaces.iter().all(|(known, _)| *known != name) {
        cluster.namespaces.push((name, Labels::new(vec![(key, name)])));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn key(manifest: &Value) -> String {
    format!("{}/{}", text(&manifest["kind"]), text(&manifest["metadata"]["name"]))
}

fn named(names: Vec<Name>) -> Target {
    Target { names, ..Target::default() }
}

fn node(cluster: &mut Cluster, action: &Value) -> Target {
    let name = action["node"].as_str().or(action["name"].as_str()).unwrap_or_default();
    named(vec![cluster.names.intern(name)])
}

/// Crash and return. A node that comes back without a reboot was only cut off: its containers ran on.
fn machines(cluster: &mut Cluster, action: &Value, case: &Case) -> Vec<Command> {
    let t = action["t"].as_f64().unwrap_or(0.0);
    let each = list(&action["nodes"]).iter().map(|node| {
        let target = named(vec![cluster.names.intern(text(node))]);
        match text(&action["action"]) {
            "crash" if comes_back_running(case, text(node), t) => Command::Partition(target, None),
            "crash" => Command::Crash(target, None),
            _ => Command::Recover(target),
        }
    });
    each.collect()
}

/// The leader goes; when the other takes over is chance, so it is taken from the recording.
fn fail_over(action: &Value, case: &Case) -> Vec<Command> {
    let t = action["t"].as_f64().unwrap_or(0.0);
    let (name, exit) = (text(&action["component"]), text(&action["action"]));
    if action["leaseHolder"].is_string() && action["leaseHolder"] != action["instance"] {
        return Vec::new(); // the one that waits goes: nobody notices
    }
    let component = match name {
        "kube-scheduler" => Component::Scheduler,
        _ => Component::ControllerManager,
    };
    let exit = if exit == "leader-kill" { Exit::Killed } else { Exit::Terminated };
    let after = succession(&case.data, name).map(|at| Span::from_secs_f64(at - t));
    vec![Command::FailOver(component, exit, after)]
}

fn comes_back_running(case: &Case, node: &str, t: f64) -> bool {
    let later = |action: &&Value| {
        action["action"] == "recover"
            && action["t"].as_f64().is_some_and(|at| at > t)
            && list(&action["nodes"]).iter().any(|name| name == node)
    };
    list(&case.data["actions"]).iter().find(later).is_some_and(|action| action["reboot"] != true)
}

/// When the node was cordoned, at `t` or soon after.
fn cordoned(case: &Case, node: &str, t: f64) -> f64 {
    let is_it =
        |event: &&Value| event["kind"] == "Node" && event["name"] == node && event["set"]["unschedulable"] == true;
    let cordons = list(&case.data["events"]).iter().filter(is_it).filter_map(|event| event["t"].as_f64());
    cordons
        .filter(|at| *at >= t)
        .fold(None, |first: Option<f64>, at| Some(first.map_or(at, |first| first.min(at))))
        .unwrap_or(t)
}

fn delete(cluster: &mut Cluster, action: &Value) -> Result<Command, String> {
    if action["kind"] == "Node" {
        return Ok(Command::DeleteNode(node(cluster, action)));
    }
    let kinds = [Kind::Deployment, Kind::ReplicaSet, Kind::Service];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == text(&action["kind"]));
    let kind = kind.ok_or_else(|| format!("deletion of a {}", text(&action["kind"])))?;
    let namespace = cluster.names.intern(action["namespace"].as_str().unwrap_or("default"));
    Ok(Command::Delete(kind, namespace, cluster.names.intern(text(&action["name"]))))
}

fn read_taint(cluster: &mut Cluster, taint: &Value) -> Result<Taint, String> {
    let effects = [Effect::NoSchedule, Effect::PreferNoSchedule, Effect::NoExecute];
    let effect = effects.into_iter().find(|effect| effect.as_str() == text(&taint["effect"]));
    Ok(Taint {
        key: cluster.names.intern(text(&taint["key"])),
        value: cluster.names.intern(text(&taint["value"])),
        effect: effect.ok_or_else(|| format!("taint {taint}"))?,
        added_at: Time::ZERO,
    })
}

/// Cordon, taints, labels: a strategic merge replaces the list of taints as a whole.
fn patch_node(cluster: &mut Cluster, action: &Value, patch: &Value) -> Result<Vec<Command>, String> {
    let target = node(cluster, action);
    let mut commands = Vec::new();
    match &patch["spec"]["unschedulable"] {
        Value::Bool(true) => commands.push(Command::Cordon(target.clone(), None)),
        _ if patch["spec"].get("unschedulable").is_some() => commands.push(Command::Uncordon(target.clone())),
        _ => (),
    }
    if let Some(taints) = patch["spec"]["taints"].as_array() {
        let taints: Result<Vec<Taint>, String> = taints.iter().map(|taint| read_taint(cluster, taint)).collect();
        commands.push(Command::ReplaceTaints(target.clone(), taints?));
    }
    for (key, value) in patch["metadata"]["labels"].as_object().into_iter().flatten() {
        let key = cluster.names.intern(key);
        let value = value.as_str().map(|value| cluster.names.intern(value));
        commands.push(Command::Label(target.clone(), key, value));
    }
    Ok(commands)
}

/// A strategic merge as far as recordings need it: containers by name, other lists as a whole, null
/// removes.
fn merge(object: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Default::default());
    }
    for (field, value) in fields {
        match (field.as_str(), value) {
            (_, Value::Null) => {
                object.as_object_mut().map(|object| object.remove(field));
            }
            ("containers", Value::Array(items)) => items.iter().for_each(|item| merge_named(&mut object[field], item)),
            _ => merge(&mut object[field.as_str()], value),
        }
    }
}

fn merge_named(items: &mut Value, patch: &Value) {
    if !items.is_array() {
        *items = Value::Array(Vec::new());
    }
    let Some(items) = items.as_array_mut() else { return };
    match items.iter_mut().find(|item| item["name"] == patch["name"]) {
        Some(item) => merge(item, patch),
        None => items.push(patch.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn containers_are_merged_by_name_and_null_removes() {
        let mut object = json!({"spec": {"containers": [{"name": "c", "image": "app:v1", "ports": [1]}], "x": 1}});
        merge(&mut object, &json!({"spec": {"containers": [{"name": "c", "image": "app:v2"}], "x": null}}));
        assert_eq!(object, json!({"spec": {"containers": [{"name": "c", "image": "app:v2", "ports": [1]}]}}));
    }
}
