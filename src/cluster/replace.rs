//! `kubectl apply` and patches: an object gets another spec; what its controllers wrote stays.

use super::Cluster;
use super::change::Change;
use super::ids::{ObjectId, SpecId};
use super::object::Body;

impl Cluster {
    /// Gives an object the spec of `new`, a body of its kind.
    pub fn replace_spec(&mut self, id: ObjectId, mut new: Body) {
        let to = size(&mut new).copied();
        let old = &mut self.object_mut(id).body;
        if let (Some(from), Some(size)) = (size(old).copied(), size(&mut new)) {
            *size = from;
        }
        let only_size = match (&*old, &new) {
            (Body::Deployment(old), Body::Deployment(new)) => old.same_spec_but_size(new),
            _ => false,
        };
        keep_status(old, &mut new);
        *old = new;
        if !only_size {
            self.emit(Change::ObjectUpdated(id));
        }
        if let Some(to) = to {
            self.scale(id, to);
        }
    }
}

impl Cluster {
    /// Gives a Deployment, StatefulSet or DaemonSet another pod template; other kinds stay as they are.
    pub fn set_template(&mut self, id: ObjectId, template: SpecId) {
        let body = &mut self.object_mut(id).body;
        match body {
            Body::Deployment(deployment) => deployment.template = template,
            Body::StatefulSet(set) => set.template = template,
            Body::DaemonSet(set) => set.template = template,
            _ => return,
        }
        self.emit(Change::ObjectUpdated(id));
    }
}

impl Body {
    /// The pod template of what rolls out templates.
    pub fn template(&self) -> Option<SpecId> {
        match self {
            Body::Deployment(deployment) => Some(deployment.template),
            Body::StatefulSet(set) => Some(set.template),
            Body::DaemonSet(set) => Some(set.template),
            _ => None,
        }
    }
}

/// What `kubectl scale` sets.
pub(super) fn size(body: &mut Body) -> Option<&mut u32> {
    match body {
        Body::Deployment(deployment) => Some(&mut deployment.replicas),
        Body::ReplicaSet(set) => Some(&mut set.replicas),
        Body::StatefulSet(set) => Some(&mut set.replicas),
        Body::Job(job) => Some(&mut job.parallelism),
        _ => None,
    }
}

/// Carries over what the controllers of `old` wrote.
fn keep_status(old: &Body, new: &mut Body) {
    match (old, new) {
        (Body::Deployment(old), Body::Deployment(new)) => new.status = old.status,
        (Body::ReplicaSet(old), Body::ReplicaSet(new)) => {
            (new.made_from, new.revision) = (old.made_from, old.revision);
            (new.desired_annotation, new.max_annotation) = (old.desired_annotation, old.max_annotation);
            new.status = old.status;
        }
        (Body::StatefulSet(old), Body::StatefulSet(new)) => new.status = old.status,
        (Body::DaemonSet(old), Body::DaemonSet(new)) => new.status = old.status,
        (Body::Job(old), Body::Job(new)) => new.status = old.status.clone(),
        (Body::CronJob(old), Body::CronJob(new)) => new.status = old.status.clone(),
        (Body::PodDisruptionBudget(old), Body::PodDisruptionBudget(new)) => new.status = old.status,
        (Body::ResourceQuota(old), Body::ResourceQuota(new)) => {
            new.observed = old.observed;
            for line in &mut new.lines {
                let before = old.lines.iter().find(|other| other.resource == line.resource);
                line.used = before.map_or(0, |before| before.used);
            }
        }
        _ => (),
    }
}
