//! The Job controller (controllers.md 6): runs pods until enough have succeeded or too many failed.
//!
//! News of pods is taken up a second late, so that one sync counts many of them. A pod's finalizer
//! holds its object until the Job has counted it. `picture.rs` is what one sync sees, `finish.rs` says
//! whether the Job ends, `create.rs` what is missing, `backoff.rs` when failures are made up for.

mod backoff;
mod create;
mod finish;
mod picture;

use std::collections::BTreeMap;

use crate::cluster::batch::{JobEnd, JobStatus};
use crate::cluster::objects::ObjectStatus;
use crate::cluster::{Action, Change, Cluster, Kind, Message, ObjectId, PodId, Reason, Subject};
use crate::controllers::topic::{PODS_OF_OWNER, Topic};
use crate::engine::{Seed, Span, Time};

use super::calls::Calls;
use super::settings::Settings;
use super::{Controller, Key, Todo, Wakes};
use backoff::Record;
use picture::Picture;

const NAME: &str = "job-controller";
/// News of pods waits this long for more.
const BATCH_PERIOD: Span = Span::from_secs(1);
/// Most creations and most deletions decided in one sync.
const BURST: usize = 500;

/// The controller.
pub struct JobController {
    calls: Calls,
    /// When each Job is due to be looked at for the sake of its pods.
    due: BTreeMap<ObjectId, Time>,
    /// Failures of each Job since its last success.
    backoffs: BTreeMap<ObjectId, Record>,
    /// Pods of Jobs that are gone, still to be released.
    orphans: Vec<PodId>,
}

impl JobController {
    /// A controller that has decided nothing yet.
    pub fn new(_: &Settings, _: Seed) -> Self {
        JobController { calls: Calls::new(NAME), due: BTreeMap::new(), backoffs: BTreeMap::new(), orphans: Vec::new() }
    }

    fn sync(&mut self, id: ObjectId, cluster: &Cluster, todo: &mut Todo) {
        if self.due.get(&id).is_some_and(|due| *due <= cluster.now) {
            self.due.remove(&id);
        }
        let Some(job) = cluster.job(id) else {
            self.calls.forget(id);
            self.backoffs.remove(&id);
            return;
        };
        if job.status.ended.is_some() {
            self.backoffs.remove(&id);
        } else if !self.calls.are_done(id) {
            // the sync that decided them is not over
        } else if let Some(picture) = Picture::of(id, job, cluster) {
            self.sync_picture(&picture, todo);
        }
        self.calls.start_batch(id, cluster.now, todo.client);
    }

    fn sync_picture(&mut self, picture: &Picture<'_>, todo: &mut Todo) {
        let (id, job, now) = (picture.id, picture.job, picture.cluster.now);
        let record = self.backoffs.get(&id).copied().unwrap_or_default().with(picture);
        self.backoffs.insert(id, record);
        let mut status = JobStatus { ready: picture.ready(), terminating: picture.terminating(), ..job.status.clone() };
        if !job.suspend {
            status.started.get_or_insert(now);
        }
        status.active = picture.active.len() as u32;
        let mut end = finish::end(picture, status.started, todo);
        if end.is_some() {
            self.end_active(picture, &mut status);
        } else {
            if !picture.deleting {
                status.active = self.manage(picture, &record, todo);
                note_suspension(picture, &mut status, todo);
            }
            end = finish::completion(picture, status.active);
        }
        picture.count_ended(end, &mut status, todo);
        if end.is_some() {
            conclude(picture, end, &mut status, todo);
        }
        if status != job.status {
            todo.actions.push(Action::SetStatus(id, ObjectStatus::Job(Box::new(status))));
        }
    }

    /// The Job ends: what still runs is deleted.
    fn end_active(&mut self, picture: &Picture<'_>, status: &mut JobStatus) {
        let active: Vec<PodId> = picture.active.iter().map(|member| member.id).collect();
        status.terminating += active.len() as u32;
        status.active = 0;
        status.ready = 0;
        self.calls.decide(picture.id, Vec::new(), active, picture.cluster.now);
    }

    /// Deletes surplus pods, else creates missing ones unless in back-off; answers how many are active
    /// then, as the status will say.
    fn manage(&mut self, picture: &Picture<'_>, record: &Record, todo: &mut Todo) -> u32 {
        let now = picture.cluster.now;
        let active = picture.active.len();
        let wanted = create::wanted(picture);
        let mut surplus = picture.removal_order(active.saturating_sub(wanted));
        surplus.truncate(BURST);
        if !surplus.is_empty() {
            let left = active - surplus.len();
            self.calls.decide(picture.id, Vec::new(), surplus, now);
            return left as u32;
        }
        let held_back = if picture.job.replace_ended_only { picture.terminating() as usize } else { 0 };
        let missing = wanted.saturating_sub(active + held_back).min(BURST);
        match create::creations(picture, record, missing) {
            Ok(creations) => {
                let active = active + creations.len();
                self.calls.decide(picture.id, creations, Vec::new(), now);
                active as u32
            }
            Err(until) => {
                todo.timers.push((until, Key::Object(picture.id)));
                0
            }
        }
    }
}

