//! Kubernetes manifests: objects as `kubectl apply` takes them, read strictly.
//!
//! A kind is one line in [`KINDS`], its decisions in `fields`, and its checks in `validate`.

mod deserializer;
pub mod fields;
pub mod shorthand;
mod storage_fields;
mod validate;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    LimitRange, Namespace, Node as KubeNode, PersistentVolume, PersistentVolumeClaim, Pod, PodSpec, PodTemplateSpec,
    ResourceQuota, Service,
};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::api::storage::v1::{CSIDriver, CSINode, CSIStorageCapacity, StorageClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::diagnostics::{Problems, listed};
use super::read::{map_entries, mismatch};
use super::schema::workloads::Behaviour;
use super::source::{Node, Value};

/// A Kubernetes object of a scenario, read strictly and checked as far as it can be by itself.
#[derive(Clone, Debug)]
pub struct Object {
    /// The object.
    pub body: Body,
    /// Namespace; empty for kinds that have none.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// For pods in shorthand: how many there are, called `NAME-1` to `NAME-N`; `None` for one with
    /// the plain name.
    pub count: Option<u64>,
    /// What the containers of its pods do, from annotations or shorthand; the default if it has none.
    pub behaviour: Option<Behaviour>,
    /// What it was read from: `node.locate("spec.replicas")` gives positions.
    pub node: Node,
}

/// An object by kind.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each variant holds the type of its name")]
pub enum Body {
    Deployment(Box<Deployment>),
    ReplicaSet(Box<ReplicaSet>),
    StatefulSet(Box<StatefulSet>),
    DaemonSet(Box<DaemonSet>),
    Job(Box<Job>),
    CronJob(Box<CronJob>),
    PodDisruptionBudget(Box<PodDisruptionBudget>),
    ResourceQuota(Box<ResourceQuota>),
    LimitRange(Box<LimitRange>),
    Pod(Box<Pod>),
    Namespace(Box<Namespace>),
    Node(Box<KubeNode>),
    Service(Box<Service>),
    PriorityClass(Box<PriorityClass>),
    RuntimeClass(Box<RuntimeClass>),
    PersistentVolume(Box<PersistentVolume>),
    PersistentVolumeClaim(Box<PersistentVolumeClaim>),
    StorageClass(Box<StorageClass>),
    CSINode(Box<CSINode>),
    CSIDriver(Box<CSIDriver>),
    CSIStorageCapacity(Box<CSIStorageCapacity>),
}

/// How a kind is read.
struct Kind {
    name: &'static str,
    api_version: &'static str,
    namespaced: bool,
    read: fn(&Node, &mut Problems) -> Option<Body>,
}

macro_rules! kind {
    ($api:literal, $namespaced:expr, $name:ident) => {
        Kind {
            name: stringify!($name),
            api_version: $api,
            namespaced: $namespaced,
            read: |node, problems| deserializer::read(node, problems).map(|object| Body::$name(Box::new(object))),
        }
    };
}

/// The kinds that have an effect.
const KINDS: &[Kind] = &[
    kind!("apps/v1", true, Deployment),
    kind!("apps/v1", true, ReplicaSet),
    kind!("apps/v1", true, StatefulSet),
    kind!("apps/v1", true, DaemonSet),
    kind!("batch/v1", true, Job),
    kind!("batch/v1", true, CronJob),
    kind!("policy/v1", true, PodDisruptionBudget),
    kind!("v1", true, ResourceQuota),
    kind!("v1", true, LimitRange),
    kind!("v1", true, Pod),
    kind!("v1", false, Namespace),
    kind!("v1", false, Node),
    kind!("v1", true, Service),
    kind!("scheduling.k8s.io/v1", false, PriorityClass),
    kind!("node.k8s.io/v1", false, RuntimeClass),
    kind!("v1", false, PersistentVolume),
    kind!("v1", true, PersistentVolumeClaim),
    kind!("storage.k8s.io/v1", false, StorageClass),
    kind!("storage.k8s.io/v1", false, CSINode),
    kind!("storage.k8s.io/v1", false, CSIDriver),
    kind!("storage.k8s.io/v1", true, CSIStorageCapacity),
];

/// Kinds that are accepted and change nothing: access, names, traffic.
pub const WITHOUT_EFFECT: [&str; 11] = [
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "Ingress",
    "IngressClass",
    "NetworkPolicy",
    "Endpoints",
];

/// Reads one object; `None` if its types are wrong or it is of a kind without effect. Everything
/// wrong is reported.
pub fn read(node: &Node, problems: &mut Problems) -> Option<Object> {
    let entries = map_entries(node, "a Kubernetes object", problems)?;
    if entries.is_empty() {
        return mismatch(node, "a Kubernetes object", problems);
    }
    let kind = head(node, "kind", problems);
    let api_version = head(node, "apiVersion", problems);
    let (kind, kind_at) = kind?;
    if WITHOUT_EFFECT.contains(&kind) {
        return None;
    }
    let Some(entry) = KINDS.iter().find(|entry| entry.name == kind) else {
        let names = || KINDS.iter().map(|entry| entry.name);
        problems
            .report(kind_at.location, format!("kind `{kind}` is not modelled"))
            .expected(format!("expected one of {}", listed(names())))
            .suggest(kind, names());
        return None;
    };
    let (api_version, api_at) = api_version?;
    if api_version != entry.api_version {
        problems
            .report(api_at.location, format!("`{api_version}` has no kind `{kind}`"))
            .expected(format!("expected `{}`", entry.api_version));
        return None;
    }
    let body = (entry.read)(node, problems)?;
    let mut object = Object {
        namespace: String::new(),
        name: String::new(),
        count: None,
        behaviour: None,
        node: node.clone(),
        body,
    };
    if entry.namespaced {
        object.namespace = object.metadata().namespace.clone().unwrap_or_else(|| "default".to_string());
    }
    object.name = object.metadata().name.clone().unwrap_or_default();
    validate::check(&mut object, problems);
    Some(object)
}

/// Reads the objects of a document, which may be a `List`.
pub fn read_document(node: &Node, problems: &mut Problems) -> Vec<Object> {
    let is_list =
        matches!(node.get("kind").map(|kind| &kind.value), Some(Value::Scalar { text, .. }) if text == "List");
    match node.get("items").map(|items| &items.value) {
        Some(Value::List(items)) if is_list => items.iter().filter_map(|item| read(item, problems)).collect(),
        _ => read(node, problems).into_iter().collect(),
    }
}

fn head<'a>(node: &'a Node, key: &str, problems: &mut Problems) -> Option<(&'a str, &'a Node)> {
    match node.get(key) {
        Some(value) => match &value.value {
            Value::Scalar { text, .. } if !value.is_null() => Some((text, value)),
            _ => mismatch(value, "text", problems),
        },
        None => {
            problems.report(node.location, format!("missing field `{key}`")).expected("expected a Kubernetes object");
            None
        }
    }
}

