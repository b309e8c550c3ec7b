//! A cluster made from recorded manifests, with the scheduler looking on.

use k8s_openapi::api::core::v1 as core;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cluster::object::ReplicaSetStatus;
use crate::cluster::{
    Body, Cluster, Kind, Labels, Lease, Name, NewPod, NodeId, ObjectId, Phase, PodId, PodName, ReplicaSet, Status,
};
use crate::engine::{Seed, Span, Time};
use crate::manifest::{self, Defaults, Problems};
use crate::scheduler::Scheduler;
use crate::scheduler::config::Config;

/// The cluster and what belongs to it.
pub struct World {
    /// The cluster.
    pub cluster: Cluster,
    /// The scheduler under test.
    pub scheduler: Scheduler,
    /// What admission fills in.
    pub defaults: Defaults,
    /// Pods by `namespace/name`, with their manifests.
    pub pods: Vec<(String, PodId, Value)>,
}

/// Seconds since 1970 at which the clock starts, before every recorded start time.
const EPOCH: i64 = 1_577_836_800;

/// A recorded instant on the virtual clock.
pub fn instant(unix_seconds: i64) -> Time {
    Time::from_secs((unix_seconds - EPOCH).max(0).unsigned_abs())
}

/// Reads a typed object.
///
/// # Errors
/// If the manifest does not have its shape.
pub fn typed<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
    serde_json::from_value(value.clone()).map_err(|error| format!("{error} in {value}"))
}

