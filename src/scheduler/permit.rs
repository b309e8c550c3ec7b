//! The cycles of a gang: its pods are tried one after another, each that finds a node holds its room and waits on
//! Permit, and once `min-count` are placed all are bound. If that cannot be, all are let go, as if none had been tried.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::cluster::{Cluster, DeviceSet, PodId};
use crate::engine::Span;

use super::gang::{Attempt, Gang, GangKey, Gangs, Preemption, Reason};
use super::queue::Place;
use super::{Decision, Nomination, Scheduler, Verdict, plugins};

/// What a decision means for the pods of a gang.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Permit {
    /// Nothing: the pod is bound without waiting for others.
    #[default]
    Free,
    /// The pod, if it has a node, keeps its room and is not bound yet.
    Wait,
    /// The minimum is reached: these, which waited, are bound with the pod.
    Allow(Vec<PodId>),
    /// As [`Permit::Wait`], and the attempt is over: the gang waits for the room of these victims.
    Hold(Vec<Preemption>),
    /// The gang cannot be completed. The pod, if it has a node, is among those let go.
    Reject(Box<LetGo>),
}

/// Pods of a gang that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetGo {
    /// They held room and are to be forgotten.
    pub waiting: Vec<PodId>,
    /// They were not tried, as it would have been in vain.
    pub untried: Vec<PodId>,
    /// They lose the nominations they got in the attempt.
    pub unnominated: Vec<PodId>,
    /// What FailedScheduling says of those that waited and those not tried.
    pub message: Rc<str>,
}

/// For what a pod waits that is in a gang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GangWait {
    /// Whether it holds room, waiting on Permit; else PreEnqueue holds it.
    pub reserved: bool,
    /// In Kubernetes' words.
    pub message: String,
}

const GANG: u32 = 1 << plugins::GANG_SCHEDULING;

impl Scheduler {
    /// As [`Scheduler::cycle`], where there are gangs.
    pub(super) fn gang_cycle(&mut self, cluster: &Cluster) -> Option<Decision> {
        if let Some(decision) = self.let_go_overdue(cluster) {
            return Some(decision);
        }
        let pod = match self.next_member() {
            Some(pod) => pod,
            None => {
                let pod = self.pop(cluster)?;
                if !self.begin_attempt(pod, cluster) {
                    return Some(Decision::skip(pod, None));
                }
                pod
            }
        };
        let mut decision = self.attempt(pod, cluster);
        self.permit(&mut decision, cluster);
        Some(decision)
    }

    /// The next pod of the gang that is being tried.
    fn next_member(&mut self) -> Option<PodId> {
        let attempt = self.gangs.as_mut()?.attempt.as_mut()?;
        let pod = attempt.pending.pop_front()?;
        self.queue.begin(pod);
        Some(pod)
    }

    /// A pod was popped. Of a gang, all other pods in the queue come along, wherever they wait; false if the
    /// gang lost its quorum, so that PreEnqueue holds them again.
    fn begin_attempt(&mut self, pod: PodId, cluster: &Cluster) -> bool {
        let Some(gangs) = &mut self.gangs else { return true };
        let Some(key) = gangs.key_of(pod) else { return true };
        let Some(gang) = gangs.get_mut(key) else { return true };
        let waits = |id: &PodId| {
            let place = self.queue.get(*id).map(|queued| queued.place);
            place.is_some_and(|place| !matches!(place, Place::Gated | Place::InFlight))
        };
        let mut others: Vec<PodId> = gang.members.iter().copied().filter(waits).collect();
        if gang.size(cluster) < gang.min {
            gang.open = false;
            others.into_iter().chain([pod]).for_each(|id| self.queue.hold(id));
            return false;
        }
        others.sort_by_key(|id| self.queue.get(*id).map(|queued| (Reverse(queued.priority), queued.sequence)));
        others.iter().for_each(|id| self.queue.take(*id));
        gang.rejected_by = 0;
        gangs.attempt = Some(Attempt {
            key,
            pending: others.into(),
            expecting: 0,
            preemptions: Vec::new(),
            nominated: Vec::new(),
            failed: None,
        });
        true
    }

