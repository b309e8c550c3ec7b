//! Incidents: what one fault, or one planned disruption, did to one workload, instant by instant.
//!
//! A fault opens an incident for each workload with active pods on the nodes it strikes (or among the
//! pods it strikes). Those pods are *hit*. Each then either **goes** (marked, removed or failed) or
//! comes **back** (serves on a node that is heard and Ready). A pod of the workload that is created
//! while more hit pods have gone than were replaced is a **replacement**.
//!
//! The workload is *whole* when serving ≥ min(what it was, desired); what it was is what was desired
//! when the fault struck, or what served then if it had never been complete. The incident closes once it is whole and no hit pod is undecided; `whole` is when the present stretch of being
//! whole began (the fault itself if service never dipped). While incidents of one workload overlap
//! they share the first one's target, and each may also close when its own losses are made good:
//! every pod that went has a replacement that serves.
//!
//! In a planned disruption (drain) the hit pods still run, so only going decides them.

use std::collections::BTreeMap;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::cluster::{Cluster, NodeId, PodId, Status};
use crate::engine::Time;
use crate::outcome::{Incident, Layout};

use super::attribution::shares;
use super::facts::Facts;
use super::incident::{Open, Part, Strike, is_on_good_node, new_record, nodes_of};
use super::workloads::Workloads;

/// All incidents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incidents {
    all: Vec<Open>,
    parts: FxHashMap<PodId, (u32, Part)>,
    /// Incidents that wait for news of a node.
    watching: BTreeMap<NodeId, Vec<u32>>,
    just_closed: Vec<u32>,
    /// Incidents whose hit pods are looked at once more after the instant of the fault.
    fresh: Vec<u32>,
    /// Pods deleted by a planned disruption.
    pub(crate) drained: u64,
}

impl Incidents {
    /// Opens the incidents of a fault or disruption. `layout` gives a workload's layout before.
    pub(crate) fn open(
        &mut self,
        strike: &Strike<'_>,
        cluster: &Cluster,
        workloads: &mut Workloads,
        layout: impl Fn(&Workloads, u32) -> Layout,
    ) {
        for (workload, pods) in self.hit_by_workload(strike, cluster, workloads) {
            let nodes = nodes_of(&pods, strike, cluster);
            let before = layout(workloads, workload);
            let record = new_record(strike, &nodes, &workloads.list[workload as usize], before, cluster);
            self.open_one(record, workload, pods, nodes, workloads, cluster.now);
        }
    }

    /// The active pods struck, by workload. A pod that an open incident still waits for stays with that
    /// one, which counts another strike.
    fn hit_by_workload(
        &mut self,
        strike: &Strike<'_>,
        cluster: &Cluster,
        workloads: &Workloads,
    ) -> BTreeMap<u32, Vec<PodId>> {
        let on_nodes = strike.nodes.iter().filter_map(|node| cluster.node(*node)).flat_map(|node| &node.pods);
        let mut pods: Vec<PodId> = on_nodes.chain(strike.pods).copied().collect();
        pods.sort_unstable();
        pods.dedup();
        let mut by_workload: BTreeMap<u32, Vec<PodId>> = BTreeMap::new();
        let mut struck_again: Vec<u32> = Vec::new();
        for pod in pods {
            let tracked = workloads.tracked(pod);
            if !tracked.facts.has(Facts::ACTIVE) {
                continue;
            }
            match self.parts.get(&pod) {
                Some((incident, Part::Hit { .. })) => struck_again.push(*incident),
                _ => by_workload.entry(tracked.workload).or_default().push(pod),
            }
        }
        struck_again.sort_unstable();
        struck_again.dedup();
        for incident in struck_again {
            self.all[incident as usize].record.struck_again += 1;
        }
        by_workload
    }

    /// Shares the area that a workload has been unavailable for since the last time among its open incidents.
    fn attribute(&mut self, workload: u32, now: Time, workloads: &mut Workloads) {
        let state = &mut workloads.list[workload as usize];
        let area = state.unavailable.area_at(now);
        let new = area - std::mem::replace(&mut state.attributed, area);
        let span = now.since(std::mem::replace(&mut state.attributed_until, now));
        if new > 0 && !state.open.is_empty() {
            let lacking = |number: &u32| self.all[*number as usize].lacking();
            let lacking: Vec<u32> = state.open.iter().map(lacking).collect();
            for (number, share) in state.open.iter().zip(shares(new, span, &lacking)) {
                self.all[*number as usize].record.attributed_pod_nanos += share;
            }
        }
    }