/// All problems in one line.
pub fn line(problems: Problems) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl World {
    /// An empty world with the scheduler configured by `config`.
    ///
    /// # Errors
    /// If `config` fails.
    pub fn new(config: impl FnOnce(&mut crate::cluster::Names) -> Result<Config, String>) -> Result<Self, String> {
        let mut cluster = Cluster::new(Seed(1));
        let config = config(&mut cluster.names)?;
        let scheduler = Scheduler::new(config, Seed(1));
        Ok(World { cluster, scheduler, defaults: Defaults::default(), pods: Vec::new() })
    }

    /// Tells the scheduler what changed.
    pub fn settle(&mut self) {
        for change in self.cluster.take_changes() {
            self.scheduler.observe(change, &self.cluster);
        }
        self.cluster.bury();
    }

    /// The pod of this name in `namespace`.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<PodId> {
        let path = format!("{namespace}/{name}");
        self.pods
            .iter()
            .rev()
            .find(|(other, id, _)| *other == path && self.cluster.pod_exists(*id))
            .map(|found| found.1)
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.cluster.find_node(self.cluster.names.find(name)?)
    }

    /// Adds a node.
    ///
    /// # Errors
    /// If its manifest cannot be read.
    pub fn add_node(&mut self, value: &Value) -> Result<(), String> {
        let node: core::Node = typed(value)?;
        let spec = manifest::node_spec(&mut self.cluster.names, &node).map_err(line)?;
        let lease = Lease { anchor: Time::ZERO, period: Span::from_secs(10), renewing: true };
        self.cluster.add_node(spec, Status::True, lease);
        self.settle();
        Ok(())
    }

    /// Merge-patches a node's spec: `unschedulable` and `taints`.
    ///
    /// # Errors
    /// If the node or the patch cannot be read.
    pub fn patch_node(&mut self, name: &str, spec: &Value) -> Result<(), String> {
        let id = self.node(name).ok_or_else(|| format!("no node {name}"))?;
        if let Some(unschedulable) = spec.get("unschedulable") {
            self.cluster.set_cordon(id, unschedulable.as_bool().unwrap_or(false));
        }
        if let Some(taints) = spec.get("taints") {
            let patched: core::Node = typed(&serde_json::json!({"metadata": {}, "spec": {"taints": taints}}))?;
            let wanted = manifest::node_spec(&mut self.cluster.names, &patched).map_err(line)?.taints;
            let present: Vec<_> = self.cluster.node(id).into_iter().flat_map(|node| node.spec.taints.clone()).collect();
            for taint in present {
                self.cluster.remove_taint(id, taint.key, taint.effect);
            }
            for taint in wanted {
                self.cluster.add_taint(id, taint.key, taint.value, taint.effect);
            }
        }
        self.settle();
        Ok(())
    }

    /// Creates a pod and returns it; the API server's refusal otherwise.
    ///
    /// # Errors
    /// The refusal.
    pub fn create_pod(&mut self, value: &Value) -> Result<PodId, String> {
        let pod: core::Pod = typed(value)?;
        let spec = pod.spec.as_ref().ok_or("a pod without spec")?;
        let spec = manifest::pod_spec(&mut self.cluster.names, &pod.metadata, spec, &self.defaults).map_err(line)?;
        let namespace = spec.namespace;
        let name = pod.metadata.name.clone().unwrap_or_default();
        let owner = pod.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
        let owner = owner.filter(|owner| owner.kind == "ReplicaSet").and_then(|owner| {
            self.cluster.find_object(Kind::ReplicaSet, namespace, self.cluster.names.find(&owner.name)?)
        });
        let path = format!("{}/{name}", self.cluster.names.text(namespace));
        let spec = self.cluster.intern_spec(spec);
        let name = PodName::Given(self.cluster.names.intern(&name));
        let id = self.cluster.create_pod(NewPod { owner, ..NewPod::bare(name, spec) });
        self.pods.push((path, id, value.clone()));
        self.settle();
        Ok(id)
    }

    /// Creates a pod that runs already, started as its status says.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn create_running(&mut self, value: &Value, default_start: i64) -> Result<PodId, String> {
        let pod: core::Pod = typed(value)?;
        let start = pod.status.and_then(|status| status.start_time).map(|time| time.0.as_second());
        let id = self.create_pod(value)?;
        self.run(id, instant(start.unwrap_or(default_start)));
        Ok(id)
    }

    /// A bound pod starts.
    pub fn run(&mut self, pod: PodId, start: Time) {
        let now = std::mem::replace(&mut self.cluster.now, start);
        self.cluster.set_started(pod);
        self.cluster.set_phase(pod, Phase::Running);
        self.cluster.now = now;
        self.settle();
    }

    /// Creates an object of any other kind.
    ///
    /// # Errors
    /// If its manifest cannot be read or its kind is not known.
    pub fn create(&mut self, value: &Value) -> Result<Option<ObjectId>, String> {
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "PriorityClass" => {
                let class = manifest::priority_class(&typed(value)?);
                self.defaults.priority_classes.push(class);
                Ok(None)
            }
            "RuntimeClass" => {
                let overhead = manifest::runtime_overhead(&mut self.cluster.names, &typed(value)?).map_err(line)?;
                self.defaults.runtime_classes.insert(object_name(value).to_string(), overhead);
                Ok(None)
            }
            "Namespace" => {
                self.create_namespace(value)?;
                Ok(None)
            }
            _ => {
                let body = self.body(kind, value)?;
                let namespaced = matches!(
                    body.kind(),
                    Kind::Service | Kind::ReplicaSet | Kind::PersistentVolumeClaim | Kind::PodDisruptionBudget
                );
                let id = self.insert(value, body, namespaced);
                self.settle();
                Ok(Some(id))
            }
        }
    }

    fn create_namespace(&mut self, value: &Value) -> Result<(), String> {
        let namespace: core::Namespace = typed(value)?;
        let names = &mut self.cluster.names;
        let name = names.intern(namespace.metadata.name.as_deref().unwrap_or_default());
        let labels = manifest::labels(names, namespace.metadata.labels.as_ref());
        let labels = labels.with(names.intern("kubernetes.io/metadata.name"), name);
        self.cluster.namespaces.retain(|(other, _)| *other != name);
        self.cluster.namespaces.push((name, labels));
        Ok(())
    }

    /// Converts the body of an object.
    ///
    /// # Errors
    /// If its manifest cannot be read or its kind is not known.
    pub fn body(&mut self, kind: &str, value: &Value) -> Result<Body, String> {
        let names = &mut self.cluster.names;
        Ok(match kind {
            "Service" => Body::Service(manifest::service_selector(names, &typed(value)?).unwrap_or_default()),
            "ReplicaSet" => replica_set(self, value)?,
            "PodDisruptionBudget" => {
                Body::PodDisruptionBudget(manifest::disruption_budget(names, &typed(value)?).map_err(line)?)
            }
            "PersistentVolume" => {
                Body::PersistentVolume(manifest::persistent_volume(names, &typed(value)?).map_err(line)?)
            }
            "PersistentVolumeClaim" => Body::PersistentVolumeClaim(
                manifest::persistent_volume_claim(names, &typed(value)?, None).map_err(line)?,
            ),
            "StorageClass" => Body::StorageClass(manifest::storage_class(names, &typed(value)?).map_err(line)?),
            "CSINode" => Body::CsiNode(manifest::csi_node(names, &typed(value)?)),
            "CSIDriver" => Body::CsiDriver(manifest::csi_driver(&typed(value)?)),
            "VolumeAttachment" => Body::VolumeAttachment(manifest::volume_attachment(names, &typed(value)?)),
            "CSIStorageCapacity" => {
                Body::CsiStorageCapacity(manifest::csi_storage_capacity(names, &typed(value)?).map_err(line)?)
            }
            other => return Err(format!("unknown kind {other}")),
        })
    }

    /// The namespace and name under which an object is kept.
    pub fn key(&mut self, value: &Value, namespaced: bool) -> (Name, Name) {
        let namespace = value.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or("default");
        let names = &mut self.cluster.names;
        (names.intern(if namespaced { namespace } else { "" }), names.intern(object_name(value)))
    }

    fn insert(&mut self, value: &Value, body: Body, namespaced: bool) -> ObjectId {
        let (namespace, name) = self.key(value, namespaced);
        let labels = self.object_labels(value);
        self.cluster.create_object(namespace, name, labels, None, body)
    }

    fn object_labels(&mut self, value: &Value) -> Labels {
        let map = value.pointer("/metadata/labels").and_then(|labels| serde_json::from_value(labels.clone()).ok());
        manifest::labels(&mut self.cluster.names, map.as_ref())
    }
}

/// `metadata.name`.
pub fn object_name(value: &Value) -> &str {
    value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

fn replica_set(world: &mut World, value: &Value) -> Result<Body, String> {
    let set: k8s_openapi::api::apps::v1::ReplicaSet = typed(value)?;
    let spec = set.spec.ok_or("a ReplicaSet without spec")?;
    let names = &mut world.cluster.names;
    let selector = manifest::label_selector(names, "spec.selector", &spec.selector).map_err(line)?;
    let template = crate::cluster::PodSpec::new(names, "template");
    let template = world.cluster.intern_spec(template);
    Ok(Body::ReplicaSet(ReplicaSet {
        replicas: spec.replicas.unwrap_or(1).max(0).unsigned_abs(),
        template,
        made_from: None,
        selector,
        min_ready: Span::ZERO,
        revision: 0,
        desired_annotation: None,
        max_annotation: None,
        status: ReplicaSetStatus::default(),
    }))
}
