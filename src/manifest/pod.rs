//! Pod or pod template → [`PodSpec`], with the API server's defaulting and admission.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::cluster::spec::{ContainerSpec, Role, VolumeSource};
use crate::cluster::taint::TolerationOperator;
use crate::cluster::{Effect, Name, Names, PodSpec, Resources, RestartPolicy, Toleration};
use crate::engine::Span;

use super::affinity::{read_affinity, read_spread};
use super::node::effect;
use super::resources::{requests_from_limits, resources};
use super::selector::labels;
use super::volume::{ephemeral_claim, inline_disks};
use super::{Problems, Reader};

/// What admission fills in: flags of the API server and the objects it looks up.
#[derive(Clone, Debug)]
pub struct Defaults {
    /// Priority classes besides the two of the system.
    pub priority_classes: Vec<PriorityClass>,
    /// Overhead by name of the runtime class.
    pub runtime_classes: BTreeMap<String, Resources>,
    /// The default StorageClass, for claims that name none.
    pub storage_class: Option<String>,
    /// `--default-not-ready-toleration-seconds`; `None`: the admission plugin is off.
    pub not_ready_toleration: Option<Span>,
    /// `--default-unreachable-toleration-seconds`; `None`: the admission plugin is off.
    pub unreachable_toleration: Option<Span>,
    /// Whether priorities are resolved from classes and missing requests copied from limits. Off only
    /// for objects that went through an API server already.
    pub admission: bool,
}

impl Default for Defaults {
    /// Kubernetes' defaults and no classes.
    fn default() -> Self {
        Defaults {
            priority_classes: Vec::new(),
            runtime_classes: BTreeMap::new(),
            storage_class: None,
            not_ready_toleration: Some(Span::from_secs(300)),
            unreachable_toleration: Some(Span::from_secs(300)),
            admission: true,
        }
    }
}

/// A PriorityClass (reference: scheduler.md 8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityClass {
    /// `metadata.name`.
    pub name: String,
    /// `value`.
    pub value: i32,
    /// `globalDefault`.
    pub global_default: bool,
    /// `preemptionPolicy: Never`.
    pub never_preempts: bool,
}

/// Converts a pod's metadata and spec; of a template, its `metadata` and `spec`. The namespace is
/// `default` unless the metadata names one.
///
/// # Errors
/// All fields that cannot be read or that the API server would refuse.
pub fn pod_spec(
    names: &mut Names,
    metadata: &ObjectMeta,
    spec: &core::PodSpec,
    defaults: &Defaults,
) -> Result<PodSpec, Problems> {
    let mut reader = Reader::new(names);
    let mut result = PodSpec::new(reader.names, "");
    result.namespace = reader.names.intern(metadata.namespace.as_deref().unwrap_or("default"));
    result.labels = labels(reader.names, metadata.labels.as_ref());
    result.containers = read_containers(&mut reader, spec, defaults);
    result.scheduler_name = reader.names.intern(spec.scheduler_name.as_deref().unwrap_or("default-scheduler"));
    result.node_name = spec.node_name.as_deref().filter(|name| !name.is_empty()).map(|name| reader.names.intern(name));
    result.node_selector = labels(reader.names, spec.node_selector.as_ref());
    if let Some(affinity) = &spec.affinity {
        read_affinity(&mut reader, affinity, &mut result);
    }
    result.spread = read_spread(&mut reader, spec);
    result.tolerations = read_tolerations(&mut reader, spec, defaults);
    result.gates = spec.scheduling_gates.iter().flatten().map(|gate| reader.names.intern(&gate.name)).collect();
    if result.node_name.is_some() && !result.gates.is_empty() {
        reader.problem("spec.nodeName", "Forbidden: cannot be set until all schedulingGates have been cleared");
    }
    result.volumes = read_volumes(&mut reader, spec, defaults);
    result.grace = Span::from_secs(spec.termination_grace_period_seconds.unwrap_or(30).max(0).unsigned_abs());
    result.restart_policy = read_restart_policy(&mut reader, spec);
    result.behaviour.readiness_probe = readiness_probe(spec);
    let restarted = metadata.annotations.as_ref().and_then(|annotations| annotations.get(RESTARTED_AT));
    result.restarted_at = restarted.map(|at| reader.names.intern(at));
    read_priority(&mut reader, spec, defaults, &mut result);
    read_overhead(&mut reader, spec, defaults, &mut result);
    read_pod_level(&mut reader, spec, &mut result);
    result.compute_requests();
    reader.finish(result)
}

/// What `kubectl rollout restart` writes into a template, so that it is another one.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

