//! Work of containers that write checkpoints: how far it is, what is safe, what it has cost. Everything follows from
//! the instants at which a run began, its node's pace changed and it stopped, so that checkpoints are no events.
//!
//! ```text
//! run ──every──┬─overhead─┬──every──┬─overhead─┬── the rest ──▶ ends by itself; no checkpoint is written then
//!              writing    complete: work up to `writing` survives the container
//! ```
//! Lengths of work are counted at the usual pace; on a slow node work and writing both take the same multiple.

use crate::engine::{Span, Time};

/// When a container writes checkpoints, and what one costs. Not part of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoints {
    /// Useful work between one checkpoint and the next; more than 0.
    pub every: Span,
    /// How long one is written; no useful work is done meanwhile.
    pub overhead: Span,
}

/// A piece of work with checkpoints, which may outlive the container and the pod that do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// How it is saved.
    pub checkpoints: Checkpoints,
    /// All of it.
    pub total: Span,
    /// What its last complete checkpoint holds: where the next run goes on. Always less than `total`.
    pub saved: Span,
}

impl Work {
    /// Work of this length, to be begun. What takes no time takes a nanosecond.
    pub fn new(checkpoints: Checkpoints, total: Span) -> Work {
        Work { checkpoints, total: total.max(Span(1)), saved: Span::ZERO }
    }

    /// How long a run from here to the end takes at the usual pace: with w of work left,
    /// w + ⌈w / every − 1⌉ · overhead.
    pub fn takes(&self) -> Span {
        self.left() + self.checkpoints.overhead * self.checkpoints_left()
    }

    fn left(&self) -> Span {
        self.total.saturating_sub(self.saved)
    }

    /// How many checkpoints are still to be written; none at the very end.
    fn checkpoints_left(&self) -> u64 {
        self.left().0.saturating_sub(1) / self.checkpoints.every.0.max(1)
    }

    /// From one complete checkpoint to the next.
    fn cycle(&self) -> Span {
        self.checkpoints.every + self.checkpoints.overhead
    }

    /// How many checkpoints are complete after a run of this length.
    fn complete(&self, ran: Span) -> u64 {
        (ran.0 / self.cycle().0.max(1)).min(self.checkpoints_left())
    }

    /// How much of a run of this length was spent on writing checkpoints, complete or not.
    fn writing(&self, ran: Span) -> Span {
        let complete = self.complete(ran);
        let whole = self.checkpoints.overhead * complete;
        if complete == self.checkpoints_left() {
            return whole; // the rest is work
        }
        whole + ran.saturating_sub(self.cycle() * complete).saturating_sub(self.checkpoints.every)
    }

    /// The same work after a run of this length was cut short.
    fn cut_short_after(&self, ran: Span) -> Work {
        Work { saved: self.saved + self.checkpoints.every * self.complete(ran), ..*self }
    }
}

/// What became of the time that a container ran; the three add up to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Work that was finished, or that a complete checkpoint holds.
    pub useful: Span,
    /// Writing checkpoints that were completed.
    pub overhead: Span,
    /// Work since the last complete checkpoint, the writing of an incomplete one included.
    pub lost: Span,
}

/// A pod's way through its work.
#[derive(Clone, Debug)]
pub struct Progress {
    /// As it was when the present run began, or as the last run left it.
    work: Work,
    run: Option<Run>,
    /// What became of the last run that stopped.
    last: Spent,
    is_done: bool,
}

/// A container that runs.
#[derive(Clone, Debug)]
struct Run {
    started: Time,
    /// The node has worked at the present pace since then …
    since: Time,
    /// … before which so much had been run at the usual pace.
    ran: Span,
    /// How many times longer things take than usual, in thousandths.
    pace_milli: u32,
    /// The last complete checkpoint, or the start.
    saved_at: Time,
    /// Time spent on writing checkpoints up to `since`, and up to `saved_at`.
    wrote: Span,
    wrote_when_saved: Span,
    /// Another pod has taken up the work from the last complete checkpoint: further ones help nobody.
    is_superseded: bool,
}

impl Progress {
    /// A container begins to run at this pace, where `work` was saved.
    pub(super) fn begin(work: Work, now: Time, pace_milli: u32) -> Progress {
        let run = Run {
            started: now,
            since: now,
            ran: Span::ZERO,
            pace_milli: pace_milli.max(1),
            saved_at: now,
            wrote: Span::ZERO,
            wrote_when_saved: Span::ZERO,
            is_superseded: false,
        };
        Progress { work, run: Some(run), last: Spent::default(), is_done: false }
    }

    /// What would be left to do if the container stopped now; `None` if it is done.
    pub fn work_left(&self, now: Time) -> Option<Work> {
        let cut_short = |run: &Run| self.work.cut_short_after(run.ran_at(now, &self.work));
        (!self.is_done).then(|| self.run.as_ref().map_or(self.work, cut_short))
    }

    /// Whether a container runs.
    pub(super) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// What became of the last run that stopped.
    pub fn last_run(&self) -> Spent {
        self.last
    }

    /// What has become so far of a run that goes on: nothing is lost yet, unless others have taken up the work.
    pub fn so_far(&self, now: Time) -> Spent {
        let spent = |run: &Run| {
            let mut run = run.clone();
            run.advance(now, &self.work);
            run.spent(now, !run.is_superseded)
        };
        self.run.as_ref().map_or(Spent::default(), spent)
    }

    /// The node works at another pace from now on.
    pub(super) fn set_pace(&mut self, now: Time, pace_milli: u32) {
        if let Some(run) = &mut self.run {
            run.advance(now, &self.work);
            run.pace_milli = pace_milli.max(1);
        }
    }

