//! Pods of a gang between Reserve and binding: what the scheduler decided about them is done (scheduler::permit).

use std::rc::Rc;

use crate::cluster::{Message, NodeId, PodId, Subject};
use crate::scheduler::gang::Preemption;
use crate::scheduler::permit::{LetGo, Permit};
use crate::scheduler::plugins::volume_binding::ClaimDecision;

use super::Simulation;
use super::scheduling::SCHEDULER;

impl Simulation {
    /// A pod that is assumed goes on to its binding, unless it has to wait for its gang.
    pub(super) fn pass_permit(&mut self, pod: PodId, node: NodeId, claims: Vec<ClaimDecision>, permit: &Permit) {
        match permit {
            Permit::Free | Permit::Allow(_) => {
                self.scheduling.reasons.remove(&pod);
                if claims.is_empty() {
                    self.bind_later(pod);
                } else {
                    self.pre_bind(pod, node, claims);
                }
            }
            Permit::Wait | Permit::Hold(_) | Permit::Reject(_) => (),
        }
    }

    /// What the decision about a pod means for the others of its gang.
    pub(super) fn conclude(&mut self, permit: Permit) {
        match permit {
            Permit::Free | Permit::Wait => (),
            Permit::Allow(waited) => {
                for pod in waited {
                    self.scheduling.reasons.remove(&pod);
                    self.bind_later(pod);
                }
            }
            Permit::Hold(preemptions) => preemptions.into_iter().for_each(|preemption| self.make_room(preemption)),
            Permit::Reject(let_go) => self.let_go(*let_go),
        }
    }

    /// The victims for a pod of a gang are deleted.
    fn make_room(&mut self, Preemption { pod, victims, unnominated }: Preemption) {
        unnominated.into_iter().for_each(|loser| self.cluster.nominate(loser, None));
        self.preempt_all(&victims, pod);
    }

    /// A gang cannot be completed: the room of its pods is given back, and all say why they wait.
    fn let_go(&mut self, LetGo { waiting, untried, unnominated, message }: LetGo) {
        for &pod in &waiting {
            self.cluster.forget(pod);
        }
        for pod in unnominated {
            self.cluster.nominate(pod, None);
        }
        for pod in waiting.into_iter().chain(untried) {
            self.report_failure(pod, message.clone());
        }
    }

    /// Pods that wait for others of their gang now, in the order of creation: which, and for what.
    pub fn gang_waits(&self) -> Vec<(PodId, Rc<str>)> {
        let unbound = self.cluster.pods().filter(|(_, pod)| !pod.bound && !pod.phase.is_terminal());
        let waits = unbound.filter_map(|(id, _)| Some((id, self.scheduler.gang_wait(id, &self.cluster)?)));
        waits.map(|(id, wait)| (id, wait.message.into())).collect()
    }

    /// A victim of a preemption that waits for its gang is not deleted: its gang is rejected. False if it does
    /// not wait.
    pub(super) fn reject_waiting(&mut self, victim: PodId, by: PodId, node: NodeId) -> bool {
        let waits = self.scheduler.reject_waiting(victim, &self.cluster);
        if waits {
            self.cluster.record(SCHEDULER, Subject::Pod(victim), Message::Preempted(by, node));
        }
        waits
    }
}
