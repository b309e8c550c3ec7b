//! `kubectl get` of Jobs and CronJobs.

use crate::cluster::batch::Job;
use crate::cluster::{Body, Cluster, Kind};

use super::age::{age, duration};
use super::{Resource, Row, objects};

pub(super) const JOBS: Resource = Resource {
    name: "jobs",
    short: &[],
    kind: "job",
    columns: &["STATUS", "COMPLETIONS", "DURATION", "AGE"],
    rows: jobs,
};

pub(super) const CRON_JOBS: Resource = Resource {
    name: "cronjobs",
    short: &["cj"],
    kind: "cronjob",
    columns: &["SUSPEND", "ACTIVE", "LAST SCHEDULE", "AGE"],
    rows: cron_jobs,
};

fn jobs(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::Job, cluster, |_, object| {
        let Body::Job(job) = &object.body else { return None };
        let end = job.status.ended.map_or(cluster.now, |(_, at)| at);
        let took = job.status.started.map(|started| duration(end.since(started)));
        let status = if object.deleting { "Terminating" } else { status(job) };
        Some(vec![status.to_string(), completions(job), took.unwrap_or_default(), age(object.created_at, cluster.now)])
    })
}

fn status(job: &Job) -> &'static str {
    match (job.status.ended, job.status.ending) {
        (Some((end, _)), _) if end.is_success() => "Complete",
        (Some(_), _) => "Failed",
        (None, Some(end)) if end.is_success() => "SuccessCriteriaMet",
        (None, Some(_)) => "FailureTarget",
        (None, None) if job.suspend => "Suspended",
        (None, None) => "Running",
    }
}

/// `3/5`; `3/1 of 4` for a work queue, as kubectl writes it.
fn completions(job: &Job) -> String {
    match (job.completions, job.parallelism) {
        (Some(wanted), _) => format!("{}/{wanted}", job.status.succeeded),
        (None, parallelism) if parallelism > 1 => format!("{}/1 of {parallelism}", job.status.succeeded),
        (None, _) => format!("{}/1", job.status.succeeded),
    }
}

fn cron_jobs(cluster: &Cluster) -> Vec<Row> {
    objects(Kind::CronJob, cluster, |_, object| {
        let Body::CronJob(cron_job) = &object.body else { return None };
        let last = cron_job.status.last_schedule.map(|at| age(cluster.instant_of(at), cluster.now));
        Some(vec![
            if cron_job.suspend { "True" } else { "False" }.to_string(),
            cron_job.status.active.len().to_string(),
            super::or_none(last.unwrap_or_default()),
            age(object.created_at, cluster.now),
        ])
    })
}