    fn open_one(
        &mut self,
        mut record: Incident,
        workload: u32,
        pods: Vec<PodId>,
        nodes: Vec<NodeId>,
        workloads: &mut Workloads,
        now: Time,
    ) {
        self.attribute(workload, now, workloads);
        let number = self.all.len() as u32;
        record.pods_hit = pods.len() as u32;
        let mut away = 0;
        for &pod in &pods {
            self.leave(pod);
            let serving = workloads.tracked(pod).facts.has(Facts::SERVING);
            away += u32::from(!serving);
            self.parts.insert(pod, (number, Part::Hit { serving }));
            workloads.involve(pod, true);
        }
        for &node in &nodes {
            self.watching.entry(node).or_default().push(number);
        }
        let state = &mut workloads.list[workload as usize];
        state.await_whole(now);
        record.overlapping = !state.open.is_empty();
        for other in &state.open {
            self.all[*other as usize].record.overlapping = true;
        }
        state.open.push(number);
        self.fresh.push(number);
        self.all.push(Open {
            record,
            workload,
            unheard: nodes,
            undecided: pods.len() as u32,
            away,
            members: pods,
            owed: 0,
            unreplaced: 0,
            area_at_fault: workloads.list[workload as usize].unavailable.area_at(now),
            closed: false,
        });
    }

    /// A pod struck again as part of a new incident has no part in the old one any more.
    fn leave(&mut self, pod: PodId) {
        if let Some((incident, Part::Replacement { serving, .. })) = self.parts.remove(&pod) {
            let open = &mut self.all[incident as usize];
            if serving {
                open.owed += 1;
            }
            // The new incident has it replaced; the old one then waits for that through the target.
        }
    }

    /// Whether an incident opened at an earlier instant waits to be looked at.
    pub(crate) fn is_unexamined(&self, now: Time) -> bool {
        self.fresh.first().is_some_and(|number| self.all[*number as usize].record.fault < now)
    }

    /// Once the instant of a fault is over, looks at the pods it hit: one that it did nothing to is back without ever
    /// changing, so nothing else would decide it.
    pub(crate) fn examine(&mut self, cluster: &Cluster, workloads: &mut Workloads) {
        let (due, fresh) = std::mem::take(&mut self.fresh)
            .into_iter()
            .partition(|number| self.all[*number as usize].record.fault < cluster.now);
        self.fresh = fresh;
        let due: Vec<u32> = due;
        for number in due {
            self.attribute(self.all[number as usize].workload, cluster.now, workloads);
            for pod in self.all[number as usize].members.clone() {
                let part = Part::Hit { serving: true };
                let untouched = self.parts.get(&pod) == Some(&(number, part)) && is_on_good_node(pod, cluster);
                let open = &mut self.all[number as usize];
                if untouched && !open.record.planned {
                    open.hit_becomes(part, Some(Part::Back));
                    self.parts.insert(pod, (number, Part::Back));
                }
            }
            self.settle(self.all[number as usize].workload, cluster.now, workloads);
        }
    }

    /// A pod was `created` or changed; its workload's counts are up to date.
    pub(crate) fn pod_changed(&mut self, pod: PodId, created: bool, cluster: &Cluster, workloads: &mut Workloads) {
        let workload = workloads.tracked(pod).workload;
        if workloads.list[workload as usize].open.is_empty() {
            return;
        }
        self.attribute(workload, cluster.now, workloads);
        if created {
            self.pod_created(pod, workload, workloads, cluster.now);
        }
        if workloads.tracked(pod).facts.has(Facts::INVOLVED) {
            self.part_changed(pod, cluster, workloads);
        }
        self.settle(workload, cluster.now, workloads);
    }

