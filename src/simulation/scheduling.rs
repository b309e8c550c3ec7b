//! The scheduler at work: when it runs a cycle, and what comes of what it decides, each write at the rate of its
//! client. What it decides, and why, is the matter of [`crate::scheduler`]; gangs on Permit are in [`super::permit`],
//! claims before a binding in [`super::pre_bind`].

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::cluster::{Action, Disruption, Message, PodId, Subject};
use crate::engine::{Class, Span, Stream, Time, TokenBucket};
use crate::scheduler::permit::Permit;
use crate::scheduler::plugins::volume_binding::ClaimDecision;
use crate::scheduler::{Nomination, Verdict};

use super::{Event, Simulation};

/// Its name in events.
pub(super) const SCHEDULER: &str = "default-scheduler";

/// When the scheduler works.
pub(super) struct SchedulingState {
    pub(super) client: TokenBucket,
    pub(super) watch: Stream,
    pub(super) write: Stream,
    pub(super) busy_until: Time,
    /// What `PodScheduled=False` says of pods that wait.
    pub(super) reasons: FxHashMap<PodId, Rc<str>>,
    /// The cycle already scheduled.
    pub(super) next_cycle: Time,
    /// Whether it is one at which news is heard of that is on the way: it takes no second delay.
    pub(super) hears: bool,
}

impl Simulation {
    /// Schedules the next cycle, if the scheduler has something to do.
    pub(super) fn wake_scheduler(&mut self) {
        if !self.processes.scheduler {
            return;
        }
        let now = self.cluster.now;
        let earliest = now.max(self.scheduling.busy_until);
        if self.scheduling.next_cycle <= earliest {
            return;
        }
        let wake = self.scheduler.next_wake(now);
        if wake == Time::MAX {
            return;
        }
        if wake > now {
            self.cycle_at(wake.max(earliest));
        } else if self.instant {
            self.cycle_at(now);
        } else if !self.scheduling.hears {
            self.scheduling.hears = true;
            let delay = self.settings.scheduling.watch.sample(&mut self.scheduling.watch);
            self.cycle_at(earliest.max(now + delay));
        }
    }

    pub(super) fn cycle_at(&mut self, at: Time) {
        if at < self.scheduling.next_cycle {
            self.scheduling.next_cycle = at;
            self.queue.push(at, Class::Control, Event::Schedule);
        }
    }

    /// One scheduling cycle.
    pub(super) fn schedule(&mut self) {
        let now = self.cluster.now;
        if self.scheduling.next_cycle != now || !self.processes.scheduler {
            return; // an earlier cycle was scheduled since
        }
        self.scheduling.next_cycle = Time::MAX;
        self.scheduling.hears = false;
        let Some(decision) = self.scheduler.cycle(&self.cluster) else { return };
        if self.inquiry.is_some() {
            self.note_explanation();
        }
        if !self.instant {
            let scheduling = &self.settings.scheduling;
            let extra = decision.examined.saturating_sub(100) as u64;
            let cycle = scheduling.cycle + scheduling.cycle_per_node * extra;
            self.scheduling.busy_until = now + self.at_schedulers_pace(cycle);
        }
        if !decision.devices.is_empty() {
            self.cluster.choose_devices(decision.pod, decision.devices);
        }
        self.decide(decision.pod, decision.verdict, decision.claims, &decision.permit);
        self.conclude(decision.permit);
        if self.scheduler.next_wake(now) <= now {
            self.cycle_at(self.scheduling.busy_until.max(now));
        }
    }

    /// How long something takes the scheduler now that takes it `span` as a rule.
    pub(super) fn at_schedulers_pace(&self, span: Span) -> Span {
        match self.faults.outages.scheduler_milli() {
            1000 => span,
            milli => span * milli / 1000,
        }
    }

