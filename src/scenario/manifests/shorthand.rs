//! Workloads in shorthand, spelled out as the Kubernetes objects they stand for, so that whoever
//! builds the world knows one form only.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, ReplicaSet, ReplicaSetSpec, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{
    Container, Pod, PodSpec, PodTemplateSpec, ResourceRequirements, Toleration as KubeToleration,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as KubeQuantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Body, Object};
use crate::scenario::schema::values::{Amount, LabelMap, ResourceList};
use crate::scenario::schema::workloads::{
    DeploymentWorkload, PodTemplate, PodWorkload, ReplicaSetWorkload, Strategy, StrategyType, Toleration, Workload,
};
use crate::scenario::source::{Location, Node, Value};

/// Prefix of the classes that stand for a `priority` in shorthand. No class of a manifest can be
/// called so, as `:` is not allowed in names.
pub(super) const PRIORITY_PREFIX: &str = "priority:";

impl Workload {
    /// The Kubernetes objects of this entry, in order.
    pub fn objects(&self) -> Vec<Object> {
        match self {
            Workload::Deployment(workload) => vec![deployment(workload)],
            Workload::ReplicaSet(workload) => vec![replica_set(workload)],
            Workload::Pod(workload) => vec![pod(workload)],
            Workload::Manifest(workload) => workload.loaded.objects.clone(),
            Workload::Object(object, _) => object.iter().map(|object| (**object).clone()).collect(),
        }
    }
}

fn deployment(workload: &DeploymentWorkload) -> Object {
    let labels = labels_or_name(&workload.labels, &workload.name);
    let spec = DeploymentSpec {
        replicas: Some(workload.replicas.value as i32),
        min_ready_seconds: Some(workload.min_ready_seconds as i32),
        progress_deadline_seconds: Some(workload.progress_deadline_seconds as i32),
        selector: selector(&labels),
        strategy: Some(strategy(&workload.strategy)),
        template: template(&workload.pod, &labels),
        ..DeploymentSpec::default()
    };
    let metadata = metadata(&workload.name, &workload.namespace, labels);
    let body = Body::Deployment(Box::new(Deployment { metadata, spec: Some(spec), status: None }));
    object(body, &workload.name, &workload.namespace, &workload.pod, workload.name.location)
}

fn replica_set(workload: &ReplicaSetWorkload) -> Object {
    let labels = labels_or_name(&workload.labels, &workload.name);
    let spec = ReplicaSetSpec {
        replicas: Some(workload.replicas.value as i32),
        min_ready_seconds: Some(workload.min_ready_seconds as i32),
        selector: selector(&labels),
        template: Some(template(&workload.pod, &labels)),
    };
    let metadata = metadata(&workload.name, &workload.namespace, labels);
    let body = Body::ReplicaSet(Box::new(ReplicaSet { metadata, spec: Some(spec), status: None }));
    object(body, &workload.name, &workload.namespace, &workload.pod, workload.name.location)
}

fn pod(workload: &PodWorkload) -> Object {
    let mut labels = labels_or_name(&workload.labels, &workload.name);
    labels.extend(workload.spec.labels.0.clone());
    let metadata = metadata(&workload.name, &workload.namespace, labels);
    let body = Body::Pod(Box::new(Pod { metadata, spec: Some(pod_spec(&workload.spec)), status: None }));
    let object = object(body, &workload.name, &workload.namespace, &workload.spec, workload.name.location);
    Object { count: workload.count.as_ref().map(|count| count.value), ..object }
}

fn object(body: Body, name: &str, namespace: &str, pod: &PodTemplate, location: Location) -> Object {
    let node = Node { location, value: Value::Map(Vec::new()) };
    let behaviour = Some(pod.behaviour.clone());
    Object { body, namespace: namespace.to_string(), name: name.to_string(), count: None, behaviour, node }
}

fn labels_or_name(labels: &LabelMap, name: &str) -> BTreeMap<String, String> {
    if labels.0.is_empty() { BTreeMap::from([("app".to_string(), name.to_string())]) } else { labels.0.clone() }
}

fn metadata(name: &str, namespace: &str, labels: BTreeMap<String, String>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_string()),
        namespace: Some(namespace.to_string()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

fn selector(labels: &BTreeMap<String, String>) -> LabelSelector {
    LabelSelector { match_labels: Some(labels.clone()), match_expressions: None }
}

fn strategy(strategy: &Strategy) -> DeploymentStrategy {
    let amount = |amount: Amount| match amount {
        Amount::Count(count) => IntOrString::Int(count as i32),
        Amount::Percent(percent) => IntOrString::String(format!("{percent}%")),
    };
    let rolling = RollingUpdateDeployment {
        max_surge: Some(amount(strategy.max_surge.value)),
        max_unavailable: Some(amount(strategy.max_unavailable.value)),
    };
    DeploymentStrategy {
        type_: Some(strategy.kind.word().to_string()),
        rolling_update: (strategy.kind == StrategyType::RollingUpdate).then_some(rolling),
    }
}

fn template(pod: &PodTemplate, labels: &BTreeMap<String, String>) -> PodTemplateSpec {
    let mut labels = labels.clone();
    labels.extend(pod.labels.0.clone());
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
        spec: Some(pod_spec(pod)),
    }
}

fn pod_spec(pod: &PodTemplate) -> PodSpec {
    let amounts = |list: &ResourceList| -> BTreeMap<String, KubeQuantity> {
        list.0.iter().map(|(name, amount)| (name.clone(), KubeQuantity(amount.to_string()))).collect()
    };
    let (limits, requests) = (amounts(&pod.limits), amounts(&pod.requests));
    let container = Container {
        name: "app".to_string(),
        image: Some(pod.image.clone()),
        resources: Some(ResourceRequirements { requests: Some(requests), limits: Some(limits), claims: None }),
        ..Container::default()
    };
    PodSpec {
        containers: vec![container],
        priority_class_name: match (&pod.priority_class, pod.priority) {
            (Some(class), _) => Some(class.text.clone()),
            (None, Some(priority)) => Some(format!("{PRIORITY_PREFIX}{priority}")),
            (None, None) => None,
        },
        tolerations: Some(tolerations(pod)),
        node_selector: Some(pod.node_selector.0.clone()),
        scheduler_name: Some(pod.scheduler_name.clone()),
        termination_grace_period_seconds: Some(pod.termination_grace_period_seconds.into()),
        restart_policy: Some(pod.restart_policy.word().to_string()),
        ..PodSpec::default()
    }
}

/// Those written, and the two that `toleration-seconds` stands for.
fn tolerations(pod: &PodTemplate) -> Vec<KubeToleration> {
    let written = |toleration: &Toleration| KubeToleration {
        key: toleration.key.as_ref().map(|key| key.value.clone()),
        operator: Some(toleration.operator.word().to_string()),
        value: toleration.value.as_ref().map(|value| value.value.clone()),
        effect: toleration.effect.map(|effect| effect.word().to_string()),
        toleration_seconds: toleration.toleration_seconds,
    };
    let lost = |key: &str, seconds: u32| KubeToleration {
        key: Some(format!("node.kubernetes.io/{key}")),
        operator: Some("Exists".to_string()),
        value: None,
        effect: Some("NoExecute".to_string()),
        toleration_seconds: Some(seconds.into()),
    };
    let both = pod
        .toleration_seconds
        .into_iter()
        .flat_map(|seconds| ["not-ready", "unreachable"].map(|key| lost(key, seconds)));
    pod.tolerations.iter().map(written).chain(both).collect()
}
