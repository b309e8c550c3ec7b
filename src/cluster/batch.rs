//! Spec and status of Jobs and CronJobs (controllers.md 6 and 7).

use crate::engine::{Span, Time};

use super::cron::Schedule;
use super::ids::SpecId;
use super::labels::{Labels, Selector};
use super::names::Name;

/// A Job's spec and status.
#[derive(Clone, Debug)]
pub struct Job {
    /// `spec.parallelism`.
    pub parallelism: u32,
    /// `spec.completions`; `None`: done when one pod succeeds.
    pub completions: Option<u32>,
    /// `spec.completionMode: Indexed`.
    pub indexed: bool,
    /// `spec.backoffLimit`.
    pub backoff_limit: u32,
    /// `spec.backoffLimitPerIndex`.
    pub backoff_limit_per_index: Option<u32>,
    /// `spec.maxFailedIndexes`.
    pub max_failed_indexes: Option<u32>,
    /// `spec.activeDeadlineSeconds`.
    pub active_deadline: Option<Span>,
    /// `spec.ttlSecondsAfterFinished`.
    pub ttl: Option<Span>,
    /// `spec.suspend`.
    pub suspend: bool,
    /// `spec.podReplacementPolicy: Failed`: a Terminating pod is replaced when it has ended.
    pub replace_ended_only: bool,
    /// `spec.podFailurePolicy.rules`; `None` without a policy.
    pub failure_policy: Option<Vec<FailureRule>>,
    /// `spec.successPolicy.rules`.
    pub success_policy: Vec<SuccessRule>,
    /// `spec.template`.
    pub template: SpecId,
    /// `spec.selector`, or the one the API server makes.
    pub selector: Selector,
    /// `status`.
    pub status: JobStatus,
}

/// A rule of a pod failure policy; the first that matches counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureRule {
    /// What is done.
    pub action: FailureAction,
    /// What it matches.
    pub on: FailureMatch,
}

/// What is done about a failed pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureAction {
    /// The Job fails.
    FailJob,
    /// The pod's index fails.
    FailIndex,
    /// The failure does not count.
    Ignore,
    /// The failure counts, as without a policy.
    Count,
}

/// What a rule of a pod failure policy matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureMatch {
    /// `onExitCodes`: whether the code must be among these (`In`) or not (`NotIn`); never 0.
    ExitCodes {
        /// `operator: In`.
        among: bool,
        /// `values`.
        values: Vec<i32>,
    },
    /// `onPodConditions`: whether it matches pods with condition `DisruptionTarget`; no other
    /// condition is ever set here.
    Disruption(bool),
}

/// A rule of a success policy: enough when these indexes, or so many of them, have succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccessRule {
    /// `succeededIndexes` as ranges, both ends included; `None`: all.
    pub indexes: Option<Vec<(u32, u32)>>,
    /// `succeededCount`.
    pub count: Option<u32>,
}

/// Why a Job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// Enough pods have succeeded.
    CompletionsReached,
    /// A rule of the success policy is met.
    SuccessPolicy,
    /// Too many pods have failed.
    BackoffLimitExceeded,
    /// It ran for too long.
    DeadlineExceeded,
    /// A rule of the pod failure policy says so.
    PodFailurePolicy,
    /// Every index has ended and some have failed.
    FailedIndexes,
    /// Too many indexes have failed.
    MaxFailedIndexesExceeded,
}

impl JobEnd {
    /// Whether it ended well.
    pub fn is_success(self) -> bool {
        matches!(self, JobEnd::CompletionsReached | JobEnd::SuccessPolicy)
    }

    /// The reason of the condition.
    pub fn as_str(self) -> &'static str {
        match self {
            JobEnd::CompletionsReached => "CompletionsReached",
            JobEnd::SuccessPolicy => "SuccessPolicy",
            JobEnd::BackoffLimitExceeded => "BackoffLimitExceeded",
            JobEnd::DeadlineExceeded => "DeadlineExceeded",
            JobEnd::PodFailurePolicy => "PodFailurePolicy",
            JobEnd::FailedIndexes => "FailedIndexes",
            JobEnd::MaxFailedIndexesExceeded => "MaxFailedIndexesExceeded",
        }
    }
}

/// `Job.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobStatus {
    /// Active pods.
    pub active: u32,
    /// Ready pods.
    pub ready: u32,
    /// Terminating pods.
    pub terminating: u32,
    /// Pods that have succeeded; of an Indexed Job, indexes.
    pub succeeded: u32,
    /// Pods that have failed.
    pub failed: u32,
    /// `startTime`.
    pub started: Option<Time>,
    /// `completedIndexes`, in order.
    pub completed_indexes: Vec<u32>,
    /// `failedIndexes`, in order.
    pub failed_indexes: Vec<u32>,
    /// Condition Suspended.
    pub suspended: bool,
    /// Condition FailureTarget or SuccessCriteriaMet: it will end so once its pods have.
    pub ending: Option<JobEnd>,
    /// Condition Complete or Failed, and since when.
    pub ended: Option<(JobEnd, Time)>,
}

/// `spec.concurrencyPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// Jobs may overlap.
    Allow,
    /// A run is left out while another goes on.
    Forbid,
    /// The running Job is deleted.
    Replace,
}

/// A CronJob's spec and status.
#[derive(Clone, Debug)]
pub struct CronJob {
    /// `spec.schedule`, by UTC.
    pub schedule: Schedule,
    /// `spec.concurrencyPolicy`.
    pub concurrency: Concurrency,
    /// `spec.suspend`.
    pub suspend: bool,
    /// `spec.startingDeadlineSeconds`.
    pub starting_deadline: Option<Span>,
    /// `spec.successfulJobsHistoryLimit`.
    pub successful_history: u32,
    /// `spec.failedJobsHistoryLimit`.
    pub failed_history: u32,
    /// `spec.jobTemplate.spec`.
    pub job: Box<Job>,
    /// `spec.jobTemplate.metadata.labels`.
    pub job_labels: Labels,
    /// `status`.
    pub status: CronJobStatus,
}

/// `CronJob.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CronJobStatus {
    /// Names of the Jobs that run.
    pub active: Vec<Name>,
    /// `lastScheduleTime`, in seconds since the Unix epoch.
    pub last_schedule: Option<i64>,
}
