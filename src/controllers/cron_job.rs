//! The CronJob controller (controllers.md 7): starts the Job of the latest time that is due, and keeps
//! the wanted number of ended ones. It looks 100 ms after each scheduled time.

use crate::cluster::batch::{Concurrency, CronJob, CronJobStatus};
use crate::cluster::objects::ObjectStatus;
use crate::cluster::{Action, Cascade, Change, Cluster, Kind, Message, Name, ObjectId, Reason, Subject};
use crate::controllers::topic::Topic;
use crate::engine::{Span, Time};

use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};

const NAME: &str = "cronjob-controller";
/// How long after a scheduled time it is looked at.
const DELTA: Span = Span::from_millis(100);
/// More missed times than this are reported.
const MANY_MISSED: u32 = 100;

/// The controller. It keeps nothing in memory.
#[derive(Debug)]
pub struct CronJobController;

impl CronJobController {
    /// The controller.
    pub fn new(_: &Settings) -> Self {
        CronJobController
    }
}

/// The last scheduled time up to now, if it has not been seen to, and how many there were.
struct Missed {
    last: i64,
    count: u32,
}

impl Controller for CronJobController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hears(&self) -> &'static [Topic] {
        &[Topic::Status]
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        let id = match change {
            Change::ObjectCreated(id) | Change::ObjectUpdated(id) | Change::ObjectStatus(id) => {
                cluster.object(id).map(|object| if object.body.kind() == Kind::Job { object.owner } else { Some(id) })
            }
            Change::ObjectRemoved(id) => cluster.removed_object(id).map(|object| object.owner),
            _ => None,
        };
        wakes.news.extend(id.flatten().filter(|id| cluster.cron_job(*id).is_some()).map(Key::Object));
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        let Key::Object(id) = key else { return };
        let (Some(cron_job), Some(object)) = (cluster.cron_job(id), cluster.object(id)) else { return };
        let status = without_ended(id, cron_job, &object.children, cluster, todo);
        prune_history(cron_job, &object.children, cluster, todo);
        if status != cron_job.status {
            todo.actions.push(Action::SetStatus(id, ObjectStatus::CronJob(Box::new(status.clone()))));
        }
        if object.deleting || cron_job.suspend {
            return;
        }
        let since = status.last_schedule.unwrap_or(cluster.unix_seconds(object.created_at));
        start_due(id, cron_job, &status, since, cluster, todo);
        let now = cluster.unix_seconds(cluster.now);
        if let Some(next) = missed(cron_job, since, now)
            .map_or(Some(since), |missed| Some(missed.last))
            .and_then(|last| cron_job.schedule.next(last))
        {
            todo.timers.push(((cluster.instant_of(next) + DELTA).max(cluster.now), Key::Object(id)));
        }
    }
}

/// Starts the Job that is due, unless it is too late or another one is in its way.
fn start_due(id: ObjectId, cron_job: &CronJob, status: &CronJobStatus, since: i64, cluster: &Cluster, todo: &mut Todo) {
    let now = cluster.unix_seconds(cluster.now);
    let deadline = cron_job.starting_deadline.map(|deadline| (deadline.0 / 1_000_000_000) as i64);
    let earliest = deadline.map_or(since, |deadline| since.max(now - deadline));
    let Some(due) = missed(cron_job, earliest, now) else { return };
    if due.count > MANY_MISSED {
        todo.actions.push(report(id, true, "TooManyMissedTimes", "too many missed start times"));
    }
    let too_late = deadline
        .is_some_and(|deadline| cluster.instant_of(due.last) + Span::from_secs(deadline.unsigned_abs()) < cluster.now);
    if too_late {
        todo.actions.push(report(id, true, "MissSchedule", "Missed scheduled time to start a job"));
        return;
    }
    if status.last_schedule == Some(due.last) {
        return;
    }
    if cron_job.concurrency == Concurrency::Forbid && !status.active.is_empty() {
        let words = "Not starting job because prior execution is running and concurrency policy is Forbid";
        todo.actions.push(report(id, false, "JobAlreadyActive", words));
        return;
    }
    if cron_job.concurrency == Concurrency::Replace {
        let active = status.active.iter().filter_map(|name| job_named(id, *name, cluster));
        todo.actions.extend(active.map(|job| Action::DeleteObject(job, Cascade::Background)));
        let status = CronJobStatus { active: Vec::new(), ..status.clone() };
        todo.actions.push(Action::SetStatus(id, ObjectStatus::CronJob(Box::new(status))));
    }
    todo.actions.push(Action::CreateJob { owner: id, scheduled: due.last });
}

/// The last time after `since` up to `now`.
fn missed(cron_job: &CronJob, since: i64, now: i64) -> Option<Missed> {
    let mut last = cron_job.schedule.next(since).filter(|first| *first <= now)?;
    let mut count = 1;
    while let Some(next) = cron_job.schedule.next(last).filter(|next| *next <= now) {
        last = next;
        count += 1;
    }
    Some(Missed { last, count })
}

fn job_named(cron_job: ObjectId, name: Name, cluster: &Cluster) -> Option<ObjectId> {
    cluster.find_object(Kind::Job, cluster.object(cron_job)?.namespace, name)
}

/// The status without the Jobs that have ended or are gone.
fn without_ended(
    id: ObjectId,
    cron_job: &CronJob,
    children: &[ObjectId],
    cluster: &Cluster,
    todo: &mut Todo,
) -> CronJobStatus {
    let mut status = cron_job.status.clone();
    status.active.retain(|name| {
        let job = job_named(id, *name, cluster).filter(|job| children.contains(job));
        let Some(job) = job.and_then(|job| cluster.job(job)) else {
            let words = format!("Active job went missing: {}", cluster.names.text(*name));
            todo.actions.push(report(id, false, "MissingJob", &words));
            return false;
        };
        if let Some((end, _)) = job.status.ended {
            let condition = if end.is_success() { "Complete" } else { "Failed" };
            let words = format!("Saw completed job: {}, condition: {condition}", cluster.names.text(*name));
            todo.actions.push(report(id, false, "SawCompletedJob", &words));
        }
        job.status.ended.is_none()
    });
    status
}

/// Deletes the oldest ended Jobs beyond the limits of the history.
fn prune_history(cron_job: &CronJob, children: &[ObjectId], cluster: &Cluster, todo: &mut Todo) {
    for (success, limit) in [(true, cron_job.successful_history), (false, cron_job.failed_history)] {
        let ended = |id: &&ObjectId| {
            let end = cluster.job(**id).and_then(|job| job.status.ended);
            end.is_some_and(|(end, _)| end.is_success() == success)
        };
        let mut jobs: Vec<ObjectId> = children.iter().filter(ended).copied().collect();
        let started = |id: &ObjectId| cluster.job(*id).and_then(|job| job.status.started).unwrap_or(Time::ZERO);
        jobs.sort_by_key(|id| (started(id), *id));
        let surplus = jobs.len().saturating_sub(limit as usize);
        todo.actions.extend(jobs.into_iter().take(surplus).map(|job| Action::DeleteObject(job, Cascade::Background)));
    }
}

fn report(id: ObjectId, warning: bool, text: &'static str, words: &str) -> Action {
    Action::Record(NAME, Subject::Object(id), Message::Other(Reason { warning, text }, words.into()))
}