impl Object {
    /// Kubernetes' name of the kind.
    pub fn kind(&self) -> &'static str {
        match &self.body {
            Body::Deployment(_) => "Deployment",
            Body::ReplicaSet(_) => "ReplicaSet",
            Body::StatefulSet(_) => "StatefulSet",
            Body::DaemonSet(_) => "DaemonSet",
            Body::Job(_) => "Job",
            Body::CronJob(_) => "CronJob",
            Body::PodDisruptionBudget(_) => "PodDisruptionBudget",
            Body::ResourceQuota(_) => "ResourceQuota",
            Body::LimitRange(_) => "LimitRange",
            Body::Pod(_) => "Pod",
            Body::Namespace(_) => "Namespace",
            Body::Node(_) => "Node",
            Body::Service(_) => "Service",
            Body::PriorityClass(_) => "PriorityClass",
            Body::RuntimeClass(_) => "RuntimeClass",
            Body::PersistentVolume(_) => "PersistentVolume",
            Body::PersistentVolumeClaim(_) => "PersistentVolumeClaim",
            Body::StorageClass(_) => "StorageClass",
            Body::CSINode(_) => "CSINode",
            Body::CSIDriver(_) => "CSIDriver",
            Body::CSIStorageCapacity(_) => "CSIStorageCapacity",
        }
    }

    /// The metadata.
    pub fn metadata(&self) -> &ObjectMeta {
        match &self.body {
            Body::Deployment(object) => &object.metadata,
            Body::ReplicaSet(object) => &object.metadata,
            Body::StatefulSet(object) => &object.metadata,
            Body::DaemonSet(object) => &object.metadata,
            Body::Job(object) => &object.metadata,
            Body::CronJob(object) => &object.metadata,
            Body::PodDisruptionBudget(object) => &object.metadata,
            Body::ResourceQuota(object) => &object.metadata,
            Body::LimitRange(object) => &object.metadata,
            Body::Pod(object) => &object.metadata,
            Body::Namespace(object) => &object.metadata,
            Body::Node(object) => &object.metadata,
            Body::Service(object) => &object.metadata,
            Body::PriorityClass(object) => &object.metadata,
            Body::RuntimeClass(object) => &object.metadata,
            Body::PersistentVolume(object) => &object.metadata,
            Body::PersistentVolumeClaim(object) => &object.metadata,
            Body::StorageClass(object) => &object.metadata,
            Body::CSINode(object) => &object.metadata,
            Body::CSIDriver(object) => &object.metadata,
            Body::CSIStorageCapacity(object) => &object.metadata,
        }
    }

    /// The pod template: its path in the object, metadata and spec.
    pub fn template(&self) -> Option<(&'static str, Option<&ObjectMeta>, &PodSpec)> {
        let inner: &PodTemplateSpec = match &self.body {
            Body::Deployment(object) => &object.spec.as_ref()?.template,
            Body::ReplicaSet(object) => object.spec.as_ref()?.template.as_ref()?,
            Body::StatefulSet(object) => &object.spec.as_ref()?.template,
            Body::DaemonSet(object) => &object.spec.as_ref()?.template,
            Body::Job(object) => &object.spec.as_ref()?.template,
            Body::CronJob(object) => {
                let template = &object.spec.job_template.spec.as_ref()?.template;
                let path = "spec.jobTemplate.spec.template.spec";
                return Some((path, template.metadata.as_ref(), template.spec.as_ref()?));
            }
            Body::Pod(object) => return Some(("spec", Some(&object.metadata), object.spec.as_ref()?)),
            _ => return None,
        };
        Some(("spec.template.spec", inner.metadata.as_ref(), inner.spec.as_ref()?))
    }

    /// The template that a rollout of this object rolls out.
    pub fn template_mut(&mut self) -> Option<&mut PodTemplateSpec> {
        match &mut self.body {
            Body::Deployment(object) => Some(&mut object.spec.as_mut()?.template),
            Body::StatefulSet(object) => Some(&mut object.spec.as_mut()?.template),
            Body::DaemonSet(object) => object.spec.as_mut().map(|spec| &mut spec.template),
            _ => None,
        }
    }

    /// The priority of a pod in shorthand, which names no class, and the name of a class that stands
    /// for it: in Kubernetes a priority comes from a class only.
    pub fn shorthand_priority(&self) -> Option<(i32, &str)> {
        let class = self.template()?.2.priority_class_name.as_deref()?;
        let priority = class.strip_prefix(shorthand::PRIORITY_PREFIX)?.parse().ok()?;
        Some((priority, class))
    }

    /// Whether this is, or stands for, the object of this name.
    pub fn is_called(&self, name: &str) -> bool {
        match self.count {
            None => self.name == name,
            Some(count) => numbered(&self.name, count, name),
        }
    }

    /// Number of pods that it stands for from the start.
    pub fn pods(&self) -> u64 {
        let replicas = |replicas: Option<i32>| u64::try_from(replicas.unwrap_or(1)).unwrap_or(0);
        match &self.body {
            Body::Deployment(object) => object.spec.as_ref().map_or(0, |spec| replicas(spec.replicas)),
            Body::ReplicaSet(object) => object.spec.as_ref().map_or(0, |spec| replicas(spec.replicas)),
            Body::StatefulSet(object) => object.spec.as_ref().map_or(0, |spec| replicas(spec.replicas)),
            Body::Job(object) => object.spec.as_ref().map_or(0, |spec| replicas(spec.parallelism)),
            Body::Pod(_) => self.count.unwrap_or(1),
            _ => 0,
        }
    }
}

/// Whether `name` is one of `PREFIX-1` to `PREFIX-COUNT`.
pub fn numbered(prefix: &str, count: u64, name: &str) -> bool {
    let digits = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    digits
        .filter(|digits| !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|digits| digits.parse::<u64>().ok())
        .is_some_and(|number| (1..=count).contains(&number))
}
