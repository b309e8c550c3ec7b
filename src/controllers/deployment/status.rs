//! What a Deployment's sync writes at its end: counts and the Progressing condition.

use crate::cluster::object::{DeploymentStatus, Progress, ProgressReason};
use crate::cluster::objects::ObjectStatus;
use crate::cluster::{Action, Cluster};
use crate::engine::Time;

use super::super::{Key, Todo};
use super::Rollout;

/// Whether the rollout is complete: all pods are new, wanted and available.
pub(super) fn is_complete(rollout: &Rollout) -> bool {
    let replicas = rollout.spec.replicas;
    let counts = counts(rollout);
    counts.updated == replicas && counts.replicas == replicas && counts.available == replicas
}

fn available(rollout: &Rollout) -> u32 {
    rollout.members().map(|member| member.status.available).sum()
}

fn counts(rollout: &Rollout) -> DeploymentStatus {
    let sum =
        |of: fn(&crate::cluster::ReplicaSetStatus) -> u32| rollout.members().map(|member| of(&member.status)).sum();
    DeploymentStatus {
        replicas: sum(|status| status.replicas),
        updated: rollout.new.as_ref().map_or(0, |new| new.status.replicas),
        ready: sum(|status| status.ready),
        available: available(rollout),
        terminating: sum(|status| status.terminating),
        failed_create: rollout.members().any(|member| member.status.failed_create),
        is_available: available(rollout) + rollout.surge_and_unavailable().1 >= rollout.spec.replicas,
        progress: rollout.spec.status.progress,
    }
}

/// What the sync that makes a ReplicaSet writes with it: that it was made, and nothing new of the counts.
pub(super) fn with_new(before: &DeploymentStatus, now: Time) -> DeploymentStatus {
    DeploymentStatus { progress: Some(Progress { reason: ProgressReason::NewReplicaSetCreated, at: now }), ..*before }
}

/// Writes the status if it changed, and looks again when the progress deadline passes.
pub(super) fn write(rollout: &mut Rollout, cluster: &Cluster, todo: &mut Todo) {
    let before = rollout.spec.status;
    if rollout.created {
        return; // the condition was written with the new ReplicaSet; writing counts conflicts with that
    }
    let mut status = counts(rollout);
    status.progress = progress(rollout, &before, &status, cluster.now);
    if status != before {
        rollout.actions.push(Action::SetStatus(rollout.id, ObjectStatus::Deployment(status)));
    }
    let waiting = status.progress.filter(|progress| is_waiting(progress.reason));
    todo.timers.extend(
        waiting
            .map(|progress| {
                let deadline = progress.at.saturating_add(rollout.spec.progress_deadline);
                (deadline.max(cluster.now), Key::Object(rollout.id))
            })
            .filter(|(deadline, _)| *deadline > cluster.now),
    );
}

fn is_waiting(reason: ProgressReason) -> bool {
    !matches!(reason, ProgressReason::NewReplicaSetAvailable | ProgressReason::ProgressDeadlineExceeded)
}

/// The Progressing condition after this sync. Only progress refreshes its time; once complete, the
/// deadline is not evaluated until the next rollout.
fn progress(rollout: &Rollout, before: &DeploymentStatus, after: &DeploymentStatus, now: Time) -> Option<Progress> {
    let told = |reason| Some(Progress { reason, at: now });
    let old = before.progress;
    let was_available = old.is_some_and(|old| old.reason == ProgressReason::NewReplicaSetAvailable);
    if is_complete(rollout) {
        return if was_available { old } else { told(ProgressReason::NewReplicaSetAvailable) };
    }
    if was_available && after.updated == after.replicas {
        return old;
    }
    let old_pods = |status: &DeploymentStatus| status.replicas - status.updated;
    let progressed = after.updated > before.updated
        || old_pods(after) < old_pods(before)
        || after.ready > before.ready
        || after.available > before.available;
    if progressed {
        return told(ProgressReason::ReplicaSetUpdated);
    }
    match old {
        Some(old) if is_waiting(old.reason) && now >= old.at.saturating_add(rollout.spec.progress_deadline) => {
            told(ProgressReason::ProgressDeadlineExceeded)
        }
        old => old,
    }
}
