//! Mutators and queries of the objects that own pods.

use super::Cluster;
use super::change::Change;
use super::ids::ObjectId;
use super::labels::Labels;
use super::names::Name;
use super::object::{Body, Deployment, Kind, Object, ReplicaSet, ReplicaSetStatus};

impl Cluster {
    /// The object with this id, if it exists.
    pub fn object(&self, id: ObjectId) -> Option<&Object> {
        self.objects.get(id.index()).and_then(Option::as_ref)
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
        self.objects[id.index()] = None;
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