/// Conditions Suspended; a Job that is resumed starts anew.
fn note_suspension(picture: &Picture<'_>, status: &mut JobStatus, todo: &mut Todo) {
    if picture.job.suspend == status.suspended {
        return;
    }
    status.suspended = picture.job.suspend;
    if !status.suspended {
        status.started = Some(picture.cluster.now);
    }
    let (text, words) = if status.suspended { ("Suspended", "Job suspended") } else { ("Resumed", "Job resumed") };
    todo.actions.push(report(picture.id, false, text, words));
}

/// First the condition FailureTarget or SuccessCriteriaMet; Failed or Complete once no pod is Terminating.
fn conclude(picture: &Picture<'_>, end: Option<JobEnd>, status: &mut JobStatus, todo: &mut Todo) {
    status.ending = end;
    if status.terminating > 0 {
        return;
    }
    let Some(end) = end else { return };
    status.ended = Some((end, picture.cluster.now));
    todo.actions.push(match end {
        JobEnd::CompletionsReached | JobEnd::SuccessPolicy => report(picture.id, false, "Completed", "Job completed"),
        JobEnd::PodFailurePolicy => report(picture.id, true, end.as_str(), &picture.failing_rule()),
        failure => report(picture.id, true, failure.as_str(), words(failure)),
    });
}

fn words(end: JobEnd) -> &'static str {
    match end {
        JobEnd::CompletionsReached | JobEnd::SuccessPolicy => "Job completed",
        JobEnd::BackoffLimitExceeded => "Job has reached the specified backoff limit",
        JobEnd::DeadlineExceeded => "Job was active longer than specified deadline",
        JobEnd::PodFailurePolicy => "Job failed by its pod failure policy",
        JobEnd::FailedIndexes => "Job has failed indexes",
        JobEnd::MaxFailedIndexesExceeded => "Job has exceeded the specified maximal number of failed indexes",
    }
}

fn report(id: ObjectId, warning: bool, text: &'static str, words: &str) -> Action {
    Action::Record(NAME, Subject::Object(id), Message::Other(Reason { warning, text }, words.into()))
}

/// Whether admission treats the owner's pods as a Job's.
fn is_job(id: ObjectId, cluster: &Cluster) -> bool {
    cluster.object(id).is_some_and(|object| object.body.kind() == Kind::Job)
}

impl Controller for JobController {
    fn name(&self) -> &'static str {
        NAME
    }

    fn hears(&self) -> &'static [Topic] {
        PODS_OF_OWNER
    }

    fn watch(&mut self, change: Change, cluster: &Cluster, wakes: &mut Wakes) {
        match change {
            Change::ObjectCreated(id)
            | Change::ObjectUpdated(id)
            | Change::ObjectMarked(id)
            | Change::ObjectScaled { object: id, .. }
                if is_job(id, cluster) =>
            {
                wakes.news.push(Key::Object(id));
            }
            Change::CreateRefused(id) if is_job(id, cluster) => {
                let retry = self.calls.refused(id, cluster.now);
                wakes.timers.extend(retry.map(|at| (at, Key::Object(id))));
            }
            Change::ObjectRemoved(id) => {
                let job = cluster.removed_object(id).filter(|object| object.body.kind() == Kind::Job);
                if let Some(job) = job {
                    self.orphans.extend(&job.pods);
                    wakes.news.push(Key::Object(id));
                }
            }
            other => {
                let job = super::object_of(other, cluster).filter(|id| is_job(*id, cluster));
                if let Some(id) = job.filter(|id| !self.due.contains_key(id)) {
                    let due = cluster.now + BATCH_PERIOD;
                    self.due.insert(id, due);
                    wakes.timers.push((due, Key::Object(id)));
                }
            }
        }
    }

    fn reconcile(&mut self, key: Key, cluster: &Cluster, todo: &mut Todo) {
        todo.actions.extend(std::mem::take(&mut self.orphans).into_iter().map(Action::ReleasePod));
        if let Key::Object(id) = key {
            self.sync(id, cluster, todo);
        }
        if let Key::Returned(id) = key {
            self.calls.returned(id, cluster.now, todo);
        }
        self.calls.work(cluster, todo);
    }
}