fn read_containers(reader: &mut Reader<'_>, spec: &core::PodSpec, defaults: &Defaults) -> Vec<ContainerSpec> {
    let host_network = spec.host_network.unwrap_or(false);
    let mut containers = Vec::new();
    for (field, list) in
        [("initContainers", spec.init_containers.as_deref().unwrap_or_default()), ("containers", &spec.containers)]
    {
        for (index, container) in list.iter().enumerate() {
            let path = format!("spec.{field}[{index}]");
            let role = match (field, container.restart_policy.as_deref()) {
                ("containers", _) => Role::App,
                (_, Some("Always")) => Role::Sidecar,
                _ => Role::Init,
            };
            containers.push(read_container(reader, &path, container, role, host_network, defaults.admission));
        }
    }
    if spec.containers.is_empty() {
        reader.problem("spec.containers", "Required value");
    }
    containers
}

fn read_container(
    reader: &mut Reader<'_>,
    path: &str,
    container: &core::Container,
    role: Role,
    host_network: bool,
    admission: bool,
) -> ContainerSpec {
    let given = container.resources.clone().unwrap_or_default();
    let limits = given.limits.as_ref().filter(|_| admission);
    let list = requests_from_limits(given.requests.as_ref(), limits);
    let requests_path = format!("{path}.resources.requests");
    let image = container.image.as_deref().unwrap_or_default();
    let always_pull = match container.image_pull_policy.as_deref() {
        Some(policy) => policy == "Always",
        None => is_latest(image),
    };
    ContainerSpec {
        name: reader.names.intern(&container.name),
        role,
        image: reader.names.intern(&normalized_image(image)),
        always_pull,
        requests: resources(reader, &requests_path, &list),
        limits: resources(reader, &format!("{path}.resources.limits"), &given.limits.unwrap_or_default()),
        asks: (list.contains_key("cpu"), list.contains_key("memory")),
        host_ports: read_ports(reader, container, host_network),
    }
}

/// Whether the image has the tag `latest` or none, and no digest.
fn is_latest(image: &str) -> bool {
    normalized_image(image).ends_with(":latest") && !image.contains('@')
}

/// The image as the scheduler looks it up: with `:latest` if there is no tag (scheduler.md 4.5).
pub fn normalized_image(image: &str) -> String {
    let last_part = image.rfind('/').map_or(image, |slash| &image[slash..]);
    if image.is_empty() || last_part.contains(':') { image.to_string() } else { format!("{image}:latest") }
}

fn read_ports(reader: &mut Reader<'_>, container: &core::Container, host_network: bool) -> Vec<(Name, Name, u16)> {
    let ports = container.ports.iter().flatten().filter_map(|port| {
        let on_host = port.host_port.filter(|port| *port > 0).or(host_network.then_some(port.container_port))?;
        let ip = reader.names.intern(port.host_ip.as_deref().unwrap_or_default());
        let protocol = reader.names.intern(port.protocol.as_deref().unwrap_or("TCP"));
        Some((ip, protocol, u16::try_from(on_host).ok()?))
    });
    ports.collect()
}

fn read_tolerations(reader: &mut Reader<'_>, spec: &core::PodSpec, defaults: &Defaults) -> Vec<Toleration> {
    let mut tolerations = Vec::new();
    for (index, toleration) in spec.tolerations.iter().flatten().enumerate() {
        tolerations.extend(read_toleration(reader, &format!("spec.tolerations[{index}]"), toleration));
    }
    for (key, seconds) in [
        ("node.kubernetes.io/not-ready", defaults.not_ready_toleration),
        ("node.kubernetes.io/unreachable", defaults.unreachable_toleration),
    ] {
        let Some(seconds) = seconds else { continue };
        let key = reader.names.intern(key);
        let covered = tolerations.iter().any(|toleration: &Toleration| {
            toleration.key.is_none_or(|own| own == key)
                && toleration.effect.is_none_or(|effect| effect == Effect::NoExecute)
        });
        if !covered {
            tolerations.push(Toleration {
                key: Some(key),
                operator: TolerationOperator::Exists,
                value: reader.names.intern(""),
                effect: Some(Effect::NoExecute),
                seconds: Some(seconds),
            });
        }
    }
    tolerations
}

