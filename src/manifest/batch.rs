//! Job and CronJob → [`Body`].

use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::cluster::batch::{
    Concurrency, CronJob, CronJobStatus, FailureAction, FailureMatch, FailureRule, Job, JobStatus, SuccessRule,
};
use crate::cluster::cron::Schedule;
use crate::cluster::object::Body;
use crate::cluster::spec::Behaviour;
use crate::cluster::{Cluster, RestartPolicy, Selector};
use crate::engine::Span;

use super::Problems;
use super::pod::Defaults;
use super::selector::{label_selector, labels};
use super::workload::{Owner, count, missing, nested, one, template};

/// Converts a Job.
///
/// # Errors
/// All fields that cannot be read or that the API server would refuse.
pub fn job(
    cluster: &mut Cluster,
    object: &batch::Job,
    behaviour: &Behaviour,
    defaults: &Defaults,
) -> Result<Body, Problems> {
    let Some(spec) = &object.spec else { return Err(missing("spec")) };
    read_job(cluster, &object.metadata, spec, behaviour, defaults).map(|job| Body::Job(Box::new(job)))
}

fn read_job(
    cluster: &mut Cluster,
    metadata: &ObjectMeta,
    spec: &batch::JobSpec,
    behaviour: &Behaviour,
    defaults: &Defaults,
) -> Result<Job, Problems> {
    let own_selector = spec.selector.as_ref().filter(|_| spec.manual_selector == Some(true));
    let owner = Owner { metadata, selector: own_selector };
    let template = template(cluster, owner, Some(&spec.template), behaviour, &|_, spec| spec, defaults)?;
    if cluster.spec(template).restart_policy == RestartPolicy::Always {
        let message = "Required value: valid values: \"OnFailure\", \"Never\"";
        return Err(one("spec.template.spec.restartPolicy", message));
    }
    let indexed = match spec.completion_mode.as_deref() {
        None | Some("NonIndexed") => false,
        Some("Indexed") => true,
        Some(other) => {
            let message = format!("unknown mode `{other}`, expected NonIndexed or Indexed");
            return Err(one("spec.completionMode", &message));
        }
    };
    // both unset: one pod, once
    let once = spec.completions.is_none() && spec.parallelism.is_none();
    let completions = spec.completions.or(once.then_some(1));
    if indexed && completions.is_none() {
        return Err(one("spec.completions", "Required value: when completion mode is Indexed"));
    }
    let per_index = optional(spec.backoff_limit_per_index, "spec.backoffLimitPerIndex")?;
    if per_index.is_some() && !indexed {
        return Err(one("spec.backoffLimitPerIndex", "Invalid value: requires indexed completion mode"));
    }
    let default_limit = if per_index.is_some() { i32::MAX } else { 6 };
    Ok(Job {
        parallelism: count(spec.parallelism.unwrap_or(1), "spec.parallelism")?,
        completions: optional(completions, "spec.completions")?,
        indexed,
        backoff_limit: count(spec.backoff_limit.unwrap_or(default_limit), "spec.backoffLimit")?,
        backoff_limit_per_index: per_index,
        max_failed_indexes: optional(spec.max_failed_indexes, "spec.maxFailedIndexes")?,
        active_deadline: spec.active_deadline_seconds.map(whole_seconds),
        ttl: optional(spec.ttl_seconds_after_finished, "spec.ttlSecondsAfterFinished")?
            .map(|seconds| Span::from_secs(seconds.into())),
        suspend: spec.suspend.unwrap_or(false),
        replace_ended_only: match spec.pod_replacement_policy.as_deref() {
            None => spec.pod_failure_policy.is_some(),
            Some("Failed") => true,
            Some("TerminatingOrFailed") => false,
            Some(other) => {
                let message = format!("unknown policy `{other}`, expected TerminatingOrFailed or Failed");
                return Err(one("spec.podReplacementPolicy", &message));
            }
        },
        failure_policy: spec.pod_failure_policy.as_ref().map(failure_policy).transpose()?,
        success_policy: success_policy(spec)?,
        template,
        selector: match own_selector {
            Some(selector) => label_selector(&mut cluster.names, "spec.selector", selector)?,
            None => Selector::from_labels(&cluster.spec(template).labels),
        },
        status: JobStatus::default(),
    })
}

fn optional(value: Option<i32>, path: &str) -> Result<Option<u32>, Problems> {
    value.map(|value| count(value, path)).transpose()
}

fn whole_seconds(seconds: i64) -> Span {
    Span::from_secs(seconds.max(0).unsigned_abs())
}