    /// What a decision about a pod means for its gang.
    fn permit(&mut self, decision: &mut Decision, cluster: &Cluster) {
        let Some(gangs) = &mut self.gangs else { return };
        let Some(mut attempt) = gangs.attempt.take() else { return };
        let Some(gang) = gangs.get_mut(attempt.key) else { return };
        let (pod, key) = (decision.pod, attempt.key);
        let binds = matches!(decision.verdict, Verdict::Bind(_));
        let placed = gang.placed(cluster) + usize::from(binds);
        if placed >= gang.min {
            if binds {
                decision.permit = Permit::Allow(gangs.end_waiting(key));
            }
            gangs.attempt = Some(attempt).filter(|attempt| !attempt.pending.is_empty());
            return;
        }
        if binds {
            gang.waiting.insert(pod);
            decision.permit = Permit::Wait;
        } else if let Verdict::Unschedulable { nomination, victims, unnominated, .. } = &mut decision.verdict {
            gang.rejected_by |= self.queue.get(pod).map_or(0, |queued| queued.rejected_by);
            let nominated = cluster.pod(pod).is_some_and(|found| found.nominated.is_some());
            let kept = *nomination == Nomination::Keep && nominated;
            attempt.postpone(pod, *nomination, kept, std::mem::take(victims), std::mem::take(unnominated));
        }
        let hopeful = placed + attempt.expecting + attempt.pending.len() >= gang.min;
        if hopeful && !attempt.pending.is_empty() {
            gangs.attempt = Some(attempt);
        } else if hopeful {
            decision.permit = hold(gangs, attempt, cluster);
        } else {
            let message = incomplete(gang, placed, &attempt, cluster);
            let unnominated = std::mem::take(&mut attempt.nominated);
            let untried = attempt.pending.into();
            decision.permit = self.reject(key, untried, unnominated, message, cluster);
        }
    }

    /// The gang is given up: its pods wait for events again.
    fn reject(
        &mut self,
        key: GangKey,
        untried: Vec<PodId>,
        unnominated: Vec<PodId>,
        message: String,
        cluster: &Cluster,
    ) -> Permit {
        let Some(gangs) = &mut self.gangs else { return Permit::Free };
        let (held, rejected_by) = gangs.get(key).map_or((false, 0), |gang| (gang.held, gang.rejected_by));
        let waiting = gangs.end_waiting(key);
        if !held {
            gangs.silence(&waiting);
        }
        for pod in waiting.iter().chain(&untried) {
            self.queue.fail(*pod, rejected_by | GANG, cluster.now);
        }
        Permit::Reject(Box::new(LetGo { waiting, untried, unnominated, message: message.into() }))
    }

    /// Lets go of a gang that has waited long enough, or in vain.
    fn let_go_overdue(&mut self, cluster: &Cluster) -> Option<Decision> {
        let gangs = self.gangs.as_mut()?;
        if gangs.attempt.as_ref().is_some_and(|attempt| attempt.pending.is_empty()) {
            // those that were to be tried have gone
            let key = gangs.attempt.take()?.key;
            gangs.let_go_at(key, cluster.now, Reason::TooFew);
        }
        let (key, reason, first) = gangs.overdue(cluster.now)?;
        let gang = gangs.get(key)?;
        let message = match reason {
            Reason::Timeout => {
                format!("rejected due to timeout after waiting {} at plugin GangScheduling", go_duration(gangs.timeout))
            }
            Reason::TooFew => short(gang.min, gang.placed(cluster), gang.size(cluster)),
            Reason::Preempted => "preempted".to_string(),
            Reason::NodeGone(node) => format!("node \"{}\" not found", cluster.node_name(node)),
        };
        let permit = self.reject(key, Vec::new(), Vec::new(), one(&message), cluster);
        Some(Decision { permit, ..Decision::skip(first, None) })
    }

