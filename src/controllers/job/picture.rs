//! What one sync sees of a Job: its pods by what they count as.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::batch::{FailureAction, FailureMatch, Job, JobEnd, JobStatus};
use crate::cluster::spec::Role;
use crate::cluster::{Action, Cluster, ObjectId, Part, Phase, Pod, PodId};
use crate::engine::Time;

use super::super::Todo;

/// A pod of the Job.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) id: PodId,
    pub(super) pod: &'a Pod,
}

/// A Job and its pods, oldest first.
pub(super) struct Picture<'a> {
    pub(super) id: ObjectId,
    pub(super) job: &'a Job,
    pub(super) cluster: &'a Cluster,
    /// The Job is being deleted.
    pub(super) deleting: bool,
    /// All its pods.
    pub(super) pods: Vec<Member<'a>>,
    /// Neither ended nor being deleted.
    pub(super) active: Vec<Member<'a>>,
    /// Succeeded and not counted yet.
    pub(super) new_succeeded: Vec<Member<'a>>,
    /// Failed and not counted yet.
    pub(super) new_failed: Vec<Member<'a>>,
    /// Indexes that have succeeded.
    pub(super) succeeded_indexes: BTreeSet<u32>,
    /// Indexes that have failed for good.
    pub(super) failed_indexes: BTreeSet<u32>,
    /// The failed pod each waiting index is to be made up for: held until its replacement is there, which
    /// inherits its count of failures.
    pub(super) waiting: BTreeMap<u32, Member<'a>>,
}