    /// A pod created while incidents are open replaces one that went, or is extra churn.
    fn pod_created(&mut self, pod: PodId, workload: u32, workloads: &mut Workloads, now: Time) {
        let open = &workloads.list[workload as usize].open;
        let short = open.iter().copied().find(|incident| self.all[*incident as usize].unreplaced > 0);
        let Some(incident) = short else {
            self.all[open[0] as usize].record.pods_extra += 1;
            return;
        };
        let state = &mut self.all[incident as usize];
        state.unreplaced -= 1;
        state.record.pods_replaced += 1;
        state.record.first_created.get_or_insert(now);
        state.record.last_created = Some(now);
        state.members.push(pod);
        self.parts.insert(pod, (incident, Part::Replacement { bound: false, serving: false }));
        workloads.involve(pod, true);
    }

    /// A pod with a part in an incident changed.
    fn part_changed(&mut self, pod: PodId, cluster: &Cluster, workloads: &mut Workloads) {
        let Some(&(incident, part)) = self.parts.get(&pod) else { return };
        let facts = workloads.tracked(pod).facts;
        let next = match part {
            Part::Hit { .. } | Part::Back => self.hit_changed(incident, pod, part, facts, cluster, workloads),
            Part::Replacement { bound, serving } => {
                self.replacement_changed(incident, (bound, serving), facts, cluster.now)
            }
        };
        match next {
            Some(next) => {
                self.parts.insert(pod, (incident, next));
            }
            None => {
                self.parts.remove(&pod);
                workloads.involve(pod, false);
            }
        }
    }

    fn hit_changed(
        &mut self,
        incident: u32,
        pod: PodId,
        part: Part,
        facts: Facts,
        cluster: &Cluster,
        workloads: &mut Workloads,
    ) -> Option<Part> {
        let now = cluster.now;
        let open = &mut self.all[incident as usize];
        // with a node struck, the control plane knows when it knows of the node
        if open.record.nodes.is_empty() && !facts.has(Facts::READY) {
            open.record.detected.get_or_insert(now);
        }
        if !facts.has(Facts::ACTIVE) {
            open.hit_becomes(part, None);
            if !facts.has(Facts::SUCCEEDED) {
                open.pod_went(now);
                self.drained += u64::from(open.record.planned);
                let workload = &mut workloads.list[open.workload as usize];
                if workload.bare {
                    workload.shift(now, 1, 0, 0); // nobody replaces it: it is missed for good
                }
            }
            return None;
        }
        let back = facts.has(Facts::SERVING)
            && now > open.record.fault
            && !open.record.planned
            && is_on_good_node(pod, cluster);
        let next = if back { Part::Back } else { Part::Hit { serving: facts.has(Facts::SERVING) } };
        if back && part != Part::Back {
            open.record.last_ready = Some(now);
        }
        open.hit_becomes(part, Some(next));
        Some(next)
    }

    fn replacement_changed(&mut self, incident: u32, was: (bool, bool), facts: Facts, now: Time) -> Option<Part> {
        let open = &mut self.all[incident as usize];
        let bound = facts.has(Facts::BOUND);
        let serving = facts.has(Facts::SERVING);
        if bound && !was.0 {
            open.record.first_scheduled.get_or_insert(now);
            open.record.last_scheduled = Some(now);
        }
        match (was.1, serving) {
            (false, true) => {
                open.owed = open.owed.saturating_sub(1);
                open.record.last_ready = Some(now);
            }
            (true, false) => open.owed += 1,
            _ => (),
        }
        if !facts.has(Facts::ACTIVE) {
            open.unreplaced += 1; // it needs a replacement itself
            return None;
        }
        Some(Part::Replacement { bound, serving })
    }

