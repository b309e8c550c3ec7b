//! Whether a Job ends, and why.

use crate::cluster::batch::{FailureAction, JobEnd, SuccessRule};
use crate::cluster::{Phase, RestartPolicy};
use crate::engine::Time;

use super::super::{Key, Todo};
use super::picture::Picture;

/// Why the Job ends now, before anything is created. If only time is missing, it is looked at again then.
pub(super) fn end(picture: &Picture<'_>, started: Option<Time>, todo: &mut Todo) -> Option<JobEnd> {
    let job = picture.job;
    if job.status.ending.is_some() {
        return job.status.ending;
    }
    let fails_job = |member: &super::picture::Member<'_>| picture.policy_action(member) == Some(FailureAction::FailJob);
    if picture.new_failed.iter().any(fails_job) {
        return Some(JobEnd::PodFailurePolicy);
    }
    if picture.failed() > job.backoff_limit || restarted_too_often(picture) {
        return Some(JobEnd::BackoffLimitExceeded);
    }
    if let (Some(deadline), Some(started), false) = (job.active_deadline, started, job.suspend) {
        let at = picture.cluster.stored(started) + deadline;
        if at <= picture.cluster.now {
            return Some(JobEnd::DeadlineExceeded);
        }
        todo.timers.push((at, Key::Object(picture.id)));
    }
    if job.indexed { end_by_indexes(picture) } else { None }
}

/// With `OnFailure` the kubelet restarts containers, and each restart counts.
fn restarted_too_often(picture: &Picture<'_>) -> bool {
    let job = picture.job;
    if picture.cluster.spec(job.template).restart_policy != RestartPolicy::OnFailure {
        return false;
    }
    let living = picture.pods.iter().filter(|member| matches!(member.pod.phase, Phase::Pending | Phase::Running));
    let restarts: u32 = living.map(|member| member.pod.restarts).sum();
    if job.backoff_limit == 0 { restarts > 0 } else { restarts >= job.backoff_limit }
}

fn end_by_indexes(picture: &Picture<'_>) -> Option<JobEnd> {
    let job = picture.job;
    let (succeeded, failed) = (picture.succeeded_indexes.len() as u32, picture.failed_indexes.len() as u32);
    if job.backoff_limit_per_index.is_some() {
        if job.max_failed_indexes.is_some_and(|most| failed > most) {
            return Some(JobEnd::MaxFailedIndexesExceeded);
        }
        if failed > 0 && job.completions.is_some_and(|completions| failed + succeeded >= completions) {
            return Some(JobEnd::FailedIndexes);
        }
    }
    job.success_policy.iter().any(|rule| is_met(rule, picture)).then_some(JobEnd::SuccessPolicy)
}

fn is_met(rule: &SuccessRule, picture: &Picture<'_>) -> bool {
    let within = |index: &u32| match &rule.indexes {
        None => true,
        Some(ranges) => ranges.iter().any(|(from, to)| (from..=to).contains(&index)),
    };
    let succeeded = picture.succeeded_indexes.iter().filter(|index| within(index)).count() as u32;
    let all = rule.indexes.iter().flatten().map(|(from, to)| to - from + 1).sum();
    succeeded >= rule.count.unwrap_or(all) && succeeded > 0
}

/// Whether enough has succeeded and nothing is left running.
pub(super) fn completion(picture: &Picture<'_>, active: u32) -> Option<JobEnd> {
    let enough = match picture.job.completions {
        None => picture.succeeded() > 0,
        Some(completions) => picture.succeeded() >= completions,
    };
    (enough && active == 0).then_some(JobEnd::CompletionsReached)
}
