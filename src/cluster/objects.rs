//! Mutators and queries of the objects that own pods.

use super::Cluster;
use super::change::Change;
use super::event::{Message, Subject};
use super::ids::{ObjectId, SpecId};
use super::labels::{Labels, Operator, Requirement};
use super::names::Name;
use super::object::{Body, Deployment, Kind, Object, ReplicaSet, ReplicaSetStatus};

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
            active: 0,
            ready: 0,
            terminating: 0,
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

    /// Marks an object for deletion; its dependants follow by garbage collection.
    pub fn mark_object(&mut self, id: ObjectId) {
        let object = self.object_mut(id);
        if !object.deleting {
            object.deleting = true;
            self.emit(Change::ObjectMarked(id));
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

    /// Sets `spec.replicas` of a Deployment or ReplicaSet.
    pub fn scale(&mut self, id: ObjectId, to: u32) {
        let replicas = match &mut self.object_mut(id).body {
            Body::Deployment(deployment) => &mut deployment.replicas,
            Body::ReplicaSet(set) => &mut set.replicas,
            _ => return,
        };
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

    /// Changes the status of a Deployment.
    pub fn set_deployment_status(&mut self, id: ObjectId, status: super::object::DeploymentStatus) {
        if let Body::Deployment(deployment) = &mut self.object_mut(id).body
            && deployment.status != status
        {
            deployment.status = status;
            self.emit(Change::ObjectStatus(id));
        }
    }

    /// Gives an object the spec of `new`, a body of its kind; what its controllers wrote stays.
    pub fn replace_spec(&mut self, id: ObjectId, new: Body) {
        match (&mut self.object_mut(id).body, new) {
            (Body::Deployment(old), Body::Deployment(new)) => {
                let (replicas, status) = (old.replicas, old.status);
                let to = new.replicas;
                let spec_changed = !old.same_spec_but_size(&new);
                *old = Deployment { replicas, status, ..new };
                if spec_changed {
                    self.emit(Change::ObjectUpdated(id));
                }
                self.scale(id, to);
            }
            (Body::ReplicaSet(old), Body::ReplicaSet(new)) => {
                let to = new.replicas;
                (old.template, old.selector, old.min_ready) = (new.template, new.selector, new.min_ready);
                self.emit(Change::ObjectUpdated(id));
                self.scale(id, to);
            }
            (old, new) => {
                *old = new;
                self.emit(Change::ObjectUpdated(id));
            }
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

    /// Changes the status of a ReplicaSet.
    pub fn set_replica_set_status(&mut self, id: ObjectId, status: ReplicaSetStatus) {
        if let Body::ReplicaSet(set) = &mut self.object_mut(id).body
            && set.status != status
        {
            set.status = status;
            self.emit(Change::ObjectStatus(id));
        }
    }
}
