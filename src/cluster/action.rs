//! What a decider wants done. Controllers, kubelet and operator return actions; the simulation
//! applies them at once, in order, through [`Cluster::apply`].

use crate::engine::{Span, Time};

use super::Cluster;
use super::change::Change;
use super::event::{Message, Reason, Subject};
use super::ids::{NodeId, ObjectId, PodId};
use super::names::Name;
use super::node::Status;
use super::object::Cascade;
use super::objects::ObjectStatus;
use super::pod::{Container, Disruption, Phase};
use super::pods::NewPod;
use super::storage::StorageAction;
use super::taint::Effect;
use super::work::Work;

/// One change somebody wants made to the world.
#[derive(Clone, Debug)]
pub enum Action {
    /// Create a pod for its owner; `by` reports `SuccessfulCreate`.
    CreatePod {
        /// What it is made from.
        new: NewPod,
        /// The component that creates it.
        by: &'static str,
    },
    /// Delete a pod with `grace`, or its own grace period; `by` reports `SuccessfulDelete` on its owner.
    DeletePod {
        /// The pod.
        pod: PodId,
        /// Grace period; `None`: the pod's own.
        grace: Option<Span>,
        /// The component that deletes it, if it reports so.
        by: Option<&'static str>,
    },
    /// Remove the pod object: the kubelet has confirmed its end.
    RemovePod(PodId),
    /// Set the pod Failed, then remove it, as pod garbage collection does.
    ForceDeletePod(PodId),
    /// Set the phase.
    SetPhase(PodId, Phase),
    /// Set whether the containers are ready, and the Ready condition.
    SetPodReady(PodId, bool),
    /// Set the Ready condition False, whatever the kubelet said last.
    MarkPodNotReady(PodId),
    /// Set `status.startTime`.
    SetStarted(PodId),
    /// Physics: containers changed.
    SetContainer(PodId, Container),
    /// Physics: containers that write checkpoints start with this work.
    BeginWork(PodId, Work),
    /// Pending events of the pod's life on its node become void.
    VoidPodEvents(PodId),
    /// A container was started again.
    CountRestart(PodId),
    /// An image is now on the node: name and bytes.
    AddImage(NodeId, Name, i64),
    /// Set the node's Ready condition.
    SetNodeReady(NodeId, Status),
    /// Add a taint with an empty value.
    AddTaint(NodeId, Name, Effect),
    /// Remove a taint.
    RemoveTaint(NodeId, Name, Effect),
    /// Set `spec.unschedulable`.
    SetCordon(NodeId, bool),
    /// Physics: a machine on its way up has come so far that its kubelet works; whether it says Ready.
    SetBooted(NodeId, bool),
    /// The kubelet stops renewing the lease.
    StopLease(NodeId),
    /// The kubelet renews the lease from this instant on.
    ResumeLease(NodeId, Time),
    /// Create the ReplicaSet of a Deployment's present template.
    CreateReplicaSet {
        /// The Deployment.
        owner: ObjectId,
        /// Its size.
        replicas: u32,
        /// Its revision.
        revision: u32,
        /// Annotation `max-replicas`; `desired-replicas` is the Deployment's size.
        max_replicas: u32,
    },
    /// Set `spec.replicas`.
    Scale(ObjectId, u32),
    /// Set annotations of a ReplicaSet: desired and max replicas.
    AnnotateReplicaSet(ObjectId, u32, u32),
    /// Set the revision of a ReplicaSet.
    SetRevision(ObjectId, u32),
    /// Write an object's status.
    SetStatus(ObjectId, ObjectStatus),
    /// Create the Job of a CronJob for this time, in seconds since the Unix epoch.
    CreateJob {
        /// The CronJob.
        owner: ObjectId,
        /// When it was due.
        scheduled: i64,
    },
    /// Condition `DisruptionTarget`: something but its owner is about to end the pod.
    Disrupt(PodId, Disruption),
    /// Take the Job's finalizer off a pod.
    ReleasePod(PodId),
    /// Delete an object.
    DeleteObject(ObjectId, Cascade),
    /// Take the owner off everything the object owns.
    OrphanDependants(ObjectId),
    /// Remove an object; its dependants follow by garbage collection.
    RemoveObject(ObjectId),
    /// Do something about claims, volumes or attachments.
    Storage(StorageAction),
    /// Record a Kubernetes event.
    Record(&'static str, Subject, Message),
}

impl Cluster {
    /// Does what `action` says. An action on a pod, node or object that is gone does nothing, as its
    /// API call would find nothing.
    pub fn apply(&mut self, action: Action) {
        match action {
            Action::CreatePod { new, by } => self.apply_create(new, by),
            Action::DeletePod { pod, grace, by } => self.apply_delete(pod, grace, by),
            Action::RemovePod(pod) => self.remove_pod(pod),
            Action::ForceDeletePod(pod) => self.apply_force_delete(pod),
            Action::SetNodeReady(node, status) => self.on_node(node, |c| c.set_node_ready(node, status)),
            Action::AddTaint(node, key, effect) => self.on_node(node, |c| {
                let empty = c.known.empty;
                c.add_taint(node, key, empty, effect);
            }),
            Action::RemoveTaint(node, key, effect) => self.on_node(node, |c| c.remove_taint(node, key, effect)),
            Action::SetCordon(node, cordon) => self.on_node(node, |c| c.set_cordon(node, cordon)),
            Action::SetBooted(node, healthy) => self.on_node(node, |c| c.set_booted(node, healthy)),
            Action::StopLease(node) => self.on_node(node, |c| c.stop_lease(node)),
            Action::ResumeLease(node, first) => self.on_node(node, |c| c.resume_lease(node, first)),
            Action::AddImage(node, image, bytes) => self.on_node(node, |c| c.add_image(node, image, bytes)),
            Action::Storage(action) => self.apply_storage(action),
            Action::Record(source, subject, message) => self.record(source, subject, message),
            Action::CreateReplicaSet { owner, replicas, revision, max_replicas } => self.on_object(owner, |c| {
                c.create_replica_set_of(owner, replicas, revision, max_replicas);
            }),
            other => self.apply_status(other),
        }
    }

