//! Mutators and queries of the objects that own pods.

use super::Cluster;
use super::batch::{CronJob, CronJobStatus, Job, JobStatus};
use super::change::Change;
use super::event::{Message, Subject};
use super::ids::{ObjectId, SpecId};
use super::labels::{Labels, Operator, Requirement};
use super::names::Name;
use super::object::{Body, Cascade, Deployment, DeploymentStatus, Kind, Object, ReplicaSet, ReplicaSetStatus};
use super::policy::ResourceQuota;
use super::volumes::BudgetStatus;
use super::workloads::{DaemonSet, DaemonSetStatus, StatefulSet, StatefulSetStatus};

impl Cluster {
    /// The object with this id, if it exists.
    pub fn object(&self, id: ObjectId) -> Option<&Object> {
        self.objects.get(id.index()).and_then(Option::as_ref)
    }

    /// An object removed just now, readable until [`Cluster::bury`].
    pub fn removed_object(&self, id: ObjectId) -> Option<&Object> {
        self.removed_objects.iter().find(|(removed, _)| *removed == id).and_then(|(_, object)| object.as_ref())
    }

    /// All objects, oldest first.
    pub fn objects(&self) -> impl Iterator<Item = (ObjectId, &Object)> {
        self.objects.iter().enumerate().filter_map(|(index, object)| Some((ObjectId(index as u32), object.as_ref()?)))
    }

    /// The object of this kind, namespace and name.
    pub fn find_object(&self, kind: Kind, namespace: Name, name: Name) -> Option<ObjectId> {
        self.object_by_name.get(&(kind, namespace, name)).copied()
    }

    /// The text of the object's name.
    pub fn object_name(&self, id: ObjectId) -> &str {
        self.object(id).map_or("<none>", |object| self.names.text(object.name))
    }

    pub(super) fn object_mut(&mut self, id: ObjectId) -> &mut Object {
        let now = self.now;
        match self.objects.get_mut(id.index()).and_then(Option::as_mut) {
            Some(object) => object,
            None => panic!("{now}: {id:?} does not exist"),
        }
    }

    /// Creates an object.
    ///
    /// # Panics
    /// If one of its kind, namespace and name exists.
    pub fn create_object(
        &mut self,
        namespace: Name,
        name: Name,
        labels: Labels,
        owner: Option<ObjectId>,
        body: Body,
    ) -> ObjectId {
        let id = ObjectId(self.objects.len() as u32);
        match body.kind() {
            Kind::ResourceQuota => self.quotas.push(id),
            Kind::LimitRange => self.limit_ranges.push(id),
            _ => (),
        }
        let clash = self.object_by_name.insert((body.kind(), namespace, name), id);
        assert!(clash.is_none(), "{}: {} {} exists", self.now, body.kind().as_str(), self.names.text(name));
        self.objects.push(Some(Object {
            namespace,
            name,
            labels,
            owner,
            children: Vec::new(),
            pods: Vec::new(),
            created_at: self.now,
            deleting: false,
            cascade: Cascade::Background,
            active: 0,
            ready: 0,
            terminating: 0,
            version: 0,
            body,
        }));
        if let Some(owner) = owner {
            self.object_mut(owner).children.push(id);
        }
        self.emit(Change::ObjectCreated(id));
        id
    }

    /// Creates the ReplicaSet of a Deployment's present template, named and labelled by the template's
    /// hash, and reports the scaling on the Deployment.
    pub fn create_replica_set_of(&mut self, owner: ObjectId, replicas: u32, revision: u32, max_replicas: u32) {
        let Some(deployment) = self.deployment(owner).cloned() else { return };
        let Some((namespace, base)) = self.object(owner).map(|object| (object.namespace, object.name)) else { return };
        let hash = self.template_hash(deployment.template);
        let name = format!("{}-{hash}", self.names.text(base));
        let (key, value) = (self.names.intern("pod-template-hash"), self.names.intern(&hash));
        let mut spec = self.spec(deployment.template).clone();
        spec.labels = spec.labels.with(key, value);
        let labels = spec.labels.clone();
        let mut selector = deployment.selector;
        selector.requirements.push(Requirement { key, operator: Operator::In, values: vec![value] });
        let set = ReplicaSet {
            replicas,
            template: self.intern_spec(spec),
            made_from: Some(deployment.template),
            selector,
            min_ready: deployment.min_ready,
            revision,
            desired_annotation: Some(deployment.replicas),
            max_annotation: Some(max_replicas),
            status: ReplicaSetStatus::default(),
        };
        let name = self.names.intern(&name);
        let id = self.create_object(namespace, name, labels, Some(owner), Body::ReplicaSet(set));
        if replicas > 0 {
            let message = Message::ScalingReplicaSet(id, 0, replicas);
            self.record("deployment-controller", Subject::Object(owner), message);
        }
    }