    /// Does what the scheduler decided.
    pub(super) fn decide(&mut self, pod: PodId, verdict: Verdict, claims: Vec<ClaimDecision>, permit: &Permit) {
        match verdict {
            Verdict::Bind(node) => {
                self.cluster.assume(pod, node);
                self.pass_permit(pod, node, claims, permit);
            }
            Verdict::Unschedulable { message, nomination, victims, unnominated } => {
                self.report_failure(pod, message);
                match nomination {
                    Nomination::Keep => (),
                    Nomination::Clear => self.cluster.nominate(pod, None),
                    Nomination::Set(node) => self.cluster.nominate(pod, Some(node)),
                }
                unnominated.into_iter().for_each(|loser| self.cluster.nominate(loser, None));
                self.preempt_all(&victims, pod);
            }
            Verdict::Error(message) => self.report_failure(pod, message),
            Verdict::Skip(message) => {
                if let Some(message) = message {
                    self.cluster.record(SCHEDULER, Subject::Pod(pod), Message::FailedScheduling(message));
                }
            }
        }
    }

    /// The binding of an assumed pod is sent.
    pub(super) fn bind_later(&mut self, pod: PodId) {
        let now = self.cluster.now;
        let at = if self.instant {
            now
        } else {
            let token = self.scheduling.client.take(self.scheduling.busy_until.max(now));
            let write = self.settings.scheduling.api_write.sample(&mut self.scheduling.write);
            token + self.at_schedulers_pace(write)
        };
        self.queue.push(at, Class::Control, Event::Bind(pod));
    }

    /// FailedScheduling and `PodScheduled=False`: a condition that says something new is patched before the
    /// next cycle begins (latencies.md).
    pub(super) fn report_failure(&mut self, pod: PodId, message: Rc<str>) {
        let known = self.scheduling.reasons.insert(pod, message.clone());
        if !self.instant && known.is_none_or(|known| known != message) {
            let token = self.scheduling.client.take(self.scheduling.busy_until.max(self.cluster.now));
            self.scheduling.busy_until = token + self.settings.scheduling.api_write.sample(&mut self.scheduling.write);
        }
        self.cluster.record(SCHEDULER, Subject::Pod(pod), Message::FailedScheduling(message));
        self.cluster.set_unschedulable(pod);
    }

    /// Deletes the victims side by side, the last one only when the others are marked: each takes a patch
    /// of the condition `DisruptionTarget` and the deletion.
    pub(super) fn preempt_all(&mut self, victims: &[PodId], by: PodId) {
        let Some((last, others)) = victims.split_last() else { return };
        let mut latest = self.cluster.now;
        for &victim in others {
            let at = self.cluster.now + self.two_writes();
            latest = latest.max(at);
            self.queue.push(at, Class::Control, Event::Preempt(victim, by));
        }
        let at = latest + self.two_writes();
        self.queue.push(at, Class::Control, Event::Preempt(*last, by));
    }

    pub(super) fn two_writes(&mut self) -> Span {
        if self.instant {
            return Span::ZERO;
        }
        let write = &self.settings.scheduling.api_write;
        write.sample(&mut self.scheduling.write) + write.sample(&mut self.scheduling.write)
    }

    /// Deletes a victim with its own grace period.
    pub(super) fn preempt(&mut self, victim: PodId, by: PodId) {
        if !self.cluster.pod_exists(victim) || !self.faults.outages.api_is_up() {
            return;
        }
        let Some(node) = self.cluster.pod(victim).and_then(|victim| victim.node) else { return };
        if self.reject_waiting(victim, by, node) {
            return;
        }
        self.cluster.record(SCHEDULER, Subject::Pod(victim), Message::Preempted(by, node));
        self.cluster.apply(Action::Disrupt(victim, Disruption::PreemptionByScheduler));
        self.cluster.apply(Action::DeletePod { pod: victim, grace: None, by: None });
    }

    /// A binding reaches the API, unless the pod went meanwhile.
    pub(super) fn bind(&mut self, id: PodId) {
        let Some(pod) = self.cluster.pod(id).filter(|pod| self.cluster.pod_exists(id) && !pod.bound) else { return };
        let Some(node) = pod.node else { return };
        self.cluster.bind(id);
        self.cluster.record(SCHEDULER, Subject::Pod(id), Message::Scheduled(node));
    }
}
