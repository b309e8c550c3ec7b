//! How many pods a Job wants, and which are missing.

use std::collections::BTreeSet;

use crate::cluster::batch::FailureAction;
use crate::cluster::{NewPod, Part, PodName};
use crate::engine::Time;

use super::backoff::{Record, until};
use super::picture::Picture;

/// How many pods should be active.
pub(super) fn wanted(picture: &Picture<'_>) -> usize {
    let job = picture.job;
    let wanted = match job.completions {
        _ if job.suspend => 0,
        None if picture.succeeded() > 0 => picture.active.len() as u32,
        None => job.parallelism,
        Some(completions) => completions.saturating_sub(picture.succeeded()).min(job.parallelism),
    };
    wanted as usize
}

/// Up to `missing` new pods; or, if all have to wait, until when.
pub(super) fn creations(picture: &Picture<'_>, record: &Record, missing: usize) -> Result<Vec<NewPod>, Time> {
    let now = picture.cluster.now;
    if missing == 0 {
        return Ok(Vec::new());
    }
    if picture.job.backoff_limit_per_index.is_none() && record.until() > now {
        return Err(record.until());
    }
    let name = picture.cluster.object(picture.id).map_or(picture.cluster.known.empty, |object| object.name);
    if !picture.job.indexed {
        let new = NewPod::of(picture.id, PodName::Generated(name), picture.job.template);
        return Ok(vec![new; missing]);
    }
    let mut earliest = Time::MAX;
    let mut new = Vec::new();
    for index in pending_indexes(picture, missing) {
        let (at, failures) = next_try(picture, index);
        if at > now {
            earliest = earliest.min(at);
            continue;
        }
        let pod = NewPod::of(picture.id, PodName::Indexed(name, index), picture.job.template);
        new.push(NewPod { part: Part::Index { index, failures }, ..pod });
    }
    if new.is_empty() && earliest < Time::MAX { Err(earliest) } else { Ok(new) }
}

/// The lowest indexes that neither run nor have ended.
fn pending_indexes(picture: &Picture<'_>, count: usize) -> Vec<u32> {
    let job = picture.job;
    let terminating = picture
        .pods
        .iter()
        .filter(|member| job.replace_ended_only && member.pod.deletion.is_some() && !member.pod.phase.is_terminal());
    let taken: BTreeSet<u32> = picture.active.iter().chain(terminating).filter_map(|member| member.index()).collect();
    let ended = |index: &u32| picture.succeeded_indexes.contains(index) || picture.failed_indexes.contains(index);
    let indexes = (0..job.completions.unwrap_or(0)).filter(|index| !taken.contains(index) && !ended(index));
    indexes.take(count).collect()
}

/// When an index may be tried again, and how often it has failed by then.
fn next_try(picture: &Picture<'_>, index: u32) -> (Time, u32) {
    let Some(last) = picture.waiting.get(&index) else { return (Time::ZERO, 0) };
    let ignored = picture.policy_action(last) == Some(FailureAction::Ignore);
    let at = until(last.failures() + 1, picture.finished_at(last));
    (at, last.failures() + u32::from(!ignored))
}