impl<'a> Picture<'a> {
    pub(super) fn of(id: ObjectId, job: &'a Job, cluster: &'a Cluster) -> Option<Picture<'a>> {
        let object = cluster.object(id)?;
        let mut ids = object.pods.clone();
        ids.sort_unstable();
        let pods: Vec<Member<'a>> =
            ids.into_iter().filter_map(|id| cluster.pod(id).map(|pod| Member { id, pod })).collect();
        let those = |counts: &dyn Fn(&Pod) -> bool| pods.iter().filter(|member| counts(member.pod)).copied().collect();
        let mut picture = Picture {
            id,
            job,
            cluster,
            deleting: object.deleting,
            active: those(&Pod::is_active),
            new_succeeded: those(&|pod| pod.held && pod.phase == Phase::Succeeded),
            new_failed: those(&|pod| pod.held && has_failed(pod, job)),
            succeeded_indexes: job.status.completed_indexes.iter().copied().collect(),
            failed_indexes: job.status.failed_indexes.iter().copied().collect(),
            waiting: BTreeMap::new(),
            pods,
        };
        if job.indexed {
            picture.read_indexes();
        }
        Some(picture)
    }

    fn read_indexes(&mut self) {
        let completions = self.job.completions.unwrap_or(0);
        let in_range = |member: &Member<'_>| member.index().filter(|index| *index < completions);
        let succeeded = self.pods.iter().filter(|member| member.pod.phase == Phase::Succeeded);
        self.succeeded_indexes.extend(succeeded.filter_map(in_range));
        if self.job.backoff_limit_per_index.is_none() {
            return;
        }
        let failed: Vec<u32> =
            self.new_failed.iter().filter(|member| self.fails_index(member)).filter_map(in_range).collect();
        self.failed_indexes.extend(failed);
        let active: BTreeSet<u32> = self.active.iter().filter_map(in_range).collect();
        for member in self.new_failed.clone() {
            let Some(index) = in_range(&member) else { continue };
            let over = self.succeeded_indexes.contains(&index) || self.failed_indexes.contains(&index);
            let is_last = self.waiting.get(&index).is_none_or(|last| last.failures() <= member.failures());
            if !over && !active.contains(&index) && is_last {
                self.waiting.insert(index, member);
            }
        }
    }

    /// Whether the pod's failure is the last its index may have.
    fn fails_index(&self, member: &Member<'_>) -> bool {
        let Some(limit) = self.job.backoff_limit_per_index else { return false };
        match self.policy_action(member) {
            Some(FailureAction::FailIndex) => true,
            Some(FailureAction::Ignore) => false,
            _ => member.failures() >= limit,
        }
    }

    /// Why a rule of the failure policy fails the Job, in the controller's words.
    pub(super) fn failing_rule(&self) -> String {
        let failed = self.pods.iter().filter(|member| has_failed(member.pod, self.job));
        let found = failed.filter_map(|member| Some((member, self.matching_rule(member)?)));
        let fails = |index: usize| {
            self.job.failure_policy.as_ref().is_some_and(|rules| rules[index].action == FailureAction::FailJob)
        };
        let Some((member, index)) = found.into_iter().find(|(_, index)| fails(*index)) else { return String::new() };
        let (cluster, id) = (self.cluster, member.id);
        let pod = format!("{}/{}", cluster.pod_namespace(id), cluster.pod_name(id));
        let spec = cluster.spec(member.pod.spec);
        let by_code = self.job.failure_policy.iter().flatten().nth(index);
        if by_code.is_some_and(|rule| matches!(rule.on, FailureMatch::ExitCodes { .. })) {
            let container = spec.containers.iter().find(|container| container.role == Role::App);
            let name = container.map_or("", |container| cluster.names.text(container.name));
            let code = spec.behaviour.exit_code;
            return format!(
                "Container {name} for pod {pod} failed with exit code {code} matching FailJob rule at index {index}"
            );
        }
        format!("Pod {pod} has condition DisruptionTarget matching FailJob rule at index {index}")
    }

    /// What the first matching rule of the failure policy says about a failed pod.
    pub(super) fn policy_action(&self, member: &Member<'_>) -> Option<FailureAction> {
        let rules = self.job.failure_policy.as_ref()?;
        self.matching_rule(member).map(|index| rules[index].action)
    }

    fn matching_rule(&self, member: &Member<'_>) -> Option<usize> {
        let pod = member.pod;
        let exit_code = pod.finished_at.map(|_| self.cluster.spec(pod.spec).behaviour.exit_code);
        let matches = |on: &FailureMatch| match on {
            FailureMatch::ExitCodes { among, values } => {
                exit_code.is_some_and(|code| code != 0 && values.contains(&code) == *among)
            }
            FailureMatch::Disruption(wanted) => *wanted && pod.disrupted.is_some(),
        };
        self.job.failure_policy.iter().flatten().position(|rule| matches(&rule.on))
    }

    /// Whether a failure counts towards the back-off limit.
    pub(super) fn counts(&self, member: &Member<'_>) -> bool {
        self.policy_action(member) != Some(FailureAction::Ignore)
    }

    /// Pods, or indexes, that have succeeded, with those not counted yet.
    pub(super) fn succeeded(&self) -> u32 {
        if self.job.indexed {
            self.succeeded_indexes.len() as u32
        } else {
            self.job.status.succeeded + self.new_succeeded.len() as u32
        }
    }

    /// Pods that have failed, with those not counted yet.
    pub(super) fn failed(&self) -> u32 {
        self.job.status.failed + self.new_failed.iter().filter(|member| self.counts(member)).count() as u32
    }

    pub(super) fn ready(&self) -> u32 {
        self.active.iter().filter(|member| member.pod.ready).count() as u32
    }

    pub(super) fn terminating(&self) -> u32 {
        let terminating = |member: &&Member<'_>| member.pod.deletion.is_some() && !member.pod.phase.is_terminal();
        self.pods.iter().filter(terminating).count() as u32
    }

    /// When a pod ended, as stored: its containers, else its loss of readiness, else the mark.
    pub(super) fn finished_at(&self, member: &Member<'_>) -> Time {
        let pod = member.pod;
        let lost_ready = (!pod.ready && pod.started_at.is_some()).then_some(pod.ready_at);
        let marked = pod.deletion.map(|deletion| deletion.at);
        self.cluster.stored(pod.finished_at.or(lost_ready).or(marked).unwrap_or(pod.created_at))
    }

    /// The active pods that go first: beyond the wanted indexes, then the least far.
    pub(super) fn removal_order(&self, count: usize) -> Vec<PodId> {
        let completions = self.job.completions.filter(|_| self.job.indexed).unwrap_or(u32::MAX);
        let mut ranked = self.active.clone();
        ranked.sort_by_key(|member| {
            let pod = member.pod;
            let in_range = member.index().is_none_or(|index| index < completions);
            let readiness = (pod.ready, Reverse(pod.ready.then_some(pod.ready_at)));
            let age = (Reverse(pod.restarts), Reverse(pod.created_at), member.id);
            (in_range, pod.bound, pod.phase != Phase::Pending, readiness, age)
        });
        ranked.truncate(count);
        ranked.iter().map(|member| member.id).collect()
    }

    /// Counts the pods that have ended into the status and lets go of them; of a Job that has ended, all.
    pub(super) fn count_ended(&self, end: Option<JobEnd>, status: &mut JobStatus, todo: &mut Todo) {
        let fails = end.is_some_and(|end| !end.is_success());
        for member in self.pods.iter().filter(|member| member.pod.held) {
            let failed = has_failed(member.pod, self.job);
            let awaited = member.index().and_then(|index| self.waiting.get(&index));
            let is_kept = awaited.is_some_and(|kept| kept.id == member.id) && end.is_none() && !self.deleting;
            let has_ended = member.pod.phase == Phase::Succeeded || (failed && !is_kept);
            if !has_ended && end.is_none() && !self.deleting {
                continue;
            }
            if member.pod.phase == Phase::Succeeded {
                status.succeeded += u32::from(!self.job.indexed);
            } else if (failed || fails) && self.counts(member) {
                status.failed += 1;
            }
            todo.actions.push(Action::ReleasePod(member.id));
        }
        if self.job.indexed {
            status.succeeded = self.succeeded_indexes.len() as u32;
            status.completed_indexes = self.succeeded_indexes.iter().copied().collect();
            status.failed_indexes = self.failed_indexes.iter().copied().collect();
        }
    }
}

impl Member<'_> {
    pub(super) fn index(&self) -> Option<u32> {
        match self.pod.part {
            Part::Index { index, .. } => Some(index),
            _ => None,
        }
    }

    /// How often the pod's index had failed before it.
    pub(super) fn failures(&self) -> u32 {
        match self.pod.part {
            Part::Index { failures, .. } => failures,
            _ => 0,
        }
    }
}

/// Failed, or on its way out without having succeeded, unless only ended pods are replaced.
fn has_failed(pod: &Pod, job: &Job) -> bool {
    pod.phase == Phase::Failed || (!job.replace_ended_only && pod.deletion.is_some() && pod.phase != Phase::Succeeded)
}