fn read_toleration(reader: &mut Reader<'_>, path: &str, toleration: &core::Toleration) -> Option<Toleration> {
    let key = toleration.key.as_deref().filter(|key| !key.is_empty());
    let operator = match toleration.operator.as_deref() {
        Some("Exists") => TolerationOperator::Exists,
        Some("Equal" | "") | None => TolerationOperator::Equal,
        Some(other) => {
            reader.problem(
                format!("{path}.operator"),
                format!("Unsupported value: \"{other}\": supported values: \"Equal\", \"Exists\""),
            );
            return None;
        }
    };
    if key.is_none() && operator == TolerationOperator::Equal {
        reader.problem(
            format!("{path}.operator"),
            "operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
        );
    }
    let value = toleration.value.as_deref().unwrap_or_default();
    if operator == TolerationOperator::Exists && !value.is_empty() {
        reader.problem(format!("{path}.operator"), "value must be empty when `operator` is 'Exists'");
    }
    let effect = match toleration.effect.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => Some(effect(reader, &format!("{path}.effect"), text)?),
        None => None,
    };
    if toleration.toleration_seconds.is_some() && effect != Some(Effect::NoExecute) {
        reader.problem(format!("{path}.effect"), "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    Some(Toleration {
        key: key.map(|key| reader.names.intern(key)),
        operator,
        value: reader.names.intern(value),
        effect,
        seconds: toleration.toleration_seconds.map(|seconds| Span::from_secs(seconds.max(0).unsigned_abs())),
    })
}

fn read_volumes(reader: &mut Reader<'_>, spec: &core::PodSpec, defaults: &Defaults) -> Vec<VolumeSource> {
    let mut volumes = Vec::new();
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        if let Some(claim) = &volume.persistent_volume_claim {
            volumes.push(VolumeSource::Claim(reader.names.intern(&claim.claim_name)));
        }
        if let Some(source) = &volume.ephemeral {
            let path = format!("spec.volumes[{index}]");
            let claim = ephemeral_claim(reader, &path, source, defaults.storage_class.as_deref());
            volumes.push(VolumeSource::Ephemeral(reader.names.intern(&volume.name), Box::new(claim)));
        }
        for (disk, read_only) in inline_disks(volume) {
            volumes.push(VolumeSource::Disk(reader.names.intern(&disk), read_only));
        }
    }
    volumes
}

fn read_restart_policy(reader: &mut Reader<'_>, spec: &core::PodSpec) -> RestartPolicy {
    match spec.restart_policy.as_deref() {
        Some("Always") | None => RestartPolicy::Always,
        Some("OnFailure") => RestartPolicy::OnFailure,
        Some("Never") => RestartPolicy::Never,
        Some(other) => {
            let message =
                format!("Unsupported value: \"{other}\": supported values: \"Always\", \"OnFailure\", \"Never\"");
            reader.problem("spec.restartPolicy", message);
            RestartPolicy::Always
        }
    }
}

fn readiness_probe(spec: &core::PodSpec) -> Option<(Span, Span)> {
    let probe = spec.containers.iter().find_map(|container| container.readiness_probe.as_ref())?;
    let seconds = |value: i32| Span::from_secs(u64::from(value.max(0).unsigned_abs()));
    Some((seconds(probe.initial_delay_seconds.unwrap_or(0)), seconds(probe.period_seconds.unwrap_or(10).max(1))))
}

/// Priority and preemption policy from the priority class (scheduler.md 8.1).
fn read_priority(reader: &mut Reader<'_>, spec: &core::PodSpec, defaults: &Defaults, result: &mut PodSpec) {
    let given = spec.preemption_policy.as_deref().map(|policy| policy == "Never");
    if !defaults.admission {
        result.priority = spec.priority.unwrap_or(0);
        result.never_preempts = given.unwrap_or(false);
        return;
    }
    let (priority, never) = match spec.priority_class_name.as_deref().unwrap_or_default() {
        "system-node-critical" => (2_000_001_000, false),
        "system-cluster-critical" => (2_000_000_000, false),
        "" => global_default(defaults),
        name => match defaults.priority_classes.iter().find(|class| class.name == name) {
            Some(class) => (class.value, class.never_preempts),
            None => {
                let message = format!("Forbidden: no PriorityClass with name {name} was found");
                reader.problem("spec.priorityClassName", message);
                (0, false)
            }
        },
    };
    if let Some(own) = spec.priority.filter(|own| *own != priority) {
        let message = format!(
            "Forbidden: the integer value of priority ({own}) must not be provided in pod spec; priority admission controller computed {priority} from the given PriorityClass name"
        );
        reader.problem("spec.priority", message);
    }
    result.priority = priority;
    result.never_preempts = given.unwrap_or(never);
}

/// The class with `globalDefault`; of several the smallest value.
fn global_default(defaults: &Defaults) -> (i32, bool) {
    let classes = defaults.priority_classes.iter().filter(|class| class.global_default);
    classes.min_by_key(|class| class.value).map_or((0, false), |class| (class.value, class.never_preempts))
}