    /// Up to ten characters of Kubernetes' safe alphabet that identify a template. The alphabet and
    /// FNV-1a are Kubernetes'; the dumped text under the hash is not (controllers.md 3 allows any stable
    /// hash).
    fn template_hash(&self, template: SpecId) -> String {
        const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        let spec = self.spec(template);
        let images: String = spec.images().map(|image| self.names.text(image)).collect();
        let text = format!("{images}{:?}{}", spec.requests, template.0);
        let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        hash.to_string().bytes().map(|digit| char::from(ALPHABET[usize::from(digit) % 27])).collect()
    }

    /// Deletes an object: with background deletion it goes at once and its dependants follow, else it
    /// stays, marked, until the garbage collector has seen to them. A claim is held by a finalizer.
    pub fn delete_object(&mut self, id: ObjectId, cascade: Cascade) {
        if self.claim(id).is_some() {
            self.mark_object(id, Cascade::Background);
            return;
        }
        self.mark_object(id, cascade);
        if cascade == Cascade::Background {
            self.remove_object(id);
        }
    }

    /// Marks an object for deletion.
    pub fn mark_object(&mut self, id: ObjectId, cascade: Cascade) {
        let object = self.object_mut(id);
        if !object.deleting {
            object.deleting = true;
            object.cascade = cascade;
            self.emit(Change::ObjectMarked(id));
        }
    }

    /// Takes the owner off everything the object owns.
    pub fn orphan_dependants(&mut self, id: ObjectId) {
        for child in std::mem::take(&mut self.object_mut(id).children) {
            self.object_mut(child).owner = None;
        }
        for pod in self.object_mut(id).pods.clone() {
            self.orphan_pod(pod);
        }
    }

    /// Removes an object. Its pods and children stay, without an owner that exists.
    pub fn remove_object(&mut self, id: ObjectId) {
        let object = self.object_mut(id);
        let (key, owner) = ((object.body.kind(), object.namespace, object.name), object.owner);
        self.object_by_name.remove(&key);
        if let Some(owner) = owner.filter(|owner| self.object(*owner).is_some()) {
            self.object_mut(owner).children.retain(|child| *child != id);
        }
        self.quotas.retain(|quota| *quota != id);
        self.limit_ranges.retain(|range| *range != id);
        self.forget_work(id);
        self.emit(Change::ObjectRemoved(id));
        self.removed_objects.push((id, self.objects[id.index()].take()));
    }

    /// The owner at the top: the Deployment of a ReplicaSet, or the object itself.
    pub fn root_owner(&self, id: ObjectId) -> ObjectId {
        let mut root = id;
        while let Some(owner) = self.object(root).and_then(|object| object.owner) {
            if self.object(owner).is_none() {
                break;
            }
            root = owner;
        }
        root
    }

    /// Sets `spec.replicas`, of a Job `spec.parallelism`.
    pub fn scale(&mut self, id: ObjectId, to: u32) {
        let Some(replicas) = super::replace::size(&mut self.object_mut(id).body) else { return };
        let from = std::mem::replace(replicas, to);
        if from != to {
            self.emit(Change::ObjectScaled { object: id, from, to });
        }
    }

    /// The Deployment with this id.
    pub fn deployment(&self, id: ObjectId) -> Option<&Deployment> {
        match &self.object(id)?.body {
            Body::Deployment(deployment) => Some(deployment),
            _ => None,
        }
    }