    /// A node's Ready condition, machine or existence changed.
    pub(crate) fn node_changed(&mut self, node: NodeId, cluster: &Cluster, workloads: &mut Workloads) {
        let Some(numbers) = self.watching.get(&node).cloned() else { return };
        for &number in &numbers {
            self.attribute(self.all[number as usize].workload, cluster.now, workloads);
        }
        let state = cluster.node(node);
        let ready = state.is_some_and(|node| node.ready.status == Status::True);
        let heard = state.is_some_and(|node| node.machine.is_heard());
        let mut waiting = Vec::new();
        for &number in &numbers {
            let open = &mut self.all[number as usize];
            if !ready && !open.closed {
                open.record.detected.get_or_insert(cluster.now);
            }
            if heard && cluster.now > open.record.fault && !open.record.planned {
                open.unheard.retain(|unheard| *unheard != node);
                if open.unheard.is_empty() {
                    open.record.returned.get_or_insert(cluster.now);
                }
            }
            let returns = !open.record.planned && open.record.returned.is_none();
            if !open.closed || returns {
                waiting.push(number);
            }
        }
        self.watching.insert(node, waiting);
        if let Some(state) = state {
            for &pod in &state.pods {
                if workloads.tracked(pod).facts.has(Facts::INVOLVED) {
                    self.part_changed(pod, cluster, workloads);
                }
            }
        }
        for number in numbers {
            let workload = self.all[number as usize].workload;
            self.settle(workload, cluster.now, workloads);
        }
    }

    /// Notes the lowest service and closes the incidents of a workload that are over.
    pub(crate) fn settle(&mut self, workload: u32, now: Time, workloads: &mut Workloads) {
        if workloads.list[workload as usize].open.is_empty() {
            return;
        }
        self.attribute(workload, now, workloads);
        let mut open = std::mem::take(&mut workloads.list[workload as usize].open);
        let serving = workloads.list[workload as usize].serving.value() as u32;
        open.retain(|&number| {
            let incident = &mut self.all[number as usize];
            incident.record.serving_lowest = incident.record.serving_lowest.min(serving);
            match incident.verdict(&workloads.list[workload as usize], now) {
                Some((whole, area)) if now > incident.record.fault => {
                    incident.close(Some(whole), area);
                    self.just_closed.push(number);
                    self.release(number, workloads);
                    false
                }
                _ => true,
            }
        });
        let state = &mut workloads.list[workload as usize];
        state.open = open;
        if state.open.is_empty() {
            state.await_nothing();
        }
    }

    /// Forgets the parts of a closed incident.
    fn release(&mut self, number: u32, workloads: &mut Workloads) {
        for pod in std::mem::take(&mut self.all[number as usize].members) {
            if self.parts.get(&pod).is_some_and(|(incident, _)| *incident == number) {
                self.parts.remove(&pod);
                workloads.involve(pod, false);
            }
        }
    }

    /// Gives the incidents that closed since the last call their layout afterwards.
    pub(crate) fn measure_closed(&mut self, layout: impl Fn(u32) -> Layout) {
        for number in std::mem::take(&mut self.just_closed) {
            let open = &mut self.all[number as usize];
            open.record.after = layout(open.workload);
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
        for number in 0..self.all.len() {
            if !self.all[number].closed {
                self.attribute(self.all[number].workload, now, workloads);
                self.pending_at_end(number, workloads, &why);
                let workload = &workloads.list[self.all[number].workload as usize];
                let open = &mut self.all[number];
                let served = workload.whole_since.map(|since| open.since_fault(since, workload.area_when_whole));
                open.record.undecided = served.is_some() && open.undecided > 0 && !open.record.planned;
                let verdict = served.filter(|_| !open.record.undecided);
                let area = workload.unavailable.area_at(now);
                open.close(verdict.map(|(whole, _)| whole), verdict.map_or(area, |(_, area)| area));
                open.record.after = layout(workloads, open.workload);
            }
            self.all[number].record.end = now;
        }
        self.all.into_iter().map(|open| open.record).collect()
    }

    fn pending_at_end(&mut self, number: usize, workloads: &Workloads, why: impl Fn(PodId) -> Option<Rc<str>>) {
        let open = &self.all[number];
        let waits = |pod: &&PodId| {
            let replaces = matches!(self.parts.get(*pod), Some((_, Part::Replacement { .. })));
            replaces && workloads.tracked(**pod).facts.has(Facts::WAITING)
        };
        let waiting: Vec<PodId> = open.members.iter().filter(waits).copied().collect();
        let reason = waiting.iter().find_map(|pod| why(*pod));
        let record = &mut self.all[number].record;
        record.pods_pending = waiting.len() as u32;
        record.pending_reason = reason.map(|text| text.to_string());
    }
}