    /// Another pod takes up the work where its last complete checkpoint left it.
    pub(super) fn supersede(&mut self, now: Time) {
        if let Some(run) = &mut self.run {
            run.advance(now, &self.work);
            run.is_superseded = true;
        }
    }

    /// The container stops: by itself, as its work is done, or otherwise.
    pub(super) fn stop(&mut self, now: Time, is_done: bool) {
        let Some(mut run) = self.run.take() else { return };
        run.advance(now, &self.work);
        self.last = run.spent(now, is_done);
        self.work = self.work.cut_short_after(run.ran);
        self.is_done = is_done;
    }
}

impl Run {
    fn ran_at(&self, now: Time, work: &Work) -> Span {
        let passed = u128::from(now.since(self.since).0) * 1000 / u128::from(self.pace_milli);
        (self.ran + Span(u64::try_from(passed).unwrap_or(u64::MAX))).min(work.takes())
    }

    /// How long so much takes at the present pace.
    fn paced(&self, span: Span) -> Span {
        span.at_pace(self.pace_milli)
    }

    /// Counts what happened since the last time, all of it at one pace.
    fn advance(&mut self, now: Time, work: &Work) {
        let (from, to) = (self.ran, self.ran_at(now, work));
        let complete = work.complete(to);
        self.wrote += self.paced(work.writing(to).saturating_sub(work.writing(from)));
        if complete > work.complete(from) && !self.is_superseded {
            let incomplete = work.writing(to).saturating_sub(work.checkpoints.overhead * complete);
            self.wrote_when_saved = self.wrote.saturating_sub(self.paced(incomplete));
            self.saved_at = self.since + self.paced((work.cycle() * complete).saturating_sub(from));
        }
        (self.since, self.ran) = (now, to);
    }

    /// What became of the time until now, with everything since the last complete checkpoint kept or lost.
    fn spent(&self, now: Time, is_kept: bool) -> Spent {
        let (until, overhead) = if is_kept { (now, self.wrote) } else { (self.saved_at, self.wrote_when_saved) };
        Spent { useful: until.since(self.started).saturating_sub(overhead), overhead, lost: now.since(until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_10_FOR_2: Checkpoints = Checkpoints { every: Span::from_secs(10), overhead: Span::from_secs(2) };

    fn spent(useful: u64, overhead: u64, lost: u64) -> Spent {
        let seconds = Span::from_secs;
        Spent { useful: seconds(useful), overhead: seconds(overhead), lost: seconds(lost) }
    }

    /// A run of 30 s of work that is cut short.
    fn cut_short_at(seconds: u64) -> (u64, Spent) {
        let mut progress = Progress::begin(Work::new(EVERY_10_FOR_2, Span::from_secs(30)), Time::ZERO, 1000);
        progress.stop(Time::from_secs(seconds), false);
        (progress.work.saved.0 / 1_000_000_000, progress.last_run())
    }

    #[test]
    fn no_checkpoint_is_written_at_the_very_end() {
        let takes = |seconds| Work::new(EVERY_10_FOR_2, Span::from_secs(seconds)).takes();
        assert_eq!(takes(9), Span::from_secs(9));
        assert_eq!(takes(10), Span::from_secs(10));
        assert_eq!(takes(11), Span::from_secs(13));
        assert_eq!(takes(30), Span::from_secs(34));
        assert_eq!(Work::new(EVERY_10_FOR_2, Span::ZERO).takes(), Span(1));
        let endless = Checkpoints { every: Span(1), overhead: Span::MAX };
        assert_eq!(Work::new(endless, Span::MAX).takes(), Span::MAX);
    }

    #[test]
    fn a_checkpoint_counts_once_its_writing_is_complete() {
        assert_eq!(cut_short_at(9), (0, spent(0, 0, 9)));
        assert_eq!(cut_short_at(11), (0, spent(0, 0, 11)), "half of the writing is lost, too");
        assert_eq!(cut_short_at(12), (10, spent(10, 2, 0)));
        assert_eq!(cut_short_at(23), (10, spent(10, 2, 11)));
        assert_eq!(cut_short_at(33), (20, spent(20, 4, 9)));
    }

    #[test]
    fn a_change_of_pace_stretches_work_and_writing_from_then_on() {
        // 10 s of work, 1 s of writing, then the second half of it and 4 s of work at half the pace
        let mut progress = Progress::begin(Work::new(EVERY_10_FOR_2, Span::from_secs(30)), Time::ZERO, 1000);
        progress.set_pace(Time::from_secs(11), 2000);
        assert_eq!(progress.work_left(Time::from_secs(12)).unwrap().saved, Span::ZERO);
        assert_eq!(progress.work_left(Time::from_secs(13)).unwrap().saved, Span::from_secs(10));
        assert_eq!(progress.so_far(Time::from_secs(21)), spent(18, 3, 0));
        progress.stop(Time::from_secs(21), false);
        assert_eq!(progress.last_run(), spent(10, 3, 8));
    }

    #[test]
    fn what_is_done_is_not_left() {
        let mut progress = Progress::begin(Work::new(EVERY_10_FOR_2, Span::from_secs(30)), Time::ZERO, 1000);
        progress.stop(Time::from_secs(34), true);
        assert_eq!(progress.last_run(), spent(30, 4, 0));
        assert_eq!(progress.work_left(Time::from_secs(34)), None);
    }

    #[test]
    fn checkpoints_after_another_pod_took_over_help_nobody() {
        let mut progress = Progress::begin(Work::new(EVERY_10_FOR_2, Span::from_secs(30)), Time::ZERO, 1000);
        progress.supersede(Time::from_secs(15));
        assert_eq!(progress.so_far(Time::from_secs(28)), spent(10, 2, 16));
        progress.stop(Time::from_secs(28), false);
        assert_eq!(progress.last_run(), spent(10, 2, 16));
    }
}
