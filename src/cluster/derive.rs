//! What a controller's template becomes for one pod: pinned to a daemon's node, or with the claims
//! of a StatefulSet's ordinal (controllers.md 4 and 5); and the Jobs of CronJobs.

use super::Cluster;
use super::batch::JobStatus;
use super::event::{Message, Reason, Subject};
use super::ids::{NodeId, ObjectId, SpecId};
use super::labels::{Labels, NodeSelector, NodeSelectorTerm, Operator, Requirement};
use super::names::Name;
use super::object::{Body, Kind};
use super::pod::{Part, PodName};
use super::pods::NewPod;
use super::spec::VolumeSource;

/// What a template was changed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum For {
    /// A node of this name.
    Node(Name),
    /// An ordinal of a StatefulSet.
    Ordinal(ObjectId, u32),
}

impl Cluster {
    /// The template of a new pod with what its part and its owner add.
    pub(super) fn derived_spec(&mut self, new: &NewPod) -> SpecId {
        let ordinal = match new.name {
            PodName::Ordinal(_, ordinal) => ordinal,
            _ => 0,
        };
        match (new.part, new.owner) {
            (Part::Node(node), _) => self.pinned_spec(new.spec, node),
            (_, Some(set)) if self.stateful_set(set).is_some_and(|set| !set.claims.is_empty()) => {
                self.claiming_spec(new.spec, set, ordinal)
            }
            _ => new.spec,
        }
    }

    /// The template with a required node affinity on the node's name in each term.
    fn pinned_spec(&mut self, template: SpecId, node: NodeId) -> SpecId {
        let Some(name) = self.node(node).map(|node| node.name()) else { return template };
        let key = (template, For::Node(name));
        if let Some(&known) = self.derived_specs.get(&key) {
            return known;
        }
        let field = self.names.intern("metadata.name");
        let pin = vec![Requirement { key: field, operator: Operator::In, values: vec![name] }];
        let mut spec = self.spec(template).clone();
        let mut affinity = spec.node_affinity.take().unwrap_or_default();
        if affinity.terms.is_empty() {
            affinity = NodeSelector { terms: vec![NodeSelectorTerm::default()] };
        }
        for term in &mut affinity.terms {
            term.fields.clone_from(&pin);
        }
        spec.node_affinity = Some(affinity);
        let derived = self.intern_spec(spec);
        self.derived_specs.insert(key, derived);
        derived
    }

    /// The template with the claims of an ordinal, `<template>-<set>-<ordinal>`, which are created unless
    /// they are there.
    fn claiming_spec(&mut self, template: SpecId, id: ObjectId, ordinal: u32) -> SpecId {
        let Some((namespace, set_name)) = self.object(id).map(|object| (object.namespace, object.name)) else {
            return template;
        };
        let mut volumes = Vec::new();
        let Some((claims, retention)) = self.stateful_set(id).map(|set| (set.claims.clone(), set.retention)) else {
            return template;
        };
        let owner = retention.delete_when_deleted.then_some(id);
        for (claim_name, claim) in claims {
            let text = format!("{}-{}-{ordinal}", self.names.text(claim_name), self.names.text(set_name));
            let name = self.names.intern(&text);
            volumes.push(VolumeSource::Claim(name));
            if self.find_object(Kind::PersistentVolumeClaim, namespace, name).is_none() {
                let body = Body::PersistentVolumeClaim(claim);
                self.create_object(namespace, name, Labels::default(), owner, body);
            }
        }
        let key = (template, For::Ordinal(id, ordinal));
        if let Some(&known) = self.derived_specs.get(&key) {
            return known;
        }
        let mut spec = self.spec(template).clone();
        spec.volumes.extend(volumes);
        let derived = self.intern_spec(spec);
        self.derived_specs.insert(key, derived);
        derived
    }

    /// Creates the Job of a CronJob, named by the minute it was due, and notes it in the status.
    pub(super) fn create_job_of(&mut self, owner: ObjectId, scheduled: i64) {
        let Some(cron_job) = self.cron_job(owner) else { return };
        let (mut job, labels, mut status) =
            (cron_job.job.clone(), cron_job.job_labels.clone(), cron_job.status.clone());
        let Some((namespace, base)) = self.object(owner).map(|object| (object.namespace, object.name)) else { return };
        let text = format!("{}-{}", self.names.text(base), scheduled.div_euclid(60));
        let name = self.names.intern(&text);
        if self.find_object(Kind::Job, namespace, name).is_some() {
            return;
        }
        job.status = JobStatus::default();
        self.create_object(namespace, name, labels, Some(owner), Body::Job(job));
        status.active.push(name);
        status.last_schedule = Some(scheduled);
        self.set_status(owner, super::objects::ObjectStatus::CronJob(Box::new(status)));
        let reason = Reason { warning: false, text: "SuccessfulCreate" };
        let message = Message::Other(reason, format!("Created job {text}").into());
        self.record("cronjob-controller", Subject::Object(owner), message);
    }
}
