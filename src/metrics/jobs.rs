//! Jobs: how many ended and how, and how long they took. What a failure costs a Job shows in its time to
//! completion, not in the pods it misses meanwhile.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use crate::cluster::batch::JobEnd;
use crate::cluster::{Body, Cluster, ObjectId};
use crate::engine::Span;

use super::{Metric, Rows};

/// Jobs by the workload they belong to: themselves, or their CronJob.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs {
    /// Jobs whose success was noticed.
    succeeded: FxHashSet<ObjectId>,
    /// Jobs that were counted.
    ended: FxHashSet<ObjectId>,
    /// By workload.
    counts: BTreeMap<u32, Counts>,
}

/// What became of the Jobs of a workload.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    complete: u64,
    failed: u64,
    /// The longest from creation to condition SuccessCriteriaMet.
    slowest_success: Option<Span>,
    /// The longest from creation to condition Complete.
    slowest: Span,
    /// Those times in sum.
    total: Span,
}

impl Jobs {
    /// Notices whether a Job has ended; `workload` is what it belongs to.
    pub(crate) fn status_changed(&mut self, job: ObjectId, workload: u32, cluster: &Cluster) {
        let Some(object) = cluster.object(job) else { return };
        let Body::Job(body) = &object.body else { return };
        let created = object.created_at;
        let counts = self.counts.entry(workload).or_default();
        let is_success = |end: JobEnd| matches!(end, JobEnd::CompletionsReached | JobEnd::SuccessPolicy);
        if body.status.ending.is_some_and(is_success) && self.succeeded.insert(job) {
            counts.slowest_success = counts.slowest_success.max(Some(cluster.now.since(created)));
        }
        let Some((end, at)) = body.status.ended else { return };
        if !self.ended.insert(job) {
            return;
        }
        if !is_success(end) {
            counts.failed += 1;
            return;
        }
        let took = at.since(created);
        counts.complete += 1;
        counts.slowest = counts.slowest.max(took);
        counts.total += took;
    }

    fn push(&self, rows: &mut Rows, labels: &[super::Workload], value: impl Fn(&Counts) -> Option<f64>) {
        for (workload, counts) in &self.counts {
            if let (Some(value), Some(workload)) = (value(counts), labels.get(*workload as usize)) {
                rows.push(&[("workload", &workload.label)], value);
            }
        }
    }
}

/// `jobs_complete_total`.
pub const JOBS_COMPLETE_TOTAL: Metric = Metric {
    name: "jobs_complete_total",
    unit: "jobs",
    labels: &["workload"],
    about: "Jobs that got condition Complete; those of a CronJob under its name",
    formula: "count of Jobs at condition Complete",
    read: |run, rows| run.jobs.push(rows, run.workloads, |counts| Some(counts.complete as f64)),
};

/// `jobs_failed_total`.
pub const JOBS_FAILED_TOTAL: Metric = Metric {
    name: "jobs_failed_total",
    unit: "jobs",
    labels: &["workload"],
    about: "Jobs that got condition Failed; those of a CronJob under its name",
    formula: "count of Jobs at condition Failed",
    read: |run, rows| run.jobs.push(rows, run.workloads, |counts| Some(counts.failed as f64)),
};

/// `job_success_seconds`.
pub const JOB_SUCCESS_SECONDS: Metric = Metric {
    name: "job_success_seconds",
    unit: "seconds",
    labels: &["workload"],
    about: "from the creation of a Job until enough of its pods had succeeded; of a CronJob's, the longest",
    formula: "max over Jobs of (condition SuccessCriteriaMet − created)",
    read: |run, rows| run.jobs.push(rows, run.workloads, |counts| Some(counts.slowest_success?.as_secs_f64())),
};

/// `job_completion_seconds`. A Job is not Complete while a pod of it is Terminating (controllers.md 6), be it on
/// a node that is gone.
pub const JOB_COMPLETION_SECONDS: Metric = Metric {
    name: "job_completion_seconds",
    unit: "seconds",
    labels: &["workload"],
    about: "from the creation of a Job until it was Complete; of a CronJob's, the longest",
    formula: "max over Jobs that are Complete of (condition Complete − created)",
    read: |run, rows| {
        let slowest = |counts: &Counts| (counts.complete > 0).then(|| counts.slowest.as_secs_f64());
        run.jobs.push(rows, run.workloads, slowest);
    },
};

/// `job_completion_seconds_mean`.
pub const JOB_COMPLETION_SECONDS_MEAN: Metric = Metric {
    name: "job_completion_seconds_mean",
    unit: "seconds",
    labels: &["workload"],
    about: "from the creation of a Job until it was Complete, mean over the Jobs that were",
    formula: "mean over Jobs that are Complete of (condition Complete − created)",
    read: |run, rows| {
        let mean = |counts: &Counts| (counts.complete > 0).then(|| counts.total.as_secs_f64() / counts.complete as f64);
        run.jobs.push(rows, run.workloads, mean);
    },
};
