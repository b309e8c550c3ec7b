//! One sync of a StatefulSet: living replicas in order, then those beyond the wanted number from the
//! highest down, then one step of the rolling update.

use crate::cluster::workloads::{StatefulSet, StatefulSetStatus, StatefulSetUpdate};
use crate::cluster::{Cluster, Name, NewPod, ObjectId, Phase, Pod, PodId, PodName, SpecId};
use crate::engine::Time;

/// What a sync comes to.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) status: StatefulSetStatus,
    pub(super) creations: Vec<NewPod>,
    pub(super) deletions: Vec<PodId>,
    /// When the next Ready pod will have been so for minReadySeconds.
    pub(super) look_again: Option<Time>,
}

/// Whether a sync goes on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    On,
    Stop,
}

/// A pod as a sync sees it.
#[derive(Clone, Copy)]
struct Member<'a> {
    id: PodId,
    ordinal: u32,
    pod: &'a Pod,
    available: bool,
}

/// A set during one sync.
struct Sync<'a> {
    id: ObjectId,
    name: Name,
    set: &'a StatefulSet,
    /// The current revision; pods below the partition are made from it.
    revision: SpecId,
    /// By ordinal from the first on; `None` is missing.
    replicas: Vec<Option<Member<'a>>>,
    /// Beyond the wanted number, highest ordinal first.
    condemned: Vec<Member<'a>>,
    plan: Plan,
}

/// Plans one sync of the set.
pub(super) fn plan(id: ObjectId, cluster: &Cluster) -> Option<Plan> {
    let (object, set) = (cluster.object(id)?, cluster.stateful_set(id)?);
    let mut members: Vec<Member<'_>> = object.pods.iter().filter_map(|pod| Member::of(*pod, set, cluster)).collect();
    members.sort_unstable_by_key(|member| member.ordinal);
    let revision = set.status.revision.unwrap_or(set.template);
    let status = status(set, revision, &members);
    let look_again = look_again(set, &members, cluster);
    let mut replicas = vec![None; set.replicas as usize];
    let mut condemned = Vec::new();
    for member in members.into_iter().rev() {
        let index = member.ordinal.checked_sub(set.first_ordinal).map(|index| index as usize);
        match index.and_then(|index| replicas.get_mut(index)) {
            Some(slot) => *slot = Some(member),
            None => condemned.push(member),
        }
    }
    let plan = Plan { status, creations: Vec::new(), deletions: Vec::new(), look_again };
    let mut sync = Sync { id, name: object.name, set, revision, replicas, condemned, plan };
    if !object.deleting {
        sync.run();
    }
    Some(sync.plan)
}

impl<'a> Member<'a> {
    fn of(id: PodId, set: &StatefulSet, cluster: &'a Cluster) -> Option<Member<'a>> {
        let pod = cluster.pod(id)?;
        let PodName::Ordinal(_, ordinal) = pod.name else { return None };
        let available = pod.phase == Phase::Running && super::super::is_available(pod, set.min_ready, cluster);
        Some(Member { id, ordinal, pod, available })
    }

    fn is_terminating(&self) -> bool {
        self.pod.deletion.is_some()
    }

    /// Available and not on its way out.
    fn is_whole(&self) -> bool {
        self.available && !self.is_terminating()
    }
}

impl Sync<'_> {
    fn run(&mut self) {
        let first_unavailable = self.first_unavailable();
        for index in 0..self.replicas.len() {
            if self.process_replica(index) == Flow::Stop && !self.set.parallel {
                return;
            }
        }
        for index in 0..self.condemned.len() {
            if self.process_condemned(index, first_unavailable) == Flow::Stop && !self.set.parallel {
                return;
            }
        }
        if let StatefulSetUpdate::RollingUpdate { partition } = self.set.update {
            self.update(partition);
        }
    }

    /// The lowest pod that is not whole, replicas before condemned ones; `None` also if that one is
    /// missing.
    fn first_unavailable(&self) -> Option<PodId> {
        match self.replicas.iter().find(|slot| slot.is_none_or(|member| !member.is_whole())) {
            Some(slot) => slot.map(|member| member.id),
            None => self.condemned.iter().rev().find(|member| !member.is_whole()).map(|member| member.id),
        }
    }

    /// The template of a new pod: below the partition the current one, else the newest.
    fn template(&self, index: u32) -> SpecId {
        match self.set.update {
            StatefulSetUpdate::RollingUpdate { partition } if index < partition => self.revision,
            _ => self.set.template,
        }
    }

    fn process_replica(&mut self, index: usize) -> Flow {
        let Some(member) = self.replicas[index] else {
            let name = PodName::Ordinal(self.name, self.set.first_ordinal + index as u32);
            self.plan.creations.push(NewPod::of(self.id, name, self.template(index as u32)));
            return Flow::Stop;
        };
        if member.pod.phase.is_terminal() {
            if !member.is_terminating() {
                self.plan.deletions.push(member.id);
            }
            return Flow::Stop;
        }
        if member.is_whole() { Flow::On } else { Flow::Stop }
    }

    fn process_condemned(&mut self, index: usize, first_unavailable: Option<PodId>) -> Flow {
        let member = self.condemned[index];
        if member.is_terminating() {
            return Flow::Stop;
        }
        if self.set.parallel || member.available || first_unavailable == Some(member.id) {
            self.plan.deletions.push(member.id);
        }
        Flow::Stop
    }

    /// One step of the rolling update: the highest pod of an old template goes, unless one above it is
    /// not whole.
    fn update(&mut self, partition: u32) {
        for index in (partition as usize..self.replicas.len()).rev() {
            let Some(member) = self.replicas[index] else { return }; // created in this very sync
            if member.pod.template != self.set.template && !member.is_terminating() {
                if !self.plan.deletions.contains(&member.id) {
                    self.plan.deletions.push(member.id);
                }
                return;
            }
            if !member.is_whole() {
                return;
            }
        }
    }
}

fn status(set: &StatefulSet, revision: SpecId, members: &[Member<'_>]) -> StatefulSetStatus {
    let count = |counts: &dyn Fn(&Member<'_>) -> bool| members.iter().filter(|member| counts(member)).count() as u32;
    let of = |template: SpecId| count(&|member| !member.is_terminating() && member.pod.template == template);
    let mut status = StatefulSetStatus {
        replicas: members.len() as u32,
        ready: count(&|member| member.pod.phase == Phase::Running && member.pod.ready),
        available: count(&|member| member.available),
        current: of(revision),
        updated: of(set.template),
        revision: Some(revision),
    };
    let is_rolling = matches!(set.update, StatefulSetUpdate::RollingUpdate { .. });
    if is_rolling && [status.updated, status.ready, status.replicas] == [set.replicas; 3] {
        status.current = status.updated;
        status.revision = Some(set.template);
    }
    status
}

fn look_again(set: &StatefulSet, members: &[Member<'_>], cluster: &Cluster) -> Option<Time> {
    let waiting = members.iter().filter(|member| member.pod.ready && !member.available);
    waiting.map(|member| super::super::available_at(member.pod, set.min_ready, cluster)).min()
}