fn read_overhead(reader: &mut Reader<'_>, spec: &core::PodSpec, defaults: &Defaults, result: &mut PodSpec) {
    if let Some(overhead) = &spec.overhead {
        result.overhead = resources(reader, "spec.overhead", overhead);
    }
    let Some(class) = spec.runtime_class_name.as_deref().filter(|_| defaults.admission) else { return };
    match defaults.runtime_classes.get(class) {
        Some(overhead) => result.overhead = overhead.clone(),
        None => reader.problem("spec.runtimeClassName", format!("Forbidden: RuntimeClass \"{class}\" not found")),
    }
}

/// Pod-level requests, defaulted from the containers and then from the pod-level limits.
fn read_pod_level(reader: &mut Reader<'_>, spec: &core::PodSpec, result: &mut PodSpec) {
    let Some(given) = &spec.resources else { return };
    result.compute_requests();
    let mut sums = result.requests.clone();
    sums.subtract(&result.overhead);
    let requests = given.requests.clone().unwrap_or_default();
    let limits = given.limits.clone().unwrap_or_default();
    let mut level = resources(reader, "spec.resources.requests", &requests);
    let limits_read = resources(reader, "spec.resources.limits", &limits);
    if limits.contains_key("cpu") && !requests.contains_key("cpu") {
        level.cpu = if sums.cpu > 0 { sums.cpu } else { limits_read.cpu };
    }
    if limits.contains_key("memory") && !requests.contains_key("memory") {
        level.memory = if sums.memory > 0 { sums.memory } else { limits_read.memory };
    }
    for (resource, own, sum, unit) in [("cpu", level.cpu, sums.cpu, "m"), ("memory", level.memory, sums.memory, "")] {
        if let Some(text) = requests.get(resource).filter(|_| own < sum) {
            let message = format!(
                "Invalid value: \"{}\": must be greater than or equal to aggregate container requests of {sum}{unit}",
                text.0
            );
            reader.problem(format!("spec.resources.requests[{resource}]"), message);
        }
    }
    result.pod_level_requests = Some(level);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(names: &mut Names, text: &str) -> Result<PodSpec, Problems> {
        let pod: core::Pod = serde_yaml::from_str(text).unwrap();
        let classes =
            vec![PriorityClass { name: "high".to_string(), value: 1000, global_default: false, never_preempts: true }];
        let defaults = Defaults { priority_classes: classes, ..Defaults::default() };
        pod_spec(names, &pod.metadata, &pod.spec.unwrap(), &defaults)
    }

    #[test]
    fn api_server_defaults_are_filled_in() {
        let mut names = Names::default();
        let spec = convert(
            &mut names,
            "metadata: {name: a, labels: {app: web}}
spec:
  priorityClassName: high
  containers: [{name: c, image: nginx, resources: {limits: {cpu: 500m, memory: 1Gi}, requests: {cpu: 100m}}}]
  affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone, labelSelector: {}, matchLabelKeys: [app, tier]}]}}",
        )
        .unwrap();
        assert_eq!((spec.requests.cpu, spec.requests.memory), (100, 1 << 30), "memory is copied from the limit");
        assert_eq!((spec.priority, spec.never_preempts), (1000, true));
        assert_eq!(spec.tolerations.len(), 2, "not-ready and unreachable for 300 s");
        assert_eq!(spec.tolerations[0].seconds, Some(Span::from_secs(300)));
        assert!(spec.containers[0].always_pull);
        assert_eq!(names.text(spec.containers[0].image), "nginx:latest");
        let selector = spec.pod_anti_affinity[0].selector.as_ref().unwrap();
        assert_eq!(selector.requirements.len(), 1, "only keys the pod carries are merged");
    }

    #[test]
    fn refusals_come_in_the_api_servers_words() {
        let text = "spec:
  nodeName: n1
  schedulingGates: [{name: g}]
  priorityClassName: none
  resources: {requests: {cpu: 500m}}
  containers: [{name: a, resources: {requests: {cpu: 800m, memory: 1x}}}]";
        let problems = convert(&mut Names::default(), text).unwrap_err();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "spec.containers[0].resources.requests[memory]: `1x` is not a quantity: unknown suffix `x`",
                "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
                "spec.priorityClassName: Forbidden: no PriorityClass with name none was found",
                "spec.resources.requests[cpu]: Invalid value: \"500m\": must be greater than or equal to aggregate container requests of 800m",
            ]
        );
    }
}