    /// A victim of a preemption that waits on Permit is rejected with its gang, not deleted; false if it does
    /// not wait.
    pub fn reject_waiting(&mut self, victim: PodId, cluster: &Cluster) -> bool {
        self.gangs.as_mut().is_some_and(|gangs| gangs.reject(victim, cluster.now))
    }

    /// For which others of its gang the pod waits, if it does.
    pub fn gang_wait(&self, pod: PodId, cluster: &Cluster) -> Option<GangWait> {
        let gangs = self.gangs.as_deref()?;
        let gang = gangs.get(gangs.key_of(pod)?)?;
        let (min, placed, size) = (gang.min, gang.placed(cluster), gang.size(cluster));
        if gangs.waits(pod) {
            let message = format!("waiting on permit: {placed} of minCount {min} pods of its gang are placed");
            Some(GangWait { reserved: true, message })
        } else if gangs.holds(pod) {
            let message = format!(
                "waiting for minCount ({min}) pods from a gang to appear in scheduling queue: {size} are there"
            );
            Some(GangWait { reserved: false, message })
        } else {
            None
        }
    }
}

impl Attempt {
    /// A pod found no node. Its victims go only if the gang can be completed with their room.
    fn postpone(
        &mut self,
        pod: PodId,
        nomination: Nomination,
        kept: bool,
        victims: Vec<PodId>,
        unnominated: Vec<PodId>,
    ) {
        self.failed = Some(pod);
        if matches!(nomination, Nomination::Set(_)) {
            self.nominated.push(pod);
            self.preemptions.push(Preemption { pod, victims, unnominated });
            self.expecting += 1;
        } else if kept {
            self.expecting += 1;
        }
    }
}

/// All were tried, and what is missing only waits for victims to go.
fn hold(gangs: &mut Gangs, attempt: Attempt, cluster: &Cluster) -> Permit {
    let deadline = cluster.now + gangs.timeout;
    let waits = gangs.get_mut(attempt.key).is_some_and(|gang| {
        gang.held = true;
        !gang.waiting.is_empty()
    });
    if waits {
        gangs.let_go_at(attempt.key, deadline, Reason::Timeout);
    }
    // two pods nominated to one node may share victims
    let mut seen = BTreeSet::new();
    let mut preemptions = attempt.preemptions;
    preemptions.iter_mut().for_each(|preemption| preemption.victims.retain(|victim| seen.insert(*victim)));
    Permit::Hold(preemptions)
}

/// Why an attempt came to nothing.
fn incomplete(gang: &Gang, placed: usize, attempt: &Attempt, cluster: &Cluster) -> String {
    let mut text = short(gang.min, placed, attempt.pending.len() + attempt.expecting);
    if let Some(pod) = attempt.failed {
        text += &format!(", {}/{} found no node", cluster.pod_namespace(pod), cluster.pod_name(pod));
    }
    one(&text)
}

fn short(min: usize, placed: usize, remaining: usize) -> String {
    format!("minCount ({min}) cannot be satisfied: {placed} scheduled, {remaining} remaining")
}

/// As Go writes a duration of whole seconds: `5m0s`.
fn go_duration(span: Span) -> String {
    let seconds = span.0 / 1_000_000_000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// As a pod's message that was rejected after its node was found: that node is the one counted.
fn one(text: &str) -> String {
    format!("0/1 nodes are available: 1 {text}.")
}

impl Decision {
    /// Nothing is to be done about the pod; the text of the FailedScheduling event, if there is one.
    pub(super) fn skip(pod: PodId, text: Option<String>) -> Self {
        Decision {
            pod,
            verdict: Verdict::Skip(text.map(Rc::from)),
            examined: 0,
            claims: Vec::new(),
            devices: DeviceSet::default(),
            permit: Permit::Free,
        }
    }
}
