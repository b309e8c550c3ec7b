//! Churn: how many pods were made and unmade, and by whom.

use crate::cluster::{Disruption, Message, Pod, Record};

use super::{Metric, Rows};

/// Counters over the run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Churn {
    pub(crate) created: u64,
    pub(crate) deleted: u64,
    pub(crate) failed: u64,
    pub(crate) evicted: u64,
    pub(crate) preempted: u64,
    pub(crate) restarts: u64,
    pub(crate) scheduled: u64,
    pub(crate) failed_attempts: u64,
}

impl Churn {
    /// Counts what a Kubernetes event tells.
    pub(crate) fn record(&mut self, record: &Record) {
        match &record.message {
            Message::Scheduled(_) => self.scheduled += 1,
            Message::FailedScheduling(_) => self.failed_attempts += 1,
            Message::Preempted(..) => self.preempted += 1,
            Message::Other(reason, _) if reason.text == "Evicted" => self.evicted += 1,
            _ => (),
        }
    }
}

/// Whether somebody is about to delete the pod to have it off its node.
pub(super) fn is_evicted(pod: &Pod) -> bool {
    matches!(pod.disrupted, Some(Disruption::DeletionByTaintManager | Disruption::EvictionByEvictionApi))
}

/// `pods_created_total`.
pub const PODS_CREATED_TOTAL: Metric = Metric {
    name: "pods_created_total",
    unit: "pods",
    labels: &["workload"],
    about: "pods created; without a label over all workloads",
    formula: "count of pods seen for the first time",
    read: |run, rows| {
        rows.push(&[], run.churn.created as f64);
        for workload in run.workloads {
            rows.push(&[("workload", &workload.label)], workload.created_pods as f64);
        }
    },
};

/// `pods_deleted_total`.
pub const PODS_DELETED_TOTAL: Metric = Metric {
    name: "pods_deleted_total",
    unit: "pods",
    labels: &[],
    about: "pods deleted for whatever reason: marked for deletion, or removed at once",
    formula: "count of pods at their deletion mark, or at removal without one",
    read: |run, rows| rows.push(&[], run.churn.deleted as f64),
};

/// `pods_evicted_total`.
pub const PODS_EVICTED_TOTAL: Metric = Metric {
    name: "pods_evicted_total",
    unit: "pods",
    labels: &[],
    about: "pods deleted by taint eviction, by the kubelet under pressure, or by a drain",
    formula: "count of pods that had not ended and were deleted with DisruptionTarget reason DeletionByTaintManager or \
              EvictionByEvictionAPI, and of events Evicted",
    read: |run, rows| rows.push(&[], run.churn.evicted as f64),
};

/// `pods_preempted_total`.
pub const PODS_PREEMPTED_TOTAL: Metric = Metric {
    name: "pods_preempted_total",
    unit: "pods",
    labels: &[],
    about: "pods deleted to make room for a pod of higher priority",
    formula: "count of events Preempted",
    read: |run, rows| rows.push(&[], run.churn.preempted as f64),
};

/// `pods_failed_total`.
pub const PODS_FAILED_TOTAL: Metric = Metric {
    name: "pods_failed_total",
    unit: "pods",
    labels: &[],
    about: "pods that ended in phase Failed",
    formula: "count of changes to phase Failed",
    read: |run, rows| rows.push(&[], run.churn.failed as f64),
};

/// `container_restarts_total`.
pub const CONTAINER_RESTARTS_TOTAL: Metric = Metric {
    name: "container_restarts_total",
    unit: "restarts",
    labels: &["workload"],
    about: "containers started again in place; without a label over all workloads",
    formula: "count of restarts",
    read: |run, rows| {
        rows.push(&[], run.churn.restarts as f64);
        for workload in run.workloads {
            rows.push(&[("workload", &workload.label)], workload.restarts as f64);
        }
    },
};

/// `scheduling_attempts_total`.
pub const SCHEDULING_ATTEMPTS_TOTAL: Metric = Metric {
    name: "scheduling_attempts_total",
    unit: "attempts",
    labels: &["result"],
    about: "scheduling attempts by result: scheduled or unschedulable",
    formula: "count of events Scheduled and FailedScheduling",
    read: attempts,
};

fn attempts(run: &super::Finished<'_>, rows: &mut Rows) {
    rows.push(&[("result", "scheduled")], run.churn.scheduled as f64);
    rows.push(&[("result", "unschedulable")], run.churn.failed_attempts as f64);
}