    /// The ReplicaSet with this id.
    pub fn replica_set(&self, id: ObjectId) -> Option<&ReplicaSet> {
        match &self.object(id)?.body {
            Body::ReplicaSet(set) => Some(set),
            _ => None,
        }
    }

    /// Changes the spec of a Deployment.
    pub fn update_deployment(&mut self, id: ObjectId, change: impl FnOnce(&mut Deployment)) {
        if let Body::Deployment(deployment) = &mut self.object_mut(id).body {
            change(deployment);
            self.emit(Change::ObjectUpdated(id));
        }
    }

    /// Changes annotations and revision of a ReplicaSet.
    pub fn update_replica_set(&mut self, id: ObjectId, change: impl FnOnce(&mut ReplicaSet)) {
        if let Body::ReplicaSet(set) = &mut self.object_mut(id).body {
            change(set);
            self.emit(Change::ObjectUpdated(id));
        }
    }

    /// Changes the body of an object that owns no pods: a volume, a claim, a budget ….
    pub fn update_body(&mut self, id: ObjectId, change: impl FnOnce(&mut Body)) {
        change(&mut self.object_mut(id).body);
        self.emit(Change::ObjectUpdated(id));
    }

    /// The StatefulSet with this id.
    pub fn stateful_set(&self, id: ObjectId) -> Option<&StatefulSet> {
        match &self.object(id)?.body {
            Body::StatefulSet(set) => Some(set),
            _ => None,
        }
    }

    /// The DaemonSet with this id.
    pub fn daemon_set(&self, id: ObjectId) -> Option<&DaemonSet> {
        match &self.object(id)?.body {
            Body::DaemonSet(set) => Some(set),
            _ => None,
        }
    }

    /// The Job with this id.
    pub fn job(&self, id: ObjectId) -> Option<&Job> {
        match &self.object(id)?.body {
            Body::Job(job) => Some(job),
            _ => None,
        }
    }

    /// The CronJob with this id.
    pub fn cron_job(&self, id: ObjectId) -> Option<&CronJob> {
        match &self.object(id)?.body {
            Body::CronJob(cron_job) => Some(cron_job),
            _ => None,
        }
    }

    /// Writes the status of an object; nothing happens if it says the same already.
    pub fn set_status(&mut self, id: ObjectId, status: ObjectStatus) {
        fn set<T: PartialEq>(old: &mut T, new: T) -> bool {
            let differs = *old != new;
            *old = new;
            differs
        }
        let changed = match (&mut self.object_mut(id).body, status) {
            (Body::Deployment(object), ObjectStatus::Deployment(status)) => set(&mut object.status, status),
            (Body::ReplicaSet(object), ObjectStatus::ReplicaSet(status)) => set(&mut object.status, status),
            (Body::StatefulSet(object), ObjectStatus::StatefulSet(status)) => set(&mut object.status, status),
            (Body::DaemonSet(object), ObjectStatus::DaemonSet(status)) => set(&mut object.status, status),
            (Body::Job(object), ObjectStatus::Job(status)) => set(&mut object.status, *status),
            (Body::CronJob(object), ObjectStatus::CronJob(status)) => set(&mut object.status, *status),
            (Body::PodDisruptionBudget(object), ObjectStatus::Budget(status)) => set(&mut object.status, status),
            (Body::ResourceQuota(object), ObjectStatus::Quota(quota)) => set(object, *quota),
            (body, status) => panic!("{status:?} is no status of a {}", body.kind().as_str()),
        };
        if changed {
            self.object_mut(id).version += 1;
            self.emit(Change::ObjectStatus(id));
        }
    }
}

/// A status that a controller writes.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each variant holds the status of the kind of its name")]
pub enum ObjectStatus {
    Deployment(DeploymentStatus),
    ReplicaSet(ReplicaSetStatus),
    StatefulSet(StatefulSetStatus),
    DaemonSet(DaemonSetStatus),
    Job(Box<JobStatus>),
    CronJob(Box<CronJobStatus>),
    Budget(BudgetStatus),
    /// The whole quota, whose lines hold both limits and use.
    Quota(Box<ResourceQuota>),
}
