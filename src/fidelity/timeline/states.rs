//! Statuses of workloads as recordings write them.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::cluster::admission::quantity;
use crate::cluster::batch::{Job, JobEnd};
use crate::cluster::object::{Body, Progress, ProgressReason};
use crate::cluster::policy::{QuotaLine, ResourceQuota};

/// The fields of a workload as recordings have them; `None` for kinds without.
pub(super) fn state_of(body: &Body, cluster: &Cluster) -> Option<BTreeMap<String, String>> {
    let fields =
        |pairs: &[(&str, u32)]| pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    match body {
        Body::Deployment(deployment) => {
            let status = &deployment.status;
            let mut state: BTreeMap<String, String> = fields(&[
                ("want", deployment.replicas),
                ("replicas", status.replicas),
                ("ready", status.ready),
                ("available", status.available),
                ("updated", status.updated),
                ("terminating", status.terminating),
            ]);
            let available =
                if status.is_available { "True/MinimumReplicasAvailable" } else { "False/MinimumReplicasUnavailable" };
            state.insert("Available".to_string(), available.to_string());
            if status.failed_create {
                state.insert("ReplicaFailure".to_string(), "True/FailedCreate".to_string());
            }
            state.extend(status.progress.map(|progress| ("Progressing".to_string(), progressing(progress))));
            Some(state)
        }
        Body::ReplicaSet(set) => Some(fields(&[
            ("want", set.replicas),
            ("replicas", set.status.replicas),
            ("ready", set.status.ready),
            ("available", set.status.available),
            ("terminating", set.status.terminating),
            ("revision", set.revision),
        ])),
        Body::StatefulSet(set) => Some(fields(&[
            ("want", set.replicas),
            ("replicas", set.status.replicas),
            ("ready", set.status.ready),
            ("updated", set.status.updated),
            ("current", set.status.current),
        ])),
        Body::DaemonSet(set) => Some(fields(&[
            ("desired", set.status.desired),
            ("current", set.status.current),
            ("ready", set.status.ready),
            ("available", set.status.available),
            ("updated", set.status.updated),
            ("misscheduled", set.status.misscheduled),
        ])),
        Body::Job(job) => Some(job_state(job)),
        Body::CronJob(_) => Some(BTreeMap::new()),
        Body::PodDisruptionBudget(budget) => {
            let status = &budget.status;
            let pairs = [
                ("disruptionsAllowed", status.disruptions_allowed),
                ("currentHealthy", status.current_healthy),
                ("desiredHealthy", status.desired_healthy),
                ("expectedPods", status.expected_pods),
            ];
            Some(pairs.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
        }
        Body::ResourceQuota(quota) => Some(quota_state(quota, cluster)),
        _ => None,
    }
}

fn job_state(job: &Job) -> BTreeMap<String, String> {
    let status = &job.status;
    let counts = [
        ("active", status.active),
        ("ready", status.ready),
        ("terminating", status.terminating),
        ("succeeded", status.succeeded),
        ("failed", status.failed),
    ];
    let mut state: BTreeMap<String, String> =
        counts.into_iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    state.insert("suspend".to_string(), job.suspend.to_string());
    let mut condition = |end: JobEnd, failure: &str, success: &str| {
        let name = if end.is_success() { success } else { failure };
        state.insert(name.to_string(), format!("True/{}", end.as_str()));
    };
    if let Some(end) = status.ending {
        condition(end, "FailureTarget", "SuccessCriteriaMet");
    }
    if let Some((end, _)) = status.ended {
        condition(end, "Failed", "Complete");
    }
    state
}

/// What is used, by resource, as recordings keep it; before the controller has seen it, nothing.
fn quota_state(quota: &ResourceQuota, cluster: &Cluster) -> BTreeMap<String, String> {
    let mut state = BTreeMap::from(["hard", "used"].map(|key| (key.to_string(), "null".to_string())));
    if quota.observed {
        let lines = quota.lines.iter();
        let text = |line: &QuotaLine| (cluster.names.text(line.name).to_string(), quantity(line.resource, line.used));
        state.extend(lines.map(text));
    }
    state
}

fn progressing(progress: Progress) -> String {
    let (status, reason) = match progress.reason {
        ProgressReason::NewReplicaSetCreated => ("True", "NewReplicaSetCreated"),
        ProgressReason::FoundNewReplicaSet => ("True", "FoundNewReplicaSet"),
        ProgressReason::ReplicaSetUpdated => ("True", "ReplicaSetUpdated"),
        ProgressReason::NewReplicaSetAvailable => ("True", "NewReplicaSetAvailable"),
        ProgressReason::ProgressDeadlineExceeded => ("False", "ProgressDeadlineExceeded"),
    };
    format!("{status}/{reason}")
}