fn failure_policy(policy: &batch::PodFailurePolicy) -> Result<Vec<FailureRule>, Problems> {
    let rule = |(index, rule): (usize, &batch::PodFailurePolicyRule)| {
        let path = format!("spec.podFailurePolicy.rules[{index}]");
        let action = match rule.action.as_str() {
            "FailJob" => FailureAction::FailJob,
            "FailIndex" => FailureAction::FailIndex,
            "Ignore" => FailureAction::Ignore,
            "Count" => FailureAction::Count,
            other => {
                let message = format!("unknown action `{other}`, expected FailJob, FailIndex, Ignore or Count");
                return Err(one(&format!("{path}.action"), &message));
            }
        };
        Ok(FailureRule { action, on: failure_match(rule, &path)? })
    };
    policy.rules.iter().enumerate().map(rule).collect()
}

fn failure_match(rule: &batch::PodFailurePolicyRule, path: &str) -> Result<FailureMatch, Problems> {
    if let Some(codes) = &rule.on_exit_codes {
        let among = match codes.operator.as_str() {
            "In" => true,
            "NotIn" => false,
            other => {
                let message = format!("unknown operator `{other}`, expected In or NotIn");
                return Err(one(&format!("{path}.onExitCodes.operator"), &message));
            }
        };
        return Ok(FailureMatch::ExitCodes { among, values: codes.values.clone() });
    }
    let conditions = rule.on_pod_conditions.as_deref().unwrap_or_default();
    if conditions.is_empty() {
        return Err(one(path, "specifying one of onExitCodes and onPodConditions is required"));
    }
    let disruption = conditions.iter().any(|condition| {
        condition.type_ == "DisruptionTarget" && condition.status.as_deref().is_none_or(|status| status == "True")
    });
    Ok(FailureMatch::Disruption(disruption))
}

fn success_policy(spec: &batch::JobSpec) -> Result<Vec<SuccessRule>, Problems> {
    let rule = |(index, rule): (usize, &batch::SuccessPolicyRule)| {
        let path = format!("spec.successPolicy.rules[{index}]");
        let indexes = rule.succeeded_indexes.as_deref();
        Ok(SuccessRule {
            indexes: indexes.map(|text| ranges(text, &format!("{path}.succeededIndexes"))).transpose()?,
            count: optional(rule.succeeded_count, &format!("{path}.succeededCount"))?,
        })
    };
    spec.success_policy.iter().flat_map(|policy| &policy.rules).enumerate().map(rule).collect()
}

/// Ranges such as `0,2-4`.
fn ranges(text: &str, path: &str) -> Result<Vec<(u32, u32)>, Problems> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        (from <= to).then_some((from, to))
    };
    let parsed: Option<Vec<(u32, u32)>> = text.split(',').map(range).collect();
    parsed.ok_or_else(|| one(path, &format!("`{text}` is no list of indexes such as 0,2-4")))
}

/// Converts a CronJob.
///
/// # Errors
/// All fields that cannot be read or that the API server would refuse.
pub fn cron_job(
    cluster: &mut Cluster,
    object: &batch::CronJob,
    behaviour: &Behaviour,
    defaults: &Defaults,
) -> Result<Body, Problems> {
    let spec = &object.spec;
    let Some(job) = &spec.job_template.spec else { return Err(missing("spec.jobTemplate.spec")) };
    let job = read_job(cluster, &object.metadata, job, behaviour, defaults)
        .map_err(|problems| nested("spec.jobTemplate", problems))?;
    if let Some(zone) = spec.time_zone.as_deref().filter(|zone| !["UTC", "Etc/UTC"].contains(zone)) {
        return Err(one("spec.timeZone", &format!("`{zone}` is not modelled: schedules go by UTC")));
    }
    let job_labels = spec.job_template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref());
    Ok(Body::CronJob(Box::new(CronJob {
        schedule: Schedule::parse(&spec.schedule).map_err(|wrong| one("spec.schedule", &wrong))?,
        concurrency: match spec.concurrency_policy.as_deref() {
            None | Some("Allow") => Concurrency::Allow,
            Some("Forbid") => Concurrency::Forbid,
            Some("Replace") => Concurrency::Replace,
            Some(other) => {
                let message = format!("unknown policy `{other}`, expected Allow, Forbid or Replace");
                return Err(one("spec.concurrencyPolicy", &message));
            }
        },
        suspend: spec.suspend.unwrap_or(false),
        starting_deadline: spec.starting_deadline_seconds.map(whole_seconds),
        successful_history: count(spec.successful_jobs_history_limit.unwrap_or(3), "spec.successfulJobsHistoryLimit")?,
        failed_history: count(spec.failed_jobs_history_limit.unwrap_or(1), "spec.failedJobsHistoryLimit")?,
        job: Box::new(job),
        job_labels: labels(&mut cluster.names, job_labels),
        status: CronJobStatus::default(),
    })))
}
