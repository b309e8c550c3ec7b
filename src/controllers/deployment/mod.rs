//! The Deployment controller (controllers.md 3): never touches pods, only sizes of ReplicaSets, one
//! step a sync, driven by the availability the ReplicaSet controller reports.
//!
//! [`Rollout`] is the picture one sync works on; `rolling.rs` and `scaling.rs` hold the two ways to
//! change sizes, `status.rs` what is written at the end.

mod rolling;
mod scaling;
mod status;

use crate::cluster::{
    Action, Change, Cluster, Deployment, Message, ObjectId, Phase, ReplicaSet, ReplicaSetStatus, SpecId, Strategy,
    Subject,
};

use crate::cluster::objects::ObjectStatus;
use crate::controllers::topic::Topic;
use crate::engine::Time;

use super::settings::Settings;
use super::{Actions, Controller, Key, Todo, Wakes};

const NAME: &str = "deployment-controller";

/// The controller. It keeps nothing in memory.
#[derive(Debug)]
pub struct DeploymentController;

impl DeploymentController {
    /// The controller.
    pub fn new(_: &Settings) -> Self {
        DeploymentController
    }
}

impl Controller for DeploymentController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Status, Topic::Phase, Topic::Removed]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        let deployment = match change {
            Change::ObjectCreated(id) | Change::ObjectUpdated(id) => own_or_owner(id, cluster),
            // its own status, which it hears of too, gives it nothing to do: a sync after it comes to the same, and the
            // progress deadline has a timer
            Change::ObjectStatus(id) => cluster.object(id).and_then(|object| object.owner),
            Change::ObjectScaled { object, .. } => own_or_owner(object, cluster),
            Change::ObjectRemoved(id) => cluster.removed_object(id).and_then(|object| object.owner),
            Change::PodRemoved(pod) | Change::PodPhase { pod, .. } => recreating(pod, cluster),
            _ => None,
        };
        wakes.news.extend(deployment.filter(|id| cluster.deployment(*id).is_some()).map(Key::Object));
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        let Key::Object(id) = key else { return };
        let Some(mut rollout) = Rollout::of(id, cluster) else { return };
        rollout.sync(cluster);
        status::write(&mut rollout, cluster, todo);
        todo.actions.append(&mut rollout.actions);
    }
}

/// The Deployment itself, or the one that owns the ReplicaSet.
fn own_or_owner(id: ObjectId, cluster: &Cluster) -> Option<ObjectId> {
    cluster.object(id).and_then(|object| object.owner).or(Some(id))
}

/// The Deployment of the pod, if it recreates: then it waits for old pods to vanish.
fn recreating(pod: crate::cluster::PodId, cluster: &Cluster) -> Option<ObjectId> {
    let id = cluster.object(cluster.pod(pod)?.owner?)?.owner?;
    (cluster.deployment(id)?.strategy == Strategy::Recreate).then_some(id)
}

/// A ReplicaSet as the sync sees it; its size follows the sync's own decisions.
#[derive(Clone, Debug)]
struct Member {
    id: Option<ObjectId>,
    size: u32,
    status: ReplicaSetStatus,
    revision: u32,
    desired_annotation: Option<u32>,
    max_annotation: Option<u32>,
}

/// One Deployment and its ReplicaSets during one sync.
struct Rollout<'a> {
    id: ObjectId,
    spec: &'a Deployment,
    /// The ReplicaSet of the present template.
    new: Option<Member>,
    /// The others, oldest first.
    old: Vec<Member>,
    /// Whether this sync created `new`.
    created: bool,
    now: Time,
    actions: Actions,
}

impl<'a> Rollout<'a> {
    fn of(id: ObjectId, cluster: &'a Cluster) -> Option<Self> {
        let object = cluster.object(id)?;
        let spec = cluster.deployment(id)?;
        let sets = object.children.iter().filter_map(|child| Some((*child, cluster.replica_set(*child)?)));
        let mut new = None;
        let mut old = Vec::new();
        for (child, set) in sets {
            if new.is_none() && same_template(set, spec.template) {
                new = Some(Member::of(child, set));
            } else {
                old.push(Member::of(child, set));
            }
        }
        Some(Rollout { id, spec, new, old, created: false, now: cluster.now, actions: Actions::new() })
    }

    fn sync(&mut self, cluster: &Cluster) {
        if self.spec.paused {
            self.scale_proportionally();
            return;
        }
        self.renew_revision();
        if self.was_scaled() {
            self.scale_proportionally();
            return;
        }
        match self.spec.strategy {
            Strategy::Recreate => self.recreate(cluster),
            Strategy::RollingUpdate { .. } => self.roll(),
        }
        self.prune_history();
    }

    /// `maxSurge` and `maxUnavailable` in pods; if both come to 0, one may be unavailable.
    fn surge_and_unavailable(&self) -> (u32, u32) {
        match self.spec.strategy {
            Strategy::Recreate => (0, 0),
            Strategy::RollingUpdate { max_surge, max_unavailable } => {
                let surge = max_surge.ceil(self.spec.replicas);
                let unavailable = max_unavailable.floor(self.spec.replicas);
                (surge, if surge == 0 && unavailable == 0 { 1 } else { unavailable.min(self.spec.replicas.max(1)) })
            }
        }
    }

