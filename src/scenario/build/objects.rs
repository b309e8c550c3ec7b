//! Kubernetes objects, those of the shorthand included, as what is created in a run.

use super::Builder;
use crate::cluster::spec::Behaviour;
use crate::cluster::{GpuRequest, Names};
use crate::manifest;
use crate::scenario::manifests::{Body, Object};
use crate::scenario::schema::values::GpuAmount;
use crate::scenario::schema::workloads::Behaviour as WrittenBehaviour;
use crate::simulation::Workload;

impl Builder<'_> {
    /// What creating an object creates: nothing for classes and namespaces, which are known beforehand,
    /// and several for pods with a `count`.
    pub(super) fn create(&mut self, object: &Object) -> Vec<Workload> {
        self.templates.create(object);
        self.make(object)
    }

    /// The same for what may be there already: the commands of `kubectl apply` find out in the run.
    pub(super) fn apply(&mut self, object: &Object) -> Vec<Workload> {
        self.templates.apply(object);
        self.make(object)
    }

    fn make(&mut self, object: &Object) -> Vec<Workload> {
        let made = match &object.body {
            Body::Pod(_) => return self.pods(object),
            Body::Service(service) => Ok(manifest::workload::service(&mut self.cluster, service)),
            Body::Deployment(_)
            | Body::ReplicaSet(_)
            | Body::StatefulSet(_)
            | Body::DaemonSet(_)
            | Body::Job(_)
            | Body::CronJob(_) => self.body(object).map(Some),
            Body::PodDisruptionBudget(budget) => manifest::disruption_budget(&mut self.cluster.names, budget)
                .map(|budget| Some(crate::cluster::Body::PodDisruptionBudget(budget))),
            Body::ResourceQuota(quota) => manifest::quota::resource_quota(&mut self.cluster.names, quota)
                .map(|quota| Some(crate::cluster::Body::ResourceQuota(quota))),
            Body::LimitRange(range) => manifest::quota::limit_range(&mut self.cluster.names, range)
                .map(|range| Some(crate::cluster::Body::LimitRange(range))),
            Body::PersistentVolume(_)
            | Body::PersistentVolumeClaim(_)
            | Body::StorageClass(_)
            | Body::CSINode(_)
            | Body::CSIDriver(_)
            | Body::CSIStorageCapacity(_) => self.storage(object),
            Body::Namespace(_) | Body::Node(_) | Body::PriorityClass(_) | Body::RuntimeClass(_) => Ok(None),
        };
        match made {
            Ok(Some(body)) => {
                let names = &mut self.cluster.names;
                let labels = manifest::labels(names, object.metadata().labels.as_ref());
                let (namespace, name) = (names.intern(&object.namespace), names.intern(&object.name));
                vec![Workload::Object { namespace, name, labels, body }]
            }
            Ok(None) => Vec::new(),
            Err(problems) => {
                self.report(&object.node, problems);
                Vec::new()
            }
        }
    }

    /// The cluster's form of an object about storage.
    fn storage(&mut self, object: &Object) -> Result<Option<crate::cluster::Body>, manifest::Problems> {
        let (names, class) = (&mut self.cluster.names, self.defaults.storage_class.as_deref());
        storage_body(object, names, class).transpose()
    }

    /// The cluster's form of an object with a pod template.
    ///
    /// # Errors
    /// What the API server would refuse.
    pub(super) fn body(&mut self, object: &Object) -> Result<crate::cluster::Body, manifest::Problems> {
        let behaviour = object.behaviour.as_ref().map(|it| behaviour(it, &mut self.cluster.names)).unwrap_or_default();
        let Builder { cluster, defaults, .. } = self;
        match &object.body {
            Body::Deployment(deployment) => manifest::workload::deployment(cluster, deployment, &behaviour, defaults),
            Body::ReplicaSet(set) => manifest::workload::replica_set(cluster, set, &behaviour, defaults),
            Body::StatefulSet(set) => manifest::sets::stateful_set(cluster, set, &behaviour, defaults),
            Body::DaemonSet(set) => manifest::sets::daemon_set(cluster, set, &behaviour, defaults),
            Body::Job(job) => manifest::batch::job(cluster, job, &behaviour, defaults),
            Body::CronJob(cron_job) => manifest::batch::cron_job(cluster, cron_job, &behaviour, defaults),
            _ => unreachable!("{} {} has no pod template", object.kind(), object.name),
        }
    }

    fn pods(&mut self, object: &Object) -> Vec<Workload> {
        let Some((_, Some(metadata), pod)) = object.template() else { return Vec::new() };
        let mut spec = match manifest::pod_spec(&mut self.cluster.names, metadata, pod, &self.defaults) {
            Ok(spec) => spec,
            Err(problems) => {
                self.report(&object.node, problems);
                return Vec::new();
            }
        };
        spec.set_behaviour(
            &object.behaviour.as_ref().map(|it| behaviour(it, &mut self.cluster.names)).unwrap_or_default(),
        );
        let spec = self.cluster.intern_spec(spec);
        let mut named = |name: &str| Workload::Pod { name: self.cluster.names.intern(name), spec };
        match object.count {
            None => vec![named(&object.name)],
            Some(count) => (1..=count).map(|number| named(&format!("{}-{number}", object.name))).collect(),
        }
    }
}

/// The cluster's form of an object about storage; `None` for other kinds. Claims that name no class get
/// `default_class`.
pub(in crate::scenario) fn storage_body(
    object: &Object,
    names: &mut Names,
    default_class: Option<&str>,
) -> Option<Result<crate::cluster::Body, manifest::Problems>> {
    use crate::cluster::Body as Made;
    Some(match &object.body {
        Body::PersistentVolume(volume) => manifest::persistent_volume(names, volume).map(Made::PersistentVolume),
        Body::PersistentVolumeClaim(claim) => {
            manifest::persistent_volume_claim(names, claim, default_class).map(Made::PersistentVolumeClaim)
        }
        Body::StorageClass(class) => manifest::storage_class(names, class).map(Made::StorageClass),
        Body::CSINode(node) => Ok(Made::CsiNode(manifest::csi_node(names, node))),
        Body::CSIDriver(driver) => Ok(Made::CsiDriver(manifest::csi_driver(driver))),
        Body::CSIStorageCapacity(capacity) => {
            manifest::csi_storage_capacity(names, capacity).map(Made::CsiStorageCapacity)
        }
        _ => return None,
    })
}

/// What containers do, as the cluster keeps it. A readiness probe is Kubernetes' own to describe.
fn behaviour(written: &WrittenBehaviour, names: &mut Names) -> Behaviour {
    let models = written.gpu_models.iter().flat_map(|models| models.split('|')).map(|model| names.intern(model.trim()));
    let models = models.collect();
    let gpu =
        written.gpu.map(|GpuAmount(milli)| GpuRequest { count: (milli / 1000).max(1), milli: milli.min(1000), models });
    Behaviour {
        ready_after: written.ready_after.as_ref().map(|latency| latency.0.clone()),
        never_ready: written.never_ready,
        readiness_probe: None,
        run_for: written.run_for.as_ref().map(|latency| latency.0.clone()),
        checkpoints: written.checkpoints(),
        exit_code: written.exit_code,
        stop_after: written.stop_after.as_ref().map(|latency| latency.0.clone()),
        gpu,
        min_count: written.min_count.as_ref().map(|count| count.value),
    }
}