    /// The actions that set one field of a pod or an object.
    fn apply_status(&mut self, action: Action) {
        match action {
            Action::SetPhase(pod, phase) => self.on_pod(pod, |c| c.set_phase(pod, phase)),
            Action::SetPodReady(pod, ready) => self.on_pod(pod, |c| c.set_pod_ready(pod, ready)),
            Action::MarkPodNotReady(pod) => self.on_pod(pod, |c| c.set_ready_condition(pod, false)),
            Action::SetStarted(pod) => self.on_pod(pod, |c| c.set_started(pod)),
            Action::SetContainer(pod, container) => self.on_pod(pod, |c| c.set_container(pod, container)),
            Action::BeginWork(pod, work) => self.on_pod(pod, |c| c.begin_work(pod, work)),
            Action::VoidPodEvents(pod) => self.on_pod(pod, |c| {
                c.void_pod_events(pod);
            }),
            Action::CountRestart(pod) => self.on_pod(pod, |c| c.count_restart(pod)),
            Action::Scale(object, to) => self.on_object(object, |c| c.scale(object, to)),
            Action::AnnotateReplicaSet(object, desired, max) => self.on_object(object, |c| {
                c.update_replica_set(object, |set| {
                    set.desired_annotation = Some(desired);
                    set.max_annotation = Some(max);
                });
            }),
            Action::SetRevision(object, revision) => {
                self.on_object(object, |c| c.update_replica_set(object, |set| set.revision = revision));
            }
            Action::SetStatus(object, status) => self.on_object(object, |c| c.set_status(object, status)),
            Action::CreateJob { owner, scheduled } => self.on_object(owner, |c| c.create_job_of(owner, scheduled)),
            Action::Disrupt(pod, reason) => self.on_pod(pod, |c| c.set_disrupted(pod, reason)),
            Action::ReleasePod(pod) => self.on_pod(pod, |c| c.release_pod(pod)),
            Action::DeleteObject(object, cascade) => self.on_object(object, |c| c.delete_object(object, cascade)),
            Action::OrphanDependants(object) => self.on_object(object, |c| c.orphan_dependants(object)),
            Action::RemoveObject(object) => self.on_object(object, |c| c.remove_object(object)),
            other => unreachable!("{other:?} is applied above"),
        }
    }

    fn on_node(&mut self, node: NodeId, act: impl FnOnce(&mut Cluster)) {
        if self.node(node).is_some() {
            act(self);
        }
    }

    fn on_pod(&mut self, pod: PodId, act: impl FnOnce(&mut Cluster)) {
        if self.pod_exists(pod) {
            act(self);
        }
    }

    fn on_object(&mut self, object: ObjectId, act: impl FnOnce(&mut Cluster)) {
        if self.object(object).is_some() {
            act(self);
        }
    }

    fn apply_create(&mut self, new: NewPod, by: &'static str) {
        let Some(owner) = new.owner else {
            self.submit_pod(new);
            return;
        };
        if self.object(owner).is_none() {
            return;
        }
        match self.admit(&new) {
            Ok(spec) => {
                let pod = self.create_pod_from(new, spec);
                self.record(by, Subject::Object(owner), Message::SuccessfulCreate(pod));
            }
            Err(why) => {
                let failed = Reason { warning: true, text: "FailedCreate" };
                let text = format!("Error creating: {why}");
                self.record(by, Subject::Object(owner), Message::Other(failed, text.into()));
                self.emit(Change::CreateRefused(owner));
            }
        }
    }

    fn apply_delete(&mut self, id: PodId, grace: Option<Span>, by: Option<&'static str>) {
        if !self.pod_exists(id) {
            return;
        }
        let Some(pod) = self.pod(id) else { return };
        let grace = grace.unwrap_or(self.spec(pod.spec).grace);
        if let (Some(by), Some(owner)) = (by, pod.owner) {
            self.record(by, Subject::Object(owner), Message::SuccessfulDelete(id));
        }
        self.mark(id, grace);
    }

    fn apply_force_delete(&mut self, id: PodId) {
        if !self.pod_exists(id) {
            return;
        }
        self.set_disrupted(id, Disruption::DeletionByPodGc);
        if self.pod(id).is_some_and(|pod| !pod.phase.is_terminal()) {
            self.set_phase(id, Phase::Failed);
        }
        self.mark(id, Span::ZERO);
    }
}