    /// R + S: the most pods there may be, Terminating ones not counted.
    fn max_replicas(&self) -> u32 {
        self.spec.replicas + self.surge_and_unavailable().0
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.old.iter().chain(&self.new)
    }

    fn total(&self) -> u32 {
        self.members().map(|member| member.size).sum()
    }

    fn available(&self) -> u32 {
        self.members().map(|member| member.status.available).sum()
    }

    /// An old template that is current again gets a new revision.
    fn renew_revision(&mut self) {
        let newest_old = self.old.iter().map(|member| member.revision).max().unwrap_or(0);
        if let Some(new) = &mut self.new
            && new.revision <= newest_old
        {
            new.revision = newest_old + 1;
            self.actions.extend(new.id.map(|id| Action::SetRevision(id, newest_old + 1)));
        }
    }

    /// Creates the ReplicaSet of the present template with `size` replicas, unless it is there.
    fn ensure_new(&mut self, size: u32) {
        if self.new.is_some() {
            return;
        }
        let revision = self.old.iter().map(|member| member.revision).max().unwrap_or(0) + 1;
        let max_replicas = self.max_replicas();
        self.actions.push(Action::CreateReplicaSet { owner: self.id, replicas: size, revision, max_replicas });
        let status = status::with_new(&self.spec.status, self.now);
        self.actions.push(Action::SetStatus(self.id, ObjectStatus::Deployment(status)));
        self.created = true;
        self.new = Some(Member {
            id: None,
            size,
            status: ReplicaSetStatus::default(),
            revision,
            desired_annotation: Some(self.spec.replicas),
            max_annotation: Some(max_replicas),
        });
    }

    /// Old pods first, all of them; then the new ones.
    fn recreate(&mut self, cluster: &Cluster) {
        let mut scaled = false;
        for index in 0..self.old.len() {
            scaled |= self.resize_old(index, 0);
        }
        if scaled || self.old.iter().any(|member| has_living_pods(member, cluster)) {
            return;
        }
        let replicas = self.spec.replicas;
        if self.new.is_none() {
            self.ensure_new(replicas);
        } else {
            self.resize_new(replicas);
        }
    }

    fn resize_old(&mut self, index: usize, size: u32) -> bool {
        let (desired, max) = (self.spec.replicas, self.max_replicas());
        resize(&mut self.old[index], size, desired, max, self.id, &mut self.actions)
    }

    fn resize_new(&mut self, size: u32) -> bool {
        let (desired, max, id) = (self.spec.replicas, self.max_replicas(), self.id);
        let Some(new) = &mut self.new else { return false };
        resize(new, size, desired, max, id, &mut self.actions)
    }

    /// Once the rollout is complete, removes the oldest empty ReplicaSets beyond the history limit.
    fn prune_history(&mut self) {
        if !status::is_complete(self) {
            return;
        }
        let mut empty: Vec<&Member> =
            self.old.iter().filter(|member| member.size == 0 && member.status.replicas == 0).collect();
        empty.sort_by_key(|member| member.revision);
        let surplus = empty.len().saturating_sub(self.spec.history_limit as usize);
        let removals = empty.iter().take(surplus).filter_map(|member| member.id).map(Action::RemoveObject);
        self.actions.extend(removals);
    }
}

impl Member {
    fn of(id: ObjectId, set: &ReplicaSet) -> Self {
        Member {
            id: Some(id),
            size: set.replicas,
            status: set.status,
            revision: set.revision,
            desired_annotation: set.desired_annotation,
            max_annotation: set.max_annotation,
        }
    }
}

/// Sets a ReplicaSet's size and annotations and reports it; false if it has that size.
fn resize(member: &mut Member, size: u32, desired: u32, max: u32, deployment: ObjectId, actions: &mut Actions) -> bool {
    let annotated = member.desired_annotation == Some(desired) && member.max_annotation == Some(max);
    let Some(id) = member.id else { return false };
    if !annotated && (member.size != size || size > 0) {
        actions.push(Action::AnnotateReplicaSet(id, desired, max));
        member.desired_annotation = Some(desired);
        member.max_annotation = Some(max);
    }
    if member.size == size {
        return false;
    }
    actions.push(Action::Scale(id, size));
    let message = Message::ScalingReplicaSet(id, member.size, size);
    actions.push(Action::Record(NAME, Subject::Object(deployment), message));
    member.size = size;
    true
}

fn same_template(set: &ReplicaSet, template: SpecId) -> bool {
    set.made_from == Some(template)
}

/// Whether pods of the set exist that have not ended, Terminating ones included.
fn has_living_pods(member: &Member, cluster: &Cluster) -> bool {
    let pods = member.id.and_then(|id| cluster.object(id)).map(|object| &object.pods);
    pods.into_iter()
        .flatten()
        .filter_map(|pod| cluster.pod(*pod))
        .any(|pod| !matches!(pod.phase, Phase::Succeeded | Phase::Failed))
}
