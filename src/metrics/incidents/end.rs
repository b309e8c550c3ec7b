//! What incidents answer for, and what ends them beside news of their pods: that the instant of the fault is over, and the
//! end of the run.

use std::rc::Rc;

use smallvec::SmallVec;

use crate::cluster::{Cluster, PodId};
use crate::engine::Time;
use crate::metrics::attribution::{Blame, shares};
use crate::metrics::facts::Facts;
use crate::metrics::incident::{Part, is_on_good_node};
use crate::metrics::workloads::Workloads;
use crate::outcome::{Incident, Layout};

use super::Incidents;

impl Incidents {
    /// Shares the area that a workload has been unavailable for since the last time among its open incidents, and then
    /// the control plane's outage, if one lasts.
    pub(super) fn attribute(&mut self, workload: u32, now: Time, workloads: &mut Workloads) {
        let state = &mut workloads.list[workload as usize];
        let area = state.unavailable.area_at(now);
        let new = area - std::mem::replace(&mut state.attributed, area);
        let span = now.since(std::mem::replace(&mut state.attributed_until, now));
        if new == 0 {
            return;
        }
        let lacking = |number: &u32| self.live(*number).lacking();
        let lacking: SmallVec<[u32; 4]> = state.open.iter().map(lacking).collect();
        let shares = shares(new, span, &lacking);
        for (number, share) in state.open.iter().zip(&shares) {
            self.live(*number).record.attributed_pod_nanos += share;
        }
        self.blame.add(new - shares.iter().sum::<i128>());
    }

    fn attribute_all(&mut self, now: Time, workloads: &mut Workloads) {
        (0..workloads.list.len() as u32).for_each(|workload| self.attribute(workload, now, workloads));
    }

    /// An outage of the control plane begins, by this action, or ends.
    pub(crate) fn outage_changed(&mut self, outage: u32, begun: Option<usize>, now: Time, workloads: &mut Workloads) {
        self.attribute_all(now, workloads);
        match begun {
            Some(action) => self.blame.begin(outage, action),
            None => self.blame.end(outage),
        }
    }

    /// What outages of the control plane answer for until now.
    pub(crate) fn blame_until(&mut self, now: Time, workloads: &mut Workloads) -> Blame {
        self.attribute_all(now, workloads);
        self.blame.clone()
    }

    /// Whether an incident opened at an earlier instant waits to be looked at.
    pub(crate) fn is_unexamined(&self, now: Time) -> bool {
        self.fresh.front().is_some_and(|(_, fault)| *fault < now)
    }

    /// Once the instant of a fault is over, looks at the pods it hit: one that it did nothing to is back without ever
    /// changing, so nothing else would decide it.
    pub(crate) fn examine(&mut self, cluster: &Cluster, workloads: &mut Workloads) {
        let due = self.fresh.iter().take_while(|(_, fault)| *fault < cluster.now).count();
        let due: SmallVec<[(u32, Time); 32]> = self.fresh.drain(..due).collect();
        for (number, _) in due {
            let workload = self.live(number).workload;
            self.attribute(workload, cluster.now, workloads);
            if !self.live(number).record.planned {
                self.look_for_untouched(number, cluster);
            }
            self.settle(workload, cluster.now, workloads);
        }
    }

    /// Pods that an incident hit and did nothing to are back.
    fn look_for_untouched(&mut self, number: u32, cluster: &Cluster) {
        let part = Part::Hit { serving: true };
        for pod in self.live(number).members.clone() {
            if self.parts.get(&pod) == Some(&(number, part)) && is_on_good_node(pod, cluster) {
                self.live(number).hit_becomes(part, Some(Part::Back));
                self.parts.insert(pod, (number, Part::Back));
            }
        }
    }

    /// Gives the incidents that closed since the last call their layout afterwards.
    pub(crate) fn measure_closed(&mut self, layout: impl Fn(u32) -> Layout) {
        for number in std::mem::take(&mut self.just_closed) {
            let open = self.live(number);
            open.record.after = layout(open.workload);
            if !open.awaits_nodes() {
                self.retire(number);
            }
        }
    }

    /// Whether an incident closed since the last [`Incidents::measure_closed`].
    pub(crate) fn has_closed(&self) -> bool {
        !self.just_closed.is_empty()
    }

    /// Ends all incidents and hands out the records. `why` tells what the scheduler said last of a pod.
    pub(crate) fn finish(
        mut self,
        now: Time,
        workloads: &mut Workloads,
        layout: impl Fn(&Workloads, u32) -> Layout,
        why: impl Fn(PodId) -> Option<Rc<str>>,
    ) -> Vec<Incident> {
        for number in self.live.keys().copied().collect::<Vec<u32>>() {
            let index = self.live(number).workload;
            if !self.live(number).closed {
                self.attribute(index, now, workloads);
                self.pending_at_end(number, workloads, &why);
                let workload = &workloads.list[index as usize];
                let open = self.live(number);
                let served = workload.whole_since.map(|since| open.since_fault(since, workload.area_when_whole));
                open.record.undecided = served.is_some() && open.undecided > 0 && !open.record.planned;
                open.record.pods_left = if open.record.planned { open.undecided } else { 0 };
                let verdict = served.filter(|_| !open.record.undecided);
                let area = workload.unavailable.area_at(now);
                open.close(verdict.map(|(whole, _)| whole), verdict.map_or(area, |(_, area)| area));
                open.record.after = layout(workloads, open.workload);
            }
            self.retire(number);
        }
        self.records.iter_mut().for_each(|record| record.end = now);
        self.records
    }

    fn pending_at_end(&mut self, number: u32, workloads: &Workloads, why: impl Fn(PodId) -> Option<Rc<str>>) {
        let Some(open) = self.live.get(&number) else { return };
        let waits = |pod: &&PodId| {
            let replaces = matches!(self.parts.get(*pod), Some((_, Part::Replacement { .. })));
            replaces && workloads.tracked(**pod).facts.has(Facts::WAITING)
        };
        let waiting: Vec<PodId> = open.members.iter().filter(waits).copied().collect();
        let reason = waiting.iter().find_map(|pod| why(*pod));
        let record = &mut self.live(number).record;
        record.pods_pending = waiting.len() as u32;
        record.pending_reason = reason.map(|text| text.to_string());
    }
}
